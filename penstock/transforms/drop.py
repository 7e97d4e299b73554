"""drop: [column, ...] — leave columns behind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from penstock.errors import TransformFailed
from penstock.transforms import Transform, named, need, none

if TYPE_CHECKING:
    import pyarrow as pa

    from penstock.model.schema import Column


def check(args: Any) -> str | None:
    names = [args] if isinstance(args, str) else args
    return None if isinstance(names, list) and names and all(isinstance(n, str) for n in names) else "expected [column, ...]"


def schema(columns: tuple[Column, ...], args: str | Sequence[str]) -> tuple[Column, ...]:
    gone = [args] if isinstance(args, str) else args
    need(columns, gone)
    left = tuple(c for c in columns if c.name not in gone)
    if not left:
        raise TransformFailed("no column would be left", fix="exclude the table instead")
    return left


def apply(batch: pa.Table, args: str | Sequence[str], out: tuple[Column, ...], secrets: Mapping[str, str]) -> pa.Table:
    return batch.select([c.name for c in out])


transform = Transform(check=check, schema=schema, apply=apply, drops=named, touches=none, reads=none, args_hold_values=False)
