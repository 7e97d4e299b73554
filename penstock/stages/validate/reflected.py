"""The columns and keys of the tables that a gate decides about, as one question a schema where the dialect can."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine.reflection import ObjectKind

from penstock.model.schema import TableName


class Reflected:
    """An inspector that has asked for the columns and keys of these tables already."""

    def __init__(self, connection: sa.Connection, places: Sequence[TableName]) -> None:
        self.inspector = sa.inspect(connection)
        self.columns: dict[Any, Any] = {}
        self.keys: dict[Any, Any] = {}
        for schema in {p.schema for p in places}:
            names = [p.name for p in places if p.schema == schema]
            self.columns |= self.inspector.get_multi_columns(schema, names, ObjectKind.ANY)
            _nameable(c["type"] for columns in self.columns.values() for c in columns)
            self.keys |= self.inspector.get_multi_pk_constraint(schema, names, ObjectKind.ANY)

    def get_columns(self, table_name: str, schema: str | None = None) -> Any:
        """As SQLAlchemy's inspector answers it."""
        return self.columns.get((schema, table_name)) or self.inspector.get_columns(table_name, schema)

    def get_pk_constraint(self, table_name: str, schema: str | None = None) -> Any:
        """As SQLAlchemy's inspector answers it."""
        return self.keys.get((schema, table_name)) or self.inspector.get_pk_constraint(table_name, schema)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inspector, name)


def _nameable(types: Iterable[Any]) -> None:
    """Let every type be written: SQLAlchemy takes the scale of a type that SQLite does not have for the collation of a text."""
    for of in types:
        if isinstance(getattr(of, "collation", None), int):
            of.collation = None
