"""Plan a run: look at both databases, refuse all at once what can't be, and write down what will be done."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from functools import cache
from pathlib import Path

import sqlalchemy as sa

from penstock import databases
from penstock.errors import ConnectionFailed, MigrationError, PreflightFailed
from penstock.migration.spec import Migration
from penstock.model import intervals
from penstock.model.intervals import Interval, written
from penstock.model.plan import Consistency, Depth, Plan, token
from penstock.planning import chunking, scope
from penstock.planning.preflight import assess as preflight
from penstock.planning.preflight import endpoints, foreign_keys, row_width, steps
from penstock.planning.preflight.assess import Assessment
from penstock.planning.preflight.reachable import elsewhere, file
from penstock.runtime import events
from penstock.state import plan_file, progress, run_files, run_log, staging
from penstock.state import previous_run as earlier
from penstock.state.run_context import Session
from penstock.state.staging import Staging


def assess(
    migration: Migration,
    run: str,
    source_url: sa.URL,
    target_url: sa.URL,
    folder: Path,
    only: tuple[str, ...] = (),
    root: str = "",
    estimate: bool = False,
    interval: Interval | None = None,
    repair: bool = False,
    secrets: Mapping[str, str] | None = None,
) -> Assessment:
    """What preflight finds, as `preflight.assess` says. `interval`: of a run of a partitioned migration. `repair`: of a run that repairs.

    secrets: what is configured, to be held against what the steps need; None where that is of no matter.

    Raises ConnectionFailed; changes nothing at either end.
    """
    new = not file(target_url) and databases.of(target_url, target=True).embedded
    if databases.of(source_url).embedded and not file(source_url) and not elsewhere(source_url):  # its driver would make an empty one
        why = f"there is no file {source_url.database}"
        raise ConnectionFailed("can't connect to the source", where=str(source_url), why=why, fix="check the path")
    source = databases.connect(databases.of(source_url), source_url, "source")
    target = databases.connect(databases.of(target_url, target=True), target_url, "target")
    target_database = databases.of(target_url, target=True)
    with source.connect() as reading, target.connect() as writing:
        found = preflight.assess(migration, token(migration.name, run), reading, writing, folder, only, root, estimate)
        if not any(p.area == "privileges" for p in found.blocking):
            request = scope.Request(run, interval, only, repair)
            tables, problems = scope.cut(migration, request, found.tables, found.every, reading, writing)
            known = scope.Tables(migration, {p.name: p for p in found.every}, target_database)
            problems += foreign_keys.problems(known, tables, interval, reading)
            swapped = [t for t in tables if interval is not None or migration.partition_of(t.name) is None]
            problems += preflight.stranded(swapped, target_database, writing)
            found = replace(found, tables=tables, problems=(*found.problems, *problems))
        if secrets is not None:
            found = replace(found, problems=(*steps.problems(migration, found.tables, secrets), *found.problems))
        if not found.blocking:
            tables, problems = row_width.look(found.tables, migration, reading, writing)
            found = replace(found, tables=tables, problems=(*problems, *found.problems))
        if new and (made := file(target_url)):
            made.unlink()  # as long as it is ours alone; a run makes it again
    source.dispose()
    target.dispose()
    return found


def keep(area: Staging, found: Assessment) -> None:
    """Write down what preflight found, for the report; what it found before, with a sample, stays unless that changed what blocks."""
    earlier = area.read_json(run_files.ASSESSMENT)["problems"] if area.exists(run_files.ASSESSMENT) else None
    if earlier is None or found.blocking or any(p["blocking"] for p in earlier):
        area.write_json(found.record(), run_files.ASSESSMENT)


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
    interval: Interval | None = None,
) -> Plan:
    """The plan of a run. `only` limits it to these source tables, `interval` to a partition of each.

    Raises PreflightFailed, MigrationError.
    """
    _whole(migration, interval)
    found = assess(migration, run, source_url, target_url, folder, only, interval=interval)
    refuse(found, migration)
    return _made(migration, run, source_url, target_url, found, chunk_bytes, interval)


def _made(
    migration: Migration,
    run: str,
    source_url: sa.URL,
    target_url: sa.URL,
    found: Assessment,
    chunk_bytes: int | None,
    interval: Interval | None,
    depth: Depth = "staged",
) -> Plan:
    source, target = databases.of(source_url), databases.of(target_url, target=True)
    engine = databases.connect(source, source_url, "source")
    with ExitStack() as opened:
        reading = opened.enter_context(engine.connect())
        more = 0 if source.embedded else endpoints.connections(migration) - 1
        others = cache(lambda: [opened.enter_context(engine.connect()) for _ in range(more)])
        tables = tuple(chunking.cut(t, source, reading, chunk_bytes or migration.chunk_bytes, others) for t in found.tables)
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
        approval=bool(migration.switch.approval),
        keep_old_seconds=int(migration.switch.keep_old.total_seconds()),
        parallel_writers=target.parallel_writers,
        connections=endpoints.connections(migration),
        memory=migration.memory,
        tables=tables,
        interval=_span(interval, migration),
        timezone=migration.timezone,
        own_shadows=migration.in_parts or any(t.repairs for t in tables),
        problems=found.problems,
        at_most=migration.bad_rows.at_most,
        depth=depth,
    )


def _span(interval: Interval | None, migration: Migration) -> tuple[str, str] | None:
    return (written(interval.low), written(interval.high)) if interval and migration.partitioned else None


def _whole(migration: Migration, interval: Interval | None) -> None:
    if migration.partitioned and interval is None:
        over = intervals.last(migration.schedule or "@daily", migration.timezone, dt.datetime.now(dt.UTC))
        example = intervals.pasted(over, migration.timezone)
        fix = f"say of which one; the last that is over: --interval {example}"
        raise MigrationError("a run of a partitioned migration is of one interval", where=str(migration.path), fix=fix)


def covered(migration: Migration, target_url: sa.URL, only: tuple[str, ...] = ()) -> Interval | None:
    """The interval of a repair that names none, of a partitioned migration. Raises MigrationError."""
    if not migration.partitioned:
        return None
    engine = databases.connect(databases.of(target_url, target=True), target_url, "target")
    with engine.connect() as connection:
        found = scope.span(migration, connection, only)
    engine.dispose()
    return found


def _same(plan: Plan, interval: Interval | None, migration: Migration) -> None:
    if interval is not None and plan.interval != _span(interval, migration):
        was = "..".join(plan.interval) if plan.interval else "no interval"
        fix = "give the other interval a run of its own"
        raise MigrationError(f"the run {plan.run} is of {was}, not of {interval}", where=str(migration.path), fix=fix)


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
    interval: Interval | None = None,
    repair: bool = False,
    depth: Depth = "staged",
) -> Session:
    """Write the plan of a run into its staging area, or take up the one that is there already.

    repair: of the live tables only what differs is sent.  depth: of the proof.
    """
    area = staging.of(root, migration.name, run)
    if written_plan := plan_file.find(area):
        _same(written_plan, interval, migration)
        if written_plan.fingerprint == migration.fingerprint:
            return Session(written_plan, area, source_url, target_url, folder, dict(secrets or {}))
        area.delete()
    events.emit("plan.started", migration=migration.name, run=run)
    interval = interval or (covered(migration, target_url, only) if repair else None)
    _whole(migration, interval)
    run_log.asked(area, run, interval if migration.partitioned else None, migration.timezone)
    found = assess(migration, run, source_url, target_url, folder, only, root, interval=interval, repair=repair, secrets=secrets or {})
    keep(area, found)
    refuse(found, migration)
    made = _made(migration, run, source_url, target_url, found, chunk_bytes, interval, depth)
    earlier.remember(area)
    progress.expect(area, made)
    plan_file.write(area, made)
    events.emit("plan.written", migration=migration.name, run=run, tables=len(made.tables), chunks=sum(len(t.chunks) for t in made.tables))
    return Session(made, area, source_url, target_url, folder, dict(secrets or {}))
