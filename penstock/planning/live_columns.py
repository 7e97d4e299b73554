"""Whether a live table that stays has the columns of the rows that it is to get."""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa

from penstock.databases import Database
from penstock.errors import Problem
from penstock.model.plan import TablePlan


def column_problems(table: TablePlan, target: Database, connection: sa.Connection) -> Iterator[Problem]:
    """How the columns of the live table differ from those of the rows; nothing where there is no live table."""
    if not table.live_exists:
        return
    (live,) = target.inspect(connection, table.target.name.schema, [table.target.name.name])
    there = {c.name for c in live.columns}
    for column in table.target.columns:
        if column.name not in there:
            yield _problem(table, f"it has no column {column.name}")
    for name in there - {c.name for c in table.target.columns}:
        yield _problem(table, f"it has a column {name} that the migration does not fill")


def _problem(table: TablePlan, what: str) -> Problem:
    fix = "change the live table or the transforms; or move it away, and backfill all of it"
    return Problem(True, f"table {table.name}", f"rows of {table.target.name} can't be replaced: {what}", fix)
