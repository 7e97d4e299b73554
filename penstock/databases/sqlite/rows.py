"""SQLite's rows as Arrow: each value told by what it is, and refused where that is not what its column's type calls for.

The compiled reader gives a column whose values are all of one kind as Arrow's buffers, any other as Python's values; where Python
has an SQLite of its own inside, its module gives rows.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from penstock.databases._shared.faults import text_first
from penstock.errors import ReadFailed
from penstock.model.schema import BINARIES, DECIMALS, INTEGERS, TEXTS, Column, Type, arrow_schema

try:
    from penstock import _sqlite
except ImportError:  # not compiled
    _sqlite = None  # type: ignore[assignment]

BATCH_ROWS = 32_768
_KINDS = {"i": pa.int64(), "f": pa.float64(), "t": pa.string(), "b": pa.binary()}
Values: TypeAlias = "pa.Array | tuple[Any, ...]"


def opened() -> int:
    """SQLite's handle of the connection that this thread has just opened; 0 where there is no compiled reader for it."""
    return _sqlite.opened() if _sqlite else 0


def may_write(handle: int) -> bool:
    """Whether the connection of that handle may write; False where it can't be told."""
    return bool(handle) and _sqlite.may_write(handle)


def compiled(driver: sqlite3.Connection, handle: int, select: str, columns: Sequence[Column], batch_bytes: int) -> Iterator[pa.RecordBatch]:
    """The rows of a select, read through the connection's handle inside its transaction. Raises ReadFailed."""
    schema = arrow_schema(columns)
    merged = bytes(c.type.name in DECIMALS or c.type.name in ("float32", "float64") for c in columns)
    reader = _sqlite.Reader(driver, handle, select, merged, BATCH_ROWS, batch_bytes)
    while read := reader.read():
        rows, found = read
        arrays = [_array(_values(rows, parts, column), column) for parts, column in zip(found, columns, strict=True)]
        yield pa.RecordBatch.from_arrays(arrays, schema=schema)


def _values(rows: int, parts: Any, column: Column) -> Values:
    if len(parts) == 1:
        return parts[0]
    kind, validity, values, offsets = parts
    if kind == "0":
        return pa.nulls(rows)
    buffers = [b if b is None else pa.py_buffer(b) for b in ((validity, values) if offsets is None else (validity, offsets, values))]
    array = pa.Array.from_buffers(_KINDS[kind], rows, buffers)
    if kind == "t":
        try:
            array.validate(full=True)
        except pa.ArrowInvalid:
            raise _not_utf8(column.name) from None
    return array


