"""Tables as DDL: SQLAlchemy writes the statements, each database the types."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.schema import AddConstraint, CreateIndex, CreateTable
from sqlalchemy.types import UserDefinedType

from penstock.databases import Database
from penstock.schema import Column, ForeignKey, Table, TableName, Type


class _Native(UserDefinedType[Any]):
    """A column type that is already SQL text."""

    cache_ok = True

    def __init__(self, text: str) -> None:
        self.text = text

    def get_col_spec(self, **_: object) -> str:
        return self.text


def dialect(database: Database) -> sa.Dialect:
    """The database's SQLAlchemy dialect, set to write statements that are run as they stand."""
    made: sa.Dialect = sa.URL.create(database.drivername).get_dialect()()
    made.identifier_preparer._double_percents = False  # no parameters follow, so % is only a character
    return made


def create_table(database: Database, table: Table, name: TableName) -> str:
    """CREATE TABLE for `table` at `name`: columns, defaults, checks, and the keys that can't be added later."""
    built = _build(database, table, name)
    if not database.keys_after_load and table.primary_key:
        built.append_constraint(sa.PrimaryKeyConstraint(*_quoted(table.primary_key)))
    if not database.secondary_indexes:
        for index in table.indexes:
            if index.unique:
                built.append_constraint(sa.UniqueConstraint(*_quoted(index.columns)))
    if database.foreign_keys and not database.follows_renames:
        for key in table.foreign_keys:
            _refer(built, key, TableName(key.ref_table, name.schema), None)
    return _text(CreateTable(built), database)


def keys(database: Database, table: Table, name: TableName) -> list[str]:
    """Statements for a loaded table's primary key and indexes."""
    built = _build(database, table, name)
    statements = []
    if database.keys_after_load and table.primary_key:
        key = sa.PrimaryKeyConstraint(*_quoted(table.primary_key))
        built.append_constraint(key)
        statements.append(_text(AddConstraint(key, isolate_from_table=False), database))
    if database.secondary_indexes:
        for index in table.indexes:
            made = sa.Index(_q(index.name), *(built.c[c] for c in index.columns), unique=index.unique)
            statements.append(_text(CreateIndex(made), database))
    return statements


def foreign_keys(database: Database, table: Table, name: TableName, places: Mapping[str, TableName]) -> list[str]:
    """Statements for a loaded table's foreign keys; `places` says where each referred table stands now."""
    if not database.foreign_keys or not database.follows_renames:
        return []
    statements = []
    for key in table.foreign_keys:
        built = _build(database, table, name)
        made = _refer(built, key, places[key.ref_table], key.name)
        statements.append(_text(AddConstraint(made, isolate_from_table=False), database))
    return statements


def free_name(name: str, taken: Collection[str], limit: int) -> str:
    """`name`, or the first of `name__2`, `name__3`, ... that is not taken, kept within `limit` bytes."""
    taken = {t.lower() for t in taken}
    number, candidate = 1, fitted(name, limit)
    while candidate.lower() in taken:
        number += 1
        candidate = fitted(name, limit - len(f"__{number}")) + f"__{number}"
    return candidate


def fitted(name: str, limit: int) -> str:
    """`name` if it has at most `limit` bytes, else its beginning and eight digits of its hash."""
    if len(name.encode()) <= limit:
        return name
    mark = hashlib.sha256(name.encode()).hexdigest()[:8]
    return name.encode()[: limit - 9].decode(errors="ignore") + "_" + mark


def _build(database: Database, table: Table, name: TableName) -> sa.Table:
    keyed = set(table.primary_key) | {c for i in table.indexes for c in i.columns} | {c for f in table.foreign_keys for c in f.columns}
    columns = [_column(database, c, c.name in keyed, c.name in table.primary_key) for c in table.columns]
    built = sa.Table(_q(name.name), sa.MetaData(), *columns, schema=_q(name.schema) if name.schema else None)
    for column, made in zip(table.columns, columns, strict=True):
        written = made.type.text.lower() if isinstance(made.type, _Native) else ""
        if column.type.labels and column.type.name == "enum" and not written.startswith("enum"):
            built.append_constraint(sa.CheckConstraint(made.in_([sa.literal(v, sa.String()) for v in column.type.labels])))
    return built


def _column(database: Database, column: Column, keyed: bool, primary: bool) -> sa.Column[Any]:
    written = (database.key_native(column.type) if keyed else None) or database.native(column.type, column.identity)
    return sa.Column(
        _q(column.name),
        _Native(written),
        nullable=column.nullable and not primary and not column.identity,
        server_default=_default(column, written),
        autoincrement=False,
    )


def _default(column: Column, written: str) -> Any:
    if column.default is None:
        return None
    if column.default == "now":
        # MySQL wants the same number of fractional digits on both sides
        return sa.text("CURRENT_TIMESTAMP(6)" if written.lower().endswith("(6)") else "CURRENT_TIMESTAMP")
    value = column.default.removeprefix("=")
    if column.type.name == "boolean":
        return sa.text("TRUE" if value.lower() in ("true", "t", "1", "b'1'") else "FALSE")
    if _is_number(column.type):
        return sa.text(value)
    return value


def _is_number(type: Type) -> bool:
    return type.name == "decimal" or type.name in ("float32", "float64", "year") or type.name.startswith(("int", "uint"))


def _refer(built: sa.Table, key: ForeignKey, place: TableName, name: str | None) -> sa.ForeignKeyConstraint:
    other = built
    if (place.name, place.schema) != (built.name, built.schema):
        columns = [sa.Column(_q(c), sa.Integer) for c in key.ref_columns]
        other = sa.Table(_q(place.name), built.metadata, *columns, schema=_q(place.schema) if place.schema else None, extend_existing=True)
    made = sa.ForeignKeyConstraint(
        [built.c[c] for c in key.columns],
        [other.c[c] for c in key.ref_columns],
        name=_q(name) if name else None,
        ondelete=_action(key.on_delete),
        onupdate=_action(key.on_update),
    )
    built.append_constraint(made)
    return made


def _action(action: str) -> str | None:
    return action if action and action.upper() not in ("NO ACTION", "RESTRICT") else None


def _q(name: str) -> sa.quoted_name:
    return sa.quoted_name(name, quote=True)


def _quoted(names: tuple[str, ...]) -> list[sa.quoted_name]:
    return [_q(n) for n in names]


def _text(element: Any, database: Database) -> str:
    return str(element.compile(dialect=dialect(database), compile_kwargs={"literal_binds": True})).strip()
