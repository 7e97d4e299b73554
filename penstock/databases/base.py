"""The base class of every database: what a database must say, and defaults for the rest.

A database is one stateless object. Its facts are class attributes: core code asks these, never the database's name.
Its SQL text functions return statements and do not run them. Its verbs take an open connection.

Members without a default are abstract, so mypy and Python refuse a database that lacks one. A default is what the plainest
database does: no lock, no snapshot of several tables, one writer, no foreign keys. A member that answers None or an empty
list by default is an ability that a database may leave out.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Literal

import pyarrow as pa
import sqlalchemy as sa

from penstock.databases._shared import ansi
from penstock.databases._shared.types import Types
from penstock.databases.change_log import ChangeLog, ChangeTarget
from penstock.databases.values import (
    AccessRequest,
    Blocker,
    Dependent,
    Exchange,
    ExpressionRules,
    Failure,
    ForeignKeySuspension,
    Link,
    Move,
    Reach,
    Refusal,
    Server,
    SetAside,
    Size,
)
from penstock.errors import Problem
from penstock.model.schema import Column, Index, Table, TableName, Type
from penstock.runtime.memory import USUAL, Room


class Database(ABC):
    """One kind of database. A package in `penstock/databases/` has a subclass, and an instance of it that is called DATABASE."""

    # ---- facts that every database states

    @property
    @abstractmethod
    def label(self) -> str:
        """Its name on screen: `PostgreSQL`."""

    @property
    @abstractmethod
    def drivername(self) -> str:
        """The SQLAlchemy driver that Penstock uses: `postgresql+psycopg`."""

    @property
    @abstractmethod
    def url_form(self) -> str:
        """An example of its URL, for error messages: `postgresql://user@host:5432/database`."""

    @property
    @abstractmethod
    def type_table(self) -> Types:
        """Its types, from its own names to the canonical types and back."""

    @property
    @abstractmethod
    def max_identifier(self) -> int:
        """The length of the longest name of a table, column, index or constraint, in bytes of UTF-8."""

    @property
    @abstractmethod
    def ddl_in_transaction(self) -> bool:
        """Whether DDL is undone with its transaction. If not, `moves` must return one atomic statement."""

    # ---- facts with a default

    savepoints: ClassVar[bool] = False
    """Whether a transaction with DDL goes on after a statement that failed, from a savepoint."""

    aliases: ClassVar[tuple[str, ...]] = ()
    """Other names for it in URLs and as the type of an Airflow connection: `postgres`."""
    oldest: ClassVar[Mapping[str, tuple[int, ...]]] = {}
    """The oldest supported version of each product that `version` names. Empty: every version is supported."""
    embedded: ClassVar[bool] = False
    """Whether it is a file that this process opens itself. The URL's database is then the path of the file."""
    quote_character: ClassVar[str] = '"'
    own_names: ClassVar[frozenset[str]] = frozenset()
    """Which names (`index`, `foreign key`, `check`) belong to their table alone: two tables may use the same one."""
    shared_names: ClassVar[frozenset[str]] = frozenset()
    """Which names (`index`, `foreign key`, `check`) must be free in the whole schema while shadow and live table both exist."""
    refused_names: ClassVar[str] = ""
    """A pattern of names that no table or column may have; empty when every name is allowed."""
    has_schemas: ClassVar[bool] = False
    """Whether tables of several schemas (of MySQL: databases) can be read and written over one connection."""
    folds_tables: ClassVar[bool] = False
    """Whether two tables are the same when `folded` gives them the same name."""
    dialect: ClassVar[str] = ""
    """Whose SQL its expressions are: the value of `Table.dialect`. Empty when nothing here can read its expressions."""
    expression_rules: ClassVar[ExpressionRules | None] = None
    """How its expressions are translated; None when they are not."""
    index_keywords: ClassVar[Mapping[str, str]] = {}
    """What SQLAlchemy calls the options of its indexes, of: where, include, nulls_not_distinct, using, with,
    prefix (as in FULLTEXT INDEX)."""
    numbers_keys_only: ClassVar[bool] = False
    """Whether a numbered column must be the first of a key or an index, which is declared with it."""
    table_features: ClassVar[frozenset[str]] = frozenset()
    """What else its tables can have: `check`, `comment`, `partial index`, `expression index`, generated columns (`stored`, `virtual`),
    `numbering` (identity columns with their own start and step), `exclusion` (constraints), `unlogged`, `replica identity`, `storage` (of
    columns). Of foreign keys: `deferrable`, `match full`, and `restrict` and `no action`, where these differ from what is declared by
    leaving them out. `counter`: the next number is set as well. `unique constraint`: its catalogue tells one from a unique index."""
    since: ClassVar[Mapping[str, Mapping[str, tuple[int, ...]]]] = {}
    """Features that only newer servers have: by feature, the first version of each product that has it. See `features`."""
    kept_types: ClassVar[str] = ""
    """A pattern of its types that another server of the same kind creates unchanged, though `native` would write a wider type."""
    kept_types_since: ClassVar[Mapping[str, Mapping[str, tuple[int, ...]]]] = {}
    """Of these types, those that only newer servers have: by a pattern, the first version of each product."""
    type_synonyms: ClassVar[Mapping[str, str]] = {}
    """What `native` writes, in lower case, and what the catalogue writes of the same type."""
    types_with_invalid_values: ClassVar[frozenset[str]] = frozenset()
    """Canonical types whose columns may hold values beyond the type (zero dates, NaN). A cast to string reads the database's own text."""
    expression_defaults: ClassVar[str] = ""
    """A pattern of its types whose default has to be an expression: a literal in parentheses."""
    snapshot: ClassVar[Literal["run", "table"]] = "table"
    """Whether one connection can read all tables as of one instant (`run`), or each table as of its own (`table`)."""
    session_lock: ClassVar[tuple[str, str] | None] = None
    """Statements that take and release a lock of the session, with the parameters `name` and `seconds`; None where a row lock does."""
    clock: ClassVar[str] = ""
    """The expression of the server's clock, in seconds since 1970; empty where a file has the clock of whoever opens it."""
    parallel_writers: ClassVar[bool] = False
    """Whether several connections may load at the same time."""
    ordered_keys: ClassVar[bool] = False
    """Whether an index returns rows in the order of a primary key of numbers or dates, without sorting."""
    row_place: ClassVar[str] = ""
    """The expression for the place of a row in its table, by which a table without a key is split; empty when there is none."""
    keys_after_load: ClassVar[bool] = False
    """Whether a primary key can be added to a loaded table. If not, it is part of CREATE TABLE."""
    secondary_indexes: ClassVar[bool] = False
    """Whether a table with a secondary index can be moved."""
    foreign_keys: ClassVar[bool] = False
    """Whether the tables that Penstock creates get foreign keys."""
    follows_renames: ClassVar[bool] = False
    """Whether a foreign key between shadow tables follows them when they are moved. If not, it is declared with the live names."""
    refers_to_any_index: ClassVar[bool] = False
    """Whether a foreign key may refer to columns that are no primary or unique key."""
    keep_numbers: ClassVar[str] = ""
    """What an INSERT needs in order to set a column that the database numbers."""
    exchange: ClassVar[Exchange | None] = None
    """How its native partitions are exchanged; None where this is impossible, or impossible in a transaction."""
    change_log: ClassVar[ChangeLog | None] = None
    """How its changes are read as they are committed; None where it can't be followed."""
    change_target: ClassVar[ChangeTarget | None] = None
    """How changes of a source are applied to it; None where they are not."""
    more_memory: ClassVar[str] = ""
    """The statement that lifts the limit of `limit_memory`, for an index that does not fit; empty where there is no limit."""
    driver_copies: ClassVar[tuple[int, int]] = (2, 2)
    """How many copies of a row the driver keeps in this process besides Arrow's, while reading and while writing."""
    vector_rows: ClassVar[int] = 1
    """How many rows of a table the database keeps in this process at a time, whatever their size: three times this number while reading,
    five times while writing. 1 where it handles one row after the other."""

    # ---- names

    def quoted(self, name: str) -> str:
        """A name in quotes."""
        return ansi.quoted(name, self.quote_character)

    def qualified(self, name: TableName) -> str:
        """A table's quoted name, with its schema when it has one."""
        return ansi.qualified(name, self.quote_character)

    def folded(self, name: str) -> str:
        """The name as this database compares it: equal for two names that are the same column."""
        return name

    def shadow(self, live: TableName, migration: str, token: str = "") -> TableName:
        """Where a table is loaded while `live` serves. Always the same for the same arguments, and within `max_identifier`.

        token: of the run, where several runs load at the same time.
        """
        return TableName(ansi.fitted(f"penstock_new{'_' if token else ''}{token}__{live.name}", self.max_identifier), live.schema)

    def kept(self, live: TableName, migration: str, token: str) -> TableName:
        """Where the previous table is kept after the switch of the run with this token."""
        return TableName(ansi.fitted(f"penstock_old_{token}__{live.name}", self.max_identifier), live.schema)

    # ---- types

    def shown_expression(self, column: Column) -> str:
        """The SQL that gives any value of the column as a text, for a message."""
        return self.read_expression(replace(column, type=Type("unsupported")))

    def misfits(self, column: Column) -> str:
        """The SQL predicate of the rows whose value is not of the column's type at all, where the database allows that; else empty."""
        return ""

    def correction(self, name: TableName, column: Column) -> str:
        """The statement that makes values fit the column which no step can read; empty where there is none."""
        return ""

    def default_words(self, default: str, type: Type) -> str | None:
        """The SQL of a default (see `Column.default`) that is neither a number nor a text in quotes; None for one that is."""
        if default.startswith("x"):
            return f"X'{default[1:]}'"
        return {"today": "CURRENT_DATE", "time": "CURRENT_TIME"}.get(default)

    def canonical(self, native: str) -> Type:
        """The canonical type of a column of the database's type `native`; `unsupported` when there is none."""
        return self.type_table.read(native)

    def native(self, type: Type, identity: bool = False) -> str:
        """The database's type for a column of this canonical type. identity: the database numbers it. Raises UnsupportedType."""
        return self.type_table.counterpart(type)[0]

    def numbers(self, column: Column, table: Table) -> bool:
        """Whether the database numbers the rows of `table` by itself, by this column, which is an identity column at the source."""
        return self.native(column.type, identity=True) != self.native(column.type)

    def maps_exactly(self, type: Type) -> bool:
        """Whether `native` is the same kind of type. If not, it holds every value in another form. Raises UnsupportedType."""
        return self.type_table.exact(type)

    def features(self, server: Server) -> frozenset[str]:
        """What the tables of this server can have: `table_features`, and of `since` what its version has."""
        return self.table_features | {feature for feature, since in self.since.items() if server.has(since)}

    def keeps(self, native: str, server: Server) -> bool:
        """Whether this server creates the type `native` of another server of its kind unchanged."""
        newer = (since for pattern, since in self.kept_types_since.items() if re.fullmatch(pattern, native))
        return re.fullmatch(self.kept_types, native) is not None and all(server.has(since) for since in newer)

    def why_other_form(self, column: Column, server: Server) -> str:
        """Why a column arrives at this server as the counterpart of its type, where that is another type."""
        return f"{self.label} has no {column.type}"

    def own_default(self, column: Column) -> bool:
        """Whether no other kind of database knows the literal that is the default of a column."""
        return False

    def key_native(self, type: Type) -> str | None:
        """The database's type for a column that is part of a key, where it differs from `native`; else None."""
        return None

    def text_type(self, length: int | None) -> sa.types.TypeEngine[str]:
        """The type of the journal's texts: `=` must distinguish case and accents. length: None for a text of any length."""
        return sa.Text() if length is None else sa.String(length)

    def column_checks(self, column: Column) -> list[Refusal]:
        """The checks for values that a target column certainly can't hold, or would store as others; NULL aside."""
        return []

    # ---- expressions

    def read_expression(self, column: Column) -> str:
        """The SQL that selects the column so that `read` gets its values exactly."""
        return self.quoted(column.name)

    @abstractmethod
    def key_expression(self, column: Column) -> str:
        """The SQL that orders and compares a key column: texts by their bytes, all else by value."""

    @abstractmethod
    def key_literal(self, value: int | str, column: Column) -> str:
        """A bound of a chunk, as a literal that compares with `key_expression`. value: as `key_value` selected it."""

    @abstractmethod
    def key_value(self, column: Column) -> str:
        """The SQL that selects a key column as an integer or a text, of which `key_literal` makes a literal again."""

    def moment(self, column: Column) -> str:
        """The SQL of a date or time column that compares with `moment_literal`."""
        return self.quoted(column.name)

    @abstractmethod
    def moment_literal(self, moment: str, column: Column) -> str:
        """The literal of `2013-01-01` or `2013-01-01 06:00:00`, on the column's own clock: UTC where it has time zones."""

    def byte_length(self, column: Column) -> str:
        """The SQL of the length of a value in bytes, as cheap as possible; empty where no value exceeds a few thousand bytes."""
        return ""

    # ---- statements

    def table_options(self, table: Table) -> str:
        """What follows the columns in CREATE TABLE: the options that `Table.options` and its collation are; begins with a blank."""
        return ""

    def refused_options(self, table: Table) -> dict[str, str]:
        """Those of `Table.options` that this table can't have, each with the reason."""
        return {}

    def index_options(self, index: Index) -> str:
        """What follows the columns in CREATE INDEX, beside what SQLAlchemy writes; begins with a blank."""
        return ""

    def limit_memory(self, memory: int) -> list[str]:
        """Statements that limit the memory of the database in this process, in bytes; 0 lifts it. Empty where it keeps a row or two."""
        return []

    def schemas(self, names: Iterable[TableName]) -> list[str]:
        """Statements that create the schemas of these tables where they are missing."""
        return []

    def create_schema(self, name: str) -> str:
        """The statement that creates a schema where it is missing."""
        return f"CREATE SCHEMA IF NOT EXISTS {self.quoted(name)}"

    @abstractmethod
    def moves(self, moves: Sequence[Move]) -> list[str]:
        """Statements that move each table, with its partitions, in this order. One statement where DDL commits by itself."""

    def drops(self, names: Sequence[TableName]) -> list[str]:
        """Statements that drop these tables where they exist, whatever foreign keys connect them."""
        return [f"DROP TABLE IF EXISTS {self.qualified(name)}" for name in names]

    def hold(self, shadows: Sequence[TableName], patience: int, live: Sequence[TableName] = ()) -> list[str]:
        """Statements that block writers of `shadows` until the transaction ends, and wait at most `patience` seconds for a lock.

        live: tables whose readers and writers go on, but whose maintenance and DDL are kept off.
        """
        return []

    def briefly(self, statements: Sequence[str]) -> list[str]:
        """The same statements, which give up with an error that `cut_short` knows when they wait for locks for about half a second.

        While a statement waits for a lock, new readers of the table queue behind it. Together they wait for less than it takes a database
        to look for deadlocks.
        """
        return list(statements)

    def wait_at_most(self, seconds: int) -> list[str]:
        """Statements after which this session waits for a lock for at most so many seconds."""
        return []

    def renumber(self, table: Table, name: TableName) -> list[str]:
        """Statements that set the next number of `table`, which is at `name`, above its highest one."""
        return []

    def drop_foreign_key(self, link: Link, place: TableName) -> str:
        """The statement that drops a foreign key, whose table is at `place` now."""
        return f"ALTER TABLE {self.qualified(place)} DROP CONSTRAINT {self.quoted(link.name)}"

    # ---- verbs: connections

    def engine(self, url: sa.URL) -> sa.Engine:
        """An engine without a pool. Its sessions use UTC and UTF-8, and refuse values that do not fit."""
        return sa.create_engine(url, poolclass=sa.pool.NullPool)

    def mark_session(self, session: Any, mark: str) -> None:
        """Let `end_sessions` find a new session by this mark of letters, digits and _. session: the driver's connection."""
        return

    def end_sessions(self, connection: sa.Connection, mark: str) -> int:
        """End every session with this mark. Returns how many there were."""
        return 0

    def version(self, connection: sa.Connection) -> str:
        """The product and its version: `PostgreSQL 15.18`."""
        known = ".".join(str(part) for part in connection.dialect.server_version_info or ())
        return f"{self.label} {known}".strip()

    def begin_snapshot(self, connection: sa.Connection, *others: sa.Connection) -> bool:
        """Open a read-only transaction in which all reads see one instant, as far as `snapshot` says.

        Returns whether `others` are in transactions of the same instant. If not, they are in no transaction.
        """
        return not others

    # ---- verbs: the catalogue

    @abstractmethod
    def inspect(self, connection: sa.Connection, schema: str | None, only: Sequence[str] | None = None) -> list[Table]:
        """The tables (never views) of a schema, sorted by name. schema: None is the connection's own. only: the names wanted."""

    def beyond_types(self, connection: sa.Connection, name: TableName, columns: Sequence[Column], seconds: float) -> frozenset[str]:
        """The names of those columns of a table that have values beyond their canonical type, as far as its rows can be seen so fast.

        The columns are of `types_with_invalid_values`.
        """
        return frozenset()

    def named_types(self, connection: sa.Connection) -> dict[str, str]:
        """The types that somebody has created, as `Column.named_type` has their names, each with its definition."""
        return {}

    def left_behind(self, connection: sa.Connection, schema: str | None) -> list[tuple[str, str]]:
        """The other objects of a schema, as (kind, name): views, functions, grants. They are not carried."""
        return [("view", name) for name in sorted(sa.inspect(connection).get_view_names(schema=schema))]

    def set_aside(self, connection: sa.Connection, schema: str | None) -> list[SetAside]:
        """The tables of a schema that a migration leaves out unless it names them: they belong to the database, or to an extension."""
        return []

    def cuts(self, connection: sa.Connection, name: TableName, pieces: int) -> list[str]:
        """Literals of `row_place` that split a table into about so many pieces of equal size; empty where it can't be split."""
        return []

    @abstractmethod
    def dependents(self, connection: sa.Connection, tables: Sequence[TableName]) -> list[Dependent]:
        """The objects that depend on these live tables, without those that only connect the tables with one another."""

    def links(self, connection: sa.Connection, tables: Sequence[TableName]) -> list[Link]:
        """The foreign keys of these tables that refer to other tables."""
        return []

    def unbind(self, connection: sa.Connection, tables: Sequence[TableName]) -> ForeignKeySuspension:
        """How rows of these tables are deleted and inserted in one transaction, although foreign keys refer to them.

        Foreign keys of Penstock's own shadows and kept tables are dropped: they must not block anybody.
        """
        return ForeignKeySuspension()

    def preflight(self, connection: sa.Connection, use: AccessRequest) -> list[Problem]:
        """What of its privileges, settings and state prevents `use`, each with a fix. Changes nothing.

        Asks one question for all tables where it can. A schema of None is one that this user can't reach.
        """
        what = "only what SQLAlchemy tells of it is known: its privileges and settings are not looked at"
        return [use.problem(False, what, "let its user read every table of the migration", "privileges")]

    def extension_remedy(self, connection: sa.Connection, name: str) -> tuple[str, str]:
        """What makes an extension usable at this target: what is to be known or done before, and the statement, where there is one."""
        return f"install the extension {name} at the target", ""

    def sizes(self, connection: sa.Connection, tables: Sequence[Table]) -> dict[str, Size]:
        """The approximate sizes of these tables, by name, without reading their rows."""
        return {t.name.name: Size(None, None) for t in tables}

    # ---- verbs: locks

    def locks(self, connection: sa.Connection, reach: Reach) -> list[str]:
        """Statements that take, in the transaction, every lock of others' tables that changing `reach` needs. Only reads the catalogue.

        Empty where nobody has to be locked out, and where a statement brings its locks with it.
        """
        return []

    def blockers(self, connection: sa.Connection, reach: Reach) -> list[Blocker]:
        """The sessions that have kept others from the locks of `reach` for half a second, as far as this user may see them."""
        return []

    def end_session(self, blocker: Blocker) -> str:
        """The statement that ends a session; empty where there are none."""
        return ""

    # ---- verbs: rows

    @abstractmethod
    def read(self, connection: sa.Connection, select: str, columns: Sequence[Column], room: Room = USUAL) -> Iterator[pa.RecordBatch]:
        """Stream a select of `read_expression`s as batches of `arrow_schema(columns)`: about `room.batch` bytes each, or one row.

        Raises ReadFailed naming the column when a value is not exactly of its column's type.
        """

    @abstractmethod
    def write(self, connection: sa.Connection, name: TableName, columns: Sequence[Column], batches: Iterable[pa.RecordBatch]) -> None:
        """Load batches of `arrow_schema(columns)` in the connection's transaction.

        Raises RowsRefused when the target can't take the values of some rows, LoadFailed for all else, duplicate keys included.
        """

    def seal(self, connection: sa.Connection, name: TableName) -> str | None:
        """A value, cheap to compute on the server, that differs if any row changed; None when there is no cheap one."""
        return None

    def definition(self, connection: sa.Connection, name: TableName) -> dict[str, str]:
        """By object of a table's definition, such as `column a` or `trigger b`, a mark that differs when its declaration does.

        Empty where the database can't tell.
        """
        return {}

    # ---- errors of the driver

    @abstractmethod
    def classify(self, error: sa.exc.DBAPIError) -> Failure:
        """What the error means, by its code: a server's messages may be in any language."""

    def words(self, error: sa.exc.DBAPIError) -> str:
        """What the database says of the error, on one line. Of an error that is about rows it may name values."""
        return str(error.orig).strip().partition("\n")[0]

    def lock_refused(self, error: sa.exc.DBAPIError) -> bool:
        """Whether the database refused a statement because of a lock, so that the same statement may succeed later."""
        return self.classify(error) is Failure.LOCKED

    def cut_short(self, error: sa.exc.DBAPIError) -> bool:
        """Whether a statement of `briefly` gave up because it could not have its locks."""
        return self.lock_refused(error)

    def broken_key(self, error: sa.exc.DBAPIError) -> str | None:
        """The name of the foreign key that a statement broke; None for any other error."""
        return None

    # ---- expectations

    def matches(self, text: sa.ColumnElement[str], pattern: str) -> sa.ColumnElement[bool]:
        """Whether a regular expression is found in a text. Case matters."""
        return text.regexp_match(pattern)
