"""How wide the rows are, asked only where they may be wide, and whether a task's memory is enough for the widest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import sqlalchemy as sa

from penstock import databases
from penstock.databases import Database, Size
from penstock.databases._shared import long_values
from penstock.databases._shared.long_values import Widths
from penstock.errors import Problem
from penstock.migration.spec import Migration
from penstock.model.plan import TablePlan
from penstock.planning.statements import rows_of
from penstock.runtime import memory
from penstock.runtime.formatting import size
from penstock.runtime.memory import Shares

# A row of a table that takes no more than this is no matter, however well a database may have packed it.
_SMALL, _PACKED = 64 << 10, 8 << 20


def look(
    plans: Sequence[TablePlan], migration: Migration, source: sa.Connection, target: sa.Connection
) -> tuple[tuple[TablePlan, ...], list[Problem]]:
    """The plans with what is known of their rows' widths, and the tables whose rows don't fit into a task's memory."""
    from_, to = databases.of(source.engine.url), databases.of(target.engine.url, target=True)
    sizes = from_.sizes(source, [p.source for p in plans])
    _bind(source, from_.bound(0))  # a database in this process has many of the values at a time to tell how long they are
    made, problems = [], []
    for plan in plans:
        found = _widths(plan, from_, source, sizes.get(plan.name))
        made.append(replace(plan, longest_row=found.longest, row_bytes=found.average) if found else plan)
        problems += _too_long(plan, found, migration, from_, to) if found else []
    _bind(source, from_.bound(Shares(migration.memory, 1).embedded))
    return tuple(made), problems


def _bind(connection: sa.Connection, statements: Sequence[str]) -> None:
    for statement in statements:
        databases.execute(connection, statement)


def _widths(plan: TablePlan, from_: Database, source: sa.Connection, held: Size | None) -> Widths | None:
    octets = {c.name: sql for c in plan.source.columns if (sql := from_.octets(c))}
    if not octets or (held and held.bytes is not None and held.bytes <= _SMALL):
        return None
    return long_values.measure(source, rows_of(plan, from_), octets)


def _too_long(plan: TablePlan, found: Widths, migration: Migration, from_: Database, to: Database) -> list[Problem]:
    column = max(found.values, key=lambda name: found.values[name])
    copies = (from_.copies[0], to.copies[1])
    alone = memory.of_a_row(found.longest, found.values[column], *copies, plan.protected) if found.longest > _PACKED else 0
    read, written = (found.average * min(found.rows, d.vector) if d.vector > 1 else 0 for d in (from_, to))
    together = memory.of_rows(read, written) if max(read, written) > _PACKED else 0
    needed = max(alone, together)
    if needed <= migration.memory:
        return []
    told = f"its longest row has {size(found.longest)}, the longest value of {column} {size(found.values[column])}"
    if together > alone:
        holder = from_ if read > written else to
        told += f", and {holder.label} has as many as {min(found.rows, holder.vector):,} of its rows at a time, {size(max(read, written))}"
    what = f"{told}: a task takes about {size(needed)} with it, and {size(migration.memory)} are declared"
    fix = f"declare `memory: {-(-needed // (64 << 20)) * 64}MiB`, or drop the column"
    return [Problem(True, f"table {plan.name}", what, fix, "size")]
