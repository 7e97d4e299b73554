"""Cover: what of each table and interval is proven, stale, failed or missing, from the journal and, when asked, from the source."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import sqlalchemy as sa

from penstock import databases
from penstock.databases import Database
from penstock.errors import MigrationError
from penstock.migration.spec import Migration
from penstock.model import digest, intervals
from penstock.model.intervals import Interval
from penstock.model.plan import Chunk, TablePlan, token
from penstock.planning import scope
from penstock.planning.preflight import endpoints
from penstock.planning.preflight import tables as planned_tables
from penstock.planning.request import RunRequest
from penstock.planning.statements import extract_select, within
from penstock.runtime.formatting import count
from penstock.stages.coverage import drift
from penstock.state import coverage, journal, plan_file, run_files, run_log, staging
from penstock.state.coverage import CoverageRecord

VERSION = 1
"""The version of the format of `record`."""
State = Literal["proven", "waiting", "stale", "failed", "missing"]
Check = Literal["none", "count", "digest"]


@dataclass(frozen=True)
class Cell:
    """A table, or one interval of it, and how it stands. interval: None for a table that is moved whole.

    state: proven; waiting, when it is proven but some of its rows refer to rows of an interval that is not live yet; stale, when rows of it
    were replaced or have changed at the source since; failed, when a run of it did; or missing.
    run, at: who proved it, and when; of failed ones, who failed.
    """

    table: str
    interval: Interval | None
    state: State
    rows: int | None = None
    digest: str = ""
    run: str = ""
    at: str = ""
    why: str = ""


def cover(request: RunRequest, since: dt.datetime | None = None, until: dt.datetime | None = None, check: Check = "none") -> list[Cell]:
    """The state of every table and interval of a migration, by table and time. Of the request, the run does not matter.

    since, until: which intervals of the schedule; those between start_date and now, when not given.
    check: whether what is proven is compared with the source: by its count of rows, or by its digest, which reads all of it again.
    """
    migration, ends = request.migration, request.endpoints
    source, target = databases.of(ends.source), databases.of(ends.target, target=True)
    reading_engine = databases.connect(source, ends.source, "source")
    writing_engine = databases.connect(target, ends.target, "target")
    with reading_engine.connect() as reading, writing_engine.connect() as writing:
        sides = (endpoints.endpoint(migration, "source", reading), endpoints.endpoint(migration, "target", writing))
        plans = planned_tables.plan(migration, token(migration.name, "coverage"), *sides).plans
        records = coverage.of(writing, migration.name)
        known = _Known(records, journal.pending(writing, migration.name), _failures(migration, request.root))
        tiles = _tiles(migration, since, until)
        cells = [c for p in plans for c in _cells(migration, p.name, tiles, known)]
        if check != "none":
            named = {p.name: p for p in plans}
            tables = scope.Tables(migration, named, target)
            proven = {(r.table, r.place): r for r in records}
            now = _Now(source, reading, check == "digest")
            cells = [_checked(tables, c, named[c.table], proven, now) for c in cells]
    reading_engine.dispose()
    writing_engine.dispose()
    return cells


def record(migration: str, cells: Iterable[Cell]) -> dict[str, Any]:
    """What `penstock coverage --json` prints, as JSON values: see coverage.schema.json."""
    found = [asdict(c) | {"interval": str(c.interval) if c.interval else None} for c in cells]
    return {"version": VERSION, "migration": migration, "cells": found}


def json_schema() -> dict[str, Any]:
    """The JSON Schema of what `record` makes."""
    return dict(json.loads(Path(__file__).with_name("coverage.schema.json").read_text(encoding="utf-8")))


def keep(migration: Migration, root: str, target_url: sa.URL, tables: Iterable[str]) -> dict[str, Any]:
    """Write down, beside the runs, how all stands by the journal: for pages, which can't ask the target. The source isn't read.

    tables: of the run that asks; those that the journal knows are in it anyway. Answers what is kept: {migration, as_of, drawn, tables: [{
    table, cells: [{interval, state, rows, run, at, why}]}]}, where `drawn` is what the intervals were made from. An older one never takes
    a newer one's place: each has a file of its own, called by its instant, and the last one counts. Raises MigrationError and
    ConnectionFailed.
    """
    as_of = journal.now()
    engine = databases.connect(databases.of(target_url, target=True), target_url, "target")
    try:
        with engine.connect() as connection:
            records = coverage.of(connection, migration.name)
            known = _Known(records, journal.pending(connection, migration.name), {})
    finally:
        engine.dispose()
    names = sorted({*tables, *(r.table for r in records)})
    tiles = _further(migration, kept(root, migration.name)) if migration.schedule else _recorded(records)
    found = {n: list(_cells(migration, n, tiles, known)) for n in names}
    told = {
        "migration": migration.name,
        "as_of": as_of,
        "drawn": _drawn(migration),
        "tables": [{"table": n, "cells": [_told(c) for c in cells]} for n, cells in found.items()],
    }
    area, file = staging.beside(root, migration.name), run_files.coverage(re.sub("[^0-9T]", "", as_of))
    area.write_text(json.dumps(told), file)  # long: laid out for people it would take as long as all the rest
    for older in [f for n in area.names(run_files.COVERAGE) if (f := f"{run_files.COVERAGE}/{n}") < file]:
        with suppress(FileNotFoundError):  # another run has just done the same
            area.remove(older)
    return told


def kept(root: str, migration: str) -> dict[str, Any] | None:
    """What `keep` has last written down; None when it never has."""
    area = staging.beside(root, migration)
    for _ in range(3):
        names = [n for n in area.names(run_files.COVERAGE) if n.endswith(".json")]
        with suppress(FileNotFoundError):  # a newer one has taken its place since
            return dict(area.read_json(run_files.COVERAGE, names[-1])) if names else None
    return None


def _told(cell: Cell) -> dict[str, Any]:
    span = [intervals.written(cell.interval.low), intervals.written(cell.interval.high)] if cell.interval else None
    return {"interval": span, "state": cell.state, "rows": cell.rows, "run": cell.run, "at": cell.at, "why": cell.why}


def _drawn(migration: Migration) -> list[str]:
    return [str(migration.schedule), migration.timezone, str(migration.start_date)]


def _further(migration: Migration, before: Mapping[str, Any] | None) -> list[Interval]:
    """The intervals of the schedule that are over. Those drawn before are taken from there: a year of hours takes long to draw."""
    known: list[Interval] = []
    if before and before["drawn"] == _drawn(migration):
        spans = next(([c["interval"] for c in t["cells"]] for t in before["tables"] if t["cells"] and t["cells"][0]["interval"]), [])
        known = [Interval(*map(dt.datetime.fromisoformat, span)) for span in spans]
    return [*known, *_tiles(migration, known[-1].high if known else None, None)]


def _recorded(records: Iterable[CoverageRecord]) -> list[Interval]:
    """The intervals that the journal has of a migration that has no schedule to say which there should be."""
    places = sorted({r.place for r in records if all(r.place)})
    return [Interval(*(dt.datetime.fromisoformat(end) for end in place)) for place in places]


def _tiles(migration: Migration, since: dt.datetime | None, until: dt.datetime | None) -> list[Interval]:
    """The intervals of the schedule that are over."""
    if not migration.partitioned:
        return []
    begin = since or scope.first(migration)
    if not migration.schedule or begin is None:
        fix = "declare `schedule` and `start_date`, which say which intervals there are"
        raise MigrationError("nothing says which intervals there should be", where=str(migration.path), fix=fix)
    return list(intervals.tiles(migration.schedule, migration.timezone, begin, until or dt.datetime.now(dt.UTC)))


@dataclass(frozen=True)
class _Known:
    """What the journal has, and which runs failed. pending: rows that wait, by table and interval.  failed: see `_failures`."""

    records: Sequence[CoverageRecord]
    pending: Mapping[tuple[str, str, str], int]
    failed: Mapping[str, tuple[str, str, str]]


def _cells(migration: Migration, table: str, tiles: Sequence[Interval], known: _Known) -> Iterator[Cell]:
    spec = migration.spec_of(table)
    records = [r for r in known.records if r.table == table]
    if not spec.partition:
        whole = next((r for r in records if r.place == coverage.WHOLE), None)
        yield _of_record(table, None, whole) if whole else Cell(table, None, "missing")
        return
    begin = scope.first(migration)
    exact = {r.place: r for r in records}
    places = {(intervals.written(t.low), intervals.written(t.high)) for t in tiles}
    wider = [r for r in records if r.place not in places]
    for tile in tiles:
        low = "" if spec.partition.out_of_range == "first" and tile.low == begin else intervals.written(tile.low)
        asked = replace(_BLANK, table=table, low=low, high=intervals.written(tile.high))
        found = exact.get(asked.place) or next((r for r in wider if r.holds(asked)), None)
        fault = known.failed.get(str(tile))
        if fault and (found is None or fault[1] > found.at):
            yield Cell(table, tile, "failed", run=fault[0], at=fault[1], why=fault[2])
        elif found:
            yield _of_record(table, tile, found, known.pending.get((table, *found.place), 0))
        else:
            yield Cell(table, tile, "missing")


_BLANK = CoverageRecord("", "", "", "", "", "", "proven", 0, "", 0, "", "", "")


def _of_record(table: str, tile: Interval | None, found: CoverageRecord, waiting: int = 0) -> Cell:
    state: State = "stale" if found.state != "proven" else "waiting" if waiting else "proven"
    why = f"{count(waiting, 'row')} not live yet: what they refer to belongs to another interval" if state == "waiting" else found.why
    return Cell(table, tile, state, found.rows, found.digest, found.run, found.at, why)


def _failures(migration: Migration, root: str) -> dict[str, tuple[str, str, str]]:
    """By interval, the last run of it that failed: its id, when, and what went wrong."""
    found: dict[str, tuple[str, str, str]] = {}
    for run in staging.runs(root, migration.name):
        area = staging.of(root, migration.name, run)
        failure = run_log.FAILURE.find(area)
        if failure is None:
            continue
        planned = plan_file.PLANNED.find(area) or run_log.ASKED.find(area)  # no plan: it was refused before
        if planned and planned.interval:
            key = "..".join(planned.interval)
            found[key] = max(found.get(key, ("", "", "")), (planned.run, failure.at, failure.what), key=lambda f: f[1])
    return found


@dataclass(frozen=True)
class _Now:
    """The source as it is now. digest: whether rows are read again, or only counted."""

    database: Database
    connection: sa.Connection
    digest: bool


def _checked(
    tables: scope.Tables, cell: Cell, plan: TablePlan, records: Mapping[tuple[str, tuple[str, str]], CoverageRecord], now: _Now
) -> Cell:
    """The cell, compared with the source. One that is part of a wider record is left as it is: what was read of it is not recorded."""
    if cell.state not in ("proven", "waiting"):
        return cell
    place = coverage.WHOLE if cell.interval is None else (intervals.written(cell.interval.low), intervals.written(cell.interval.high))
    found = records.get((cell.table, place)) or records.get((cell.table, ("", place[1])))
    if found is None:
        return cell
    database, connection = now.database, now.connection
    spec = tables.migration.spec_of(cell.table)
    if spec.incremental:
        why = drift.since(plan, spec.incremental.by, found, database, connection, now.digest)
        connection.rollback()
        return replace(cell, state="stale", why=why) if why else cell
    if cell.interval is not None and spec.partition:
        plan = replace(plan, scope=scope.partition(tables, plan, spec.partition, cell.interval))
    if not now.digest:
        table = databases.qualified(database, plan.source.name)
        inside = within(plan, database, plan.source)
        now_there = int(
            databases.execute(connection, f"SELECT count(*) FROM {table}" + (f" WHERE {inside}" if inside else "")).scalar_one()
        )
        why = f"the source has {now_there:,} rows of it, {found.rows_read:,} were read" if now_there != found.rows_read else ""
    else:
        batches = database.read(connection, extract_select(plan, database, Chunk(0)), plan.source.columns)
        total = digest.total(batches, plan.source.columns)
        why = "rows of it have changed at the source" if str(total) != found.source else ""
    connection.rollback()
    return replace(cell, state="stale", why=why) if why else cell


def wanting(cells: Iterable[Cell], states: Iterable[State]) -> list[Interval]:
    """The intervals of which some table is in one of these states, in their order."""
    found = {c.interval for c in cells if c.interval is not None and c.state in set(states)}
    return sorted(found, key=lambda i: i.low)
