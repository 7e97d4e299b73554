"""Databases that are too old, or that don't have the schema of the migration."""

from __future__ import annotations

import re
from collections.abc import Iterator

from penstock import databases
from penstock.databases import AccessRequest
from penstock.errors import Problem
from penstock.planning.preflight import endpoints, selection
from penstock.planning.preflight.context import Context
from penstock.planning.preflight.endpoints import Endpoint
from penstock.runtime.formatting import few

phase = "databases"


def check(context: Context) -> Iterator[Problem]:
    """Why the other checks could not look at a database."""
    for endpoint in (context.source, context.target):
        yield from _too_old(endpoint) or _schemas(endpoint, context)


def _too_old(endpoint: Endpoint) -> list[Problem]:
    said = endpoint.database.version(endpoint.connection)
    product, _, number = said.rpartition(" ")
    oldest = endpoint.database.oldest.get(product, ())
    if tuple(map(int, re.findall(r"\d+", number)[: len(oldest)])) >= oldest:
        return []
    what = f"{said} is too old: the oldest supported version is {product} {'.'.join(map(str, oldest))}"
    return [Problem(True, endpoint.role, what, "upgrade it", "version")]


def _schemas(endpoint: Endpoint, context: Context) -> list[Problem]:
    role, connection, migration = endpoint.role, endpoint.connection, context.migration
    if migration.schemas and not endpoint.database.has_schemas:
        return [_without_schemas(endpoint, context)]
    if not endpoint.schemas:
        found = [p for p in endpoint.database.preflight(connection, AccessRequest(role, None, 1)) if p.blocking]
        return found or [
            Problem(True, role, "the connection names no schema", f"write `{role}_schema: …` into the migration file", "settings")
        ]
    missing = endpoints.missing_schemas(migration, endpoint)
    if migration.schemas and role == "target":
        return [Problem(False, role, f"it has no schema {name}", "no action is needed: the run creates it", "settings") for name in missing]
    field = "schemas" if migration.schemas else f"{role}_schema"
    if migration.schemas and not missing:
        return _closed(endpoint)
    fix = f"create it, or grant this user access to it; there are: {', '.join(databases.schema_names(connection))}" if missing else ""
    return [Problem(True, f"{migration.path}: {field}", f"the {role} has no schema {name}", fix, "migration") for name in missing]


def _closed(source: Endpoint) -> list[Problem]:
    """Why this user can't look into some of the schemas: their tables can't be read from the catalogue then."""
    found = [p for name in source.schemas for p in source.database.preflight(source.connection, AccessRequest("source", name, 1))]
    return [p for n, p in enumerate(found) if p.blocking and p.area == "privileges" and p not in found[:n]]


def _without_schemas(endpoint: Endpoint, context: Context) -> Problem:
    """That a database has no schemas, where a migration names some."""
    label, migration = endpoint.database.label, context.migration
    where, what = f"{migration.path}: schemas", f"{label} has no schemas"
    if endpoint.role == "source":
        return Problem(True, where, what, "leave out `schemas`", "migration")
    each = "; ".join(f"source_schema: {name}" for name in migration.schemas)
    fix = f"write a migration for each schema, with a file of its own as its target: {each}"
    homes: dict[str, list[str]] = {}
    for name in selection.chosen(migration, selection.source_names(migration, context.source)):
        homes.setdefault(migration.bare(name), []).append(name.partition(".")[0])
    if twins := [f"{name} of {' and '.join(schemas)}" for name, schemas in homes.items() if len(schemas) > 1]:
        what += f"; into one file {few(twins)} could not go together"
    return Problem(True, where, what, fix, "migration")
