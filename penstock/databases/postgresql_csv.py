"""What PostgreSQL's COPY TO STDOUT (FORMAT csv) sends, as Arrow batches.

The parser is told each column's exact type and refuses anything else; quoted values are never NULL. psycopg hands over
one row a message, so blocks are cut between rows, and a row of any size or with any line breaks is whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

import pyarrow as pa
import pyarrow.csv as csv

from penstock.databases import tsv
from penstock.errors import ReadFailed
from penstock.schema import Column, arrow_schema

BLOCK_BYTES = 8 << 20
BATCH_BYTES = 16 << 20
BATCH_ROWS = 65_536

_BYTE_ORDER_MARK = "\ufeff".encode()
_FAULT = re.compile(r"In CSV column #(\d+): (?:Row #\d+: )?(.*)", re.DOTALL)


def batches(rows: Iterable[bytes | bytearray | memoryview], columns: Sequence[Column]) -> Iterator[pa.RecordBatch]:
    """Rows of CSV as batches of `arrow_schema(columns)`, binary columns being hex. Raises ReadFailed naming the column."""
    for block in _blocks(rows):
        batch = _parsed(block, columns)
        step = max(1, min(BATCH_ROWS, batch.num_rows * BATCH_BYTES // max(batch.nbytes, 1)))
        yield from (batch.slice(start, step) for start in range(0, batch.num_rows, step))


def _blocks(rows: Iterable[bytes | bytearray | memoryview]) -> Iterator[bytes]:
    """Whole rows, about BLOCK_BYTES at a time. Each begins with a byte order mark: the parser drops one, be it data or not."""
    left, parts, size = iter(rows), [_BYTE_ORDER_MARK], 0
    while part := b"".join(islice(left, 64)):
        parts.append(part)
        size += len(part)
        if size >= BLOCK_BYTES:
            yield b"".join(parts)
            parts, size = [_BYTE_ORDER_MARK], 0
    if size:
        yield b"".join(parts)


def _parsed(block: bytes, columns: Sequence[Column]) -> pa.RecordBatch:
    """Rows of CSV as a batch of `arrow_schema(columns)`. Raises ReadFailed naming the column that has another value."""
    numbers = [str(i) for i in range(len(columns))]
    schema = arrow_schema(columns)
    try:
        table = csv.read_csv(
            pa.BufferReader(block),
            csv.ReadOptions(column_names=numbers, block_size=len(block) + 1),
            csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False),
            csv.ConvertOptions(
                column_types={i: _written(field.type) for i, field in zip(numbers, schema, strict=True)},
                null_values=[""],
                true_values=["t"],
                false_values=["f"],
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
            ),
        )
    except pa.ArrowInvalid as error:
        match = _FAULT.match(str(error))
        if not match:
            raise
        raise _unread(columns[int(match[1])], match[2]) from None
    arrays = []
    for column, field, written in zip(columns, schema, table.columns, strict=True):
        try:
            whole = written.combine_chunks()
            arrays.append(tsv.from_hex(whole) if pa.types.is_binary(field.type) else whole.cast(field.type))
        except pa.ArrowInvalid as error:
            raise _unread(column, str(error)) from None
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _written(type: pa.DataType) -> pa.DataType:
    """What the CSV parser makes of a column: the type itself, where it knows it."""
    return pa.string() if pa.types.is_binary(type) or pa.types.is_decimal256(type) else type


def _unread(column: Column, why: str) -> ReadFailed:
    return ReadFailed(
        f"a value of {column.name} is not a {column.type}",
        where=f"column {column.name}, {column.native or column.type}",
        why=why.splitlines()[0],
        fix="correct the value at the source, or declare a cast or a filter for this column",
    )
