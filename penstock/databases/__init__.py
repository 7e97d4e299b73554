"""The databases. One module a database, found by its name; this is what each of them promises.

Every module reads in the same order: facts, then SQL text, then the few verbs that need a connection.
Core code asks a database's facts, never its name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, Protocol, cast

import pyarrow as pa
import sqlalchemy as sa

from penstock.errors import Area, ConnectionFailed, MigrationError, Problem
from penstock.model.schema import Column, Table, TableName, Type
from penstock.runtime.memory import USUAL, Room
from penstock.runtime.registry import Registry

if TYPE_CHECKING:
    from penstock.databases._shared.column_checks import Refusal

Move = tuple[TableName, TableName]


@dataclass(frozen=True)
class Dependent:
    """Something outside the migration that hangs on one of its live tables.

    kind: view, materialized view, foreign key, trigger, grant, owner.
    statements: what makes it follow the switch, run in the same transaction right after the tables moved;
    empty with `follows` when the database does it by itself.
    follows: False means the switch would leave it behind, so preflight refuses and names it.
    """

    kind: str
    name: str
    table: TableName
    follows: bool
    statements: tuple[str, ...] = ()


@dataclass(frozen=True)
class Link:
    """A foreign key of `table`. definition: what follows ADD CONSTRAINT <name>, with the referenced table's name in full."""

    table: TableName
    name: str
    definition: str


@dataclass(frozen=True)
class Orphans:
    """Where rows would refer to nothing by a foreign key. select: finds one such row."""

    key: str
    child: TableName
    parent: TableName
    select: str


@dataclass(frozen=True)
class Unbound:
    """How rows are replaced in one transaction although foreign keys connect them with others.

    before, after: statements around it.  orphans: what to look for afterwards, where the database does not look itself.
    """

    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    orphans: tuple[Orphans, ...] = ()


@dataclass(frozen=True)
class Slot:
    """The native partition that has exactly an interval's bounds; None when there is none yet. misfit: why nothing can be put there."""

    partition: TableName | None
    misfit: str = ""


class Exchange(Protocol):
    """How a native partition is exchanged. low, high: its bounds, as literals' texts on the column's own clock."""

    def slot(self, connection: sa.Connection, table: TableName, column: str, low: str, high: str) -> Slot:
        """The place of these bounds in a live table."""

    def make(self, table: TableName, shadow: TableName, column: Column, low: str, high: str) -> list[str]:
        """Statements that make the shadow just as a partition of `table` is, indexes included."""

    def attach(self, table: TableName, part: TableName, low: str, high: str) -> list[str]:
        """Statements that make the table at `part` a partition."""

    def detach(self, table: TableName, part: TableName) -> list[str]:
        """Statements that make the partition at `part` a table of its own."""


