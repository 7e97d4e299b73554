"""The rows of changes as Arrow has them.

Values come as the texts of their types' own functions, as `postgresql.read_expression` selects them. Of
pgoutput's two forms the text is taken: it costs the server nothing more, and every type has it, arrays and types of extensions too.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Callable, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from penstock.databases._shared import arrow, text_format
from penstock.databases._shared.faults import unread
from penstock.databases.change_log import RowImages
from penstock.databases.postgresql import copy, plain_copy
from penstock.databases.postgresql.live import plain_changes
from penstock.errors import ReadFailed
from penstock.model.schema import Column, Type, arrow_schema

try:
    from penstock import _native
except ImportError:  # not compiled
    _native = None  # type: ignore[assignment]

_OWN = (Column("number", Type("int32")), Column("letters", Type("string")), Column("left_out", Type("binary")))
_UNBOUNDED = 1 << 40
_SPAN = re.compile(r"P(?:(-?\d+)Y)?(?:(-?\d+)M)?(?:(-?\d+)D)?(?:T(?:(-?\d+)H)?(?:(-?\d+)M)?(?:(-)?(\d+)(?:\.(\d+))?S)?)?")
"""An interval as IntervalStyle iso_8601 writes it."""


def rows(changes: list[bytes], columns: Sequence[Column]) -> RowImages:
    """As `ChangeLog.rows` says."""
    texts = [Column(f"c{n}", Type("string"), native=c.native) for n, c in enumerate(columns)]
    found = _decoded(changes, (*_OWN, *texts), [n + len(_OWN) for n, c in enumerate(columns) if copy.padded(c)])
    arrays = [_typed(found.column(n + len(_OWN)), column) for n, column in enumerate(columns)]
    letters = found.column(1)
    return RowImages(
        found.column(0),
        pc.utf8_slice_codeunits(letters, 0, 1),
        pc.utf8_slice_codeunits(letters, 1, 2),
        found.column(2),
        pa.RecordBatch.from_arrays(arrays, schema=arrow_schema(columns)),
    )


def _decoded(changes: list[bytes], columns: Sequence[Column], padded: list[int]) -> pa.RecordBatch:
    count, schema = len(columns) - len(_OWN), arrow_schema(columns)
    try:
        if _native is None:
            block, blanks = plain_changes.change_rows(changes, count), [n in padded for n in range(len(columns))]
            found = list(plain_copy.batches([block], columns, blanks, 2 * len(changes) + 1, _UNBOUNDED))
            return found[0]
        block = _native.change_rows(changes, count)
        array = _native.CopyReader(schema, 2 * len(changes) + 1, _UNBOUNDED, padded).decode(block)
    except ValueError as error:
        why = str(error.args[-1])
        raise ReadFailed("the changes have another form", why=why, fix="this is a defect of Penstock: please report it") from None
    assert array is not None
    return arrow.batch(schema, array)


def _typed(texts: pa.Array, column: Column) -> pa.Array:
    """The values of a column, of their texts. Raises ReadFailed."""
    kind, made = column.type.arrow, _MADE.get(column.type.name)
    try:
        if made is None and kind == pa.string():
            return texts
        if made is None:
            made = _bytes if pa.types.is_binary(kind) else lambda values: values
        values = made(texts)
        return values if values.type == kind else values.cast(kind)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, binascii.Error, ValueError) as error:
        raise unread(column, _why(texts, kind, str(error))) from None


def _why(texts: pa.Array, kind: pa.DataType, said: str) -> str:
    """The first value that is not of the type, in words."""
    for text in texts.drop_null():
        try:
            pa.array([text.as_py()]).cast(kind)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            return f"it is {text.as_py()}"
    return said


def _boolean(texts: pa.Array) -> pa.Array:
    return pc.equal(texts, "t")


def _bytes(texts: pa.Array) -> pa.Array:
    return text_format.from_hex(pc.utf8_slice_codeunits(texts, 2))  # after \x


def _money(texts: pa.Array) -> pa.Array:
    return pc.replace_substring_regex(texts, "[$,]", "")  # of the locale C


def _moment(texts: pa.Array) -> pa.Array:
    """Moments with +00 at their end, which the session's time zone is."""
    return pc.replace_substring_regex(texts, r"\+00$", "Z")


def _time(texts: pa.Array) -> pa.Array:
    return pc.binary_join_element_wise("1970-01-01 ", texts, "").cast(pa.timestamp("us"))  # Arrow has no cast from a text to a time


def _intervals(texts: pa.Array) -> pa.Array:
    return pa.array([None if text is None else _interval(text) for text in texts.to_pylist()], pa.string())


def _interval(text: str) -> str:
    found = _SPAN.fullmatch(text)
    if found is None:
        raise ValueError(f"it is {text}")
    years, months, days, hours, minutes = (int(found[n] or 0) for n in range(1, 6))
    seconds = int(found[7] or 0) * 1_000_000 + int((found[8] or "").ljust(6, "0"))
    micro = hours * 3_600_000_000 + minutes * 60_000_000 + (-seconds if found[6] else seconds)
    return f"{years * 12 + months} months {days} days {micro} microseconds"


_MADE: dict[str, Callable[[pa.Array], pa.Array]] = {
    "boolean": _boolean,
    "money": _money,
    "interval": _intervals,
    "time": _time,
    "timestamptz": _moment,
}
