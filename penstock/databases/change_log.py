"""How the changes of a source are read as they are committed (change data capture), and how they are applied at a target.

A database that can be followed has a `ChangeLog`, one that changes can be applied to a `ChangeTarget`: see `Database.change_log` and
`Database.change_target`. A position is a number that grows along the source's log; `shown` writes it as the source does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import pyarrow as pa
import sqlalchemy as sa

from penstock.errors import Problem
from penstock.model.plan import TablePlan
from penstock.model.schema import Column, TableName


@dataclass(frozen=True)
class Followed:
    """A table whose changes are read.

    name: as the run calls it.  columns: those that the log has, in the table's order.  key: the columns that name a row.
    whole: a change must have all values of its row, also those that did not change.
    """

    name: str
    place: TableName
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    whole: bool

    @classmethod
    def of(cls, plan: TablePlan) -> Followed:
        """A table of a run, at the source. What the database computes itself is not in its log. Steps may look at any value of a row."""
        return cls(plan.name, plan.source.name, plan.source.given, plan.source.key, bool(plan.steps))


@dataclass(frozen=True)
class Stream:
    """What the source keeps for a run that follows it.

    slot: what holds back its log for the run.  publication: what says which tables are in it.
    server: marks the server and its history. Another server at the same address has another mark.
    shapes: by table, each of its columns with its type, as they were when the stream began.
    """

    slot: str
    publication: str
    server: str
    shapes: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Start:
    """Where a stream begins. snapshot: the name of an instant that has all changes before `position`, and none after it."""

    stream: Stream
    position: int
    snapshot: str


@dataclass(frozen=True)
class Held:
    """What of its log the source holds back for a stream. bytes: how much.  left: how much more it may be; None is no limit."""

    bytes: int
    left: int | None


class Began(NamedTuple):
    """A transaction comes next. commit: the position of its commit, by which it is known.  at: microseconds since 1970, UTC."""

    commit: int
    at: int


class Change(NamedTuple):
    """A change of one row, in the source's own form: see `ChangeLog.rows`."""

    table: str
    data: bytes


class Truncated(NamedTuple):
    """All rows of these tables are gone."""

    tables: tuple[str, ...]


class Marked(NamedTuple):
    """A mark that `ChangeLog.mark` has written."""

    text: str


class Committed(NamedTuple):
    """The transaction is whole. position: where it ends, behind its commit."""

    position: int


class Idle(NamedTuple):
    """All transactions that ended before this position have been read."""

    position: int


class Silent(NamedTuple):
    """Nothing has come for as long as the reader waits."""


Event = Began | Change | Truncated | Marked | Committed | Idle | Silent


class ChangeReader(Protocol):
    """An open stream of changes."""

    def events(self, wait: float) -> Iterator[Event]:
        """The changes in the order of their commits, without end. wait: seconds of silence after which `Silent` comes.

        Raises SchemaChanged when a table has other columns than when the stream began, ConnectionFailed, StreamLost.
        """

    def confirm(self, position: int) -> None:
        """Let the source forget its log before `position`: it is never read again."""


@dataclass(frozen=True)
class RowImages:
    """The rows of some changes: each as it was before (`K` only its key, `O` all of it), or is now (`N`).

    number: of the change that a row is of, rising.  operations: I, U or D.  kinds: K, O or N.
    left_out: a byte for each column, 1 where its value was left out because it did not change; NULL where none was.
    rows: of `arrow_schema(columns)`. A value that was left out is NULL.
    """

    number: pa.Array
    operations: pa.Array
    kinds: pa.Array
    left_out: pa.Array
    rows: pa.RecordBatch


@dataclass(frozen=True)
class Freeze:
    """Which tables are closed to writers, and the mark that is written behind their last change. patience: seconds to wait for locks."""

    tables: tuple[TableName, ...]
    mark: str
    patience: int