@dataclass(frozen=True)
class Use:
    """What a run will ask of a database: the question that `assess` answers.

    tables: at the source those that are read; at the target those that are made, under their live names.
    moved: the live ones that the switch moves away.  journal: the journal's tables.
    connections: how many a task may have open at a time.
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
    """About how large a table is, as the database keeps account of it; None where it keeps none."""

    rows: int | None
    bytes: int | None


class Database(Protocol):
    """What a database module offers. Modules implement it with plain module-level names."""

    # ---- facts
    label: str
    """Its name on screen: `PostgreSQL`."""
    drivername: str
    """The SQLAlchemy driver that Penstock talks through: `postgresql+psycopg`."""
    quote_character: str
    max_identifier: int
    """Longest name of a table, column, index or constraint, in bytes of UTF-8."""
    own_names: frozenset[str]
    """Which names (`index`, `foreign key`, `check`) are each table's own: two tables may use one."""
    refused_names: str
    """A pattern of what no table or column may be called here; empty when there is no such thing."""
    folds_tables: bool
    """Whether two tables may not have names that `folded` makes one."""
    snapshot: Literal["run", "table"]
    """Whether one connection can read all tables as of one instant, or only each by itself."""
    ddl_in_transaction: bool
    """Whether a switch is one transaction; otherwise `moves` must answer one atomic statement."""
    session_lock: tuple[str, str] | None
    """Statements that take and give back a lock of the session, with the parameters `name` and `seconds`; None where transactions do."""
    parallel_writers: bool
    """Whether several connections may load at once."""
    ordered_keys: bool
    """Whether an index gives the rows in the order of a primary key of numbers or dates, without sorting."""
    row_place: str
    """The expression that says where a row lies, by which a table without a key can be cut; empty when there is none."""
    keys_after_load: bool
    """Whether a primary key can be added to a loaded table; otherwise it is part of CREATE TABLE."""
    more_memory: str
    """What lets it take more memory than `bound` gives it, for an index that does not fit in there; empty where it is not bounded."""
    copies: tuple[int, int]
    """How many times it has a row in this process, beside Arrow's, while it is read, and while it is written."""
    vector: int
    """How many rows of a table it has in this process at a time, whatever they weigh: so many times three when they are read, five when
    they are written. 1 where it reads and writes one after the other."""
    secondary_indexes: bool
    foreign_keys: bool
    dialect: str
    """Whose SQL it writes and reads: what `Table.dialect` says; empty for one whose expressions nobody here can read."""
    holds: frozenset[str]
    """What else its tables have: `check`, `comment`, `partial index`, `expression index`, generated columns (`stored`, `virtual`)."""
    shared_names: frozenset[str]
    """Which names (`index`, `foreign key`, `check`) must be free in the whole schema while shadow and live stand beside each other."""
    kept_types: str
    """A pattern of its types that another one of the same kind is given as they are, though `native` writes a wider one."""
    loose: frozenset[str]
    """Canonical types whose columns may hold values beyond them (zero dates, NaN): a cast to string reads the database's own text."""
    keep_numbers: str
    """What lets an INSERT of ours keep the numbers of a column that the database numbers itself."""
    follows_renames: bool
    """Whether a foreign key declared between shadow tables follows them when they move; otherwise it names the live ones."""
    embedded: bool
    """Whether it is a file that this process opens itself, named by the URL's database."""
    exchange: Exchange | None
    """How its native partitions are exchanged; None where that can't be, or has no place in one transaction."""
    oldest: Mapping[str, tuple[int, ...]]
    """The oldest version that is supported, by the product that `version` names."""

    # ---- SQL text: pure
    def folded(self, name: str) -> str:
        """A column's name as this database compares it: the same for two that can't be in one table."""

    def canonical(self, native: str) -> Type:
        """The canonical type of a column whose own type is written `native`; `unsupported` when there is none."""

    def native(self, type: Type, identity: bool = False) -> str:
        """How this database writes a column of that type. Raises UnsupportedType."""

    def exact(self, type: Type) -> bool:
        """Whether `native` is the same kind of type here; if not it is a declared counterpart, which holds every value in another form."""

    def refuses(self, column: Column) -> list[Refusal]:
        """Which values of its type a column of a target can't hold, or would hold as others; NULL aside. For certain: see `sieve`."""

    def key_native(self, type: Type) -> str | None:
        """The same for a column that is part of a key, where that has to be written otherwise; else None."""

    def read_expression(self, column: Column) -> str:
        """The SQL that selects the column so that `read` gets it exactly."""

    def key_expression(self, column: Column) -> str:
        """The SQL that orders and compares a key column bytewise for texts, by value otherwise."""

    def key_literal(self, value: int | str, column: Column) -> str:
        """A chunk bound as a literal comparable with `key_expression`. Texts come as they are."""

    def key_value(self, column: Column) -> str:
        """The SQL that selects a key column as integer or text, so that `key_literal` can write it again."""

    def moment(self, column: Column) -> str:
        """The SQL of a date or time column that compares with `moment_literal`."""

    def moment_literal(self, moment: str, column: Column) -> str:
        """`2013-01-01`, or `2013-01-01 06:00:00` without an offset, on the column's own clock: UTC where it has zones."""

    def shadow(self, live: TableName, migration: str, token: str = "") -> TableName:
        """Where the table is loaded while `live` still serves. Stable, within `max_identifier`.

        token: of the run, where several load at once.
        """

    def kept(self, live: TableName, migration: str, token: str) -> TableName:
        """Where the table that served before is kept after the switch of the run called `token`."""

    def octets(self, column: Column) -> str:
        """The SQL of how many bytes a value has, as cheap as it can be had; empty where none of the type has more than a few thousand."""

    def bound(self, memory: int) -> list[str]:
        """Statements that keep what the database takes of this process within so many bytes, 0 is any; none where that is a row or two."""

    def schemas(self, names: Iterable[TableName]) -> list[str]:
        """Statements that make the schemas these names stand in, where they are not there yet."""

    def moves(self, moves: Sequence[Move]) -> list[str]:
        """Statements that give each table its new place, with its partitions, in that order. One where DDL commits by itself."""

    def drops(self, names: Sequence[TableName]) -> list[str]:
        """Statements that drop these tables, where they are there, whatever foreign keys go between them."""

    def hold(self, shadows: Sequence[TableName], patience: int) -> list[str]:
        """Statements that keep writers off these tables until the transaction ends, and wait `patience` seconds at most for a lock."""

    def renumber(self, table: Table, name: TableName) -> list[str]:
        """Statements that make the next generated number of `table` (standing at `name`) follow its highest one."""

    # ---- verbs
    def engine(self, url: sa.URL) -> sa.Engine:
        """An engine without a pool whose sessions are UTC, UTF-8 and strict."""

    def inspect(self, connection: sa.Connection, schema: str | None, only: Sequence[str] | None = None) -> list[Table]:
        """The tables (never views) of a schema, None for the connection's own, sorted by name. `only` limits them."""

    def left_behind(self, connection: sa.Connection, schema: str | None) -> list[tuple[str, str]]:
        """What a schema has beside its tables, as (kind, name): views, functions, grants. The user carries it over."""

    def cuts(self, connection: sa.Connection, name: TableName, pieces: int) -> list[str]:
        """Literals of `row_place` that cut a table into about so many pieces of equal bytes; none where it can't be cut."""

    def begin_snapshot(self, connection: sa.Connection, *others: sa.Connection) -> bool:
        """Open a read-only transaction in which all reads see one instant, as far as `snapshot` says.

        Answers whether `others` are in transactions of the very same instant; when not, they are in none.
        """

    def read(self, connection: sa.Connection, select: str, columns: Sequence[Column], room: Room = USUAL) -> Iterator[pa.RecordBatch]:
        """Stream a select of `read_expression`s as batches of `arrow_schema(columns)`: about `room.batch` bytes each, or one row.

        Raises ReadFailed naming the column when a value is not exactly of its column's type.
        """

    def write(self, connection: sa.Connection, name: TableName, columns: Sequence[Column], batches: Iterable[pa.RecordBatch]) -> None:
        """Bulk load batches of `arrow_schema(columns)` inside the connection's transaction.

        Raises RowsRefused when values of some rows are what the target can't take; LoadFailed for all else, keys that meet twice included.
        """

    def seal(self, connection: sa.Connection, name: TableName) -> str | None:
        """A cheap server-side mark that differs if any row changed since; None when there is no cheap one."""

    def dependents(self, connection: sa.Connection, tables: Sequence[TableName]) -> list[Dependent]:
        """What hangs on these live tables, leaving out what hangs between themselves."""

    def broken_key(self, error: sa.exc.DBAPIError) -> str | None:
        """The name of the foreign key that a statement of ours broke; None when the error is another one."""

    def lock_refused(self, error: sa.exc.DBAPIError) -> bool:
        """Whether the database refused a statement because of a lock, so that the same may go through later."""

    def unbind(self, connection: sa.Connection, tables: Sequence[TableName]) -> Unbound:
        """How rows of these tables are taken out and put back within a transaction, though foreign keys connect them with others.

        Foreign keys of our own shadows and kept tables are dropped: they must not hinder anybody.
        """

    def links(self, connection: sa.Connection, tables: Sequence[TableName]) -> list[Link]:
        """The foreign keys of these tables that refer to a table that is none of them."""

    def cut(self, link: Link, place: TableName) -> str:
        """The statement that drops a foreign key, whose table is at `place` by now."""

    def version(self, connection: sa.Connection) -> str:
        """The server's own words: `PostgreSQL 15.18`."""

    def assess(self, connection: sa.Connection, use: Use) -> list[Problem]:
        """What of its privileges, settings and state stands in the way of `use`, each with what to do. Changes nothing.

        Asks as little as one question for all tables. A schema that is None is one that this user can't get at.
        """

    def sizes(self, connection: sa.Connection, tables: Sequence[Table]) -> dict[str, Size]:
        """About how large these tables are, by name, without reading them."""


