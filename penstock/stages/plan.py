"""Plan a run: look at both databases, refuse all at once what can't be, and write down what will be done."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import sqlalchemy as sa

from penstock import chunking, databases, events, preflight, staging
from penstock.errors import ConnectionFailed, PreflightFailed
from penstock.migration import Migration
from penstock.plan import Consistency, Plan, token
from penstock.preflight import Assessment, ends
from penstock.session import Session
from penstock.staging import Staging

ASSESSMENT = "assessment.json"


def assess(
    migration: Migration,
    run: str,
    source_url: sa.URL,
    target_url: sa.URL,
    folder: Path,
    only: tuple[str, ...] = (),
    root: str = "",
    estimate: bool = False,
) -> Assessment:
    """What preflight finds, as `preflight.assess` says. Raises ConnectionFailed; changes nothing at either end."""
    new = not _file(target_url) and databases.of(target_url, target=True).embedded
    if databases.of(source_url).embedded and not _file(source_url) and not _elsewhere(source_url):  # its driver would make an empty one
        why = f"there is no file {source_url.database}"
        raise ConnectionFailed("can't connect to the source", where=str(source_url), why=why, fix="check the path")
    source = databases.connect(databases.of(source_url), source_url, "source")
    target = databases.connect(databases.of(target_url, target=True), target_url, "target")
    with source.connect() as reading, target.connect() as writing:
        found = preflight.assess(migration, token(migration.name, run), reading, writing, folder, only, root, estimate)
        if new and (made := _file(target_url)):
            made.unlink()  # as long as it is ours alone; a run makes it again
    source.dispose()
    target.dispose()
    return found


def _file(url: sa.URL) -> Path | None:
    """The file of a database that is one, where it is there."""
    file = Path((url.database or "").removeprefix("file:"))
    return file if file.is_file() else None


def _elsewhere(url: sa.URL) -> bool:
    """Whether the database's name is an address that its own driver understands (`md:sales`), not a path."""
    return ":" in (url.database or "").removeprefix("file:").partition("/")[0]


def keep(area: Staging, found: Assessment) -> None:
    """Write down what preflight found, for the report; what it found before, with a sample, stays unless that changed what blocks."""
    earlier = area.read_json(ASSESSMENT)["problems"] if area.exists(ASSESSMENT) else None
    if earlier is None or found.blocking or any(p["blocking"] for p in earlier):
        area.write_json(found.record(), ASSESSMENT)


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
    """The plan of a run. `only` limits it to these source tables. Raises PreflightFailed."""
    found = assess(migration, run, source_url, target_url, folder, only)
    refuse(found, migration)
    return _made(migration, run, source_url, target_url, found, chunk_bytes)


def _made(migration: Migration, run: str, source_url: sa.URL, target_url: sa.URL, found: Assessment, chunk_bytes: int | None) -> Plan:
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
        connections=ends.connections(migration),
        tables=tables,
        problems=found.problems,
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
    found = assess(migration, run, source_url, target_url, folder, only, root)
    keep(area, found)
    refuse(found, migration)
    made = _made(migration, run, source_url, target_url, found, chunk_bytes)
    area.write_text(made.to_json().decode(), "plan.json")
    events.emit("plan.written", migration=migration.name, run=run, tables=len(made.tables), chunks=sum(len(t.chunks) for t in made.tables))
    return Session(made, area, source_url, target_url, folder, dict(secrets or {}))
