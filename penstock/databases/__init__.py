"""The databases that Penstock reads and loads. A database is a package in this folder, with an instance of `Database` called DATABASE.

A package of another distribution is found by an entry point of the group `penstock.databases`: see docs/contributing/add-a-database.md.
Core code asks a database's facts, never its name.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any

import sqlalchemy as sa

from penstock.databases import driver_faults
from penstock.databases.base import Database
from penstock.databases.values import (
    AccessRequest,
    Blocker,
    Dependent,
    Exchange,
    ExpressionRules,
    Failure,
    ForeignKeySuspension,
    Link,
    Move,
    Orphans,
    PartitionSlot,
    Reach,
    Refusal,
    Server,
    Size,
)
from penstock.errors import MigrationError, PenstockError
from penstock.model.schema import Column, TableName
from penstock.runtime.registry import Registry

__all__ = [
    "AccessRequest",
    "Blocker",
    "Database",
    "Dependent",
    "Exchange",
    "ExpressionRules",
    "Failure",
    "ForeignKeySuspension",
    "Link",
    "Move",
    "Orphans",
    "PartitionSlot",
    "Reach",
    "Refusal",
    "Server",
    "Size",
    "add_link",
    "connect",
    "engine",
    "execute",
    "known",
    "named",
    "names",
    "of",
    "opened",
    "qualified",
    "quote",
    "select",
    "standing",
]

_REGISTRY = Registry("penstock.databases", __path__, packages=True)


def names() -> tuple[str, ...]:
    """The names of all databases, sorted."""
    return _REGISTRY.names


def known() -> list[Database]:
    """All databases that can be imported, sorted by name: a database whose driver is not installed is left out."""
    found = []
    for name in names():
        with suppress(MigrationError):
            found.append(_loaded(name))
    return found


def named(name: str) -> Database | None:
    """The database with this name or alias, imported on first use; None when there is none. Raises MigrationError."""
    if name in names():
        return _loaded(name)
    return next((database for database in known() if name in database.aliases), None)


def of(url: sa.URL, *, target: bool = False) -> Database:
    """The database of a URL, imported on first use. Raises MigrationError.

    A source without a package of its own is read through its SQLAlchemy dialect.
    """
    backend = url.get_backend_name()
    if database := named(backend):
        return database
    if target:
        raise MigrationError(f"{backend} can't be a target", fix=f"targets are: {', '.join(names())}")
    from penstock.databases.generic import DATABASE

    return DATABASE


def _loaded(name: str) -> Database:
    try:
        module = _REGISTRY.load(name)
    except ImportError as error:
        fix = f"install the packages of this database: pip install 'penstock[{name}]'"
        raise MigrationError(f"the database {name} can't be imported", why=str(error), fix=fix) from error
    found = getattr(module, "DATABASE", None)
    if not isinstance(found, Database):
        what = f"the module {module.__name__} of the database {name} has no DATABASE"
        fix = "write into it: DATABASE = YourDatabase(), of a subclass of penstock.databases.Database"
        raise MigrationError(what, where=f"entry point {name} of the group {_REGISTRY.package}", fix=fix)
    return found


def quote(database: Database, identifier: str) -> str:
    """`identifier` quoted for this database, whatever characters it has."""
    return database.quoted(identifier)


def qualified(database: Database, name: TableName) -> str:
    """A table's quoted name, with its schema when it has one."""
    return database.qualified(name)


def select(database: Database, name: TableName, columns: Sequence[Column], where: str = "") -> str:
    """A select that `read` understands, of these columns in this order."""
    fields = ", ".join(f"{database.read_expression(c)} AS {quote(database, c.name)}" for c in columns)
    return f"SELECT {fields} FROM {qualified(database, name)}" + (f" WHERE {where}" if where else "")


def add_link(database: Database, link: Link, place: TableName) -> str:
    """The statement that gives the table at `place` a foreign key, which all of its rows must meet."""
    return f"ALTER TABLE {qualified(database, place)} ADD CONSTRAINT {quote(database, link.name)} {link.definition}"


def existing_tables(connection: sa.Connection, names: Iterable[TableName]) -> set[TableName]:
    """Which of these tables are there. Names with % mislead SQLAlchemy's own `has_table` on MySQL."""
    wanted = set(names)
    inspector = sa.inspect(connection)
    there = {schema: set(inspector.get_table_names(schema=schema)) for schema in {n.schema for n in wanted}}
    return {n for n in wanted if n.name in there[n.schema]}


def schema_names(connection: sa.Connection) -> list[str]:
    """The schemas that this user can see, without the name of the database that some drivers put before them."""
    return [name.rpartition(".")[2] for name in sa.inspect(connection).get_schema_names()]


def execute(connection: sa.Connection, statement: str) -> sa.CursorResult[*tuple[Any, ...]]:
    """Run finished SQL text as it is: no parameters, so no character of it is special to the driver."""
    return connection.execution_options(no_parameters=True).exec_driver_sql(statement)


def connect(database: Database, url: sa.URL, role: str) -> sa.Engine:
    """An engine that has proved it can connect. Raises ConnectionFailed, without a secret of the URL."""
    made = engine(database, url, role)
    with opened(made, database, role):
        return made


def engine(database: Database, url: sa.URL, role: str) -> sa.Engine:
    """An engine that has not connected yet. role: source, target.

    What its connections say of a lost server, a full disk or a read-only target is a fault that names this end: see `driver_faults`.
    """
    made = database.engine(url)
    driver_faults.watch(made, database, role)
    return made


def opened(engine: sa.Engine, database: Database, role: str) -> sa.Connection:
    """A connection of an engine. Raises ConnectionFailed, without a secret of the URL."""
    try:
        return engine.connect()
    except (sa.exc.DBAPIError, OSError, PenstockError) as error:
        engine.dispose()
        if isinstance(error, PenstockError):
            raise error from None
        cause = error.orig if isinstance(error, sa.exc.DBAPIError) else error
        raise driver_faults.unreachable(database, engine.url, role, cause) from None
