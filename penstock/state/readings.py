"""Readings of the source: each has a number from the journal, so that no clock decides which of two began later."""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa

from penstock.state import journal, patience, staging
from penstock.state.journal_tables import READINGS
from penstock.state.run_context import RunContext

_TRIES = 20


def begin(context: RunContext, tables: Iterable[str]) -> RunContext:
    """Begin a reading of these tables. Answers the context whose staging area writes and finds the chunks of this reading.

    The number is a fencing token (Kleppmann, "How to do distributed locking", 2016): it is a part of the path of every file of the
    reading. An earlier try of the same extract that was paused, and goes on, writes under a lower number, where nobody looks.
    """
    plan, names = context.plan, list(tables)
    number, at = patience.at_target(context, lambda connection: _number(connection, plan.migration, plan.run))
    for name in names:
        staging.write_reading(context.staging, name, number, at)
    return context.with_staging(context.staging.read_as(names, number))


def _number(connection: sa.Connection, migration: str, run: str) -> tuple[int, str]:
    journal.create(connection)
    highest = sa.select(sa.func.coalesce(sa.func.max(READINGS.c.number), 0)).where(READINGS.c.migration == migration)
    for left in range(_TRIES - 1, -1, -1):
        try:
            with connection.begin():
                number, at = int(connection.execute(highest).scalar_one()) + 1, journal.now()
                connection.execute(READINGS.insert().values(migration=migration, number=number, run=run, at=at))
            return number, at
        except sa.exc.IntegrityError:  # another run has taken the number at the same moment
            if not left:
                raise
    raise AssertionError
