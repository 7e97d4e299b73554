"""Databases that are too old, or that don't have the schema of the migration."""

from __future__ import annotations

import re
from collections.abc import Iterator

import sqlalchemy as sa

from penstock.databases import Use
from penstock.errors import Problem
from penstock.migration.spec import Migration
from penstock.planning.preflight.context import Context
from penstock.planning.preflight.endpoints import Endpoint

phase = "databases"


def check(context: Context) -> Iterator[Problem]:
    """What makes it useless to look at a database any further."""
    for endpoint in (context.source, context.target):
        yield from _too_old(endpoint) or _schema(endpoint, context.migration)


def _too_old(endpoint: Endpoint) -> list[Problem]:
    said = endpoint.database.version(endpoint.connection)
    product, _, number = said.rpartition(" ")
    oldest = endpoint.database.oldest.get(product, ())
    if tuple(map(int, re.findall(r"\d+", number)[: len(oldest)])) >= oldest:
        return []
    what = f"{said} is too old: the oldest that is supported is {product} {'.'.join(map(str, oldest))}"
    return [Problem(True, endpoint.role, what, "use a newer server", "version")]


def _schema(endpoint: Endpoint, migration: Migration) -> list[Problem]:
    role, connection = endpoint.role, endpoint.connection
    if not endpoint.schema:
        found = [p for p in endpoint.database.assess(connection, Use(role, None, 1)) if p.blocking]
        return found or [Problem(True, role, "the connection names no schema", f"name it in the migration as {role}_schema", "settings")]
    declared = migration.source_schema if role == "source" else migration.target_schema
    if declared and declared not in (known := [n.rpartition(".")[2] for n in sa.inspect(connection).get_schema_names()]):
        fix = f"make it, or let this user see it; there are: {', '.join(known)}"
        return [Problem(True, f"{migration.path}: {role}_schema", f"the {role} has no schema {declared}", fix, "migration")]
    return []
