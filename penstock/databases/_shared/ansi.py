"""Names and texts as standard SQL writes them, and with it PostgreSQL, SQLite and DuckDB."""

from __future__ import annotations

from penstock.model.schema import TableName


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def qualified(name: TableName) -> str:
    return ".".join(quoted(part) for part in (name.schema, name.name) if part)


def literal(value: str) -> str:
    """A text as a literal, its backslashes as they are."""
    return "'" + value.replace("'", "''") + "'"
