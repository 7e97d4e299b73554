"""Leases: one process at a time works on a run, or on a part of it; one that was paused and goes on late writes nothing.

A lease is a row of the journal with a random token, a fencing token (Kleppmann, "How to do distributed locking", 2016). Whoever holds one
renews it every few seconds. When its holder has ended, is stopped, or has not renewed it in time, the next process takes it over:

1. It deletes the old row and writes its own, in one transaction. From here on, a transaction of the old holder is refused when it
   begins and when it commits: both look for the row with its token.
2. It ends the sessions of the old holder at the target, and waits until they are gone. A transaction that had begun before 1 ends with its
   session: it can't commit later, and none of its locks is left for anybody to wait for.
3. Only then does it begin to work.

So no transaction of the old holder commits after the new holder has begun. The row of the new holder names whose sessions it has still
to end: if it is killed during 2, the next one ends those too. At a database in a file there are no sessions to end: a transaction that
writes holds the lock of the file, and looks for its row again before it commits. All times are those of the target's clock.
"""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from penstock import databases
from penstock.databases import Database
from penstock.errors import LeaseHeld, LeaseLost, PenstockError
from penstock.state import journal, patience, process_identity
from penstock.state.journal_tables import LEASES
from penstock.state.process_identity import ProcessIdentity
from penstock.state.run_context import RunContext

WHOLE_RUN = "run"
"""The place of a process that does all of a run. Any other place is a part of it, that a process of its own does."""
SECONDS = 30
"""How long a lease is held without being renewed."""
_RENEWED = 5
_EMBEDDED = 600  # nothing renews a lease in a file that others may have open: on another machine it is over after this time
_ENDING = 10  # seconds that the sessions of an old holder may take to end
_TRIES = 20
_HEAD = ("", "")  # run and place of the row that whoever takes a lease of the migration locks first


_ours: set[str] = set()
"""The tokens of the leases that this process holds."""


@dataclass(frozen=True)
class Held:
    """A lease as the journal has it. shared: the run loads into shadows that other runs of the migration load into as well.

    since, until: seconds since 1970, by the target's clock.  ends: the tokens of earlier holders whose sessions it has still to end.
    """

    run: str
    place: str
    token: str
    shared: bool
    since: float
    until: float
    holder: ProcessIdentity
    ends: tuple[str, ...] = ()

    def excludes(self, run: str, place: str, shared: bool) -> bool:
        """Whether another process can't work on this part of this run meanwhile."""
        if self.run == run:
            return self.place == place or WHOLE_RUN in (self.place, place)
        return self.shared and shared

    def left_behind(self, run: str, place: str) -> bool:
        """Whether it is of another stage of the same run: once its holder works no more, its locks must not keep this stage waiting."""
        return self.run == run and self.place.partition(" ")[0] != place.partition(" ")[0]

    def over(self, now: float, embedded: bool) -> bool:
        """Whether its holder works no more, as far as can be told."""
        if self.holder.this:  # it had lost the target when it was to give the lease back
            return self.token not in _ours
        if self.holder.here and (self.holder.gone or embedded):
            return self.holder.gone
        return self.until <= now


