r"""Rows of PostgreSQL, by COPY both ways. `copy` has the binary format.

Manual: https://www.postgresql.org/docs/current/sql-copy.html (CSV quotes '' and never NULL; \N is NULL in text format).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import psycopg
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from penstock.databases._shared import long_values, text_format
from penstock.databases._shared.ansi import qualified, quoted
from penstock.databases.postgresql import copy
from penstock.databases.postgresql.faults import raised
from penstock.errors import LoadFailed, ReadFailed
from penstock.model.schema import Column, TableName
from penstock.runtime.memory import Room


def read(connection: sa.Connection, select: str, columns: Sequence[Column], room: Room) -> Iterator[pa.RecordBatch]:
    """The rows of a select of `columns`, as `Database.read` promises. Raises ReadFailed."""
    if room.longest > long_values.LONG:
        sent = long_values.columns(columns, copy.long)
        yield from long_values.joined(_copied(connection, copy.in_pieces(select, columns), sent, long_values.BATCH), columns)
    else:
        yield from _copied(connection, select, columns, room.batch)


def _copied(connection: sa.Connection, select: str, columns: Sequence[Column], batch: int) -> Iterator[pa.RecordBatch]:
    driver = _driver(connection)
    with raised(connection, driver, ReadFailed, "the server refused to be read"), driver.cursor() as cursor:
        # rows that several processes bring cost more than they gain, where several connections read; and they would mix their pieces
        cursor.execute(b"SET LOCAL max_parallel_workers_per_gather = 0")
        with cursor.copy(f"COPY ({select}) TO STDOUT (FORMAT binary)".encode()) as stream:
            yield from copy.batches(stream, columns, batch)


def write(connection: sa.Connection, name: TableName, columns: Sequence[Column], batches: Iterable[pa.RecordBatch]) -> None:
    """Load the batches as `Database.write` promises. Raises LoadFailed."""
    fields = ", ".join(quoted(c.name) for c in columns)
    form = "binary" if copy.has_binary(columns) else "text"
    driver = _driver(connection)
    faults = raised(connection, driver, LoadFailed, f"{name} refused rows", f"table {name}", columns, name.name)
    statement = f"COPY {qualified(name)} ({fields}) FROM STDIN (FORMAT {form})".encode()
    with faults, driver.cursor() as cursor, cursor.copy(statement) as stream:
        batches = copy.within(batches, columns)
        blocks = copy.binary(batches, columns) if form == "binary" else (text_format.lines(b, _spelled) for b in batches)
        for piece in blocks:
            stream.write(memoryview(piece))


def _spelled(array: pa.Array, field: pa.Field) -> pa.Array:
    """A column as PostgreSQL's input functions read it."""
    if pa.types.is_string(array.type):
        return array
    if pa.types.is_binary(array.type):
        return pc.binary_join_element_wise("\\\\x", text_format.to_hex(array), "")
    if pa.types.is_timestamp(array.type) and array.type.tz:  # Arrow's own cast to text is thirty times slower
        return pc.binary_join_element_wise(array.cast(pa.timestamp("us")).cast(pa.string()), "Z", "")
    return array.cast(pa.string())


def _driver(connection: sa.Connection) -> psycopg.Connection:
    """The driver's own connection, inside SQLAlchemy's transaction."""
    if not connection.in_transaction():
        connection.begin()  # or SQLAlchemy would not know that there is something to commit
    driver = connection.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)
    return driver
