"""Which rows a target refuses: found by trying them, fewer at a time where it refuses and more where it doesn't.

Every trial is a transaction of its own that is rolled back, so it needs nothing of a database but that, and leaves nothing behind.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa
import sqlalchemy as sa

from penstock.databases import Database
from penstock.errors import LoadFailed, RowsRefused
from penstock.model.schema import Column, TableName
from penstock.runtime import events

Refused = tuple[int, str, str]
"""A row's place among those that were tried, the column that the target names, and what it says."""


def refused(
    database: Database,
    connection: sa.Connection,
    name: TableName,
    columns: Sequence[Column],
    rows: pa.RecordBatch,
    fault: type[LoadFailed] = RowsRefused,
) -> Iterator[Refused]:
    """The rows that the table `name` refuses with such a fault, in their order. Raises LoadFailed for any other.

    Where the target says which rows it refuses, it is believed; where not, what it refuses is halved until it is one row.
    """
    start, size = 0, rows.num_rows
    while start < rows.num_rows:
        size = min(size, rows.num_rows - start)
        error = _tried(database, connection, name, columns, rows.slice(start, size), fault)
        if error is None:
            start, size = start + size, size * 2
            continue
        told = error.rows or ([(0, error.column, error.why)] if size == 1 else [])
        yield from ((start + place, column, why) for place, column, why in told)
        if told:
            last = told[-1][0]
            start, size = start + last + 1, 2 * (last + 1)
        else:
            size //= 2


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
        events.emit("load.attempted", table=str(name), rows=rows.num_rows)
    return None