class ChangeLog(Protocol):
    """How the changes of a source are read."""

    def problems(self, connection: sa.Connection, stream: tuple[str, str], tables: Sequence[Followed]) -> list[Problem]:
        """What of the source's settings, of this user's rights and of the tables prevents that they are followed. stream: of `names`."""

    def names(self, migration: str, token: str) -> tuple[str, str]:
        """What the slot and the publication of a run are called."""

    def begin(self, engine: sa.Engine, names: tuple[str, str], tables: Sequence[Followed]) -> AbstractContextManager[Start]:
        """Begin a stream, in the place of one with this name that was begun before. Its snapshot can be joined within the context.

        Raises ReadFailed when the source refuses, LockRefused when long transactions keep it from beginning.
        """

    def instant(self, engine: sa.Engine) -> AbstractContextManager[tuple[int, str]]:
        """A position and a snapshot that has all changes before it and none after it. It can be joined within the context."""

    def join(self, snapshot: str, connections: Sequence[sa.Connection]) -> None:
        """Let these connections read as of a snapshot, in read-only transactions."""

    def read(self, engine: sa.Engine, stream: Stream, tables: Sequence[Followed], position: int) -> AbstractContextManager[ChangeReader]:
        """Go on with a stream behind `position`, up to which its changes are staged.

        Raises StreamLost when what the source has of the stream does not go on from there; SchemaChanged; ConnectionFailed.
        """

    def rows(self, changes: list[bytes], columns: Sequence[Column]) -> RowImages:
        """The rows of the changes of one table. Raises ReadFailed naming the column of a value that is not of its column's type."""

    def changed(self, connection: sa.Connection, stream: Stream, tables: Sequence[Followed]) -> None:
        """Raise SchemaChanged when a table has other columns now than when the stream began."""

    def end(self, connection: sa.Connection, names: tuple[str, str]) -> None:
        """Drop what the source keeps for a stream, as far as it is there. In transactions of its own."""

    def now(self, connection: sa.Connection) -> int:
        """The position at which the source's log ends now."""

    def held(self, connection: sa.Connection, stream: Stream) -> Held:
        """What the source holds back for a stream."""

    def mark(self, connection: sa.Connection, text: str) -> None:
        """Write a mark into the log, in the connection's transaction."""

    def freeze(self, connection: sa.Connection, freeze: Freeze) -> None:
        """Close the tables to all writers, owners and superusers included, and write the mark. Closed already: only writes the mark.

        In one transaction, after the last writer has ended. Raises LockRefused when one does not end in time, NotWritable, SwitchRefused.
        """

    def unfreeze(self, connection: sa.Connection, tables: Sequence[TableName]) -> None:
        """Open the tables again, in one transaction."""

    def next_numbers(self, connection: sa.Connection, tables: Sequence[TableName]) -> dict[tuple[TableName, str], int]:
        """By table and column, the next number of each column that the source numbers."""

    def shown(self, position: int) -> str:
        """A position as the source writes it."""


@dataclass(frozen=True)
class Merge:
    """The end of some changes of one table: every row under a key of `gone` is deleted, and then `rows` are inserted.

    columns: of the table, those that are loaded; `rows` has them.  key: their names, of which `gone` has rows.
    carried: of rows whose value of some columns is that of the row that stands under `origin` (of `gone`'s columns) before:
        (places among `rows`, a row each of `origin`, the columns each as `RowImages.left_out` has them). None where there are none.
    """

    place: TableName
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    gone: pa.RecordBatch
    rows: pa.RecordBatch
    carried: Carried | None = None


@dataclass(frozen=True)
class Carried:
    """Values that are carried over from the rows that stood there before.

    places: the rows of `Merge.rows` that lack values, rising.  origin: the key of the row that has them, one for each.
    columns: which values they lack: for each place, a byte for each column, 1 where it does.
    """

    places: pa.Array
    origin: pa.RecordBatch
    columns: pa.Array


class ChangeTarget(Protocol):
    """How changes are applied, in the connection's transaction."""

    def begin(self, connection: sa.Connection) -> None:
        """Let constraints that can wait for the end of the transaction do so."""

    def merge(self, connection: sa.Connection, merge: Merge) -> None:
        """Apply. Raises LoadFailed."""

    def clear(self, connection: sa.Connection, place: TableName) -> None:
        """Delete all rows of a table; readers still see them until the transaction ends."""
