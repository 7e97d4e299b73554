"""The two databases of a run as preflight looks at them, and what they say about this user's rights and about their settings."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import sqlalchemy as sa

from penstock import databases
from penstock.databases import Database, Use
from penstock.errors import Problem
from penstock.migration.spec import Migration
from penstock.model.plan import TablePlan
from penstock.model.schema import Table
from penstock.state import journal


@dataclass(frozen=True)
class Endpoint:
    """One of the two databases, with an open connection.

    schema: the one with the migration's tables; "" when neither the migration nor the connection names one.
    """

    role: Literal["source", "target"]
    database: Database
    connection: sa.Connection
    schema: str


def connections(migration: Migration) -> int:
    """How many connections to either end a task of this migration opens at most."""
    return migration.connections or min(4, os.cpu_count() or 1)


def writers(migration: Migration, target: Endpoint) -> int:
    """How many connections a task has open at the target."""
    return connections(migration) if target.database.parallel_writers else 1


def endpoint(migration: Migration, role: Literal["source", "target"], connection: sa.Connection) -> Endpoint:
    """One end of a migration. The checks of the phase `databases` say whether it can be used."""
    database = databases.of(connection.engine.url, target=role == "target")
    declared = migration.source_schema if role == "source" else migration.target_schema
    return Endpoint(role, database, connection, declared or sa.inspect(connection).default_schema_name or "")


def source_access(migration: Migration, source: Endpoint, tables: Iterable[Table]) -> list[Problem]:
    """What the source says of being read."""
    use = Use("source", source.schema, connections(migration), tuple(tables))
    return source.database.assess(source.connection, use)


def target_access(migration: Migration, target: Endpoint, plans: Iterable[TablePlan]) -> list[Problem]:
    """What the target says of being loaded and switched."""
    plans = tuple(plans)
    use = Use(
        "target",
        target.schema,
        writers(migration, target),
        tuple(p.target for p in plans),
        tuple(p.target.name for p in plans if p.live_exists),
        tuple(p.shadow for p in plans),
        tuple(sorted(journal.NAMES)),
    )
    return target.database.assess(target.connection, use)
