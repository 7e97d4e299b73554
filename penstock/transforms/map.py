"""map: {column: {from: to}} — replace values; others stay. YAML's null stands for NULL on either side, .nan for NaN."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from penstock.errors import TransformFailed
from penstock.transforms import Transform, cast, made, mapping, named, need, plain, replaced

if TYPE_CHECKING:
    import pyarrow as pa

    from penstock.model.schema import Column


def check(args: Any) -> str | None:
    fault = mapping(args, "{column: {from: to, ...}}")
    return fault or next((f"{k}: expected {{from: to, ...}}" for k, v in args.items() if not isinstance(v, dict) or not v), None)


def schema(columns: tuple[Column, ...], args: Mapping[str, Mapping[Any, Any]]) -> tuple[Column, ...]:
    need(columns, args)
    new = {}
    for column in columns:
        if column.name in args:
            values = args[column.name]
            for value in values:
                _value(column, value)
            for value in values.values():
                _value(column, value)
            nullable = (column.nullable and None not in values) or None in values.values()
            new[column.name] = plain(column, nullable=nullable, native=column.native, default=_default(column, values))
    return made(columns, new)


def _default(column: Column, values: Mapping[Any, Any]) -> str | None:
    """The default as the step maps it; None where it is mapped to NULL. The current time stays."""
    if column.default is None or not column.default.startswith("="):
        return column.default
    text = next((_text(new) for old, new in values.items() if f"={_text(old)}" == column.default), column.default.removeprefix("="))
    return None if text is None else f"={text}"


def _text(value: Any) -> str | None:
    return None if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def apply(batch: pa.Table, args: Mapping[str, Mapping[Any, Any]], out: tuple[Column, ...], secrets: Mapping[str, str]) -> pa.Table:
    import pyarrow.compute as pc

    for column in out:
        if column.name not in args:
            continue
        before = after = batch.column(column.name)
        for old, new in args[column.name].items():
            if old is None:
                hit = pc.is_null(before)
            elif isinstance(old, float) and math.isnan(old):
                hit = pc.fill_null(pc.is_nan(before), False)
            else:
                hit = pc.fill_null(pc.equal(before, _value(column, old)[0]), False)
            after = pc.if_else(hit, _value(column, new)[0], after)
        batch = replaced(batch, column.name, after)
    return batch


def _value(column: Column, value: Any) -> pa.ChunkedArray:
    """A value of the file as one of the column's. Raises TransformFailed when it is none, exactly."""
    import pyarrow as pa

    kind = column.type.arrow
    try:
        if value is not None and (pa.types.is_temporal(kind) or pa.types.is_decimal(kind)):
            return cast.convert(pa.chunked_array([[str(value)]]), column.type)
        if pa.types.is_integer(kind) and value is not None and type(value) is not int:
            raise TypeError("not a whole number")  # Arrow would cut it off
        return cast.fits(pa.chunked_array([pa.array([value], kind)]), column.type)
    except (pa.ArrowException, ValueError, TypeError, OverflowError) as error:
        quotes = "; put the value in quotes" if pa.types.is_string(kind) and not isinstance(value, str) else ""
        fix = f"the column is {column.type}{quotes}"
        raise TransformFailed(f"{value!r} is not a value of {column.name}", why=str(error).splitlines()[0], fix=fix) from None


transform = Transform(check=check, schema=schema, apply=apply, touches=named, reads=named)
