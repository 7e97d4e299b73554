"""How wide the rows are: asked only where they may be wide."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import sqlalchemy as sa

from penstock import databases
from penstock.databases import Size
from penstock.databases._shared import long_values
from penstock.databases._shared.long_values import Widths
from penstock.migration.spec import Migration
from penstock.model.plan import TablePlan
from penstock.planning.preflight.endpoints import Endpoint
from penstock.planning.statements import rows_of
from penstock.runtime.memory import Shares

# A table that takes no more bytes than this has no wide row, however well a database may have packed it.
_SMALL = 64 << 10


def measure(plans: Iterable[TablePlan], sizes: Mapping[str, Size], migration: Migration, source: Endpoint) -> dict[str, Widths]:
    """The widths of the rows that the plans read, by source table; without the tables whose rows can't be wide."""
    limit = source.database.limit_memory
    _run(source.connection, limit(0))  # a database in this process has many of the values at a time to tell how long they are
    found = {p.name: widths for p in plans if (widths := _widths(p, source, sizes.get(p.name)))}
    _run(source.connection, limit(Shares(migration.memory, 1).embedded))
    return found


def applied(plans: Iterable[TablePlan], widths: Mapping[str, Widths]) -> tuple[TablePlan, ...]:
    """The plans with what is known of the widths of their rows."""
    return tuple(replace(p, longest_row=w.longest, row_bytes=w.average) if (w := widths.get(p.name)) else p for p in plans)


def _run(connection: sa.Connection, statements: Sequence[str]) -> None:
    for statement in statements:
        databases.execute(connection, statement)


def _widths(plan: TablePlan, source: Endpoint, held: Size | None) -> Widths | None:
    octets = {c.name: sql for c in plan.source.columns if (sql := source.database.byte_length(c))}
    if not octets or (held and held.bytes is not None and held.bytes <= _SMALL):
        return None
    return long_values.measure(source.connection, rows_of(plan, source.database), octets)
