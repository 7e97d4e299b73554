"""Plan a run: look at both databases, refuse with every blocking problem at once, and write down what will be done."""

from __future__ import annotations

import datetime as dt
import logging
from contextlib import ExitStack
from dataclasses import replace
from functools import cache

from penstock import databases
from penstock.errors import ConnectionFailed, MigrationError, PreflightFailed
from penstock.migration.spec import Migration
from penstock.model import address, digest, intervals
from penstock.model.endpoints import Endpoints
from penstock.model.intervals import Interval, written
from penstock.model.plan import VERSION, Consistency, Plan, token
from penstock.planning import chunking, scope
from penstock.planning.preflight import endpoints, sample
from penstock.planning.preflight.preflight import preflight as checked
from penstock.planning.preflight.reachable import elsewhere, file
from penstock.planning.preflight.result import PreflightResult
from penstock.planning.preflight.selection import in_full
from penstock.planning.request import RunRequest
from penstock.runtime import events
from penstock.state import lease, plan_file, preflight_record, progress, run_log
from penstock.state import previous_run as earlier
from penstock.state.run_context import RunContext
from penstock.state.staging import Staging

log = logging.getLogger(__name__)


def preflight(request: RunRequest, estimate: bool = False, within: float = sample.SECONDS) -> PreflightResult:
    """What preflight finds: see penstock/planning/preflight. estimate: read a sample of the rows as well, `within` so many seconds.

    The steps are checked against the secrets of the request, unless these are None.

    Raises ConnectionFailed; changes nothing at either end.
    """
    ends = request.endpoints
    new = not file(ends.target) and databases.of(ends.target, target=True).embedded
    _refuse_missing_file(ends)
    source = databases.connect(databases.of(ends.source), ends.source, "source")
    target = databases.connect(databases.of(ends.target, target=True), ends.target, "target")
    with source.connect() as reading, target.connect() as writing:
        found = checked(request, reading, writing, estimate, within)
        if new and (made := file(ends.target)):
            made.unlink()  # connecting has made the file of an embedded target; a run makes it again
    source.dispose()
    target.dispose()
    return found


def _refuse_missing_file(ends: Endpoints) -> None:
    """Raise ConnectionFailed when the file of an embedded source is missing: its driver would make an empty one."""
    if databases.of(ends.source).embedded and not file(ends.source) and not elsewhere(ends.source):
        why = f"there is no file {ends.source.database}"
        raise ConnectionFailed("can't connect to the source", where=address.shown(ends.source), why=why, fix="check the path")


def end_gone(request: RunRequest) -> None:
    """End the sessions that processes of the migration have left at the target, so that preflight does not wait for their locks."""
    database, url = databases.of(request.endpoints.target, target=True), request.endpoints.target
    if not database.embedded:
        engine = databases.engine(database, url, "target")
        with databases.opened(engine, database, "target") as connection:
            lease.clear(connection, request.migration.name)
        engine.dispose()


def keep(area: Staging, found: PreflightResult) -> None:
    """Write down what preflight found, for the report; what it found before, with a sample, stays unless that changed what blocks."""
    before = preflight_record.read(area)
    if before is None or found.blocking or any(p["blocking"] for p in before["problems"]):
        preflight_record.write(area, found.record())


def refuse(found: PreflightResult, migration: Migration) -> None:
    """Raise PreflightFailed with every problem when one of them is blocking."""
    if found.blocking:
        count = len(found.blocking)
        raise PreflightFailed(
            f"{migration.name} can't run: {count} {'problem' if count == 1 else 'problems'} found before anything moved",
            where=str(migration.path),
            problems=found.problems,
        )


def make(request: RunRequest) -> Plan:
    """The plan of a run, written nowhere.

    Raises PreflightFailed, MigrationError.
    """
    _require_interval(request)
    found = preflight(request)
    refuse(found, request.migration)
    return _made(request, found)


def _made(request: RunRequest, found: PreflightResult) -> Plan:
    migration, ends = request.migration, request.endpoints
    source, target = databases.of(ends.source), databases.of(ends.target, target=True)
    engine = databases.connect(source, ends.source, "source")
    with ExitStack() as opened:
        reading = opened.enter_context(engine.connect())
        more = 0 if source.embedded else endpoints.connections(migration) - 1
        others = cache(lambda: [opened.enter_context(engine.connect()) for _ in range(more)])
        tables = tuple(chunking.cut(t, source, reading, request.chunk or migration.chunk_bytes, others) for t in found.tables)
        source_version = source.version(reading)
    engine.dispose()
    engine = databases.connect(target, ends.target, "target")
    with engine.connect() as writing:
        target_version = target.version(writing)
        missing = endpoints.missing_schemas(migration, endpoints.endpoint(migration, "target", writing))
    engine.dispose()
    consistency: Consistency = "run" if source.snapshot == "run" and migration.consistency != "table" else "table"
    if migration.live:  # a foreign key would be checked after each table's changes, and not after the transaction's
        tables = tuple(replace(t, keys_at_switch=True) for t in tables)
    return Plan(
        migration=migration.name,
        run=request.run,
        token=token(migration.name, request.run),
        fingerprint=migration.fingerprint,
        source=address.shown(ends.source),
        target=address.shown(ends.target),
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
        interval=_span(request.interval, migration),
        timezone=migration.timezone,
        own_shadows=scope.own_shadows(migration, tables),
        new_schemas=tuple(name for name in missing if any(t.target.name.schema == name for t in tables)),
        problems=found.problems,
        at_most=migration.bad_rows.at_most,
        depth=request.depth,
        lock_wait=migration.switch.lock_wait.total_seconds(),
        end_blockers=migration.switch.end_blockers,
        live=migration.live,
    )


