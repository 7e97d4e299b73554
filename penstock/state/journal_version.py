"""The version of the journal: how a new journal is made, an older one is brought up to date, and a newer one is refused.

    1  the journal of Penstock 0.1.0 before the first release: no table says its version
    2  `penstock_journal` says it; the key of `penstock_receipts` has the migration
    3  `penstock_coverage` has the number of the reading

To change a table of the journal: change it in journal_tables.py, add a function to journal_steps.py that changes the table where it is
already there, and a line above. A step must find out what of it is done: where DDL commits by itself it may be killed halfway, and runs
again. New tables need no step.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Sequence
from importlib import metadata

import sqlalchemy as sa

from penstock import databases
from penstock.errors import JournalNewer
from penstock.model import address
from penstock.state import journal_steps, session_lock
from penstock.state.journal_tables import METADATA, SWITCHES, VERSIONS

_PAUSE = 0.1  # seconds, after which another run may have done what this one could not
Step = Callable[[sa.Connection], None]


STEPS: tuple[Step, ...] = (journal_steps.to_2, journal_steps.to_3)
"""What brings a journal from version 1 to 2, from 2 to 3, and so on."""
VERSION = 1 + len(STEPS)
WITH_READINGS = 3
"""The first version with `penstock_coverage.reading`: a journal is read before it is brought up to date."""


def bring_up_to_date(connection: sa.Connection, steps: Sequence[Step] = STEPS) -> None:
    """Make the journal where there is none, and bring an older one to the newest version, one step after the other.

    In transactions of its own. Runs that begin at the same moment may all call this; what is done already is not done again.
    Raises JournalNewer.
    """
    if _complete(connection, 1 + len(steps)):
        return
    database = databases.of(connection.engine.url, target=True)
    for others in range(len(METADATA.tables) + len(steps), -1, -1):
        try:
            with session_lock.held(connection, database, "the journal", "another run has been upgrading the journal"):
                return _bring(connection, steps, database.ddl_in_transaction)
        except sa.exc.DBAPIError:
            if not others:  # each failure but the last may be a table or a version that another run makes at the same moment
                raise
            time.sleep(_PAUSE)


def _complete(connection: sa.Connection, newest: int) -> bool:
    """Whether nothing is to be done: asked by every stage, so with as few questions as can be."""
    with connection.begin():
        if not set(METADATA.tables) <= set(sa.inspect(connection).get_table_names()):
            return False
        return bool(connection.execute(sa.select(sa.func.max(VERSIONS.c.version))).scalars().all() == [newest])


def _bring(connection: sa.Connection, steps: Sequence[Step], ddl_in_transaction: bool) -> None:
    newest = 1 + len(steps)
    with connection.begin():
        now = version(connection)
        _refuse_newer(connection, now, newest)
        if now == 0:  # recorded first: a journal of which only some tables are made must not be taken for an old one
            _record(connection, newest)
    for number, step in enumerate(steps, 2):
        if 0 < now < number:
            with connection.begin():
                if ddl_in_transaction:  # of two runs one waits here for the other, fails, and then finds the step done
                    _record(connection, number)
                    step(connection)
                else:
                    step(connection)
                    _record(connection, number)
    with connection.begin():
        METADATA.create_all(connection)


def version(connection: sa.Connection) -> int:
    """The version of the journal at this target; 0 when there is none."""
    inspector = sa.inspect(connection)
    if inspector.has_table(VERSIONS.name) and (found := connection.execute(sa.select(sa.func.max(VERSIONS.c.version))).scalar()):
        return int(found)
    return 1 if inspector.has_table(SWITCHES.name) else 0


def has(connection: sa.Connection, table: sa.Table) -> bool:
    """Whether the journal has this table. A journal of an earlier version may lack it. Raises JournalNewer."""
    _refuse_newer(connection, version(connection), VERSION)
    return sa.inspect(connection).has_table(table.name)


def _record(connection: sa.Connection, number: int) -> None:
    VERSIONS.create(connection, checkfirst=True)
    now = dt.datetime.now(dt.UTC).isoformat(timespec="microseconds")
    connection.execute(VERSIONS.insert().values(version=number, at=now, software=_software()))


def _software() -> str:
    try:
        return metadata.version("penstock")[:40]
    except metadata.PackageNotFoundError:
        return "not installed"


def _refuse_newer(connection: sa.Connection, found: int, newest: int) -> None:
    if found <= newest:
        return
    by = connection.execute(sa.select(VERSIONS.c.software).where(VERSIONS.c.version == found)).scalar()
    where = f"table {VERSIONS.name} in {address.shown(connection.engine.url)}"
    raise JournalNewer(
        f"the journal at the target has version {found}, and Penstock {_software()} knows versions up to {newest}",
        where=where,
        why=f"Penstock {by} has upgraded it",
        fix=f"use Penstock {by} or newer: pip install 'penstock>={by}'",
    )
