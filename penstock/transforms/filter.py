"""filter: expression — keep the rows for which it is true; where it is NULL, the row is left out. The books count them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from penstock.errors import TransformFailed
from penstock.transforms import Transform, _expression, none

if TYPE_CHECKING:
    import pyarrow as pa

    from penstock.model.schema import Column


def check(args: Any) -> str | None:
    return None if isinstance(args, str) and args.strip() else "expected an SQL condition"


def schema(columns: tuple[Column, ...], args: str) -> tuple[Column, ...]:
    from penstock.model.schema import arrow_schema

    found = _expression.type_of(args, arrow_schema(columns))
    if found != "BOOLEAN":
        raise TransformFailed(f"{args!r} is not a condition", why=f"it gives {found}, not true or false")
    return columns


def apply(batch: pa.Table, args: str, out: tuple[Column, ...], secrets: Mapping[str, str]) -> pa.Table:
    return batch.filter(_expression.selected(batch, f"coalesce(({args}\n), FALSE) AS kept").column(0))


transform = Transform(check=check, schema=schema, apply=apply, touches=none, keeps_rows=False)