def _span(interval: Interval | None, migration: Migration) -> tuple[str, str] | None:
    return (written(interval.low), written(interval.high)) if interval and migration.partitioned else None


def _require_interval(request: RunRequest) -> None:
    """Raise MigrationError when a run of a partitioned migration has no interval."""
    migration = request.migration
    if migration.partitioned and request.interval is None:
        over = intervals.last(migration.schedule or "@daily", migration.timezone, dt.datetime.now(dt.UTC))
        example = intervals.pasted(over, migration.timezone)
        what = "this migration is partitioned: a run needs a data interval, --interval FROM..TO"
        raise MigrationError(what, where=str(migration.path), fix=f"add one; for the last that has ended: --interval {example}")


def _refuse_live(request: RunRequest) -> None:
    """Raise MigrationError for what a run of a live migration can't do: its source changes all the time."""
    if request.migration.live and (request.repair or request.depth == "source"):
        asked = "--repair" if request.repair else "--proof source"
        fix = "leave it out; `penstock follow --prove` compares both sides at one position"
        raise MigrationError(f"{asked} does not go with `live: true`", where=str(request.migration.path), fix=fix)


def _covered(request: RunRequest) -> Interval | None:
    """The interval of a repair that names none, of a partitioned migration: all that was loaded. Raises MigrationError."""
    if not request.migration.partitioned:
        return None
    engine = databases.connect(databases.of(request.endpoints.target, target=True), request.endpoints.target, "target")
    with engine.connect() as connection:
        found = scope.span(request.migration, connection, request.tables)
    engine.dispose()
    return found


def _refuse_other_request(plan: Plan, request: RunRequest) -> None:
    """Raise MigrationError when a run that was planned for one interval, or for some tables, is asked for others."""
    planned = {t.name for t in plan.tables}
    if request.tables and {in_full(request.migration, name, planned) for name in request.tables} != planned:
        what = f"the run {plan.run} was planned for the tables {', '.join(sorted(planned))}, not for {', '.join(request.tables)}"
        fix = "to resume it, name no tables; to move these tables, start a new run"
        raise MigrationError(what, where=str(request.migration.path), fix=fix)
    if request.interval is not None and plan.interval != _span(request.interval, request.migration):
        was = "..".join(plan.interval) if plan.interval else "no interval"
        what = f"the run {plan.run} is of the interval {was}, not of {request.interval}"
        raise MigrationError(what, where=str(request.migration.path), fix="start a new run for the other interval")


def _readable(plan: Plan, area: Staging) -> None:
    """Raise MigrationError when a run can't go on, because an older version has planned it. It can still be undone and reported."""
    if plan.version < VERSION:
        what = f"the run {plan.run} was planned by an older version of Penstock, and can't go on with this one"
        raise MigrationError(what, where=area.url, fix="start a new run: `penstock run … --new`, or trigger the DAG again")


def plan(request: RunRequest) -> RunContext:
    """Write the plan of a run into its staging area, or read the one that is there already, when the migration file is unchanged.

    Raises PreflightFailed, MigrationError, ConnectionFailed.
    """
    migration, area = request.migration, request.area
    if written_plan := plan_file.find(area):
        _refuse_other_request(written_plan, request)
        if written_plan.fingerprint == migration.fingerprint:
            _readable(written_plan, area)
            return request.context(written_plan)
        area.delete()
    events.emit("plan.started", migration=migration.name, run=request.run)
    if not digest.COMPILED:
        log.warning("penstock._native is not compiled here: rows are read and hashed in Python, which is many times slower")
    interval = request.interval or (_covered(request) if request.repair else None)
    request = replace(request, interval=interval, secrets=request.secrets or {})
    _require_interval(request)
    _refuse_live(request)
    run_log.asked(area, request.run, interval if migration.partitioned else None, migration.timezone)
    end_gone(request)
    found = preflight(request)
    keep(area, found)
    refuse(found, migration)
    made = _made(request, found)
    earlier.remember(area)
    progress.expect(area, made)
    plan_file.write(area, made)
    chunks = sum(len(t.chunks) for t in made.tables)
    events.emit("plan.written", migration=migration.name, run=request.run, tables=len(made.tables), chunks=chunks)
    return request.context(made)
