r"""PostgreSQL's COPY: its text format in, as Arrow batches, and its binary format out.

In, the parser is told each column's exact type and refuses anything else. \N is NULL; tabs, line breaks and backslashes
in values are backslash escapes, so a line is a row, and most blocks hold no escape at all.
Out, pgpq writes what each type's receive function reads, two to three times cheaper at both ends than text.
Source: https://www.postgresql.org/docs/current/sql-copy.html ("Text Format", "Binary Format").
"""

from __future__ import annotations

import binascii
import re
import select
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import pairwise

import psycopg
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as csv
from pgpq import ArrowToPostgresBinaryEncoder
from psycopg.pq import ExecStatus

from penstock.databases import moments, tsv
from penstock.databases.faults import unheld, unread
from penstock.schema import WORDED, Column, arrow_schema

BLOCK_BYTES = 8 << 20
BATCH_BYTES = 16 << 20
BATCH_ROWS = 65_536
_JOINED_ROWS = 64  # few, for Python's garbage collector looks at each of them again and again

_BYTE_ORDER_MARK = "\ufeff".encode()
_FAULT = re.compile(r"In CSV column #(\d+): (?:Row #\d+: )?(.*)", re.DOTALL)
# A text has no NUL, so it can stand for a backslash until all other escapes are undone.
_ESCAPES = (("\\\\", "\0"), ("\\n", "\n"), ("\\t", "\t"), ("\\r", "\r"), ("\\b", "\b"), ("\\f", "\f"), ("\\v", "\v"), ("\0", "\\"))

_SENT: dict[str, pa.DataType] = {
    "int8": pa.int16(),
    "uint8": pa.int16(),
    "uint16": pa.int32(),
    "uint32": pa.int64(),
    "uint64": pa.decimal128(20, 0),
    "uuid": pa.binary(16),
}
# What has a year of one to four digits, AD: the text of other dates can't be read back, so they could not be proved.
FIRST, LAST = -719_162, 2_932_896
_MOMENTS = frozenset({"date", "timestamp", "timestamptz"})


