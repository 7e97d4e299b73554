"""DuckDB: one file, one writing process, Arrow in and out without a copy.

Manual: https://duckdb.org/docs/stable/sql/statements/alter_table (a table with a secondary index or a foreign
key on it can't be renamed, so neither is made here; unique constraints are).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import ClassVar

import pyarrow as pa
import sqlalchemy as sa

from penstock.databases import AccessRequest, Database, Dependent, ExpressionRules, Failure, Move, Refusal, Size, execute
from penstock.databases._shared import column_checks, long_values
from penstock.databases._shared.ansi import qualified, quoted
from penstock.databases.duckdb import catalogue, definition, file, lists, rows, session, types
from penstock.databases.duckdb.types import TYPES
from penstock.errors import Problem
from penstock.model.schema import TEXTS, Column, Table, TableName, Type
from penstock.runtime.memory import USUAL, Room

_AS_TEXT = frozenset({"unsupported", "uuid", "json", "jsonb", "enum", "int128", "uint128", "number", "timetz", "bits", "varbits"})
_NESTED = ("STRUCT", "MAP", "UNION", "VARIANT")
_INTERVAL = (
    "(datepart('year', {0}) * 12 + datepart('month', {0})) || ' months ' || datepart('day', {0}) || ' days '"
    " || (datepart('hour', {0}) * 3600000000 + datepart('minute', {0}) * 60000000 + datepart('microsecond', {0})) || ' microseconds'"
)
_INTEGERS = {pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()}


class DuckDB(Database):
    """A DuckDB file."""

    label = "DuckDB"
    drivername = "duckdb"
    url_form = "duckdb:////path/to/file"
    type_table = TYPES
    oldest: ClassVar = {"DuckDB": (1, 2)}
    embedded = True
    max_identifier = 1000
    has_schemas = True
    own_names = frozenset({"index", "foreign key", "check"})
    folds_tables = True
    dialect = "duckdb"
    expression_rules = ExpressionRules("duckdb")
    table_features = frozenset({"check", "comment", "virtual"})
    types_with_invalid_values = frozenset({"date", "timestamp", "timestamptz", "time"})  # infinity, nanoseconds
    snapshot = "run"
    ddl_in_transaction = True
    keys_after_load = True
    follows_renames = True
    more_memory = rows.MORE_MEMORY
    driver_copies = (2, 2)
    vector_rows = 2048  # and at a checkpoint so many of each column, at least

    def default_words(self, default: str, type: Type) -> str | None:
        if default.startswith("x"):
            return "'" + "".join(f"\\x{default[n : n + 2].upper()}" for n in range(1, len(default), 2)) + "'::BLOB"
        return "CAST(current_time AS TIME)" if default == "time" else super().default_words(default, type)

    # ---- names and types

    def folded(self, name: str) -> str:
        return "".join(c.lower() if c.isascii() else c for c in name)

    def canonical(self, native: str) -> Type:
        return types.canonical(native)

    def column_checks(self, column: Column) -> list[Refusal]:
        if column.type.name == "enum":
            return [column_checks.unlabelled(column.type.labels)]
        return [column_checks.unlike_uuid()] if column.type.name == "uuid" else []

    # ---- expressions

    def read_expression(self, column: Column) -> str:
        name = quoted(column.name)
        if column.type.name == "unsupported" and column.native.startswith(_NESTED) | column.native.endswith("]"):
            return f"CAST(to_json({name}) AS VARCHAR)"
        if column.type.name == "interval":
            return _INTERVAL.format(name)
        if column.type.element and column.native.endswith("]"):
            return lists.to_text(name, column.type.element)
        return f"CAST({name} AS VARCHAR)" if column.type.name in _AS_TEXT else name

    def key_expression(self, column: Column) -> str:
        return f"encode(CAST({quoted(column.name)} AS VARCHAR))" if column.type.name in TEXTS else quoted(column.name)

    def key_literal(self, value: int | str, column: Column) -> str:
        if isinstance(value, int):
            return str(value)
        return f"from_hex('{value.encode().hex()}')" if column.type.name in TEXTS else f"CAST('{value}' AS {self.native(column.type)})"

    def key_value(self, column: Column) -> str:
        return quoted(column.name) if column.type.arrow in _INTEGERS else f"CAST({quoted(column.name)} AS VARCHAR)"

    def moment_literal(self, moment: str, column: Column) -> str:
        offset = "+00" if column.type.name == "timestamptz" else ""
        return f"CAST('{moment}{offset}' AS {self.native(column.type)})"

    def byte_length(self, column: Column) -> str:
        if not long_values.may_be_long(column):
            return ""
        return f"octet_length({quoted(column.name)})" if column.native == "BLOB" else f"strlen({self.read_expression(column)})"

    # ---- statements

    def limit_memory(self, memory: int) -> list[str]:
        return [f"SET memory_limit = '{memory} bytes'"] if memory else [self.more_memory]

    def moves(self, moves: Sequence[Move]) -> list[str]:
        return [f"ALTER TABLE {qualified(old)} RENAME TO {quoted(new.name)}" for old, new in moves]

    # ---- verbs

    def engine(self, url: sa.URL) -> sa.Engine:
        return session.engine(url)

    def version(self, connection: sa.Connection) -> str:
        return f"DuckDB {execute(connection, 'SELECT version()').scalar_one()}"

    def begin_snapshot(self, connection: sa.Connection, *others: sa.Connection) -> bool:
        execute(connection, "SELECT 1 FROM duckdb_tables() LIMIT 0")  # SQLAlchemy's transaction has begun; this takes its snapshot
        return not others

    def inspect(self, connection: sa.Connection, schema: str | None, only: Sequence[str] | None = None) -> list[Table]:
        return catalogue.inspect(connection, schema, only)

    def left_behind(self, connection: sa.Connection, schema: str | None) -> list[tuple[str, str]]:
        return catalogue.left_behind(connection, schema)

    def dependents(self, connection: sa.Connection, tables: Sequence[TableName]) -> list[Dependent]:
        return catalogue.dependents(connection, tables)

    def preflight(self, connection: sa.Connection, use: AccessRequest) -> list[Problem]:
        return file.preflight(connection, use)

    def sizes(self, connection: sa.Connection, tables: Sequence[Table]) -> dict[str, Size]:
        return file.sizes(connection, tables)

    def read(self, connection: sa.Connection, select: str, columns: Sequence[Column], room: Room = USUAL) -> Iterator[pa.RecordBatch]:
        return rows.read(connection, select, columns)

    def write(self, connection: sa.Connection, name: TableName, columns: Sequence[Column], batches: Iterable[pa.RecordBatch]) -> None:
        rows.write(connection, name, columns, batches)

    def seal(self, connection: sa.Connection, name: TableName) -> str | None:
        row = execute(connection, f"SELECT count(*), sum(hash(t)::HUGEINT) FROM {qualified(name)} AS t").one()
        return f"{row[0]}:{row[1]}"

    def definition(self, connection: sa.Connection, name: TableName) -> dict[str, str]:
        return definition.read(connection, name)

    def classify(self, error: sa.exc.DBAPIError) -> Failure:
        return session.meant(error.orig)

    def matches(self, text: sa.ColumnElement[str], pattern: str) -> sa.ColumnElement[bool]:
        return sa.func.regexp_matches(text, pattern)  # its ~ wants the whole value to match


DATABASE = DuckDB()
