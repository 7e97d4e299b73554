"""Foreign keys of SQLite: what they refer to and do is in a pragma, their names and when they are checked only in the CREATE TABLE.

Manual: https://www.sqlite.org/foreignkeys.html, https://www.sqlite.org/pragma.html#pragma_foreign_key_list
"""

from __future__ import annotations

import sqlalchemy as sa

from penstock.databases import execute
from penstock.databases._shared import create_table_parser
from penstock.databases._shared.ansi import literal
from penstock.databases._shared.create_table_parser import WrittenReference
from penstock.model.schema import ForeignKey


def read(connection: sa.Connection, table: str, statement: str) -> list[ForeignKey]:
    """The foreign keys of a table, in the order of its CREATE TABLE."""
    fields = 'id, "table", "from", "to", on_delete, on_update'
    rows = execute(connection, f"SELECT {fields} FROM pragma_foreign_key_list({literal(table)}) ORDER BY id DESC, seq").fetchall()
    parts: dict[int, list[tuple[str, ...]]] = {}
    for number, *part in rows:
        parts.setdefault(number, []).append(tuple(part))
    written = create_table_parser.references(statement)
    keys = []
    for place, key in enumerate(parts.values()):  # the pragma has the last one first
        columns = tuple(_own(connection, table, part[1]) for part in key)
        found = written[place] if len(written) == len(parts) else WrittenReference(columns, "", "")
        other, deleted, updated = _table(connection, key[0][0]), key[0][3], key[0][4]
        referred = tuple(_own(connection, other, part[2]) for part in key) if key[0][2] is not None else _primary(connection, other)
        name = found.name or f"fk_{table}_{'_'.join(columns)}"
        actions = ("" if deleted == "NO ACTION" else deleted, "" if updated == "NO ACTION" else updated)
        keys.append(ForeignKey(name, columns, other, referred, *actions, unnamed=not found.name, deferrable=found.deferrable))
    return keys


def _table(connection: sa.Connection, name: str) -> str:
    """A table's name as it was created: elsewhere it may be written in other cases."""
    found = execute(connection, f"SELECT name FROM sqlite_schema WHERE type = 'table' AND name = {literal(name)} COLLATE NOCASE").scalar()
    return str(found) if found is not None else name


def _own(connection: sa.Connection, table: str, column: str) -> str:
    """A column's name as it was created."""
    query = f"SELECT name FROM pragma_table_xinfo({literal(table)}) WHERE name = {literal(column)} COLLATE NOCASE"
    found = execute(connection, query).scalar()
    return str(found) if found is not None else column


def _primary(connection: sa.Connection, table: str) -> tuple[str, ...]:
    """The primary key, which a key refers to that names no columns."""
    return tuple(execute(connection, f"SELECT name FROM pragma_table_xinfo({literal(table)}) WHERE pk > 0 ORDER BY pk").scalars())