def batches(blocks: Iterable[bytes | memoryview], columns: Sequence[Column]) -> Iterator[pa.RecordBatch]:
    """Blocks of whole lines as batches of `arrow_schema(columns)`, binary columns being hex. Raises ReadFailed naming the column."""
    for batch in map(partial(_batch, columns=columns), blocks):  # nothing here holds a block while its batch is at work
        step = max(1, min(BATCH_ROWS, batch.num_rows * BATCH_BYTES // max(batch.nbytes, 1)))
        yield from (batch.slice(start, step) for start in range(0, batch.num_rows, step))


def blocks(copy: psycopg.Copy) -> Iterator[bytes | memoryview]:
    """What a COPY TO STDOUT sends, about BLOCK_BYTES of whole rows at a time, or one longer row as it lies. Raises psycopg.Error.

    psycopg's own loop costs more a row than the server does, so what libpq has received already is taken from it directly.
    Each block begins with a byte order mark: the parser drops one, be it data or not.
    """
    connection = copy.connection.pgconn
    arrivals = select.poll()
    arrivals.register(connection.socket, select.POLLIN)
    rows: list[memoryview] = []
    parts = [_BYTE_ORDER_MARK]
    size = got = 0
    while got >= 0:
        got, row = connection.get_copy_data(1)
        if got == 0:
            arrivals.poll()
            connection.consume_input()
        elif got > BLOCK_BYTES:
            yield row
            del row
        elif got > 0:
            rows.append(row)
            size += got
        if len(rows) >= _JOINED_ROWS:
            parts.append(b"".join(rows))
            rows.clear()
        if size >= BLOCK_BYTES:
            yield b"".join((*parts, *rows))
            parts, rows, size = [_BYTE_ORDER_MARK], [], 0
    while result := connection.get_result():  # before the last block goes out: its reader may never come back
        if result.status != ExecStatus.COMMAND_OK:
            raise psycopg.errors.error_from_result(result)
    if size:
        yield b"".join((*parts, *rows))


def _batch(block: bytes | memoryview, columns: Sequence[Column]) -> pa.RecordBatch:
    return _parsed(block, columns) if isinstance(block, bytes) else _long_row(block, columns)


def _long_row(row: memoryview, columns: Sequence[Column]) -> pa.RecordBatch:
    """One row, taken apart where it lies: the parser would hold its long values four times."""
    edges = [-1, *(tab.start() for tab in re.finditer(b"\t", row)), len(row) - 1]
    fields = [row[begin + 1 : end] for begin, end in pairwise(edges)]
    long = {n for n, c in enumerate(columns) if c.type.arrow in (pa.string(), pa.binary())}
    arrays = {n: _long_value(fields[n], columns[n]) for n in long}
    others = [n for n in range(len(columns)) if n not in long]
    if others:
        line = _BYTE_ORDER_MARK + b"\t".join(fields[n] for n in others) + b"\n"
        arrays |= dict(zip(others, _parsed(line, [columns[n] for n in others]).columns, strict=True))
    return pa.RecordBatch.from_arrays([arrays[n] for n in range(len(columns))], schema=arrow_schema(columns))


def _long_value(field: memoryview, column: Column) -> pa.Array:
    kind = column.type.arrow
    if bytes(field[:3]) == b"\\N":
        return pa.nulls(1, kind)
    if kind == pa.binary():
        return pa.array([binascii.unhexlify(field)], kind)
    text = bytes(field)
    if b"\\" in text:
        for written, raw in _ESCAPES:
            text = text.replace(written.encode(), raw.encode())
    return pa.array([text], pa.binary()).cast(kind)


def within(batches: Iterable[pa.RecordBatch], columns: Sequence[Column]) -> Iterator[pa.RecordBatch]:
    """The batches, whose dates are those that can be read back. Raises LoadFailed naming the column of another."""
    dated = [(n, c.name) for n, c in enumerate(columns) if c.type.name in _MOMENTS]
    for batch in batches:
        for number, name in dated:
            if moments.beyond(batch.column(number), FIRST, LAST):
                raise unheld(name, "it is before the year 1, or beyond 9999")
        yield batch


def binary(batches: Iterable[pa.RecordBatch], columns: Sequence[Column]) -> Iterator[bytes]:
    """Batches of `arrow_schema(columns)` in the binary format. Raises LoadFailed naming the column whose value PostgreSQL can't hold."""
    schema = pa.schema([pa.field(c.name, _received(c)) for c in columns])
    encoder = ArrowToPostgresBinaryEncoder(schema)
    yield encoder.write_header()
    for batch in batches:
        arrays = [_sent(array, column, field.type) for array, column, field in zip(batch.columns, columns, schema, strict=True)]
        yield encoder.write_batch(pa.RecordBatch.from_arrays(arrays, schema=schema))
    yield encoder.finish()


def has_binary(columns: Sequence[Column]) -> bool:
    """Whether every column has a binary form here; decimals of more than 38 digits have not, nor what is carried as text."""
    return not any(pa.types.is_decimal256(c.type.arrow) or c.type.name in WORDED for c in columns)


def _received(column: Column) -> pa.DataType:
    """The Arrow type that is encoded as the column's type at the target, `postgresql.native`, reads it."""
    if column.type.name == "uint64" and column.identity:
        return pa.int64()
    return _SENT.get(column.type.name) or column.type.arrow


def _sent(array: pa.Array, column: Column, type: pa.DataType) -> pa.Array:
    try:
        if column.type.name == "uuid":
            array = tsv.from_hex(pc.replace_substring(array, "-", ""))
        if column.type.name == "jsonb":
            return pc.binary_join_element_wise("\x01", array, "")  # the version of its form, then its text
        return array.cast(type)
    except (pa.ArrowInvalid, ValueError) as error:
        raise unheld(column.name, str(error)) from None


def _parsed(block: bytes, columns: Sequence[Column]) -> pa.RecordBatch:
    """Lines as a batch of `arrow_schema(columns)`. Raises ReadFailed naming the column that has another value."""
    numbers = [str(i) for i in range(len(columns))]
    schema = arrow_schema(columns)
    try:
        table = csv.read_csv(
            pa.BufferReader(block),
            csv.ReadOptions(column_names=numbers, block_size=len(block) + 1),
            csv.ParseOptions(delimiter="\t", quote_char=False, escape_char=False, newlines_in_values=False, ignore_empty_lines=False),
            csv.ConvertOptions(
                column_types={i: _written(field.type) for i, field in zip(numbers, schema, strict=True)},
                null_values=["\\N"],
                true_values=["t"],
                false_values=["f"],
                strings_can_be_null=True,
            ),
        )
    except pa.ArrowInvalid as error:
        match = _FAULT.match(str(error))
        if not match:
            raise
        raise unread(columns[int(match[1])], match[2]) from None
    escapes = block.count(b"\\") != block.count(b"\\N")
    arrays = []
    for column, field, written in zip(columns, schema, table.columns, strict=True):
        try:
            whole = written.combine_chunks()
            if pa.types.is_string(field.type):
                arrays.append(_unescaped(whole) if escapes else whole)
            else:
                arrays.append(tsv.from_hex(whole) if pa.types.is_binary(field.type) else whole.cast(field.type))
        except pa.ArrowInvalid as error:
            raise unread(column, str(error)) from None
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _unescaped(values: pa.Array) -> pa.Array:
    if pc.any(pc.match_substring(values, "\\")).as_py():
        for written, raw in _ESCAPES:
            values = pc.replace_substring(values, written, raw)
    return values


def _written(type: pa.DataType) -> pa.DataType:
    """What the parser makes of a column: the type itself, where it knows it."""
    return pa.string() if pa.types.is_binary(type) or pa.types.is_decimal256(type) else type
