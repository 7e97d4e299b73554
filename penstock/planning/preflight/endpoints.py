"""The two databases of a run as preflight looks at them, and what they say about this user's rights and about their settings."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import sqlalchemy as sa

from penstock import databases
from penstock.databases import AccessRequest, Database, Server
from penstock.errors import Problem
from penstock.migration.spec import Migration
from penstock.model.plan import TablePlan
from penstock.model.schema import Table
from penstock.state import journal


@dataclass(frozen=True)
class Endpoint:
    """One of the two databases, with an open connection.

    schemas: those with the migration's tables; empty when neither the migration nor the connection names one.
    """

    role: Literal["source", "target"]
    database: Database
    connection: sa.Connection
    schemas: tuple[str, ...]

    @cached_property
    def server(self) -> Server:
        """What runs it."""
        return Server.of(self.database.version(self.connection))


def connections(migration: Migration) -> int:
    """How many connections to either end a task of this migration opens at most."""
    return migration.connections or min(4, os.cpu_count() or 1)


def writers(migration: Migration, target: Endpoint) -> int:
    """How many connections a task has open at the target."""
    return connections(migration) if target.database.parallel_writers else 1


def endpoint(migration: Migration, role: Literal["source", "target"], connection: sa.Connection) -> Endpoint:
    """One end of a migration. The checks of the phase `databases` say whether it can be used."""
    database = databases.of(connection.engine.url, target=role == "target")
    declared = _declared(migration, role) or tuple(filter(None, [sa.inspect(connection).default_schema_name]))
    return Endpoint(role, database, connection, declared)


def _declared(migration: Migration, role: Literal["source", "target"]) -> tuple[str, ...]:
    """The schemas that the migration names."""
    if migration.schemas:
        return tuple(migration.schemas if role == "source" else migration.schemas.values())
    return tuple(filter(None, [migration.source_schema if role == "source" else migration.target_schema]))


def missing_schemas(migration: Migration, end: Endpoint) -> tuple[str, ...]:
    """The schemas that the migration names and that are not there."""
    declared = _declared(migration, end.role)
    known = databases.schema_names(end.connection) if declared else ()
    return tuple(schema for schema in declared if schema not in known)


def named_types(source: Endpoint, target: Endpoint) -> frozenset[str]:
    """The types that somebody has created at both ends with the same definition."""
    here = target.database.named_types(target.connection)
    return frozenset(name for name, made in source.database.named_types(source.connection).items() if here.get(name) == made)


def source_access(migration: Migration, source: Endpoint, tables: Collection[Table]) -> list[Problem]:
    """What the source says of being read."""
    found: list[Problem] = []
    for schema in source.schemas:
        use = AccessRequest("source", schema, connections(migration), tuple(t for t in tables if t.name.schema == schema))
        found += source.database.preflight(source.connection, use)
    return _once(found)


def target_access(migration: Migration, target: Endpoint, plans: Collection[TablePlan]) -> list[Problem]:
    """What the target says of being loaded and switched."""
    found: list[Problem] = []
    for schema in target.schemas:
        made = [p for p in plans if p.target.name.schema == schema]
        use = AccessRequest(
            "target",
            schema,
            writers(migration, target),
            tuple(p.target for p in made),
            tuple(p.target.name for p in made if p.live_exists),
            tuple(p.shadow for p in made),
            tuple(sorted(journal.NAMES)),
        )
        found += target.database.preflight(target.connection, use)
    return _once(found)


def _once(found: Sequence[Problem]) -> list[Problem]:
    """Each problem once: what is true of the whole database is said of each schema."""
    return [problem for n, problem in enumerate(found) if problem not in found[:n]]
