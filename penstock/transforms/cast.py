"""cast: {column: type} — carry a column as another type. Exact, or the run stops and names a value that isn't."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from penstock.errors import TransformFailed
from penstock.schema import BINARIES, TEXTS, Column, Type
from penstock.transforms import made, mapping, need, plain

if TYPE_CHECKING:
    import pyarrow as pa


def check(args: Any) -> str | None:
    fault = mapping(args, "{column: type}")
    return fault or next((f"{v!r} is not a type" for v in args.values() if not isinstance(v, str)), None)


def schema(columns: tuple[Column, ...], args: Mapping[str, str]) -> tuple[Column, ...]:
    need(columns, args)
    return made(columns, {c.name: plain(c, type=_type(c, args[c.name])) for c in columns if c.name in args})


def _type(column: Column, text: str) -> Type:
    try:
        wanted = Type.parse(text)
    except ValueError as error:
        raise TransformFailed(f"{column.name} can't be cast to {text!r}", why=str(error)) from None
    binary = column.type.name in BINARIES
    if binary != (wanted.name in BINARIES) or (wanted.name == "boolean" and column.type.name in TEXTS):
        raise TransformFailed(f"{column.name} can't be cast from {column.type} to {wanted}", fix="derive it by an expression instead")
    return wanted


def apply(batch: pa.Table, columns: tuple[Column, ...], args: Mapping[str, str], secrets: Mapping[str, str]) -> pa.Table:
    for column in columns:
        if column.name in args:
            wanted = Type.parse(args[column.name])
            values = _cast(batch.column(column.name), column, wanted)
            batch = batch.set_column(batch.schema.get_field_index(column.name), column.name, values)
    return batch


def _cast(values: pa.ChunkedArray, column: Column, wanted: Type) -> pa.ChunkedArray:
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        found = values.cast(wanted.arrow)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise _refused(column, wanted, str(error).splitlines()[0]) from None
    if pa.types.is_floating(wanted.arrow) and not pa.types.is_floating(values.type) and not pa.types.is_string(values.type):
        # Arrow rounds a decimal or a long integer to the nearest float without a word
        if not found.cast(values.type, safe=False).equals(values):
            raise _refused(column, wanted, "a value has more digits than a float holds")
    if wanted.length is not None:
        lengths = pc.utf8_length(found) if wanted.name == "string" else pc.binary_length(found)
        if (pc.max(lengths).as_py() or 0) > wanted.length:
            raise _refused(column, wanted, f"the longest value has {pc.max(lengths).as_py()}")
    if wanted.labels and wanted.name == "enum":
        odd = pc.invert(pc.is_in(found, pa.array([*wanted.labels, None], pa.string())))
        if pc.any(odd).as_py():
            raise _refused(column, wanted, "a value is none of the labels")
    return found


def _refused(column: Column, wanted: Type, why: str) -> TransformFailed:
    fix = "cast to a wider type, filter those rows, or map the values first"
    return TransformFailed(f"{column.name} can't be cast exactly from {column.type} to {wanted}", why=why, fix=fix)
