"""The two databases as such: whether they are new enough, whether their schemas are there, what they let a run do."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from typing import Literal

import sqlalchemy as sa

from penstock.databases import Database, Use
from penstock.errors import Problem
from penstock.migration.spec import Migration
from penstock.model.plan import TablePlan
from penstock.model.schema import Table
from penstock.state import journal


def connections(migration: Migration) -> int:
    """How many connections to either end a task of this migration opens at most."""
    return migration.connections or min(4, os.cpu_count() or 1)


def place(
    migration: Migration, role: Literal["source", "target"], database: Database, connection: sa.Connection
) -> tuple[str, list[Problem]]:
    """The schema that a run would use at one end, and what makes it useless to look at it any further."""
    wanted = migration.source_schema if role == "source" else migration.target_schema
    if old := _too_old(database, connection, role):
        return wanted or "", [old]
    schema = wanted or sa.inspect(connection).default_schema_name
    if schema is None:
        found = [p for p in database.assess(connection, Use(role, None, 1)) if p.blocking]
        missing = Problem(True, role, "the connection names no schema", f"name it in the migration as {role}_schema", "settings")
        return "", found or [missing]
    if wanted and wanted not in (known := [n.rpartition(".")[2] for n in sa.inspect(connection).get_schema_names()]):
        fix = f"make it, or let this user see it; there are: {', '.join(known)}"
        return "", [Problem(True, f"{migration.path}: {role}_schema", f"the {role} has no schema {wanted}", fix, "migration")]
    return schema, []


def _too_old(database: Database, connection: sa.Connection, role: str) -> Problem | None:
    said = database.version(connection)
    product, _, number = said.rpartition(" ")
    oldest = database.oldest.get(product, ())
    if tuple(map(int, re.findall(r"\d+", number)[: len(oldest)])) >= oldest:
        return None
    lowest = ".".join(map(str, oldest))
    return Problem(True, role, f"{said} is too old: the oldest that is supported is {product} {lowest}", "use a newer server", "version")


def source_problems(
    migration: Migration, database: Database, connection: sa.Connection, schema: str, tables: Iterable[Table]
) -> list[Problem]:
    """What the source says of being read."""
    return database.assess(connection, Use("source", schema, connections(migration), tuple(tables)))


def target_problems(
    migration: Migration, database: Database, connection: sa.Connection, schema: str, plans: Sequence[TablePlan]
) -> list[Problem]:
    """What the target says of being loaded and switched."""
    use = Use(
        "target",
        schema,
        connections(migration) if database.parallel_writers else 1,
        tuple(p.target for p in plans),
        tuple(p.target.name for p in plans if p.live_exists),
        tuple(p.shadow for p in plans),
        tuple(sorted(journal.NAMES)),
    )
    return database.assess(connection, use)
