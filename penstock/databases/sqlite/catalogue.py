"""What SQLite's catalogue says of the tables of a file, and of what depends on them.

Checks, generated columns and collations are read from the CREATE statements, which SQLite keeps as they were written.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from penstock.databases import Dependent, execute
from penstock.databases._shared import create_table_parser, inspection
from penstock.databases._shared.ansi import literal
from penstock.databases.sqlite import references
from penstock.databases.sqlite.types import canonical
from penstock.model.schema import Check, Column, ForeignKey, Index, Numbering, Part, Table, TableName


def inspect(connection: sa.Connection, schema: str | None, only: Sequence[str] | None = None) -> list[Table]:
    """The tables of the file, as `Database.inspect` promises."""
    listed = "SELECT name, sql FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite!_%' ESCAPE '!'"
    statements = {name: sql for name, sql in execute(connection, listed) if only is None or name in only}
    types: dict[tuple[str, str], str] = {}
    identity, hidden = set(), set()
    notes: dict[str, list[str]] = {}
    indexes: dict[str, list[Index]] = {}
    foreign_keys: dict[str, list[ForeignKey]] = {}
    for name in statements:
        info = execute(connection, f"SELECT name, type, pk, hidden FROM pragma_table_xinfo({literal(name)})").fetchall()
        types |= {(name, column): _bare(declared, generated) for column, declared, _, generated in info}
        hidden |= {(name, column) for column, _, _, generated in info if generated in (2, 3)}
        keys = [(column, declared) for column, declared, pk, _ in info if pk]
        if len(keys) == 1 and keys[0][1].upper() == "INTEGER":
            identity.add((name, keys[0][0]))  # an alias of the rowid
        triggers = execute(connection, f"SELECT name FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = {literal(name)}")
        notes[name] = [f"trigger {row[0]}" for row in triggers]
        indexes[name] = _indexes(connection, name)
        foreign_keys[name] = references.read(connection, name, statements[name])
    found = inspection.tables(connection, schema, canonical, types, list(statements), frozenset(identity), notes, foreign_keys, indexes)
    following = _following(connection)
    return [_dressed(t, statements[t.name.name], hidden, following.get(t.name.name)) for t in found]


def _following(connection: sa.Connection) -> dict[str, int]:
    """By table with AUTOINCREMENT, the number that comes next."""
    if not execute(connection, "SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_sequence'").all():
        return {}
    return {name: int(last) + 1 for name, last in execute(connection, "SELECT name, seq FROM sqlite_sequence WHERE seq IS NOT NULL")}


def _bare(declared: str, generated: int) -> str:
    """The declared type, without the words before AS of a generated column, which SQLite counts to it."""
    return re.sub(r"(?i)\s*\bgenerated always$", "", declared) if generated in (2, 3) else declared


def _indexes(connection: sa.Connection, table: str) -> list[Index]:
    """The table's indexes; an automatic one is a unique constraint, which has no name of its own here."""
    found = []
    listed = f'SELECT l.name, "unique", origin, s.sql FROM pragma_index_list({literal(table)}) l'
    joined = " LEFT JOIN sqlite_schema s ON s.name = l.name AND s.type = 'index'"
    for name, unique, origin, sql in execute(connection, listed + joined).fetchall():
        rows = execute(connection, f"SELECT name, desc, coll FROM pragma_index_xinfo({literal(name)}) WHERE key ORDER BY seqno").fetchall()
        columns = tuple(row[0] for row in rows)
        if origin == "u":
            found.append(Index(f"uq_{table}_{'_'.join(columns)}", columns, unique=True))
        elif origin == "c":
            texts, where = create_table_parser.index(sql)
            plain = not where and None not in columns and not any(desc or coll.upper() != "BINARY" for _, desc, coll in rows)
            parts = () if plain else tuple(_part(row, text) for row, text in zip(rows, texts, strict=True))
            found.append(Index(name, columns if plain else (), bool(unique), parts, where))
    return sorted(found, key=lambda index: (not index.unique, index.name))


def _part(row: Sequence[Any], text: str) -> Part:
    column, falling, collation = row
    text = re.sub(r"(?is)\s+(?:asc|desc)$", "", text)
    order = " ".join(
        w for w in (f"COLLATE {collation}" if collation.upper() != "BINARY" and column else "", "DESC" if falling else "") if w
    )
    return Part(column, "", order) if column else Part("", text, order)


def _dressed(table: Table, statement: str, hidden: Collection[tuple[str, str]], following: int | None) -> Table:
    """`table` with what only its CREATE TABLE says: checks, generated columns, collations, AUTOINCREMENT, options.

    following: the number that comes next.
    """
    columns, checks = create_table_parser.table(statement)
    said = {c.name: c for c in columns}
    once = any(t.says("AUTOINCREMENT") for t in create_table_parser.tokens(statement))

    def dressed(column: Column) -> Column:
        own = said.get(column.name)
        if own is None:
            return column
        collation = own.collation if own.collation.upper() != "BINARY" else ""
        if column.identity and once:
            return replace(column, collation=collation, numbering=Numbering(next=following, unique=True))
        if (table.name.name, column.name) in hidden:
            return replace(column, default=None, expression="", generated=own.generated, stored=own.stored, collation=collation)
        return replace(column, collation=collation)

    words = {"STRICT": "STRICT", "WITHOUT": "WITHOUT ROWID"}
    notes = [f"ON CONFLICT {does}" for does in create_table_parser.conflicts(statement)]
    return replace(
        table,
        columns=tuple(map(dressed, table.columns)),
        notes=(*table.notes, *notes),
        dialect="sqlite",
        checks=tuple(Check(name, text) for name, text in checks),
        options=tuple(words[word] for word in create_table_parser.options(statement) if word in words),
    )


def left_behind(connection: sa.Connection, schema: str | None) -> list[tuple[str, str]]:
    found = execute(connection, "SELECT name FROM sqlite_schema WHERE type = 'view' ORDER BY name")
    return [("view", row[0]) for row in found]


def dependents(connection: sa.Connection, tables: Sequence[TableName]) -> list[Dependent]:
    found = []
    for table in tables:
        rows = execute(connection, f"SELECT name FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = {literal(table.name)}")
        found += [Dependent("trigger", row[0], table, follows=False) for row in rows]
    return found