_ALIASES = {"postgres": "postgresql", "mariadb": "mysql"}


_REGISTRY = Registry("penstock.databases", __path__, packages=True)


def names() -> tuple[str, ...]:
    """The databases there are packages for."""
    return _REGISTRY.names


def of(url: sa.URL, *, target: bool = False) -> Database:
    """The database module for a URL, imported on first use.

    As a source, a database nobody wrote a module for is read through its own SQLAlchemy dialect.
    """
    backend = url.get_backend_name()
    name = _ALIASES.get(backend, backend)
    if name in names():
        return cast(Database, _REGISTRY.load(name))
    if target:
        raise MigrationError(f"{backend} can't be a target", fix=f"targets are: {', '.join(names())}")
    return cast(Database, import_module("penstock.databases.generic"))


def quote(database: Database, identifier: str) -> str:
    """`identifier` quoted for this database, whatever characters it has."""
    q = database.quote_character
    return q + identifier.replace(q, q + q) + q


def qualified(database: Database, name: TableName) -> str:
    """A table's quoted name, with its schema when it has one."""
    parts = [name.schema, name.name] if name.schema else [name.name]
    return ".".join(quote(database, p) for p in parts if p is not None)


def select(database: Database, name: TableName, columns: Sequence[Column], where: str = "") -> str:
    """A select that `read` understands, of these columns in this order."""
    fields = ", ".join(f"{database.read_expression(c)} AS {quote(database, c.name)}" for c in columns)
    return f"SELECT {fields} FROM {qualified(database, name)}" + (f" WHERE {where}" if where else "")


