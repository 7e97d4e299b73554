"""SQLite: one file, values typed one by one, DDL inside transactions.

Manual: https://www.sqlite.org/lang_altertable.html (a renamed table keeps its indexes; with legacy_alter_table the
foreign keys of other tables keep their names for it), https://www.sqlite.org/datatype3.html (affinity).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import ClassVar

import pyarrow as pa
import sqlalchemy as sa

from penstock.databases import AccessRequest, Database, Dependent, ExpressionRules, Failure, Move, Refusal, SetAside, Size, execute
from penstock.databases._shared import column_checks, long_values
from penstock.databases._shared.ansi import literal, qualified, quoted
from penstock.databases.sqlite import catalogue, definition, file, load, rows, session, types
from penstock.databases.sqlite.types import TYPES
from penstock.errors import Problem
from penstock.model.schema import BINARIES, INTEGERS, TEXTS, Column, Table, TableName, Type
from penstock.runtime.memory import USUAL, Room

_STRICT = re.compile(r"(?i)INT|INTEGER|REAL|TEXT|BLOB|ANY")  # the types that a STRICT table can have


class SQLite(Database):
    """A SQLite file."""

    label = "SQLite"
    drivername = "sqlite"
    url_form = "sqlite:////path/to/file"
    type_table = TYPES
    oldest: ClassVar = {"SQLite": (3, 33)}
    embedded = True
    max_identifier = 1000
    own_names = frozenset({"foreign key", "check"})
    shared_names = frozenset({"index"})
    refused_names = "(?i)^sqlite_"
    folds_tables = True
    dialect = "sqlite"
    expression_rules = ExpressionRules(
        "sqlite", like_case_sensitive=False, exact_decimals=False, unicode_case=False, wide_integers=True, date_type=False
    )
    index_keywords: ClassVar = {"where": "sqlite_where"}
    table_features = frozenset({"check", "partial index", "expression index", "stored", "virtual", "deferrable", "restrict"})
    kept_types = (
        r"(?i)\w*INT\w*|TEXT|CLOB|BLOB|\w*CHAR(?:\(\d+\))?|REAL|DOUBLE(?: PRECISION)?|FLOAT|BOOL|JSON|UUID"
        r"|(?:DATETIME|TIMESTAMP)(?:\(\d\))?|NUMERIC|DECIMAL|NUMBER|NUMERIC\((?:\d|1[0-5])(?:, *\d+)?\)"
    )
    # any column holds any value
    types_with_invalid_values = INTEGERS | {"boolean", "decimal", "number", "float64", "date", "time", "timestamp", "timestamptz"}
    snapshot = "run"
    ddl_in_transaction = True
    savepoints = True
    ordered_keys = True
    secondary_indexes = True
    foreign_keys = True
    driver_copies = (1, 2)

    # ---- names and types

    def folded(self, name: str) -> str:
        return "".join(c.lower() if c.isascii() else c for c in name)

    def canonical(self, native: str) -> Type:
        return types.canonical(native)

    def native(self, type: Type, identity: bool = False) -> str:
        return "INTEGER" if identity else super().native(type)

    def numbers(self, column: Column, table: Table) -> bool:
        """Only an INTEGER PRIMARY KEY is numbered."""
        return table.primary_key == (column.name,)

    def column_checks(self, column: Column) -> list[Refusal]:
        kind = column.type
        checks: list[Refusal] = []
        if kind.name in ("float32", "float64"):
            checks.append(column_checks.not_a_number("NaN, which would be stored as NULL"))
        if kind.name in load.MOMENTS:
            checks.append(column_checks.outside(load.FIRST, load.LAST, "a year of other than four digits"))
        if kind.name == "enum":
            checks.append(column_checks.unlabelled(kind.labels))
        return checks

    # ---- expressions

    def read_expression(self, column: Column) -> str:
        name = quoted(column.name)
        if column.type.name != "unsupported":
            return name
        # cast to text, a real would have fifteen digits; a blob is left one, and refused
        real, blob = f"WHEN 'real' THEN printf('%!.17g', {name})", f"WHEN 'blob' THEN {name}"
        return f"CASE typeof({name}) {real} {blob} ELSE CAST({name} AS TEXT) END"

    def shown_expression(self, column: Column) -> str:
        name = quoted(column.name)
        return f"CASE typeof({name}) WHEN 'blob' THEN char(88, 39) || hex({name}) || char(39) ELSE CAST({name} AS TEXT) END"

    def misfits(self, column: Column) -> str:
        kind = "blob" if column.type.name in BINARIES else "text" if column.type.name in TEXTS else ""
        return f"typeof({quoted(column.name)}) NOT IN ('{kind}', 'null')" if kind else ""

    def correction(self, name: TableName, column: Column) -> str:
        own, binary = quoted(column.name), column.type.name in BINARIES
        there = self.misfits(column) if binary else f"typeof({own}) = 'blob'"
        value = f"CAST({own} AS BLOB)" if binary else f"hex({own})" if column.type.name in TEXTS else "NULL"
        return f"UPDATE {qualified(name)} SET {own} = {value} WHERE {there}"

    def key_expression(self, column: Column) -> str:
        return f"CAST({quoted(column.name)} AS BLOB)" if column.type.name in TEXTS else quoted(column.name)

    def key_literal(self, value: int | str, column: Column) -> str:
        if isinstance(value, int):
            return str(value)
        if column.type.name == "decimal" and (column.type.precision or 0) <= 15:
            return f"CAST('{value}' AS NUMERIC)"
        return f"X'{value.encode().hex()}'" if column.type.name in TEXTS else literal(value)

    def key_value(self, column: Column) -> str:
        return quoted(column.name) if column.type.name in INTEGERS else f"CAST({quoted(column.name)} AS TEXT)"

    def moment(self, column: Column) -> str:
        # SQLite's own functions round to milliseconds: of a time only the whole seconds are handed to them, and the offset
        name = quoted(column.name)
        if column.type.name == "date":
            return f"substr({name}, 1, 10)"
        if column.type.name == "timestamp":
            return f"datetime(substr({name}, 1, 19))"
        offset = f"CASE WHEN substr({name}, -6) GLOB '[+-][0-9][0-9]:[0-9][0-9]' THEN substr({name}, -6) ELSE '' END"
        return f"datetime(substr({name}, 1, 19) || {offset})"

    def moment_literal(self, moment: str, column: Column) -> str:
        return literal(moment)

    def byte_length(self, column: Column) -> str:
        # known without the value; of a text its characters are counted, in any other case
        return f"length({quoted(column.name)})" if long_values.may_be_long(column) else ""

    # ---- statements

    def table_options(self, table: Table) -> str:
        return f" {', '.join(table.options)}" if table.options else ""

    def refused_options(self, table: Table) -> dict[str, str]:
        refused = {}
        known = [c for c in table.columns if c.kept or c.type.name != "unsupported"]  # the check `types` reports the others
        if other := [c.name for c in known if not _STRICT.fullmatch(c.kept or self.native(c.type, c.identity))]:
            refused["STRICT"] = f"a step gives {', '.join(other)} a type that such a table can't have"
        if not table.primary_key:
            refused["WITHOUT ROWID"] = "the table has no primary key here"
        return refused

    def renumber(self, table: Table, name: TableName) -> list[str]:
        # Loading a number sets the last one; where the source had got further, so does this.
        own = literal(name.name)
        lasts = [c.numbering.next - 1 for c in table.columns if c.numbering and c.numbering.unique and c.numbering.next]
        missing = f"WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = {own})"
        return [
            statement
            for last in lasts
            for statement in (
                f"UPDATE sqlite_sequence SET seq = {last} WHERE name = {own} AND seq < {last}",
                f"INSERT INTO sqlite_sequence (name, seq) SELECT {own}, {last} {missing}",
            )
        ]

    def moves(self, moves: Sequence[Move]) -> list[str]:
        renames = [f"ALTER TABLE {qualified(old)} RENAME TO {quoted(new.name)}" for old, new in moves]
        return ["PRAGMA legacy_alter_table = ON", *renames, "PRAGMA legacy_alter_table = OFF"]

    def wait_at_most(self, seconds: int) -> list[str]:
        return [f"PRAGMA busy_timeout = {seconds * 1000}"]

    # ---- verbs

    def engine(self, url: sa.URL) -> sa.Engine:
        return session.engine(url)

    def version(self, connection: sa.Connection) -> str:
        return f"SQLite {execute(connection, 'SELECT sqlite_version()').scalar_one()}"

    def begin_snapshot(self, connection: sa.Connection, *others: sa.Connection) -> bool:
        return session.begin_snapshot(connection, *others)

    def inspect(self, connection: sa.Connection, schema: str | None, only: Sequence[str] | None = None) -> list[Table]:
        return catalogue.inspect(connection, schema, only)

    def left_behind(self, connection: sa.Connection, schema: str | None) -> list[tuple[str, str]]:
        return catalogue.left_behind(connection, schema)

    def set_aside(self, connection: sa.Connection, schema: str | None) -> list[SetAside]:
        return catalogue.set_aside(connection)

    def dependents(self, connection: sa.Connection, tables: Sequence[TableName]) -> list[Dependent]:
        return catalogue.dependents(connection, tables)

    def preflight(self, connection: sa.Connection, use: AccessRequest) -> list[Problem]:
        return file.preflight(connection, use)

    def sizes(self, connection: sa.Connection, tables: Sequence[Table]) -> dict[str, Size]:
        return file.sizes(connection, tables)

    def read(self, connection: sa.Connection, select: str, columns: Sequence[Column], room: Room = USUAL) -> Iterator[pa.RecordBatch]:
        driver = session.driver(connection)
        if handle := session.handle(connection):
            yield from rows.compiled(driver, handle, select, columns, room.batch)
        else:
            yield from rows.plain(driver, select, columns, room.batch)

    def write(self, connection: sa.Connection, name: TableName, columns: Sequence[Column], batches: Iterable[pa.RecordBatch]) -> None:
        load.write(connection, name, columns, batches)

    def definition(self, connection: sa.Connection, name: TableName) -> dict[str, str]:
        return definition.read(connection, name)

    def classify(self, error: sa.exc.DBAPIError) -> Failure:
        return session.meant(error.orig)


DATABASE = SQLite()
