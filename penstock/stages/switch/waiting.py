"""Waiting for locks so that readers don't: many short tries, with pauses in which everything is given back.

Whoever waits for a lock that shuts readers out makes all new readers wait as well. So the switch waits for half a second at a time, which
is the longest that a reader waits because of it, and pauses before the next try for longer and longer, by chance. Who has kept it from
its locks is named each time. `switch: {end_blockers: true}` ends these sessions, after they have had half of the time to end by
themselves.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext

import sqlalchemy as sa

from penstock import databases
from penstock.databases import Blocker, Database, Reach
from penstock.errors import LockRefused
from penstock.runtime import events
from penstock.state.run_context import RunContext

_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 3.0  # seconds
_TRY, _AT_ONCE, _AGAIN = 0.5, 0.1, 0.003  # seconds
log = logging.getLogger(__name__)


def run(context: RunContext, connection: sa.Connection, statements: Sequence[str], reach: Reach) -> None:
    """Run statements that need locks of `reach`, all of them or none, trying again until `lock_wait` is over.

    Where DDL is undone with its transaction, what a try has locked is given back with a savepoint; what the transaction had locked before
    stays so. Elsewhere the statement is one, and does nothing when it fails. Raises LockRefused, which names who holds the locks.
    """
    target, limit, tries = context.target, context.plan.lock_wait, 0
    if not statements:
        return
    began = time.monotonic()
    while True:
        tries += 1
        refused = _try(target, connection, statements)
        if refused is None:
            return
        why = str(refused.orig).splitlines()[0]
        found = target.blockers(connection, reach)
        waited = time.monotonic() - began
        _told(reach, found, tries, waited)
        if waited >= limit:
            raise LockRefused.of(context.plan.target, "; ".join([f"{why} ({tries} tries in {waited:.0f} s)", *map(str, found)]))
        if context.plan.end_blockers and waited >= limit / 2:
            _end(target, connection, [b for b in found if b.certain])
        pause = min(_FIRST_PAUSE * 2 ** min(tries, 10), _LONGEST_PAUSE) * random.uniform(0.5, 1.0)
        time.sleep(min(pause, max(limit - waited, 0.0)))


def _try(target: Database, connection: sa.Connection, statements: Sequence[str]) -> sa.exc.DBAPIError | None:
    """One try of half a second: None when the statements have run, else what the database said.

    Where a statement gives up at once instead of waiting, it is sent again and again until then.
    """
    began = time.monotonic()
    while True:
        sent = time.monotonic()
        try:
            with _given_back(connection, target):
                for statement in target.briefly(statements):
                    databases.execute(connection, statement)
            return None
        except sa.exc.DBAPIError as error:
            if not target.cut_short(error):
                raise
            if time.monotonic() - sent > _AT_ONCE or time.monotonic() - began > _TRY:
                return error
        time.sleep(_AGAIN)


def ddl(context: RunContext, connection: sa.Connection, statement: str, reach: Reach) -> None:
    """Run a statement of the one step that changes live tables.

    Where DDL is undone with its transaction, that has taken all locks before. Elsewhere the statement brings them with it.
    """
    if context.target.ddl_in_transaction:
        databases.execute(connection, statement)
    else:
        run(context, connection, [statement], reach)


def _given_back(connection: sa.Connection, target: Database) -> AbstractContextManager[object]:
    return connection.begin_nested() if target.ddl_in_transaction else nullcontext()


def _told(reach: Reach, found: Sequence[Blocker], tries: int, waited: float) -> None:
    tables, who = [str(t) for t in reach.tables], [str(b) for b in found]
    log.warning("no lock of %s after %.1f s: %s", ", ".join(tables), waited, "; ".join(who) or "nobody is seen to hold one")
    events.emit("locks.refused", tables=tables, tries=tries, seconds=round(waited, 1), blockers=who)


def _end(target: Database, connection: sa.Connection, found: Sequence[Blocker]) -> None:
    for blocker in found:
        try:
            with _given_back(connection, target):
                databases.execute(connection, target.end_session(blocker))
        except sa.exc.DBAPIError as error:  # without the right to, or it has ended by itself
            log.warning("session %s was not ended: %s", blocker.session, str(error.orig).splitlines()[0])
        else:
            log.warning("ended %s", blocker)
            events.emit("locks.ended", blocker=str(blocker))