def add_link(database: Database, link: Link, place: TableName) -> str:
    """The statement that gives the table at `place` a foreign key, which all of its rows must meet."""
    return f"ALTER TABLE {qualified(database, place)} ADD CONSTRAINT {quote(database, link.name)} {link.definition}"


def standing(connection: sa.Connection, names: Iterable[TableName]) -> set[TableName]:
    """Which of these tables are there. Names with % mislead SQLAlchemy's own `has_table` on MySQL."""
    wanted = set(names)
    inspector = sa.inspect(connection)
    there = {schema: set(inspector.get_table_names(schema=schema)) for schema in {n.schema for n in wanted}}
    return {n for n in wanted if n.name in there[n.schema]}


def execute(connection: sa.Connection, statement: str) -> sa.CursorResult[*tuple[Any, ...]]:
    """Run finished SQL text as it is: no parameters, so no character of it is special to the driver."""
    return connection.execution_options(no_parameters=True).exec_driver_sql(statement)


def connect(database: Database, url: sa.URL, role: str) -> sa.Engine:
    """An engine that has proved it can connect. Raises ConnectionFailed without the password."""
    fix = "check that the server runs, the address, the user and the password of this connection"
    if database.embedded:
        fix = "check the path, this user's rights on the file and its folder, and that no other process holds it"
    engine = database.engine(url)
    try:
        with engine.connect():
            return engine
    except (sa.exc.DBAPIError, OSError) as error:
        engine.dispose()
        cause = error.orig if isinstance(error, sa.exc.DBAPIError) else error
        why = str(cause.args[1] if cause and len(cause.args) == 2 else cause).strip()  # mysqlclient's errors are a number and a text
        if url.password:
            why = why.replace(str(url.password), "***")
        raise ConnectionFailed(
            f"can't connect to the {role}",
            where=url.render_as_string(hide_password=True),
            why=why.splitlines()[0] if why else "",
            fix=fix,
        ) from None
