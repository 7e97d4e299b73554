"""Which rows a target refuses: found by trying them, halving what is refused until single rows are left.

Every trial is a transaction of its own that is rolled back, so it needs nothing of a database but that, and leaves nothing behind.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa
import sqlalchemy as sa

from penstock import events
from penstock.databases import Database
from penstock.errors import LoadFailed, RowsRefused
from penstock.schema import Column, TableName

Refused = tuple[int, LoadFailed]
"""A row's place among those that were tried, and what the target said of it."""


def refused(
    database: Database,
    connection: sa.Connection,
    name: TableName,
    columns: Sequence[Column],
    rows: pa.RecordBatch,
    fault: type[LoadFailed] = RowsRefused,
) -> Iterator[Refused]:
    """The rows that the table `name` refuses with such a fault, in their order. Raises LoadFailed for any other."""
    error = _tried(database, connection, name, columns, rows, fault)
    if error is None:
        return
    if rows.num_rows == 1:
        yield 0, error
        return
    half = rows.num_rows // 2
    yield from refused(database, connection, name, columns, rows.slice(0, half), fault)
    for place, why in refused(database, connection, name, columns, rows.slice(half), fault):
        yield half + place, why


def _tried(
    database: Database, connection: sa.Connection, name: TableName, columns: Sequence[Column], rows: pa.RecordBatch, fault: type[LoadFailed]
) -> LoadFailed | None:
    transaction = connection.begin()
    try:
        database.write(connection, name, columns, [rows])
    except fault as error:
        return error
    finally:
        transaction.close()  # rolls back
        events.emit("load.tried", table=str(name), rows=rows.num_rows)
    return None
