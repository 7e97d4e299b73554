"""The columns and keys of the tables that a gate decides about, as one question a schema where the dialect can."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
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
            if connection.dialect.name in ("mysql", "mariadb"):
                self.columns |= _whole(connection, schema, names, self.columns)
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


# SQLAlchemy reads the lines of SHOW CREATE TABLE: it does not see a column with a line break in its name.
_NAMES = """
SELECT table_name, column_name FROM information_schema.columns
WHERE table_schema = coalesce(:schema, database()) AND table_name IN :names ORDER BY table_name, ordinal_position
"""


def _whole(connection: sa.Connection, schema: str | None, names: Sequence[str], columns: Mapping[Any, Any]) -> dict[Any, Any]:
    """By table, all of its columns in their order; those that SQLAlchemy has not seen without a type."""
    query = sa.text(_NAMES).bindparams(sa.bindparam("names", expanding=True))
    found: dict[Any, list[str]] = {}
    for table, column in connection.execute(query, {"schema": schema, "names": list(names)}):
        found.setdefault((schema, table), []).append(column)
    known = {key: {c["name"]: c for c in columns.get(key, ())} for key in found}
    return {key: [known[key].get(n, {"name": n, "type": sa.types.NullType()}) for n in every] for key, every in found.items()}


def _nameable(types: Iterable[Any]) -> None:
    """Let every type be written: SQLAlchemy takes the scale of a type that SQLite does not have for the collation of a text."""
    for of in types:
        if isinstance(getattr(of, "collation", None), int):
            of.collation = None
