"""derive: {new: expression} — a column computed from the row's others, in DuckDB's SQL.

The column's type is the expression's. Sums of whole numbers that DuckDB makes 128 bits wide become decimal(38,0).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from penstock.errors import TransformFailed
from penstock.schema import Column, Type, arrow_schema
from penstock.transforms import expression, made, mapping

if TYPE_CHECKING:
    import pyarrow as pa

_TYPES = (
    *("boolean", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    *("float32", "float64", "string", "binary", "date", "time"),
)


def check(args: Any) -> str | None:
    return mapping(args, "{new column: SQL expression}")


def schema(columns: tuple[Column, ...], args: Mapping[str, object]) -> tuple[Column, ...]:
    empty = arrow_schema(columns).empty_table()
    return made(columns, {name: Column(name, _type(name, str(text), empty)) for name, text in args.items()})


def _type(name: str, text: str, empty: pa.Table) -> Type:
    import pyarrow as pa

    try:
        found = expression.typed(text, empty)
    except TransformFailed as error:
        error.what = f"{name} can't be derived as {text!r}"
        raise
    if pa.types.is_decimal(found):
        return Type("decimal", precision=found.precision, scale=found.scale)
    if pa.types.is_timestamp(found):
        return Type("timestamptz" if found.tz else "timestamp")
    for known in _TYPES:
        if Type(known).arrow == found:
            return Type(known)
    raise TransformFailed(f"{name} would be of type {found}", why="no canonical type holds it", fix="CAST it in the expression")


def apply(batch: pa.Table, columns: tuple[Column, ...], args: Mapping[str, object], secrets: Mapping[str, str]) -> pa.Table:
    import pyarrow as pa

    fields = ", ".join(f"({text}) AS {expression.quoted(name)}" for name, text in args.items())
    derived = expression.selected(batch, fields)
    for name in args:
        column = derived.column(name)
        if pa.types.is_timestamp(column.type):
            column = column.cast(pa.timestamp("us", column.type.tz and "UTC"))
        place = batch.schema.get_field_index(name)
        batch = batch.append_column(name, column) if place < 0 else batch.set_column(place, name, column)
    return batch
