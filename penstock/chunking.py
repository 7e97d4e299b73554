"""Cutting a table into chunks of about equal rows, whatever its key looks like."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import sqlalchemy as sa

from penstock import databases
from penstock.databases import Database
from penstock.plan import Chunk, Key, TablePlan, where, within
from penstock.schema import INTEGERS, Column

_SAMPLE = 1000


def cut(plan: TablePlan, database: Database, connection: sa.Connection, chunk_bytes: int) -> TablePlan:
    """`plan` with its rows counted, the bytes of a row measured on a sample, and its chunks of about `chunk_bytes`.

    The bounds are read from the key itself, each n-th one in order, so skewed, sparse, text and composite keys split evenly.
    A table without a key is cut by where its rows lie, where the database can read such a range.
    """
    rows = int(databases.execute(connection, f"SELECT count(*) FROM {_rows(plan, database)}").scalar_one())
    row_bytes = _row_bytes(plan, database, connection, rows)
    counted = replace(plan, rows=rows, row_bytes=row_bytes)
    step = max(1, chunk_bytes // max(row_bytes, 1))
    if rows <= step:
        return counted
    pieces = -(-rows // step)
    columns = [plan.source.column(c) for c in plan.key]
    if columns:
        bounds = _bounds(plan, database, connection, rows, -(-rows // pieces))
    else:
        bounds = [(place,) for place in database.cuts(connection, plan.source.name, pieces)]
    edges: list[Key | None] = [None, *bounds, None]
    chunks = [Chunk(n, low, high) for n, (low, high) in enumerate(pairwise(edges))]
    if any(c.nullable for c in columns):
        chunks.append(Chunk(len(chunks), nulls=True))
    return replace(counted, chunks=tuple(chunks))


def _row_bytes(plan: TablePlan, database: Database, connection: sa.Connection, rows: int) -> int:
    if rows <= _SAMPLE:
        return 256
    sample = databases.select(database, plan.source.name, plan.source.columns, within(plan, database, plan.source)) + f" LIMIT {_SAMPLE}"
    batches = list(database.read(connection, sample, plan.source.columns))
    return max(1, sum(int(b.nbytes) for b in batches) // max(1, sum(int(b.num_rows) for b in batches)))


def _rows(plan: TablePlan, database: Database, *conditions: str) -> str:
    """What stands behind FROM: the rows that the run moves, and that meet the conditions."""
    parts = [f"({part})" for part in (within(plan, database, plan.source), *conditions) if part]
    return databases.qualified(database, plan.source.name) + (f" WHERE {' AND '.join(parts)}" if parts else "")


def _bounds(plan: TablePlan, database: Database, connection: sa.Connection, rows: int, step: int) -> list[Key]:
    """Every `step`-th key in order, below the last."""
    columns = [plan.source.column(c) for c in plan.key]
    indexed = database.ordered_keys and plan.key == plan.source.primary_key and all(c.type.name in INTEGERS | {"date"} for c in columns)
    return (_stepped if indexed else _numbered)(plan, database, connection, columns, rows, step)


def _stepped(plan: TablePlan, database: Database, connection: sa.Connection, columns: Sequence[Column], rows: int, step: int) -> list[Key]:
    """Along the index, from one bound to the next: several times cheaper than numbering all rows."""
    order = ", ".join(database.key_expression(c) for c in columns)
    values = ", ".join(f"{database.key_value(c)} AS k{i}" for i, c in enumerate(columns))
    bounds: list[Key] = []
    while (len(bounds) + 1) * step < rows:
        beyond = where(database, columns, Chunk(0, low=bounds[-1] if bounds else None))
        query = f"SELECT {values} FROM {_rows(plan, database, beyond)}"
        found = databases.execute(connection, f"{query} ORDER BY {order} LIMIT 1 OFFSET {step - 1}").first()
        if found is None:
            break
        bounds.append(tuple(_plain(v) for v in found))
    return bounds


def _numbered(plan: TablePlan, database: Database, connection: sa.Connection, columns: Sequence[Column], rows: int, step: int) -> list[Key]:
    order = ", ".join(database.key_expression(c) for c in columns)
    values = ", ".join(f"{database.key_value(c)} AS k{i}" for i, c in enumerate(columns))
    outer = ", ".join(f"k{i}" for i in range(len(columns)))
    present = " AND ".join(f"{databases.quote(database, c.name)} IS NOT NULL" for c in columns if c.nullable)
    inner = f"SELECT {values}, row_number() OVER (ORDER BY {order}) AS n FROM {_rows(plan, database, present)}"
    query = f"SELECT {outer} FROM ({inner}) AS keys_in_order WHERE n % {step} = 0 AND n < {rows} ORDER BY n"
    return [tuple(_plain(v) for v in row) for row in databases.execute(connection, query)]


def _plain(value: object) -> int | str:
    if isinstance(value, bytes):
        return value.decode()
    return value if isinstance(value, int) else str(value)
