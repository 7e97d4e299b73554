"""cast: {column: type} — carry a column as another type. Exact, or the run stops and names a value that isn't.

Numbers become numbers, dates and timestamps one another, everything but binary a text, and texts what they are the text of:
integers and decimals in digits, floats (the nearest one), dates and times as ISO 8601 writes them. A timestamptz as a
timestamp is its time in UTC, and back. What else there may be is for `derive` to say.
A column that is cast to string (or json) before any other step is read as the source's own text: see `takes_text` in `_mapping`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from penstock.errors import BadValues, TransformFailed
from penstock.transforms import Transform, made, mapping, named, need, plain, replaced

if TYPE_CHECKING:
    import pyarrow as pa

    from penstock.model.schema import Column, Type

_MANY = 1000
_UUID = r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"


def check(args: Any) -> str | None:
    fault = mapping(args, "{column: type}")
    return fault or next((f"{v!r} is not a type" for v in args.values() if not isinstance(v, str)), None)


def schema(columns: tuple[Column, ...], args: Mapping[str, str]) -> tuple[Column, ...]:
    need(columns, args)
    return made(columns, {c.name: plain(c, type=_type(c, args[c.name])) for c in columns if c.name in args})


def apply(batch: pa.Table, args: Mapping[str, str], out: tuple[Column, ...], secrets: Mapping[str, str]) -> pa.Table:
    for column in out:
        if column.name in args:
            values = batch.column(column.name)
            try:
                batch = replaced(batch, column.name, convert(values, column.type))
            except ValueError as error:
                culprits = _culprits(values, column.type)
                what = f"{column.name} can't be cast to {column.type}"
                why = f"{_shown(values[culprits[0]].as_py())}: {str(error).splitlines()[0]}"
                fix = "cast to a wider type, filter those rows, or map or derive the values first"
                raise BadValues(what, why=why, fix=fix, column=column.name, rows=culprits) from None
    return batch


def _type(column: Column, text: str) -> Type:
    """The type written as `text`, when values of the column can be cast to it at all. Raises TransformFailed."""
    import pyarrow as pa

    from penstock.model.schema import WORDED, Type

    what = f"{column.name} can't be cast from {column.type} to {text}"
    try:
        wanted = Type.parse(text)
    except ValueError as error:
        raise TransformFailed(what, why=str(error)) from None
    if wanted.name in ("enum", "set") and not wanted.labels:
        raise TransformFailed(what, why="its labels are not said", fix=f"write for instance {wanted.name}('a','b')")
    try:
        if not _possible(column.type.name, wanted.name):
            raise NotImplementedError
        convert(pa.chunked_array([], column.type.arrow), wanted)
    except (ValueError, NotImplementedError):
        own = wanted.name in WORDED | {"jsonb"}
        why = "only a database that has the type knows what is one" if own else "there is no one way to do it"
        raise TransformFailed(what, why=why, fix="derive it: say how in an expression" if not own else "cast it to string") from None
    return wanted


def _possible(found: str, wanted: str) -> bool:
    from penstock.model.schema import BINARIES, DECIMALS, INTEGERS, TEXTS, WORDED

    numbers, times = INTEGERS | DECIMALS | {"float32", "float64", "boolean"}, {"date", "timestamp", "timestamptz"}
    if wanted in WORDED or wanted == "jsonb":
        return found == wanted  # only the databases that have it know its one form
    if found in WORDED:
        return wanted == "string" or (found == "number" and wanted in numbers - {"boolean"})
    if wanted in BINARIES or found in BINARIES:
        return found == wanted or (found in BINARIES and wanted == "binary")
    if found in TEXTS or found == "unsupported":
        return wanted != "boolean"
    return wanted in TEXTS or found == wanted or {found, wanted} <= numbers or {found, wanted} <= times


def convert(values: pa.ChunkedArray, wanted: Type) -> pa.ChunkedArray:
    """`values` as `wanted`, exactly. Raises ValueError when one of them isn't of that type."""
    import pyarrow as pa
    import pyarrow.compute as pc

    found, kind = values.type, wanted.arrow
    if pa.types.is_string(found) and not pa.types.is_string(kind):
        return _from_text(values, kind)
    if pa.types.is_string(kind) or found == kind:
        return fits(values.cast(kind), wanted)
    if pa.types.is_boolean(found):
        values = values.cast(pa.int8())
    made = _between(values, kind)
    if pa.types.is_integer(values.type) and pa.types.is_decimal(kind):
        return made  # parsed from digits: exact, and Arrow can't take back what has a scale over 38
    # Arrow cuts and rounds without a word between the others
    back = _between(made, values.type)
    unlike = pc.not_equal(back, values)
    if pa.types.is_floating(values.type):
        unlike = pc.and_(unlike, pc.invert(pc.and_(pc.is_nan(back), pc.is_nan(values))))
    if pc.any(unlike).as_py():
        raise ValueError(f"not exact as {wanted}")
    return made


