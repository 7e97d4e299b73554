"""Where a run keeps tables beside the live ones, so that two tables of one name in two schemas have places apart."""

from __future__ import annotations

from collections.abc import Iterable

from penstock.model.schema import TableName


def owner(migration: str, live: TableName, qualified: bool) -> str:
    """What `Database.shadow` and `Database.kept` are given as the migration that a place belongs to.

    qualified: the migration names its schemas. Where a database keeps these tables in schemas of their own, each of its schemas has one.
    """
    return f"{migration}__{live.schema}" if qualified else migration


def several_schemas(tables: Iterable[TableName]) -> bool:
    """Whether these tables, of one switch, are of several schemas."""
    return len({table.schema for table in tables}) > 1