class Lease:
    """A lease that this process holds."""

    def __init__(self, context: RunContext, token: str) -> None:
        self._context, self.token = context, token
        self._renewed = _ticks()
        self._lost = False
        self._ended = threading.Event()
        self._renewing = threading.Thread(target=self._renew_often, name="penstock-lease", daemon=True)

    def guard(self, engine: sa.Engine) -> None:
        """Let every transaction of this engine be refused once the lease is another's, and mark its sessions as this holder's."""
        self.mark(engine)

        @sa.event.listens_for(engine, "begin")
        def _began(connection: sa.Connection) -> None:
            self._look(connection)

        @sa.event.listens_for(engine, "commit")
        def _commits(connection: sa.Connection) -> None:
            self._look(connection)

    def mark(self, engine: sa.Engine) -> None:
        """Mark the sessions of an engine as this holder's: they end when the lease is taken over. All that one needs that only reads."""
        database, mark = self._context.target, mark_of(self.token)

        @sa.event.listens_for(engine, "connect")
        def _marked(session: Any, _: object) -> None:
            database.mark_session(session, mark)

    def check(self) -> None:
        """Raise LeaseLost when another process has the lease. Asks the journal only when it is late with renewing.

        For work that writes no row: what it writes late does no harm, but it may as well stop.
        """
        if not self._context.target.embedded and _ticks() - self._renewed > SECONDS:
            self._ask()
        if self._lost:
            raise self._fault()

    @contextmanager
    def naming_its_loss(self) -> Iterator[None]:
        """Let any failure be LeaseLost once another process has taken the lease over: it has ended our sessions, and removed our files."""
        try:
            yield
        except LeaseHeld:
            raise
        except Exception:
            self._ask()
            if self._lost:
                raise self._fault() from None
            raise

    def _ask(self) -> None:
        """Find out whether the lease is still this process's, where the target can be reached."""
        if not self._lost:
            with suppress(PenstockError, sa.exc.DBAPIError):
                patience.at_target(self._context, self._renew)

    def _look(self, connection: sa.Connection) -> None:
        if not databases.execute(connection, f"SELECT 1 FROM {LEASES.name} WHERE token = '{self.token}'").fetchall():
            self._lost = True
            raise self._fault()

    def _fault(self) -> LeaseLost:
        plan = self._context.plan
        what = f"another process has taken over the run {plan.run} of {plan.migration}"
        why = "this one was stopped, or had not reached the target for too long; it has written nothing since"
        return LeaseLost(what, plan.target, why, "nothing is to be done: the other process goes on", plan.run)

    # ---- renewing

    def begin(self) -> None:
        if not self._context.target.embedded:
            self._renewing.start()

    def end(self) -> None:
        """Give the lease back. Where the target can't be reached, it is over when its time is."""
        self._ended.set()
        with suppress(PenstockError, sa.exc.DBAPIError), self._context.writing() as connection, connection.begin():
            connection.execute(LEASES.delete().where(LEASES.c.token == self.token))

    def _renew_often(self) -> None:
        while not self._ended.wait(_RENEWED) and not self._lost:
            # that the target is gone, the stage finds out by itself
            with suppress(PenstockError, sa.exc.DBAPIError, OSError), self._context.writing() as connection:
                self._renew(connection)
                while not self._lost and not self._ended.wait(_RENEWED):
                    self._renew(connection)

    def _renew(self, connection: sa.Connection) -> None:
        began = _ticks()
        with connection.begin():
            until = _now(connection, self._context.target) + _seconds(self._context.target)
            kept = connection.execute(LEASES.update().where(LEASES.c.token == self.token).values(until=until)).rowcount
        if kept:
            self._renewed = began
        else:
            self._lost = True


@contextmanager
def held(context: RunContext, place: str, does: str) -> Iterator[RunContext]:
    """Inside, this process alone works on this place of the run; the context then guards all that it writes at the target.

    does: what the process was started for, in words.

    Raises LeaseHeld at once when another process that is still at work has it. A context with a lease keeps its own.
    """
    if context.lease is not None:
        with context.lease.naming_its_loss():
            yield context
        return
    mine = Held(context.plan.run, place, secrets.token_hex(8), not context.plan.own_shadows, 0, 0, process_identity.current(does))
    patience.at_target(context, lambda connection: _take(connection, context, mine))
    lease = Lease(context, mine.token)
    _ours.add(mine.token)
    lease.begin()
    try:
        with lease.naming_its_loss():
            yield replace(context, lease=lease)
    finally:
        _ours.discard(mine.token)
        lease.end()


def clear(connection: sa.Connection, migration: str) -> None:
    """End the sessions of holders that work no more: a plan reads the catalogue before it has a lease, and must not wait for their locks.

    As when a lease is taken over, the old token is gone first, and then the sessions are. Whoever takes the lease next finds in the row
    what is left of them.
    """
    database = databases.of(connection.engine.url, target=True)
    if database.embedded or not sa.inspect(connection).has_table(LEASES.name):
        return
    connection.rollback()
    with connection.begin():
        now = _now(connection, database)
        for old in (h for h in of(connection, migration) if h.over(now, embedded=False)):
            new, ends = secrets.token_hex(8), (old.token, *old.ends)
            values = {"token": new, "ends": json.dumps(ends), "until": 0}
            connection.execute(LEASES.update().where(LEASES.c.token == old.token).values(**values))
    with connection.begin():
        left = [h for h in of(connection, migration) if h.ends and h.over(now, embedded=False)]
    _end_sessions(connection, database, [token for h in left for token in h.ends])


def mark_of(token: str) -> str:
    """By what the sessions of a holder are known at the target."""
    return f"penstock_{token}"


