"""Whether a live table that stays has columns that take the rows it is to get."""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa

from penstock.databases import Database
from penstock.errors import Problem
from penstock.model.plan import TablePlan
from penstock.model.schema import BINARIES, DECIMALS, INTEGERS, Column, Type
from penstock.planning import built_schema

FIX = "change the live table or the transforms; or move it away, and backfill all of it"
"""What helps where a live table can't take the rows of a run."""
_TIMES = frozenset({"date", "time", "timestamp", "timestamptz"})
_FAMILIES = {
    "numbers": INTEGERS | DECIMALS | {"float32", "float64", "boolean"},
    "dates and times": _TIMES,
    "bytes": BINARIES,
    "texts": frozenset({"string"}),
}


def column_problems(table: TablePlan, target: Database, connection: sa.Connection) -> Iterator[Problem]:
    """How the columns of the live table differ from those of the rows; nothing where there is no live table."""
    if not table.live_exists:
        return
    (live,) = target.inspect(connection, table.target.name.schema, [table.target.name.name])
    there = {c.name: c for c in live.columns}
    planned = built_schema.possible(table.target, target)
    for column in planned.columns:
        if column.name not in there:
            yield _problem(table, f"it has no column {column.name}")
        elif why := _refuses(there[column.name], column, target):
            yield _problem(table, why)
    for name in there.keys() - {c.name for c in planned.columns}:
        yield _problem(table, f"it has a column {name} that the migration does not fill")


def _refuses(live: Column, planned: Column, target: Database) -> str:
    """Why a live column can't hold the values of the one that is planned; empty where nothing is known against it."""
    if live.generated and not planned.generated:
        return f"its column {live.name} is generated, and the migration fills it"
    there, here = target.canonical(live.native), target.canonical(planned.native)
    if _family(there) and _family(here) and _family(there) != _family(here):
        return f"its column {live.name} is {live.native}, for {_family(there)}, and the rows have {_family(here)}: {planned.native}"
    return ""


def _family(kind: Type) -> str:
    return next((name for name, types in _FAMILIES.items() if kind.name in types), "")


def _problem(table: TablePlan, what: str) -> Problem:
    return Problem(True, f"table {table.name}", f"rows of {table.target.name} can't be replaced: {what}", FIX)
