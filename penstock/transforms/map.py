"""map: {column: {from: to}} — replace values; others stay. YAML's null stands for NULL on either side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from penstock.errors import TransformFailed
from penstock.schema import Column
from penstock.transforms import made, mapping, need, plain

if TYPE_CHECKING:
    import pyarrow as pa


def check(args: Any) -> str | None:
    fault = mapping(args, "{column: {from: to, ...}}")
    return fault or next((f"{k}: expected {{from: to, ...}}" for k, v in args.items() if not isinstance(v, dict) or not v), None)


def schema(columns: tuple[Column, ...], args: Mapping[str, Mapping[Any, Any]]) -> tuple[Column, ...]:
    need(columns, args)
    new = {}
    for column in columns:
        if column.name in args:
            values = args[column.name]
            _as_array(column, list(values.values()))
            _as_array(column, list(values))
            nullable = (column.nullable and None not in values) or None in values.values()
            new[column.name] = plain(column, nullable=nullable, native=column.native)
    return made(columns, new)


def apply(batch: pa.Table, columns: tuple[Column, ...], args: Mapping[str, Mapping[Any, Any]], secrets: Mapping[str, str]) -> pa.Table:
    import pyarrow.compute as pc

    for column in columns:
        if column.name not in args:
            continue
        before = batch.column(column.name)
        after = before
        for old, new in args[column.name].items():
            hit = before.is_null() if old is None else pc.fill_null(pc.equal(before, _as_array(column, [old])[0]), False)
            after = pc.if_else(hit, _as_array(column, [new])[0], after)
        batch = batch.set_column(batch.schema.get_field_index(column.name), column.name, after)
    return batch


def _as_array(column: Column, values: list[Any]) -> pa.Array:
    import pyarrow as pa

    kind = column.type.arrow
    try:
        if pa.types.is_temporal(kind) or pa.types.is_decimal(kind):
            return pa.array([None if v is None else str(v) for v in values], pa.string()).cast(kind)
        return pa.array([str(v) if pa.types.is_string(kind) and v is not None else v for v in values], kind)
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise TransformFailed(f"{values!r} are not values of {column.name}", why=str(error), fix=f"its type is {column.type}") from None
