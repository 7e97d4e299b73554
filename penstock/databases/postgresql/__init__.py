r"""PostgreSQL 12 and newer: COPY both ways, shadows in a schema of their own.

Manual: https://www.postgresql.org/docs/current/sql-altertable.html (SET SCHEMA takes indexes, constraints and owned sequences along).
What Arrow has no type for comes and goes as the text of its type's own functions.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, ClassVar

import psycopg
import pyarrow as pa
import sqlalchemy as sa

from penstock.databases import (
    AccessRequest,
    Blocker,
    Database,
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
    execute,
)
from penstock.databases._shared import ansi, column_checks, dialects, keepalive, long_values
from penstock.databases._shared.ansi import literal, qualified, quoted
from penstock.databases.change_log import ChangeLog, ChangeTarget
from penstock.databases.postgresql import (
    beyond_types,
    catalogue,
    copy,
    definition,
    faults,
    locks,
    named_types,
    objects,
    partitions,
    references,
    rows,
    server,
    sessions,
    types,
)
from penstock.databases.postgresql.live.log import Log
from penstock.databases.postgresql.live.merge import Target
from penstock.databases.postgresql.types import TYPES
from penstock.errors import MigrationError, Problem
from penstock.model.schema import BINARIES, INTEGERS, TEXTS, WORDED, Column, Numbering, Table, TableName, Type
from penstock.runtime.memory import USUAL, Room

# Compared by the bytes of their text. A uuid's own order is that of its text already, and keeps its index.
_BYTEWISE = TEXTS - {"uuid"}
# Read by their texts; whose binary form is the text already, needs no cast.
_AS_TEXT = TEXTS | WORDED | {"unsupported"}
_SENT_AS_TEXT = re.compile(r"text|json|(?:character varying|varchar)(?:\(\d+\))?")
# Its parts, as whole numbers: of servers before 14 they are doubles, in which the microseconds of a long one have no room.
_INTERVAL = (
    "(extract(year FROM {0})::bigint * 12 + extract(month FROM {0})::bigint) || ' months ' || extract(day FROM {0})::bigint || ' days '"
    " || (extract(hour FROM {0})::bigint * 3600000000 + extract(minute FROM {0})::bigint * 60000000"
    " + extract(microseconds FROM {0})::bigint) || ' microseconds'"
)

# SET SCHEMA moves a partitioned table without its partitions. Those of each table go where it went, in the order of the moves.
_PARTITIONS_FOLLOW = """DO $penstock$ DECLARE root regclass; part regclass; home text; BEGIN
  FOREACH root IN ARRAY ARRAY[{}]::regclass[] LOOP
    FOR part, home IN SELECT t.relid, n.nspname FROM pg_partition_tree(root) t JOIN pg_class p ON p.oid = t.relid
      JOIN pg_class r ON r.oid = root JOIN pg_namespace n ON n.oid = r.relnamespace WHERE p.relnamespace <> r.relnamespace
    LOOP EXECUTE format('ALTER TABLE %s SET SCHEMA %I', part, home); END LOOP;
  END LOOP;
