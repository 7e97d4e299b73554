"""What a switch kind is: one way to put a proved shadow table live, and to take it back.

Each module of `penstock/stages/switch/kinds` holds one, as the object KIND of a class derived from SwitchKind. Another distribution adds
one by an entry point in the group `penstock.stages.switch.kinds`. docs/contributing/add-a-switch-kind.md has a worked example.

A kind returns SQL and runs none. The switch and the undo loop over the kinds of a run, and run what they return:

    check          before anything moves: what can't work
    prepare        before the switch's transaction: the tables that it needs
    apply          in the switch's transaction
    prepare_undo   before the undo's transaction
    undo           in the undo's transaction
    finish         when the time to keep the old rows is over
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, ClassVar, Literal

import sqlalchemy as sa

from penstock.databases import Database, Dependent, Link, PartitionSlot
from penstock.errors import MigrationError, Problem
from penstock.migration.switch_kinds import REGISTRY
from penstock.model.plan import TablePlan
from penstock.model.schema import Table, TableName

Effect = Literal["table", "rows", "partition"]
"""What a kind changes of a live table.

    table       all of it: the shadow becomes the live table
    rows        some of its rows, or all: the live table stays, and gets the rows of the shadow
    partition   a native partition: the live table stays, and the shadow becomes a part of it
"""
ORDER: tuple[Effect, ...] = ("table", "rows", "partition")
"""In this order kinds are applied. A partition is last: the rows that its foreign keys refer to are in place by then."""


@dataclass(frozen=True)
class LiveFacts:
    """What the catalogue says of live tables in the transaction that changes them.

    dependents: views, grants, foreign keys of other tables.  links: foreign keys to tables that are not changed with these.
    partitions: by source table, its native partition of the interval.
    """

    dependents: tuple[Dependent, ...] = ()
    links: tuple[Link, ...] = ()
    partitions: Mapping[str, PartitionSlot] = field(default_factory=dict)


@dataclass(frozen=True)
class SwitchedTable:
    """A table of a switch, as the journal has it.

    kept: where what was live before is kept; None where nothing was.  aside: where an undo puts what the switch made live.
    notes: what else the kind wrote down for its undo; JSON values.
    """

    live: TableName
    shadow: TableName
    kept: TableName | None
    aside: TableName
    notes: Mapping[str, Any] = field(default_factory=dict)


Undoing = tuple[TablePlan, SwitchedTable]
"""A table whose switch is undone: as it was planned, and as it was switched."""


class SwitchKind(ABC):
    """One way to put shadow tables live. Methods get all tables of a run that this kind switches: one statement may need them all.

    effect: what it changes of a live table.  scopes: which scopes it can switch (see penstock/model/scope.py).
    change: for the report, what it did with a table, where more can be said than "swapped" or "rows replaced".
    """

    effect: ClassVar[Effect]
    scopes: ClassVar[frozenset[str]] = frozenset({"whole"})
    change: ClassVar[str] = ""

    def check(self, tables: Sequence[TablePlan], target: Database, connection: sa.Connection) -> Iterable[Problem]:
        """Why the switch would not work, found before anything moves. Reads only."""
        return ()

    def shadow(self, table: TablePlan) -> Table:
        """The table as its shadow is built. One whose rows go into a live table meets that one's indexes and foreign keys there."""
        return table.target if self.effect == "table" else _without_keys(table.target)

    def make_shadow(self, table: TablePlan, target: Database) -> list[str] | None:
        """Statements that make the empty shadow; None: it is made as `shadow` defines it."""
        return None

    def read(self, tables: Sequence[TablePlan], target: Database, connection: sa.Connection) -> LiveFacts:
        """What `apply` has to know of the live tables. Raises SwitchRefused when they can't be switched as they are."""
        return LiveFacts()

    def prepare(self, tables: Sequence[TablePlan], target: Database) -> list[str]:
        """Statements that run before the switch's transaction. Nothing of the live tables may change yet."""
        return []

    @abstractmethod
    def apply(self, tables: Sequence[TablePlan], target: Database, facts: LiveFacts) -> list[str]:
        """Statements that put the shadows live, and keep what was live. One, where it is not transactional."""

    def keeps(self, table: TablePlan, facts: LiveFacts) -> TableName | None:
        """Where `apply` keeps what was live before; None where nothing was."""
        return table.kept if table.live_exists else None

    def notes(self, table: TablePlan, facts: LiveFacts) -> dict[str, Any]:
        """What the journal is to hold of the table for an undo, as JSON values."""
        return {}

    def undo_needs_shadow(self, table: TablePlan) -> bool:
        """Whether an undo reads the shadow, so that it is not dropped after the switch."""
        return False

    def read_for_undo(self, tables: Sequence[Undoing], target: Database, connection: sa.Connection) -> LiveFacts:
        """What `undo` has to know of the live tables. Raises SwitchRefused when the switch can't be undone."""
        return LiveFacts()

    def prepare_undo(self, tables: Sequence[Undoing], target: Database) -> list[str]:
        """Statements that run before the undo's transaction."""
        return []

    @abstractmethod
    def undo(self, tables: Sequence[Undoing], target: Database, facts: LiveFacts) -> list[str]:
        """Statements that put live again what was kept, and set aside what the switch made live."""

    def finish(self, tables: Sequence[SwitchedTable], target: Database, undone: bool) -> list[str]:
        """Statements that drop what the switch kept and what its undo set aside: the only step without a way back."""
        aside, kept = [t.aside for t in tables if undone], [t.kept for t in tables if t.kept]
        if self.effect == "table":
            # The undo has put back what was kept. A shadow of that name, by now, belongs to another run.
            return target.drops(aside if undone else kept)
        return target.drops([*aside, *kept, *(t.shadow for t in tables)])


@cache
def of(name: str) -> SwitchKind:
    """The switch kind called `name`. Raises MigrationError when there is none, or when its module holds no KIND."""
    if name not in REGISTRY.names:
        raise MigrationError(f"there is no switch kind called {name!r}", fix=f"use one of: {', '.join(REGISTRY.names)}")
    kind = getattr(REGISTRY.load(name), "KIND", None)
    if not isinstance(kind, SwitchKind):
        raise MigrationError(f"the module of the switch kind {name!r} has no KIND that is a SwitchKind", fix="see docs/contributing")
    return kind


def for_scope(scope: str) -> list[str]:
    """The names of the kinds that can switch a scope."""
    return [name for name in REGISTRY.names if scope in of(name).scopes]


def grouped(tables: Iterable[TablePlan]) -> dict[str, list[TablePlan]]:
    """The tables by the name of their switch kind, in the order in which kinds are applied."""
    found: dict[str, list[TablePlan]] = {}
    for table in tables:
        found.setdefault(table.switch, []).append(table)
    return {name: found[name] for name in sorted(found, key=lambda n: (ORDER.index(of(n).effect), n))}


def keeps_live(table: TablePlan) -> bool:
    """Whether the live table stays, and gets new rows or a new partition; otherwise the shadow becomes the live table."""
    return of(table.switch).effect != "table"


def shadow(table: TablePlan) -> Table:
    """The table as its shadow is built."""
    return of(table.switch).shadow(table)


def problems(tables: Sequence[TablePlan], target: Database, connection: sa.Connection) -> Iterator[Problem]:
    """What the switch kinds of these tables say before anything moves."""
    for name in sorted({t.how for t in tables}):
        yield from of(name).check([t for t in tables if t.how == name], target, connection)


def _without_keys(table: Table) -> Table:
    return replace(table, indexes=(), foreign_keys=(), partitioning=None)
