"""What DuckDB's catalogue says of the tables of a file, and of what depends on them."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

import sqlalchemy as sa

from penstock.databases import Dependent, execute
from penstock.databases._shared import create_table_parser, inspection
from penstock.databases._shared.ansi import literal
from penstock.databases.duckdb.types import canonical
from penstock.model.schema import Check, Column, Index, Part, Table, TableName


def inspect(connection: sa.Connection, schema: str | None, only: Sequence[str] | None = None) -> list[Table]:
    """The tables of a schema, as `Database.inspect` promises."""
    where = f"schema_name = {'current_schema()' if schema is None else literal(schema)} AND database_name = current_database()"
    types = {
        (row[0], row[1]): row[2]
        for row in execute(connection, f"SELECT table_name, column_name, data_type FROM duckdb_columns() WHERE {where}")
    }
    indexes = _indexes(connection, where)
    found = inspection.tables(connection, schema, canonical, types, only, indexes=indexes, as_bytes=_as_bytes)
    made = {row[0]: row[1:] for row in execute(connection, f"SELECT table_name, sql, comment FROM duckdb_tables() WHERE {where}")}
    told = f"SELECT table_name, column_name, comment FROM duckdb_columns() WHERE comment IS NOT NULL AND {where}"
    comments = {(row[0], row[1]): row[2] for row in execute(connection, told)}
    return [_dressed(t, made[t.name.name][0], made[t.name.name][1], comments) for t in found]


def _as_bytes(text: str) -> bytes | None:
    """The bytes of a BLOB as DuckDB writes it: a byte that is no ASCII character as \\xFF."""
    if not re.fullmatch(r"(?:\\x[0-9a-fA-F]{2}|[^\\])*", text) or not text.isascii():
        return None
    return re.sub(rb"\\x([0-9a-fA-F]{2})", lambda match: bytes.fromhex(match[1].decode()), text.encode())


def _indexes(connection: sa.Connection, where: str) -> dict[str, list[Index]]:
    """Unique constraints, then indexes, which are read from what DuckDB writes of them."""
    found: dict[str, list[Index]] = defaultdict(list)
    unique = "SELECT table_name, constraint_name, constraint_column_names FROM duckdb_constraints() WHERE constraint_type = 'UNIQUE'"
    for table, name, columns in execute(connection, f"{unique} AND {where}"):
        found[table].append(Index(name or f"uq_{table}_{'_'.join(columns)}", tuple(columns), unique=True))
    for table, name, repeated, sql in execute(
        connection, f"SELECT table_name, index_name, is_unique, sql FROM duckdb_indexes() WHERE {where}"
    ):
        parts = [create_table_parser.tokens(p) for p in create_table_parser.index(sql)[0]]
        if all(len(p) == 1 and p[0].kind in ("name", "word") for p in parts):
            found[table].append(Index(name, tuple(p[0].value for p in parts), repeated))
        else:
            found[table].append(Index(name, (), repeated, tuple(Part(expression=p) for p in create_table_parser.index(sql)[0])))
    return found


def _dressed(table: Table, sql: str, comment: str | None, comments: Mapping[tuple[str, str], str]) -> Table:
    """`table` with what its CREATE TABLE says: checks, generated columns, collations; and its comments."""
    columns, checks = create_table_parser.table(sql)
    said = {c.name: c for c in columns}

    def dressed(column: Column) -> Column:
        own = said[column.name]
        made = replace(column, comment=comments.get((table.name.name, column.name), ""), collation=own.collation)
        return replace(made, default=None, expression="", generated=own.generated, stored=False) if own.generated else made

    made = tuple(map(dressed, table.columns))
    return replace(table, columns=made, dialect="duckdb", checks=tuple(Check(n, e) for n, e in checks), comment=comment or "")


def left_behind(connection: sa.Connection, schema: str | None) -> list[tuple[str, str]]:
    home = "current_schema()" if schema is None else literal(schema)
    asked = {
        "view": f"SELECT view_name FROM duckdb_views() WHERE NOT internal AND schema_name = {home}",
        "sequence": f"SELECT sequence_name FROM duckdb_sequences() WHERE schema_name = {home}",
        "macro": f"SELECT DISTINCT function_name FROM duckdb_functions() WHERE NOT internal AND schema_name = {home}",
        "type": f"SELECT type_name FROM duckdb_types() WHERE NOT internal AND schema_name = {home}",
    }
    here = " AND database_name = current_database() ORDER BY 1"
    return [(kind, row[0]) for kind, query in asked.items() for row in execute(connection, query + here)]


def dependents(connection: sa.Connection, tables: Sequence[TableName]) -> list[Dependent]:
    found = []
    for table in tables:
        home = "database_name = current_database()" + (f" AND schema_name = {literal(table.schema)}" if table.schema else "")
        where = f"table_name = {literal(table.name)} AND {home}"
        for (index,) in execute(connection, f"SELECT index_name FROM duckdb_indexes() WHERE {where}"):
            found.append(Dependent("index", index, table, follows=False))
        referring = (
            "SELECT table_name, constraint_name FROM duckdb_constraints() WHERE constraint_type = 'FOREIGN KEY' AND"
            f" (referenced_table = {literal(table.name)} OR table_name = {literal(table.name)}) AND {home}"  # a key stays within its schema
        )
        for owner, constraint in execute(connection, referring):
            found.append(Dependent("foreign key", f"{constraint} of {owner}", table, follows=False))
    return found
