"""Long values: which columns may have them, how long the rows of a table are, and rows that are read in pieces.

In pieces, so that a client's buffers hold a piece where they would hold the row a second or third time. A database that can do so sends
a row as several: the first one has all columns but only the beginning of the long values, the others have what follows in these. They
come with their number, and are put together here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from penstock.databases import execute
from penstock.model.schema import Column, Type, arrow_schema

LONG = 16 << 20  # rows of more bytes are worth it
PIECE = 1 << 20  # bytes of a value
BATCH = 4 << 20
NUMBER = Column("penstock_piece", Type("int32"), nullable=False)
# Of other types no value is longer than a few thousand bytes.
_LONG_TYPES = frozenset({"string", "binary", "json", "jsonb", "geometry", "xml", "array", "varbits", "native", "unsupported"})
_SHORT = 64 << 10


def may_be_long(column: Column) -> bool:
    """Whether the column may have values of more than `_SHORT` bytes, as far as its type says."""
    return column.type.name in _LONG_TYPES and (column.type.length is None or column.type.length * 4 > _SHORT)


@dataclass(frozen=True)
class Widths:
    """How many rows there are, and bytes of their texts and binaries.

    longest: of one row; average: of all; values: the longest of each column.
    """

    rows: int
    longest: int
    average: int
    values: Mapping[str, int]


def measure(connection: sa.Connection, rows: str, octets: Mapping[str, str]) -> Widths:
    """The widths of `rows`, which is what follows FROM, by the `octets` of its columns that may be long."""
    each = [f"max({sql})" for sql in octets.values()]
    row = " + ".join(f"coalesce({sql}, 0)" for sql in octets.values())
    found: Sequence[int | None] = execute(connection, f"SELECT count(*), max({row}), avg({row}), {', '.join(each)} FROM {rows}").one()
    many, longest, average, *values = (int(n or 0) for n in found)
    return Widths(many, longest, average, dict(zip(octets, values, strict=True)))


def columns(of: Sequence[Column], long: Callable[[Column], bool]) -> list[Column]:
    """What comes of these columns: NUMBER, then the long ones as bytes, which may end in the middle of a character."""
    return [NUMBER, *(replace(c, type=Type("binary"), native="") if long(c) else c for c in of)]


def joined(batches: Iterable[pa.RecordBatch], columns: Sequence[Column]) -> Iterator[pa.RecordBatch]:
    """The rows of `columns`, of batches that have pieces of them. The pieces of a row follow one another; long rows come alone."""
    schema = arrow_schema(columns)
    row: list[pa.RecordBatch] = []  # what is there of the last one
    for batch in batches:
        rows = batch.select(range(1, batch.num_columns))
        first = np.flatnonzero(batch.column(0).to_numpy() == 0)
        del batch
        if not len(first):
            row.append(rows)
            continue
        if row:
            row += [rows.slice(0, first[0])] if first[0] else []
            yield _whole(row, schema)
        alone = first[:-1][np.diff(first) == 1]
        if len(alone):
            yield rows.take(pa.array(alone)).cast(schema)
        for begin, end in pairwise(first):
            if end - begin > 1:
                yield _whole([rows.slice(begin, end - begin)], schema)
        row = [rows.slice(first[-1])]
        del rows
    if row:
        yield _whole(row, schema)


def _whole(pieces: list[pa.RecordBatch], schema: pa.Schema) -> pa.RecordBatch:
    """The row that these pieces are, which are gone afterwards."""
    several = len(pieces) > 1
    columns = list(zip(*(p.columns for p in pieces), strict=True))[::-1]
    pieces.clear()
    arrays = [_value(columns.pop()).cast(field.type) for field in schema]  # the pieces of a column go before the next is put together
    if several:
        pa.default_memory_pool().release_unused()  # the system's allocator keeps what is small
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _value(pieces: Sequence[pa.Array]) -> pa.Array:
    beginning = pieces[0].slice(0, 1)
    if beginning.null_count or not pa.types.is_binary(beginning.type) or sum(map(len, pieces)) == 1:
        return beginning
    data = b"".join(map(_bytes, pieces))
    return pa.Array.from_buffers(pa.binary(), 1, [None, pa.py_buffer(np.array([0, len(data)], np.int32)), pa.py_buffer(data)])


def _bytes(values: pa.Array) -> memoryview:
    """What lies one behind the other in a column."""
    _, offsets, data = values.buffers()
    places = np.frombuffer(offsets, np.int32)[values.offset : values.offset + len(values) + 1]
    return memoryview(data or b"")[int(places[0]) : int(places[-1])]