def plain(driver: sqlite3.Connection, select: str, columns: Sequence[Column], batch_bytes: int) -> Iterator[pa.RecordBatch]:
    """The same, by Python's own module."""
    schema = arrow_schema(columns)
    cursor = driver.execute(select)
    size = 1024
    while rows := _fetched(cursor, size):
        arrays = [_array(values, column) for values, column in zip(zip(*rows, strict=True), columns, strict=True)]
        batch = pa.RecordBatch.from_arrays(arrays, schema=schema)
        size = max(1, min(BATCH_ROWS, size * 2, batch_bytes * batch.num_rows // max(batch.nbytes, 1)))
        yield batch


def _fetched(cursor: sqlite3.Cursor, size: int) -> list[tuple[object, ...]]:
    try:
        return cursor.fetchmany(size)
    except sqlite3.OperationalError as error:
        said = str(error)
        if "decode to UTF-8" not in said:
            raise
        raise _not_utf8(said.partition(" column '")[2].partition("' with text")[0]) from None


def _not_utf8(name: str) -> ReadFailed:
    fix = "correct it: a text is UTF-8, bytes are a BLOB; or drop the column"
    return ReadFailed(f"a text of {name} is not UTF-8", f"column {name}", "SQLite keeps any bytes in a text", fix, name)


def _array(values: Values, column: Column) -> pa.Array:
    """One column's values, each of the storage class that the column's type calls for, or ReadFailed."""
    kind = column.type
    try:
        if kind.name in INTEGERS | {"boolean"}:
            return _whole(values, kind)
        if kind.name in ("float32", "float64"):
            return _reals(values).cast(kind.arrow, safe=False)
        if kind.name in BINARIES:
            return _of_their_own(values, pa.types.is_binary, "blob").cast(pa.binary())
        if kind.name in DECIMALS:
            return _decimals(values, kind)
        if kind.name == "number":
            return _numbers(values)
        return _moments(_of_their_own(values, pa.types.is_string, "text").cast(pa.string()), kind)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError, UnicodeDecodeError) as error:
        text = kind.name not in BINARIES | TEXTS | {"unsupported"}
        cure = f"correct it, or {text_first(column)}" if text else "correct it at the source"
        raise ReadFailed(
            f"a value of {column.name} is not a {kind if kind.name != 'unsupported' else 'text'}",
            where=f"column {column.name}, declared {column.native or kind}",
            why=str(error).splitlines()[0],
            fix=f"SQLite keeps any value in any column: {cure}",
            column=column.name,
        ) from None


def _of_their_own(values: Values, wanted: Callable[[pa.DataType], bool], what: str) -> pa.Array:
    """The values as what they are. Asked for a type, Arrow would cut the fraction off a real, and take a blob's bytes for a text."""
    if isinstance(values, tuple) and len(kinds := set(map(type, values)) - {type(None)}) > 1:
        raise pa.ArrowInvalid(f"{' and '.join(sorted(k.__name__ for k in kinds))} where a {what} is declared")
    found = values if isinstance(values, pa.Array) else pa.array(values)
    if not (wanted(found.type) or pa.types.is_null(found.type)):
        raise pa.ArrowInvalid(f"a {found.type} where a {what} is declared")
    return found


def _whole(values: Values, kind: Type) -> pa.Array:
    numbers = _of_their_own(values, pa.types.is_integer, "whole number").cast(pa.int64())
    if kind.name == "boolean" and pc.any(pc.or_(pc.less(numbers, 0), pc.greater(numbers, 1))).as_py():
        raise pa.ArrowInvalid("a boolean is 0 or 1")
    return numbers.cast(kind.arrow)


def _reals(values: Values) -> pa.Array:
    if isinstance(values, tuple):
        return pa.array(values, pa.float64())
    numbers = _of_their_own(values, lambda t: pa.types.is_integer(t) or pa.types.is_floating(t), "number")
    return numbers.cast(pa.float64())  # a whole number that no real holds is refused


def _moments(texts: pa.Array, kind: Type) -> pa.Array:
    """Texts as the dates and times that their column's type calls for; others stay as they are."""
    if kind.name == "time":
        return pc.binary_join_element_wise("1970-01-01", texts, " ").cast(pa.timestamp("us")).cast(kind.arrow)
    if kind.name == "date":
        return texts.cast(kind.arrow)
    if kind.name in ("timestamp", "timestamptz"):
        return pc.replace_substring(texts, "T", " ").cast(kind.arrow)
    return texts


def _decimals(values: Values, kind: Type) -> pa.Array:
    """Numbers stored as integers, reals or texts, exactly as decimals of the column's scale."""
    if isinstance(values, tuple):
        stored = set(map(type, values))
        if bytes in stored:
            raise pa.ArrowInvalid("a blob where a number is declared")
        if str in stored:
            return pa.array([None if v is None else str(v) for v in values], pa.string()).cast(kind.arrow)
        values = pa.array(values, pa.float64() if float in stored else pa.int64())
    if pa.types.is_binary(values.type):
        raise pa.ArrowInvalid("a blob where a number is declared")
    if pa.types.is_floating(values.type) and kind.arrow.precision > _DIGITS:
        raise pa.ArrowInvalid("a real can't hold more than 15 digits exactly; store this column as text")
    numeric = pa.types.is_floating(values.type) or pa.types.is_integer(values.type)
    made = _shifted(values, kind.arrow) if numeric and kind.arrow.precision <= _DIGITS else None
    return values.cast(pa.string()).cast(kind.arrow) if made is None else made


_DIGITS = 15
"""How many decimal digits a double holds: no two decimals of so many digits are the same double."""


def _shifted(numbers: pa.Array, wanted: pa.Decimal128Type) -> pa.Array | None:
    """Whole numbers or doubles as decimals of 15 digits at most; None when one of them is no such decimal.

    A double is the decimal n / 10^scale when the division gives it back: both are exact doubles, and it is the only one.
    """
    power = 10**wanted.scale
    values = (numbers.fill_null(0) if numbers.null_count else numbers).to_numpy(zero_copy_only=False)
    with np.errstate(all="ignore"):
        whole = np.rint(values * float(power)) if values.dtype == np.float64 else values * power
        exact = whole / power == values
    if not (exact & (whole > -(10**wanted.precision)) & (whole < 10**wanted.precision)).all():
        return None
    halves = np.empty((len(whole), 2), np.int64)
    halves[:, 0] = whole
    halves[:, 1] = halves[:, 0] >> 63
    return pa.Array.from_buffers(wanted, len(numbers), [numbers.buffers()[0], pa.py_buffer(halves)])


def _numbers(values: Values) -> pa.Array:
    """Integers, reals and texts of numbers as digits, without an exponent."""
    if isinstance(values, pa.Array):
        if pa.types.is_integer(values.type):
            return values.cast(pa.string())
        values = tuple(values.to_pylist())
    if bytes in set(map(type, values)):
        raise pa.ArrowInvalid("a blob where a number is declared")
    try:
        return pa.array([None if v is None else f"{Decimal(str(v)):f}" for v in values], pa.string())
    except InvalidOperation:
        raise pa.ArrowInvalid("a text where a number is declared") from None
