"""Plan a run: look at both databases, refuse all at once what can't be, and write down what will be done."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import sqlalchemy as sa

from penstock import chunking, databases, events, preflight, staging
from penstock.errors import MigrationError, PreflightFailed
from penstock.migration import Migration
from penstock.plan import Consistency, Plan, token
from penstock.preflight import Assessment
from penstock.session import Session


def assess(migration: Migration, run: str, source_url: sa.URL, target_url: sa.URL, folder: Path, only: tuple[str, ...] = ()) -> Assessment:
    """What preflight finds. Raises ConnectionFailed; changes nothing at either end."""
    source = databases.connect(databases.of(source_url), source_url, "source")
    target = databases.connect(databases.of(target_url, target=True), target_url, "target")
    with source.connect() as reading, target.connect() as writing:
        found = preflight.assess(migration, token(migration.name, run), reading, writing, folder, only)
    source.dispose()
    target.dispose()
    return found


def refuse(found: Assessment, migration: Migration) -> None:
    """Raise PreflightFailed with every problem when one of them is blocking."""
    if found.blocking:
        count = len(found.blocking)
        raise PreflightFailed(
            f"{migration.name} can't run: {count} {'problem' if count == 1 else 'problems'} found before anything moved",
            where=str(migration.path),
            problems=found.problems,
        )


def make(
    migration: Migration,
    run: str,
    source_url: sa.URL,
    target_url: sa.URL,
    folder: Path,
    chunk_bytes: int | None = None,
    only: tuple[str, ...] = (),
) -> Plan:
    """The plan of a run. `only` limits it to these source tables. Raises PreflightFailed, MigrationError."""
    found = assess(migration, run, source_url, target_url, folder, only)
    refuse(found, migration)
    if unknown := set(only) - {t.name for t in found.tables}:
        known = ", ".join(t.name for t in found.tables)
        raise MigrationError(
            f"{', '.join(sorted(unknown))}: not a table of this migration", where=str(migration.path), fix=f"there are: {known}"
        )
    source, target = databases.of(source_url), databases.of(target_url, target=True)
    engine = databases.connect(source, source_url, "source")
    with engine.connect() as reading:
        tables = tuple(chunking.cut(t, source, reading, chunk_bytes or migration.chunk_bytes) for t in found.tables)
        source_version = source.version(reading)
    engine.dispose()
    engine = databases.connect(target, target_url, "target")
    with engine.connect() as writing:
        target_version = target.version(writing)
    engine.dispose()
    consistency: Consistency = "run" if source.snapshot == "run" and migration.consistency != "table" else "table"
    return Plan(
        migration=migration.name,
        run=run,
        token=token(migration.name, run),
        fingerprint=migration.fingerprint,
        source=source_url.render_as_string(hide_password=True),
        target=target_url.render_as_string(hide_password=True),
        source_version=source_version,
        target_version=target_version,
        consistency=consistency,
        how=migration.switch.how,
        approval=migration.switch.approval,
        keep_old_seconds=int(migration.switch.keep_old.total_seconds()),
        parallel_writers=target.parallel_writers,
        connections=migration.connections or min(4, os.cpu_count() or 1),
        tables=tables,
        problems=found.problems,
        at_most=migration.bad_rows.at_most,
    )


def plan(
    migration: Migration,
    run: str,
    root: str,
    source_url: sa.URL,
    target_url: sa.URL,
    folder: Path,
    secrets: Mapping[str, str] | None = None,
    chunk_bytes: int | None = None,
    only: tuple[str, ...] = (),
) -> Session:
    """Write the plan of a run into its staging area, or take up the one that is there already."""
    area = staging.of(root, migration.name, run)
    if area.exists("plan.json"):
        written = Plan.from_json(area.read_text("plan.json"))
        if written.fingerprint == migration.fingerprint:
            return Session(written, area, source_url, target_url, folder, dict(secrets or {}))
        area.delete()
    events.emit("plan.started", migration=migration.name, run=run)
    made = make(migration, run, source_url, target_url, folder, chunk_bytes, only)
    area.write_text(made.to_json().decode(), "plan.json")
    events.emit("plan.written", migration=migration.name, run=run, tables=len(made.tables), chunks=sum(len(t.chunks) for t in made.tables))
    return Session(made, area, source_url, target_url, folder, dict(secrets or {}))
