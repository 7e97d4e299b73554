"""PostgreSQL's binary COPY: rows in, straight into Arrow's buffers, and rows out.

The server's send and receive functions are a few times cheaper than its texts, and leave nothing to be escaped or guessed. What has no
simple binary form is selected as text (`postgresql.read_expression`), whose binary form is the text itself, so all rows come one way.
Source: https://www.postgresql.org/docs/current/sql-copy.html ("Binary Format"); penstock/native/ does it, or
`plain_copy` where that is not compiled: rows are then read value by value, and written as text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

import psycopg
import pyarrow as pa
import pyarrow.compute as pc
from psycopg.pq import ExecStatus

from penstock.databases._shared import arrow, long_values, text_format
from penstock.databases._shared.faults import unheld, unread
from penstock.databases.postgresql import plain_copy
from penstock.errors import ReadFailed
from penstock.model.schema import WORDED, Column, arrow_schema

try:
    from penstock import _native
except ImportError:  # not compiled
    _native = None  # type: ignore[assignment]

# psycopg[binary] has a libpq of its own, whose connections the compiled reader can't read from.
_COMPILED = _native is not None and psycopg.pq.__impl__ != "binary"
BATCH_ROWS = 65_536

_PADDED = re.compile(r"(?:character|char)\(\d+\)|bpchar")
_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TRAILER = b"\xff\xff"
# What has a year of one to four digits, AD: other dates are not read back, so they could not be proved.
FIRST, LAST = -719_162, 2_932_896
_MOMENTS = frozenset({"date", "timestamp", "timestamptz"})


def padded(column: Column) -> bool:
    """Whether the values are filled up with blanks, which are no part of them: char(n)."""
    return column.type.name == "string" and bool(_PADDED.fullmatch(column.native))


def batches(copy: psycopg.Copy, columns: Sequence[Column], batch_bytes: int) -> Iterator[pa.RecordBatch]:
    """The rows of a COPY ... TO STDOUT (FORMAT binary) as batches of `arrow_schema(columns)`.

    Raises ReadFailed naming the column that has a value which is not of its type, psycopg.Error for what the server or the way to it says.
    """
    if not _COMPILED:
        yield from _plainly(copy, columns, batch_bytes)
        return
    connection = copy.connection.pgconn
    schema = arrow_schema(columns)
    reader = _native.CopyReader(schema, BATCH_ROWS, batch_bytes, [n for n, c in enumerate(columns) if padded(c)])
    while not reader.ended:
        if array := _next(reader, connection, columns):
            yield arrow.batch(schema, array)
            del array  # nothing here holds a batch while the next is read


def _plainly(copy: psycopg.Copy, columns: Sequence[Column], batch_bytes: int) -> Iterator[pa.RecordBatch]:
    blocks = iter(lambda: bytes(copy.read()), b"")
    try:
        # a value takes several times as much in Python as in Arrow
        yield from plain_copy.batches(blocks, columns, [padded(c) for c in columns], BATCH_ROWS // 8, batch_bytes // 4)
    except plain_copy.Unfit as error:
        number, why = error.args
        raise unread(columns[number], why) from None


def _next(reader: _native.CopyReader, connection: psycopg.pq.abc.PGconn, columns: Sequence[Column]) -> object | None:
    address: int | None = connection.pgconn_ptr  # type: ignore[attr-defined]  # every implementation has it, the protocol has not
    if address is None:
        raise psycopg.OperationalError("the connection is closed")
    number, why, array = -1, "", None
    try:
        array = reader.read(address)
    except ValueError as error:
        number, why = error.args
    if reader.over:  # at once: the reader of a batch may never come back
        _finish(connection)
    if number >= 0:
        raise unread(columns[number], why)
    if why:
        raise ReadFailed("the server's rows have another form", why=why, fix="this is a defect of Penstock: please report it")
    return array


def _finish(connection: psycopg.pq.abc.PGconn) -> None:
    """Take the result that follows the rows. Raises psycopg.Error when it is a failure."""
    while result := connection.get_result():
        if result.status != ExecStatus.COMMAND_OK:
            raise psycopg.errors.error_from_result(result)


def in_pieces(select: str, columns: Sequence[Column]) -> str:
    """The select of `long_values.columns`: a row's long values as pieces of their bytes."""
    size, number = long_values.PIECE, "p.number"
    names = {c: '"' + c.name.replace('"', '""') + '"' for c in columns}
    texts = {c for c in columns if long(c) and c.type.arrow == pa.string()}
    # made once a row and not once a piece, for the OFFSET; of a text's characters PostgreSQL would count all before the piece
    bytewise = ", ".join(f"convert_to({n}::text, 'UTF8') AS {n}" if c in texts else n for c, n in names.items())
    rows = f"SELECT {bytewise} FROM ({select}) AS penstock OFFSET 0"
    octets = ", ".join(["1", *(f"octet_length({n})" for c, n in names.items() if long(c))])
    fields = ", ".join(
        f"substring({n} FROM 1 + {number} * {size} FOR {size})" if long(c) else f"CASE WHEN {number} = 0 THEN {n} END"
        for c, n in names.items()
    )
    numbers = f"CROSS JOIN LATERAL generate_series(0, (greatest({octets}) - 1) / {size}) AS p(number)"
    return f"SELECT {number}, {fields} FROM ({rows}) AS penstock {numbers}"


def long(column: Column) -> bool:
    """Whether the column's values may come as pieces."""
    return long_values.may_be_long(column) and not padded(column)


def within(batches: Iterable[pa.RecordBatch], columns: Sequence[Column]) -> Iterator[pa.RecordBatch]:
    """The batches, whose dates are those that can be read back. Raises LoadFailed naming the column of another."""
    dated = [(n, c.name) for n, c in enumerate(columns) if c.type.name in _MOMENTS]
    for batch in batches:
        for number, name in dated:
            if arrow.beyond(batch.column(number), FIRST, LAST):
                raise unheld(name, "it is before the year 1, or beyond 9999")
        yield batch
        del batch  # before the next is read


def binary(batches: Iterable[pa.RecordBatch], columns: Sequence[Column]) -> Iterator[bytes]:
    """Batches of `arrow_schema(columns)` in the binary format. Raises LoadFailed naming the column whose value PostgreSQL can't hold."""
    yield _HEADER
    for batch in batches:
        yield from _native.CopyWriter(_sent(batch, columns))
        del batch
    yield _TRAILER


def has_binary(columns: Sequence[Column]) -> bool:
    """Whether every column has a binary form here; what is carried as text has not, and nothing has without the compiled writer."""
    return _native is not None and not any(c.type.name in WORDED for c in columns)


def _sent(batch: pa.RecordBatch, columns: Sequence[Column]) -> pa.RecordBatch:
    """The batch with its columns as the target's column types, `postgresql.native`, receive them."""
    arrays = [_received(array, column) for array, column in zip(batch.columns, columns, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, [c.name for c in columns])


def _received(array: pa.Array, column: Column) -> pa.Array:
    try:
        if column.type.name == "uuid":
            return text_format.from_hex(pc.replace_substring(array, "-", "")).cast(pa.binary(16)).cast(pa.binary())
        if column.type.name == "jsonb":
            return pc.binary_join_element_wise("\x01", array, "")  # the version of its form, then its text
        return array.cast(pa.int64()) if column.type.name == "uint64" and column.identity else array
    except (pa.ArrowInvalid, ValueError) as error:
        raise unheld(column.name, str(error)) from None
