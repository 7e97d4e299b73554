"""Names and texts as standard SQL writes them. MySQL quotes names by another character."""

from __future__ import annotations

import hashlib

from penstock.model.schema import TableName


def quoted(name: str, mark: str = '"') -> str:
    return mark + name.replace(mark, mark + mark) + mark


def qualified(name: TableName, mark: str = '"') -> str:
    return ".".join(quoted(part, mark) for part in (name.schema, name.name) if part)


def literal(value: str) -> str:
    """A text as a literal, its backslashes as they are."""
    return "'" + value.replace("'", "''") + "'"


def fitted(name: str, limit: int) -> str:
    """`name` if it has at most `limit` bytes, else its beginning and eight digits of its hash."""
    if len(name.encode()) <= limit:
        return name
    mark = hashlib.sha256(name.encode()).hexdigest()[:8]
    return name.encode()[: limit - 9].decode(errors="ignore") + "_" + mark
