"""File names made from the names of tables."""

from __future__ import annotations

from urllib.parse import quote


def folder(table: str) -> str:
    """A table's folder name, safe on every file system whatever the table is called."""
    safe = quote(table, safe=" ()+,=@!-")
    return f"%{safe.encode().hex()[:2]}{safe[1:]}" if safe.startswith(".") else safe