END $penstock$"""

_SESSION = {
    "TimeZone": "UTC",
    "DateStyle": "ISO",
    "IntervalStyle": "postgres",
    "bytea_output": "hex",
    "client_encoding": "UTF8",
    "extra_float_digits": "3",
    "standard_conforming_strings": "on",
    "maintenance_work_mem": "256MB",  # indexes are built over loaded tables; of all statements only such use it
    "jit": "off",  # what it compiles for a chunk takes longer than it saves
    "row_security": "off",  # an error, where a policy would hide rows
}


class PostgreSQL(Database):
    """PostgreSQL 12 and newer."""

    label = "PostgreSQL"
    drivername = "postgresql+psycopg"
    aliases = ("postgres",)
    url_form = "postgresql://user@host:5432/database"
    type_table = TYPES
    oldest: ClassVar = {"PostgreSQL": (12,)}
    max_identifier = 63
    has_schemas = True
    own_names = frozenset({"foreign key", "check"})
    dialect = "postgresql"
    expression_rules = ExpressionRules("postgres", exact_collations=".*")
    index_keywords: ClassVar = {o: f"postgresql_{o}" for o in ("where", "include", "nulls_not_distinct", "using", "with")}
    table_features = frozenset(
        {"check", "comment", "partial index", "expression index", "stored", "numbering", "deferrable", "match full", "restrict"}
        | {"unlogged", "replica identity", "exclusion", "storage", "counter", "unique constraint"}
    )
    since: ClassVar = {
        "compression": {"PostgreSQL": (14,)},
        "nulls not distinct": {"PostgreSQL": (15,)},
        "set columns": {"PostgreSQL": (15,)},
        "virtual": {"PostgreSQL": (18,)},
        "without overlaps": {"PostgreSQL": (18,)},
        "not enforced": {"PostgreSQL": (18,)},
        "not null not valid": {"PostgreSQL": (18,)},
    }
    kept_types = (
        r"character\(\d+\)|bpchar|(?:time|timestamp)\(\d\) with(?:out)? time zone|interval(?: [a-z ]+)?(?:\(\d\))?|character varying"
        r"|numeric\(\d+,-?\d+\)"
    )
    type_synonyms: ClassVar = {
        "varchar": "character varying",
        "timestamptz": "timestamp with time zone",
        "timestamp": "timestamp without time zone",
        "timetz": "time with time zone",
        "time": "time without time zone",
    }
    types_with_invalid_values = frozenset({"date", "time", "timestamp", "timestamptz", "decimal"})  # infinity, BC, 24:00, NaN
    snapshot = "run"
    ddl_in_transaction = True
    savepoints = True
    clock = "extract(epoch FROM clock_timestamp())"
    parallel_writers = True
    ordered_keys = True
    row_place = "ctid"
    keys_after_load = True
    secondary_indexes = True
    foreign_keys = True
    follows_renames = True
    keep_numbers = " OVERRIDING SYSTEM VALUE"
    exchange: ClassVar[Exchange | None] = partitions
    change_log: ClassVar[ChangeLog | None] = Log()
    change_target: ClassVar[ChangeTarget | None] = Target()
    driver_copies = (0, 0)

    # ---- names and types

    def shadow(self, live: TableName, migration: str, token: str = "") -> TableName:
        return TableName(live.name, ansi.fitted(f"penstock_new_{migration}" + (f"_{token}" if token else ""), self.max_identifier))

    def kept(self, live: TableName, migration: str, token: str) -> TableName:
        return TableName(live.name, ansi.fitted(f"penstock_old_{migration}_{token}", self.max_identifier))

    def default_words(self, default: str, type: Type) -> str | None:
        return f"'\\x{default[1:]}'" if default.startswith("x") else super().default_words(default, type)

    def native(self, type: Type, identity: bool = False) -> str:
        written = super().native(type)
        if not identity or type.name not in INTEGERS:
            return written
        # Only whole numbers of PostgreSQL's own are numbered: of uint64, what exceeds bigint is refused at load.
        return ("bigint" if type.name == "uint64" else written) + " GENERATED BY DEFAULT AS IDENTITY"

    def column_checks(self, column: Column) -> list[Refusal]:
        kind = column.type
        checks = [column_checks.nul(self.label)] if kind.arrow == pa.string() else []
        if kind.length and kind.name == "string" and self.native(kind).startswith("varchar("):
            checks.append(column_checks.longer(kind.length))
        if kind.name == "enum":
            checks.append(column_checks.unlabelled(kind.labels))
        if kind.name == "uuid":
            checks.append(column_checks.unlike_uuid())
        if kind.name in ("date", "timestamp", "timestamptz"):
            checks.append(column_checks.outside(copy.FIRST, copy.LAST, "before the year 1, or beyond 9999"))
        if kind.name == "uint64" and column.identity:
            checks.append(column_checks.above(2**63 - 1))
        return checks

    # ---- expressions

    def read_expression(self, column: Column) -> str:
        name = quoted(column.name)
        if column.type.name == "interval":
            return _INTERVAL.format(name)
        if column.type.name == "inet":  # its cast to text shows all bits of a network, what it writes does not
            return f"nullif(format('%s', {name}), '')"
        if column.type.name in ("money", "uint64"):  # the text of money is the locale's; a numbered uint64 is a bigint
            return f"{name}::numeric"
        if _SENT_AS_TEXT.fullmatch(column.native) or copy.padded(column):  # a cast costs as much as all else of a column
            return name
        return f"{name}::text" if column.type.name in _AS_TEXT else name

    def key_expression(self, column: Column) -> str:
        name = quoted(column.name)
        return f"convert_to({name}::text, 'UTF8')" if column.type.name in _BYTEWISE else name

    def key_literal(self, value: int | str, column: Column) -> str:
        if isinstance(value, int):
            return str(value)
        if column.type.name in _BYTEWISE:
            return f"'\\x{value.encode().hex()}'::bytea"
        if column.type.name in BINARIES:
            return f"'\\x{value}'::bytea"
        return f"{literal(value)}::{self.native(column.type)}"

    def key_value(self, column: Column) -> str:
        name = quoted(column.name)
        if column.type.name in BINARIES:
            return f"encode({name}, 'hex')"
        # with the column's own name, the text would be what ORDER BY "name" sorts by
        return name if column.type.name in INTEGERS - {"uint64"} else f"{name}::text || ''"

    def moment_literal(self, moment: str, column: Column) -> str:
        return f"{literal(moment)}::{self.native(column.type)}"  # the session's zone is UTC

    def byte_length(self, column: Column) -> str:
        name = quoted(column.name)
        if not long_values.may_be_long(column) or copy.padded(column):
            return ""
        if column.native == "bytea" or (column.type.name == "string" and _SENT_AS_TEXT.fullmatch(column.native)):
            return f"octet_length({name})"  # known without the value
        # computed only where it is not short, and so has left its row
        return f"CASE WHEN pg_column_size({name}) > 2000 THEN octet_length({self.read_expression(column)}) END"

    # ---- statements

    def table_options(self, table: Table) -> str:
        return f" WITH ({', '.join(table.options)})" if table.options else ""

    def schemas(self, names: Iterable[TableName]) -> list[str]:
        return [self.create_schema(s) for s in dict.fromkeys(n.schema for n in names) if s is not None]

    def moves(self, moves: Sequence[Move]) -> list[str]:
        statements, across = [], []
        for old, new in moves:
            if new.schema is None and old.schema is not None:
                raise MigrationError(f"{old} can't move to a table without a schema", where=str(new), fix="name the target's schema")
            if old.schema != new.schema and new.schema is not None:
                statements.append(f"ALTER TABLE {qualified(old)} SET SCHEMA {quoted(new.schema)}")
                across.append(literal(qualified(new)))
            if old.name != new.name:
                statements.append(f"ALTER TABLE {qualified(TableName(old.name, new.schema))} RENAME TO {quoted(new.name)}")
        return [*statements, _PARTITIONS_FOLLOW.format(", ".join(across))] if across else statements

    def drops(self, names: Sequence[TableName]) -> list[str]:
        if not names:
            return []
        emptied = dict.fromkeys(n.schema for n in names if n.schema and n.schema.startswith(("penstock_old_", "penstock_new_")))
        quietly = "DO $$ BEGIN DROP SCHEMA IF EXISTS {}; EXCEPTION WHEN dependent_objects_still_exist THEN NULL; END $$"
        # one statement, since foreign keys among them may form a circle
        together = f"DROP TABLE IF EXISTS {', '.join(qualified(n) for n in names)}"
        return [together, *(quietly.format(quoted(schema)) for schema in emptied)]

    def hold(self, shadows: Sequence[TableName], patience: int, live: Sequence[TableName] = ()) -> list[str]:
        return locks.hold(shadows, patience, live)

    def briefly(self, statements: Sequence[str]) -> list[str]:
        return locks.briefly(statements)

    def wait_at_most(self, seconds: int) -> list[str]:
        return [f"SET LOCAL lock_timeout = '{seconds}s'"]

    def renumber(self, table: Table, name: TableName) -> list[str]:
        place = literal(qualified(name))
        return [_renumbered(c, place, qualified(name)) for c in table.columns if c.identity]

    # ---- verbs

    def engine(self, url: sa.URL) -> sa.Engine:
        url = url.set(drivername=self.drivername)
        made = sa.create_engine(url, poolclass=sa.pool.NullPool, connect_args=keepalive.absent(url))
        dialects.read_as_text(made.dialect, types.UNKNOWN)
        settings = ", ".join(f"set_config('{name}', '{value}', false)" for name, value in _SESSION.items())

        @sa.event.listens_for(made, "connect")
        def _session(connection: sa.engine.interfaces.DBAPIConnection, _: object) -> None:
            cursor = connection.cursor()
            cursor.execute(f"SELECT {settings}")
            cursor.close()
            connection.commit()

        return made

    def mark_session(self, session: Any, mark: str) -> None:
        sessions.mark(session, mark)

    def end_sessions(self, connection: sa.Connection, mark: str) -> int:
        return sessions.end(connection, mark)

    def version(self, connection: sa.Connection) -> str:
        return f"PostgreSQL {str(execute(connection, 'SHOW server_version').scalar_one()).split()[0]}"

    def begin_snapshot(self, connection: sa.Connection, *others: sa.Connection) -> bool:
        execute(connection, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        taken = str(execute(connection, "SELECT pg_export_snapshot()").scalar_one()) if others else ""
        execute(connection, "SELECT 1")  # the first statement takes the snapshot
        for other in others:
            execute(other, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            execute(other, f"SET TRANSACTION SNAPSHOT {literal(taken)}")
        return True

    def inspect(self, connection: sa.Connection, schema: str | None, only: Sequence[str] | None = None) -> list[Table]:
        return catalogue.inspect(connection, schema, only)

    def beyond_types(self, connection: sa.Connection, name: TableName, columns: Sequence[Column], seconds: float) -> frozenset[str]:
        return beyond_types.read(connection, name, columns, seconds)

    def named_types(self, connection: sa.Connection) -> dict[str, str]:
        return named_types.read(connection)

    def why_other_form(self, column: Column, server: Server) -> str:
        if column.named_type:
            return f"there is no type {column.named_type} with the same definition here, create it first to keep it"
        if column.type.name == "money":
            return "what money means depends on the server's locale"
        return super().why_other_form(column, server)

    def left_behind(self, connection: sa.Connection, schema: str | None) -> list[tuple[str, str]]:
        return objects.left_behind(connection, schema)

    def cuts(self, connection: sa.Connection, name: TableName, pieces: int) -> list[str]:
        # Newer servers read a range of pages as such; before 14 each would be a scan of the table.
        asked = "current_setting('server_version_num')::int, current_setting('block_size')::int"
        version, block, size = execute(connection, f"SELECT {asked}, pg_relation_size({literal(qualified(name))}::regclass)").one()
        pages = size // block if version >= 140_000 else 0
        return [f"'({page},0)'::tid" for page in sorted({pages * n // pieces for n in range(1, pieces)} - {0})]

    def set_aside(self, connection: sa.Connection, schema: str | None) -> list[SetAside]:
        return catalogue.set_aside(connection, schema)

    def dependents(self, connection: sa.Connection, tables: Sequence[TableName]) -> list[Dependent]:
        return catalogue.dependents(connection, tables)

    def links(self, connection: sa.Connection, tables: Sequence[TableName]) -> list[Link]:
        return references.links(connection, tables)

    def unbind(self, connection: sa.Connection, tables: Sequence[TableName]) -> ForeignKeySuspension:
        return references.unbind(connection, tables)

    def preflight(self, connection: sa.Connection, use: AccessRequest) -> list[Problem]:
        return server.preflight(connection, use, _SESSION)

    def extension_remedy(self, connection: sa.Connection, name: str) -> tuple[str, str]:
        return server.extension_remedy(connection, name)

    def sizes(self, connection: sa.Connection, tables: Sequence[Table]) -> dict[str, Size]:
        return server.sizes(connection, tables)

    def locks(self, connection: sa.Connection, reach: Reach) -> list[str]:
        return locks.needed(connection, reach)

    def blockers(self, connection: sa.Connection, reach: Reach) -> list[Blocker]:
        return locks.blockers(connection, reach)

    def end_session(self, blocker: Blocker) -> str:
        return f"SELECT pg_terminate_backend({blocker.session})"

    def read(self, connection: sa.Connection, select: str, columns: Sequence[Column], room: Room = USUAL) -> Iterator[pa.RecordBatch]:
        return rows.read(connection, select, columns, room)

    def write(self, connection: sa.Connection, name: TableName, columns: Sequence[Column], batches: Iterable[pa.RecordBatch]) -> None:
        rows.write(connection, name, columns, batches)

    def seal(self, connection: sa.Connection, name: TableName) -> str | None:
        # xmin is the transaction that wrote the row; they only grow, so a change that keeps the count raises the sum
        marks = "count(*) || ':' || coalesce(sum(xmin::text::bigint), 0)"
        return str(execute(connection, f"SELECT {marks} FROM {qualified(name)}").scalar_one())

    def definition(self, connection: sa.Connection, name: TableName) -> dict[str, str]:
        return definition.read(connection, name)

    def classify(self, error: sa.exc.DBAPIError) -> Failure:
        return faults.classify(error)

    def words(self, error: sa.exc.DBAPIError) -> str:
        diagnosis = error.orig.diag if isinstance(error.orig, psycopg.Error) else None
        said = [diagnosis.message_primary, diagnosis.message_detail] if diagnosis else []
        return ": ".join(filter(None, said)) or super().words(error)

    def cut_short(self, error: sa.exc.DBAPIError) -> bool:
        return self.lock_refused(error) or isinstance(error.orig, psycopg.errors.QueryCanceled)

    def broken_key(self, error: sa.exc.DBAPIError) -> str | None:
        return error.orig.diag.constraint_name if isinstance(error.orig, psycopg.errors.ForeignKeyViolation) else None


def _renumbered(column: Column, place: str, table: str) -> str:
    """The next number is above the last row's, or where the source had got to when that is further."""
    numbering = column.numbering or Numbering()
    first = numbering.start if numbering.next is None else numbering.next
    last = f"{'max' if numbering.step > 0 else 'min'}({quoted(column.name)})"
    begun = f"{last} {'>=' if numbering.step > 0 else '<='} {first}"
    serial = f"pg_get_serial_sequence({place}, {literal(column.name)})"
    return f"SELECT setval({serial}, CASE WHEN {begun} THEN {last} ELSE {first} END, coalesce({begun}, false)) FROM {table}"


DATABASE = PostgreSQL()
