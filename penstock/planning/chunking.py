"""Cutting a table into chunks of about equal rows, whatever its key looks like."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

import sqlalchemy as sa

from penstock import databases
from penstock.databases import Database
from penstock.model.plan import Chunk, Key, TablePlan
from penstock.model.schema import INTEGERS, Column
from penstock.planning.statements import rows_of, where, within
from penstock.runtime import parallel
from penstock.runtime.memory import Room

_SAMPLE = 1000
_SEEN = 1 << 20  # bytes of a sample that are in memory at a time
_SMALL = 256  # bytes of a row, where there are too few to make a difference

Others = Callable[[], Sequence[sa.Connection]]


def cut(plan: TablePlan, database: Database, connection: sa.Connection, chunk_bytes: int, others: Others = lambda: ()) -> TablePlan:
    """`plan` with its rows counted, the bytes of a row, which are measured on a sample where they are not known, and its chunks of about
    `chunk_bytes`. `others`: more connections to the same database, asked for where there is more than one chunk.

    The bounds are read from the key itself, each n-th one in order, so skewed, sparse, text and composite keys split evenly.
    A table without a key is cut by where its rows lie, where the database can read such a range.
    """
    columns = [plan.source.column(c) for c in plan.key]
    few = databases.execute(connection, f"SELECT 1 FROM {rows_of(plan, database)} LIMIT 1 OFFSET {_SAMPLE}").one_or_none() is None
    row_bytes = _SMALL + plan.row_bytes if few else _row_bytes(plan, database, connection)
    step = max(1, chunk_bytes // max(row_bytes, 1))
    if not few and _indexed(plan, database, columns):
        bounds, rows = _stepped(plan, database, connection, others, columns, step)
    else:
        rows = _count(plan, database, connection)
        pieces = -(-rows // step)
        if pieces <= 1:
            bounds = []
        elif columns:
            bounds = _numbered(plan, database, connection, columns, rows, -(-rows // pieces))
        else:
            bounds = [(place,) for place in database.cuts(connection, plan.source.name, pieces)]
    counted = replace(plan, rows=rows, row_bytes=row_bytes)
    if not bounds:
        return counted
    edges: list[Key | None] = [None, *bounds, None]
    chunks = [Chunk(n, low, high) for n, (low, high) in enumerate(pairwise(edges))]
    if any(c.nullable for c in columns):
        chunks.append(Chunk(len(chunks), nulls=True))
    return replace(counted, chunks=tuple(chunks))


def _count(plan: TablePlan, database: Database, connection: sa.Connection, *conditions: str) -> int:
    return int(databases.execute(connection, f"SELECT count(*) FROM {rows_of(plan, database, *conditions)}").scalar_one())


def _row_bytes(plan: TablePlan, database: Database, connection: sa.Connection) -> int:
    sample = databases.select(database, plan.source.name, plan.source.columns, within(plan, database, plan.source)) + f" LIMIT {_SAMPLE}"
    seen, rows = 0, 0
    for batch in database.read(connection, sample, plan.source.columns, Room(_SEEN, plan.longest_row)):
        seen, rows = seen + int(batch.nbytes), rows + int(batch.num_rows)
    return max(1, plan.row_bytes, seen // max(1, rows))


def _indexed(plan: TablePlan, database: Database, columns: Sequence[Column]) -> bool:
    """Whether an index gives the keys in their order, none of them NULL."""
    ordered = bool(columns) and database.ordered_keys and plan.key == plan.source.primary_key
    return ordered and all(c.type.name in INTEGERS | {"date"} and not c.nullable for c in columns)


def _stepped(
    plan: TablePlan, database: Database, connection: sa.Connection, others: Others, columns: Sequence[Column], step: int
) -> tuple[list[Key], int]:
    """Every `step`-th key below the last, and how many rows there are: along the index, from one bound to the next.

    Several times cheaper than numbering all rows, and no count has to read them once more. Beyond the first bound as many spans of the
    key are walked at a time as there are connections.
    """
    first = _next(plan, database, connection, columns, "", step)
    if first is None:
        return [], _count(plan, database, connection)
    connections = [connection, *others()]
    edges = [first, *_edges(plan, database, connection, columns, first, len(connections)), None]
    spans = [Chunk(0, low, high) for low, high in pairwise(edges)]
    walked = parallel.each(spans, connections, lambda one, span: _walked(plan, database, one, columns, span, step))
    parts = [(first, step), *(part for found in walked for part in found)]
    joined: list[tuple[Key | None, int]] = []
    for high, rows in parts:
        # where two spans meet there is no bound, if what is left of the one and what follows are no more than a chunk
        before = joined.pop()[1] if joined and joined[-1][1] + rows <= step else 0
        joined.append((high, before + rows))
    return [high for high, _ in joined[:-1] if high is not None], sum(rows for _, rows in joined)


def _edges(
    plan: TablePlan, database: Database, connection: sa.Connection, columns: Sequence[Column], first: Key, spans: int
) -> Iterator[Key]:
    """Keys that part the numbers of the leading column beyond `first` evenly; none where it has no numbers."""
    leading = columns[0]
    if spans < 2 or leading.type.name not in INTEGERS:
        return
    name, least, before = database.key_expression(leading), int(first[0]), first
    most = int(databases.execute(connection, f"SELECT max({name}) FROM {rows_of(plan, database)}").scalar_one())
    for value in sorted({least + (most - least) * n // spans for n in range(1, spans)} - {least}):
        key = _next(plan, database, connection, columns, f"{name} >= {database.key_literal(value, leading)}", 1)
        if key is not None and key != before:
            yield key
            before = key


def _walked(
    plan: TablePlan, database: Database, connection: sa.Connection, columns: Sequence[Column], span: Chunk, step: int
) -> list[tuple[Key | None, int]]:
    """The chunks of a span: up to which key each goes, and its rows."""
    found: list[tuple[Key | None, int]] = []
    left = where(database, columns, span)
    while bound := _next(plan, database, connection, columns, left, step):
        found.append((bound, step))
        left = where(database, columns, replace(span, low=bound))
    return [*found, (span.high, _count(plan, database, connection, left))]


def _next(
    plan: TablePlan, database: Database, connection: sa.Connection, columns: Sequence[Column], condition: str, step: int
) -> Key | None:
    """The `step`-th key of those that meet a condition; None where there are not so many."""
    order = ", ".join(database.key_expression(c) for c in columns)
    values = ", ".join(f"{database.key_value(c)} AS k{i}" for i, c in enumerate(columns))
    query = f"SELECT {values} FROM {rows_of(plan, database, condition)} ORDER BY {order} LIMIT 1 OFFSET {step - 1}"
    found = databases.execute(connection, query).one_or_none()
    return None if found is None else tuple(_plain(v) for v in found)


def _numbered(plan: TablePlan, database: Database, connection: sa.Connection, columns: Sequence[Column], rows: int, step: int) -> list[Key]:
    order = ", ".join(database.key_expression(c) for c in columns)
    values = ", ".join(f"{database.key_value(c)} AS k{i}" for i, c in enumerate(columns))
    outer = ", ".join(f"k{i}" for i in range(len(columns)))
    present = " AND ".join(f"{databases.quote(database, c.name)} IS NOT NULL" for c in columns if c.nullable)
    inner = f"SELECT {values}, row_number() OVER (ORDER BY {order}) AS n FROM {rows_of(plan, database, present)}"
    query = f"SELECT {outer} FROM ({inner}) AS keys_in_order WHERE n % {step} = 0 AND n < {rows} ORDER BY n"
    return [tuple(_plain(v) for v in row) for row in databases.execute(connection, query)]


def _plain(value: object) -> int | str:
    if isinstance(value, bytes):
        return value.decode()
    return value if isinstance(value, int) else str(value)
