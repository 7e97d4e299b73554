"""The values that a database takes and answers. All are frozen."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Literal, Protocol

import pyarrow as pa
import sqlalchemy as sa

from penstock.errors import Area, Problem
from penstock.model.schema import Column, Table, TableName

Move = tuple[TableName, TableName]
"""A table's place before and after it is moved."""


@dataclass(frozen=True)
class Server:
    """What runs a database: `MariaDB`, (11, 8, 2)."""

    product: str
    version: tuple[int, ...] = ()

    @classmethod
    def of(cls, version: str) -> Server:
        """The server whose version `Database.version` writes so."""
        product, _, number = version.rpartition(" ")
        return cls(product or number, tuple(int(part) for part in re.findall(r"\d+", number.split("-")[0])) if product else ())

    def has(self, since: Mapping[str, tuple[int, ...]]) -> bool:
        """Whether it has what each product has since its version; a product that is missing never has it."""
        return self.product in since and self.version >= since[self.product]

    def __str__(self) -> str:
        return f"{self.product} {'.'.join(map(str, self.version))}".strip()


@dataclass(frozen=True)
class ExpressionRules:
    """What SQL expressions of a database mean where databases differ. `planning.expressions` translates by these rules.

    sqlglot: the name of the SQL dialect in sqlglot, which parses and writes the expressions.
    like_case_sensitive: LIKE distinguishes upper and lower case.
    exact_decimals: decimals are computed and compared exactly. False where they become floating-point numbers.
    unicode_case: lower() and upper() change all letters. False where they change ASCII letters only.
    wide_integers: integers are computed in 64 bits, whatever the types of the columns are.
    date_type: there is a type for dates. False where dates are texts.
    backslash_escapes: a backslash in a text literal escapes the next character.
    concat_keeps_null: concat() of a NULL is NULL. False where it leaves NULL out.
    compares_literals_exactly: two literals compare by their characters. False where the session's collation decides.
    exact_collations: a pattern of the collations by which = distinguishes any two texts. A column without a collation does so anyway.
    numbered_columns: a check or a generated column may use a column that the database numbers.
    """

    sqlglot: str
    like_case_sensitive: bool = True
    exact_decimals: bool = True
    unicode_case: bool = True
    wide_integers: bool = False
    date_type: bool = True
    backslash_escapes: bool = False
    concat_keeps_null: bool = False
    compares_literals_exactly: bool = True
    exact_collations: str = ""
    numbered_columns: bool = True


class Failure(Enum):
    """What an error of a database driver means, as far as Penstock treats it in its own way."""

    ALREADY_EXISTS = "the table, index or constraint already exists"
    OUT_OF_MEMORY = "the database has no memory left for the statement"
    DISK_FULL = "the database has no disk space left"
    READ_ONLY = "the database can only be read"
    CONNECTION_LOST = "the connection to the server is lost"
    LOCKED = "another session holds a lock; the same statement may succeed later"
    BREAKS_KEY = "rows break a key or another constraint"
    OTHER = "any other error"


@dataclass(frozen=True)
class Refusal:
    """One thing that a column can't hold.

    reason: in words, without a value.  found: which of an array's values it is, as a mask; None when it is none of them.
    """

    reason: str
    found: Callable[[pa.Array], pa.Array | None]


@dataclass(frozen=True)
class Dependent:
    """An object outside the migration that depends on one of its live tables.

    kind: view, materialized view, foreign key, trigger, grant, owner.
    follows: whether the object uses the new table after the switch. If not, preflight refuses the migration and names the object.
    statements: what makes it follow, run in the transaction of the switch right after the tables moved. Empty where the
    database does it by itself.
    """

    kind: str
    name: str
    table: TableName
    follows: bool
    statements: tuple[str, ...] = ()


@dataclass(frozen=True)
class Link:
    """A foreign key of `table`. definition: what follows ADD CONSTRAINT <name>; it names the referenced table with its schema."""

    table: TableName
    name: str
    definition: str


@dataclass(frozen=True)
class Orphans:
    """A foreign key that rows may break. select: finds one row that does."""

    key: str
    child: TableName
    parent: TableName
    select: str


@dataclass(frozen=True)
class ForeignKeySuspension:
    """How rows are replaced in one transaction although foreign keys connect them with other rows.

    before, after: the statements around it.  orphans: what to search afterwards, where the database does not check by itself.
    """

    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    orphans: tuple[Orphans, ...] = ()


@dataclass(frozen=True)
class Reach:
    """The tables that a switch or an undo changes, by what it does with them. Those that are not there yet are left out.

    moved: they change places, with the views over them.  opened: their partitions are exchanged, or nobody but the switch reads them.
    changed: rows of them are replaced.  referred: new foreign keys refer to them, or a partition is added.
    """

    moved: tuple[TableName, ...] = ()
    opened: tuple[TableName, ...] = ()
    changed: tuple[TableName, ...] = ()
    referred: tuple[TableName, ...] = ()

    @property
    def exclusive(self) -> tuple[TableName, ...]:
        """Those that readers can't read during the step."""
        return (*self.moved, *self.opened)

    @property
    def tables(self) -> tuple[TableName, ...]:
        """All of them, each once."""
        return tuple(dict.fromkeys((*self.moved, *self.opened, *self.changed, *self.referred)))


@dataclass(frozen=True)
class Blocker:
    """A session of somebody else that a lock waits for.

    since: when its transaction began, in UTC.  doing: its state and the shape of its statement, without values.
    certain: it is known to hold the lock; otherwise it may.
    """

    session: int
    user: str
    since: str
    doing: str
    certain: bool = True

    def __str__(self) -> str:
        held = "holds" if self.certain else "may hold"
        return f"session {self.session} of {self.user} {held} a lock since {self.since} ({self.doing})"


@dataclass(frozen=True)
class PartitionSlot:
    """The native partition with exactly the bounds of an interval; None when there is none yet.

    misfit: why no table can be attached with these bounds. Empty when one can.
    """

    partition: TableName | None
    misfit: str = ""


class Exchange(Protocol):
    """How a native partition is exchanged. low, high: its bounds, as texts of literals on the column's own clock."""

    def slot(self, connection: sa.Connection, table: TableName, column: str, low: str, high: str) -> PartitionSlot:
        """The partition of a live table with these bounds."""

    def make(self, table: TableName, shadow: TableName, column: Column, low: str, high: str) -> list[str]:
        """Statements that create the shadow like a partition of `table`, indexes included."""

    def attach(self, table: TableName, part: TableName, low: str, high: str) -> list[str]:
        """Statements that make the table `part` a partition of `table`."""

    def detach(self, table: TableName, part: TableName) -> list[str]:
        """Statements that make the partition `part` a table of its own."""


@dataclass(frozen=True)
class AccessRequest:
    """What a run will do with a database. `Database.preflight` answers whether it may.

    tables: at the source, those that are read; at the target, those that are created, under their live names.
    moved: the live tables that the switch moves away.  journal: the names of the journal's tables.
    connections: how many connections a task opens at most.
    """

    role: Literal["source", "target"]
    schema: str | None
    connections: int
    tables: tuple[Table, ...] = ()
    moved: tuple[TableName, ...] = ()
    shadows: tuple[TableName, ...] = ()
    journal: tuple[str, ...] = ()

    def problem(self, blocking: bool, what: str, fix: str, area: Area) -> Problem:
        """A problem of the whole database."""
        return Problem(blocking, self.role, what, fix, area)


@dataclass(frozen=True)
class Size:
    """The approximate size of a table, from the database's statistics; None where it has none."""

    rows: int | None
    bytes: int | None