def fits(values: pa.ChunkedArray, wanted: Type) -> pa.ChunkedArray:
    """`values`, which have its Arrow type, as values of `wanted`. Raises ValueError: too long, no label, not JSON."""
    import pyarrow as pa
    import pyarrow.compute as pc

    from penstock.transforms import _expression

    if wanted.length is not None:
        lengths = pc.utf8_length(values) if wanted.name == "string" else pc.binary_length(values)
        if (pc.max(lengths).as_py() or 0) > wanted.length:
            raise ValueError(f"longer than {wanted.length}")
    if wanted.labels:
        words = values.drop_null()
        if wanted.name == "set":
            words = pc.list_flatten(pc.split_pattern(words.filter(pc.not_equal(words, "")), ","))
        if not _all(pc.is_in(words, pa.array(wanted.labels, pa.string()))):
            raise ValueError(f"not one of {', '.join(wanted.labels)}")
    if wanted.name == "uuid":
        if not _all(pc.match_substring_regex(values, _UUID)):
            raise ValueError("not a UUID")
        return pc.utf8_lower(values)
    if wanted.name == "json" and not _all(_expression.selected(pa.table({"v": values}), "json_valid(v)").column(0)):
        raise ValueError("not JSON")
    return values


def _all(truths: pa.ChunkedArray) -> bool:
    """Whether none is false; NULL is no value to hold anything against."""
    import pyarrow.compute as pc

    return bool(pc.all(truths, min_count=0).as_py())


def _from_text(values: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_time(kind):
        # Arrow reads no times of day, but timestamps
        dated = pc.binary_join_element_wise("1970-01-01 ", values, "")
        return dated.cast(pa.timestamp("us")).cast(kind)
    if pa.types.is_integer(kind) and pc.any(pc.match_substring(values, "x", ignore_case=True)).as_py():
        raise ValueError("not in decimal digits")
    return values.cast(kind)


def _between(values: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    """Arrow's safe cast between numbers, or between dates and timestamps, by way of what Arrow can do."""
    import pyarrow as pa

    found = values.type
    if pa.types.is_integer(found) and pa.types.is_decimal(kind):
        return values.cast(pa.string()).cast(kind)  # straight, Arrow asks for room for every int64
    if pa.types.is_decimal(found) and pa.types.is_boolean(kind):
        return values.cast(pa.int64()).cast(kind)
    if pa.types.is_boolean(found) and pa.types.is_decimal(kind):
        return values.cast(pa.int8()).cast(pa.string()).cast(kind)
    if pa.types.is_temporal(found) and pa.types.is_temporal(kind):
        return values.cast(pa.timestamp("us")).cast(kind)
    return values.cast(kind)


def _culprits(values: pa.ChunkedArray, wanted: Type) -> list[int]:
    """The places of the first values that can't be converted, many at most."""
    found: list[int] = []
    untried = [(0, len(values))]
    while untried and len(found) < _MANY:
        start, count = untried.pop()
        try:
            convert(values.slice(start, count), wanted)
        except ValueError:
            if count == 1:
                found.append(start)
            else:
                half = count // 2
                untried += [(start + half, count - half), (start, half)]
    return found


def _shown(value: object) -> str:
    text = repr(value) if isinstance(value, str | bytes) else str(value)
    return text if len(text) <= 80 else f"{text[:80]}…"


def _texts(args: Mapping[str, str], columns: Collection[str]) -> set[str]:
    """The columns that are cast to a text, or to JSON."""
    return {column for column, kind in args.items() if kind.partition("(")[0].strip() in ("string", "json")}


transform = Transform(
    check=check, schema=schema, apply=apply, touches=named, reads=named, takes_text=_texts, args_hold_values=False, sign=" to "
)
