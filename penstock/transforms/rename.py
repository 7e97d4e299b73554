"""rename: {old: new} — give columns other names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from penstock.transforms import Transform, mapping, need, none

if TYPE_CHECKING:
    import pyarrow as pa

    from penstock.model.schema import Column


def check(args: Any) -> str | None:
    fault = mapping(args, "{old name: new name}")
    return fault or next((f"{v!r} is not a name" for v in args.values() if not isinstance(v, str) or not v), None)


def schema(columns: tuple[Column, ...], args: Mapping[str, str]) -> tuple[Column, ...]:
    need(columns, args)
    return tuple(replace(c, name=args.get(c.name, c.name)) for c in columns)


def apply(batch: pa.Table, args: Mapping[str, str], out: tuple[Column, ...], secrets: Mapping[str, str]) -> pa.Table:
    return batch.rename_columns([c.name for c in out])


def _renames(args: Mapping[str, str]) -> Mapping[str, str]:
    return args


transform = Transform(
    check=check, schema=schema, apply=apply, renames=_renames, touches=none, reads=none, args_hold_values=False, sign=" → "
)