def of(connection: sa.Connection, migration: str) -> list[Held]:
    """The leases of a migration."""
    query = sa.select(LEASES).where(LEASES.c.migration == migration, LEASES.c.place != _HEAD[1])
    return [_read(row) for row in connection.execute(query).mappings()]


def _take(connection: sa.Connection, context: RunContext, mine: Held) -> None:
    """Take the lease, and end the sessions of those who had it before. Raises LeaseHeld."""
    plan, database = context.plan, context.target
    journal.create(connection)
    _make_head(connection, plan.migration)
    with connection.begin():
        # First the lock: of two that want a lease at the same moment, the second sees that of the first.
        connection.execute(LEASES.update().where(*_head(plan.migration)).values(until=LEASES.c.until + 1))
        now = _now(connection, database)
        every = of(connection, plan.migration)
        others = [h for h in every if h.excludes(mine.run, mine.place, mine.shared)]
        if working := next((h for h in others if not h.over(now, database.embedded)), None):
            raise _refusal(context, working)
        others += [h for h in every if h not in others and h.left_behind(mine.run, mine.place) and h.over(now, database.embedded)]
        for old in others:
            connection.execute(LEASES.delete().where(LEASES.c.token == old.token))
        until = now + _seconds(database)
        ends = tuple(token for old in others for token in (old.token, *old.ends))
        _insert(connection, plan.migration, replace(mine, since=now, until=until, ends=ends))
    if ends:
        for old in others:
            if not _end_sessions(connection, database, [old.token, *old.ends]):
                fault = _refusal(context, old)
                fault.why += "; its sessions at the target do not end"
                raise fault
        with connection.begin():
            connection.execute(LEASES.update().where(LEASES.c.token == mine.token).values(ends="[]"))


def _make_head(connection: sa.Connection, migration: str) -> None:
    with suppress(sa.exc.IntegrityError), connection.begin():
        if not connection.execute(sa.select(LEASES.c.until).where(*_head(migration))).first():
            nobody = ProcessIdentity("", "", 0, "", "", "")
            _insert(connection, migration, Held(*_HEAD, secrets.token_hex(8), False, 0, 0, nobody))


def _head(migration: str) -> tuple[sa.ColumnElement[bool], ...]:
    return LEASES.c.migration == migration, LEASES.c.run == _HEAD[0], LEASES.c.place == _HEAD[1]


def _refusal(context: RunContext, other: Held) -> LeaseHeld:
    plan = context.plan
    what = f"another process is working on the run {other.run} of {plan.migration}"
    why = f"{other.holder} has it since {_shown(other.since)}"
    if not context.target.embedded:
        why += f"; unless it goes on renewing it, until {_shown(other.until)}"
    fix = "wait until it has ended, or end it; then run the same command again"
    return LeaseHeld(what, plan.target, why, fix, other.run)


def _end_sessions(connection: sa.Connection, database: Database, tokens: Sequence[str]) -> bool:
    """End what the holders with these tokens have open at the target, and wait for it. Answers whether all of it has ended in time."""
    until = time.monotonic() + _ENDING
    while sum(database.end_sessions(connection, mark_of(token)) for token in tokens):
        if time.monotonic() > until:
            return False
        time.sleep(0.1)
    return True


def _insert(connection: sa.Connection, migration: str, made: Held) -> None:
    holder = json.dumps(asdict(made.holder))
    values = {part: getattr(made, part) for part in ("run", "place", "token", "since", "until")}
    ends = json.dumps(made.ends)
    connection.execute(LEASES.insert().values(migration=migration, shared=int(made.shared), holder=holder, ends=ends, **values))


def _read(row: sa.RowMapping) -> Held:
    holder = ProcessIdentity(**json.loads(row["holder"]))
    since, until = float(row["since"]), float(row["until"])
    return Held(row["run"], row["place"], row["token"], bool(row["shared"]), since, until, holder, tuple(json.loads(row["ends"])))


def _now(connection: sa.Connection, database: Database) -> float:
    """The target's clock, in seconds since 1970; of a file, that of this machine."""
    return float(databases.execute(connection, f"SELECT {database.clock}").scalar_one()) if database.clock else time.time()


def _seconds(database: Database) -> int:
    return _EMBEDDED if database.embedded else SECONDS


def _shown(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"


def _ticks() -> float:
    """Seconds of a clock that goes on while the machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()
