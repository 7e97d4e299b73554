"""Coverage: what of each table is proven, by which run. Kept in the journal, written in the transaction that makes the rows live.

One record is a whole table, or one partition of it. Which of two runs that overlap has the last word is decided here, by one rule:
*the one that began to read the source later*, by the number that the journal gives each reading. Its rows replace the other's,
whichever switches first.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import Literal

import sqlalchemy as sa

from penstock.databases import Database
from penstock.errors import SwitchRefused
from penstock.state import journal_version, session_lock
from penstock.state.journal_tables import COVERAGE, TURNS

State = Literal["proven", "overlaid"]
WHOLE = ("", "")
"""low and high of a table that is moved whole."""


@dataclass(frozen=True)
class CoverageRecord:
    """A table, or the partition low <= t < high of it (instants in UTC as text that sorts), as a run has made it live.

    state: proven; or overlaid, when a later run has replaced a part of it or taken rows out of it.
    rows, digest: as proved at the target.  rows_read, source: as read from the source, before any transform.
    read_at: when the run began to read the source.  why: what overlaid it.
    reading: the number of that reading; 0 in records of version 0.1.
    watermark: of an incremental table, the latest time among its rows.  whole_at: when it was last moved whole.
    """

    migration: str
    table: str
    low: str
    high: str
    run: str
    token: str
    state: State
    rows: int
    digest: str
    rows_read: int
    source: str
    read_at: str
    at: str
    why: str = ""
    watermark: str = ""
    whole_at: str = ""
    reading: int = 0

    @property
    def place(self) -> tuple[str, str]:
        return self.low, self.high

    def overlaps(self, other: CoverageRecord) -> bool:
        """Whether both speak of some of the same rows."""
        return WHOLE in (self.place, other.place) or (self.low < other.high and other.low < self.high)

    def holds(self, other: CoverageRecord) -> bool:
        """Whether all that `other` speaks of is in this."""
        return self.place == WHOLE or (other.place != WHOLE and self.low <= other.low and other.high <= self.high)

    def read_later(self, other: CoverageRecord) -> bool:
        """Whether its rows were read later. The clocks of workers decide only between two records of version 0.1, which have no number."""
        return (self.reading, self.read_at) > (other.reading, other.read_at)

    def __str__(self) -> str:
        return f"{self.table} {self.low}..{self.high}" if self.place != WHOLE else self.table


def lock(connection: sa.Connection, migration: str) -> None:
    """Let nobody else switch this migration until the transaction ends. The first statement of that transaction."""
    turn = TURNS
    connection.execute(turn.update().where(turn.c.migration == migration).values(turn=turn.c.turn + 1))


@contextmanager
def turn(connection: sa.Connection, database: Database, migration: str) -> Iterator[None]:
    """Inside, no other session switches this migration, where DDL commits by itself and so ends what `lock` locks.

    Raises SwitchRefused when the others take too long.
    """
    with session_lock.held(connection, database, migration, f"another run of {migration} has been switching"):
        yield


def line_up(connection: sa.Connection, migration: str) -> None:
    """Make the row that `lock` locks, in a transaction of its own, where it isn't there yet."""
    turn = TURNS
    try:
        with connection.begin():
            if not connection.execute(sa.select(turn.c.turn).where(turn.c.migration == migration)).first():
                connection.execute(turn.insert().values(migration=migration, turn=0))
    except sa.exc.IntegrityError:
        pass  # another run has made it at the same moment


def of(connection: sa.Connection, migration: str) -> list[CoverageRecord]:
    """A migration's records, by table and time; none where there is no journal yet."""
    if not journal_version.has(connection, COVERAGE):
        return []
    table = COVERAGE
    there = [c for c in table.c if c is not table.c.reading or journal_version.version(connection) >= journal_version.WITH_READINGS]
    query = sa.select(*there).where(table.c.migration == migration).order_by(table.c.table_name, table.c.low)
    return [_read(row) for row in connection.execute(query).mappings()]


def _read(row: sa.RowMapping) -> CoverageRecord:
    values = dict(row)
    named = {"table": values.pop("table_name"), "rows": values.pop("row_count"), "reading": int(values.pop("reading", 0) or 0)}
    return CoverageRecord(**values, **named)


def superseded(mine: CoverageRecord, others: Sequence[CoverageRecord]) -> CoverageRecord | None:
    """The record that has the last word over all of `mine`; None when `mine` may go on.

    Raises SwitchRefused when a later reading has the last word over only a part: then neither is right for the whole.
    """
    later = [o for o in others if o.overlaps(mine) and o.read_later(mine)]
    for other in later:
        if other.holds(mine):
            return other
    if later:
        raise SwitchRefused(
            f"{mine} overlaps {later[0]}, which the run {later[0].run} read later",
            where=f"table {mine.table}",
            why="the source may have changed between the two readings",
            fix="run this interval again: a new run reads all of it anew",
        )
    return None


def write(connection: sa.Connection, made: Iterable[CoverageRecord], others: Sequence[CoverageRecord]) -> None:
    """Record what a run has made live, in the transaction that does it, and what that means for the records it overlaps."""
    made, of = list(made), defaultdict[str, list[CoverageRecord]](list)
    for other in others:
        of[other.table].append(other)
    for mine in made:
        for other in of[mine.table]:
            if not other.overlaps(mine):
                continue
            if mine.holds(other):
                _delete(connection, other)
            elif other.state == "proven":
                overlay(connection, other, f"a part of it was replaced by the run {mine.run}")
    _insert(connection, made)


def overlay(connection: sa.Connection, record: CoverageRecord, why: str) -> None:
    """Note that a record no longer says what stands there."""
    _delete(connection, record)
    _insert(connection, [replace(record, state="overlaid", why=why)])


def restore(connection: sa.Connection, migration: str, token: str, before: Iterable[CoverageRecord]) -> bool:
    """Put the records back that a run's own took the place of, because it is undone. Done already: changes nothing, and answers False.

    Where another run has made rows of a record's place live since, that run's record stays.
    """
    table = COVERAGE
    if not connection.execute(table.delete().where(table.c.migration == migration, table.c.token == token)).rowcount:
        return False
    now = of(connection, migration)
    for record in before:
        if any(c.table == record.table and c.overlaps(record) and c.token != record.token for c in now):
            continue
        _delete(connection, record)
        _insert(connection, [record])
    return True


def _delete(connection: sa.Connection, record: CoverageRecord) -> None:
    table = COVERAGE
    keys = (table.c.migration == record.migration, table.c.table_name == record.table)
    connection.execute(table.delete().where(*keys, table.c.low == record.low, table.c.high == record.high))


def _insert(connection: sa.Connection, records: Sequence[CoverageRecord]) -> None:
    rows = [asdict(r) for r in records]
    if rows:
        connection.execute(COVERAGE.insert(), [r | {"table_name": r.pop("table"), "row_count": r.pop("rows")} for r in rows])
