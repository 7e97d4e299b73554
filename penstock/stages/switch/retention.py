"""Retention: when the staged rows of a run, its quarantine, its key and the tables kept for its undo are removed.

After a run has switched and finished nothing reads its row files: they are removed at once. What is in quarantine stays until the time
to keep staging is over, and so does everything of a run that failed, for a resume. Receipts, verdicts and reports are never removed.
"""

from __future__ import annotations

import datetime as dt
import re
from contextlib import suppress
from dataclasses import dataclass, replace

import sqlalchemy as sa

from penstock import databases
from penstock.databases import Database
from penstock.errors import StagingLocked
from penstock.runtime import events
from penstock.stages.switch import switch_record
from penstock.state import coverage, journal, plan_file, quarantine, run_files, staged_rows
from penstock.state.run_context import RunContext
from penstock.state.staged_rows import Removed
from penstock.state.staging import Staging
from penstock.transforms._hidden_columns import is_encrypted

_HOLDS_ROWS = re.compile(r"\.parquet(\.[^/]*part)?$")
_RETRIES = dt.timedelta(hours=1)
_SILENT = dt.timedelta(days=1)


@dataclass(frozen=True)
class File:
    """A file within the staging area's file system, and its bytes."""

    path: str
    bytes: int


def after_switch(context: RunContext) -> None:
    """Remove the row files of a run that has switched; and its key, when it has no quarantine. Done already: does nothing."""
    area, plan = context.staging, context.plan
    if not area.exists(run_files.SWITCH):
        return
    held = [t for t in plan.tables if t.quarantines and quarantine.manifests(area, t.name)]
    if held and not staged_rows.removed(area):
        with suppress(StagingLocked):  # the switch has happened: without the key, the rows stay as they were transformed
            ready = staged_rows.ready(context)
            for table in held:
                quarantine.keep_as_read(ready.staging, table)
    remove(area, also_quarantine=not held)
    if not held and any(map(is_encrypted, plan.tables)):
        with context.writing() as connection, connection.begin():
            journal.forget_key(connection, plan.migration, plan.run)


def remove(area: Staging, also_quarantine: bool) -> None:
    """Remove the row files of a run, and its quarantine when asked to. First it is written down: nothing then takes them for damaged."""
    found, now = staged_rows.REMOVED.find(area) or Removed(), journal.now()
    record = Removed(found.rows or now, found.quarantine or (now if also_quarantine else None), done=False)
    staged_rows.REMOVED.write(area, record)
    events.emit("removal.started", quarantine=also_quarantine)
    for file in removable(area, also_quarantine):
        with suppress(FileNotFoundError):  # somebody else removes the same files
            area.filesystem.delete_file(file.path)
    staged_rows.REMOVED.write(area, replace(record, done=True))
    events.emit("removal.finished", quarantine=also_quarantine)


def removable(area: Staging, also_quarantine: bool) -> list[File]:
    """The files of a run that hold rows, and what tries that were killed have left of such files."""
    folders = (*run_files.ROWS, run_files.QUARANTINE, run_files.QUARANTINE_SOURCE) if also_quarantine else run_files.ROWS
    found = [f for folder in folders for f in area.files(folder) if _HOLDS_ROWS.search(f.path)]
    return [File(f.path, int(f.size or 0)) for f in found]


def over(area: Staging, keep: dt.timedelta, approve_within: dt.timedelta) -> bool:
    """Whether the time to keep a run's rows is over: nothing was written into its area for so long.

    A run that failed may be tried again by Airflow: it is kept for an hour at least. One that has come to no end, because it goes on,
    waits or was killed, is kept for a day at least; one that waits for an approval also for as long as that may take.
    """
    written = [f.mtime_ns for f in area.files() if f.mtime_ns is not None]
    if not written:
        return False
    idle = dt.datetime.now(dt.UTC) - dt.datetime.fromtimestamp(max(written) / 1e9, dt.UTC)
    if area.exists(run_files.SWITCH) or area.exists(run_files.UNDO):
        return idle >= keep
    if area.exists(run_files.FAILURE) or area.exists(run_files.APPROVAL):
        return idle >= max(keep, _RETRIES)
    planned = plan_file.PLANNED.find(area)
    return idle >= max(keep, _SILENT) + (approve_within if planned and planned.approval else dt.timedelta())


def drop_kept(connection: sa.Connection, target: Database, migration: str) -> list[str]:
    """Drop what switches of this migration kept for an undo, once their time is over. Answers the statements that ran.

    In transactions of its own. Two at the same time do no harm: the tables are dropped where they are still there.
    """
    ran: list[str] = []
    if not expired(connection, migration):
        return ran
    coverage.line_up(connection, migration)
    with connection.begin():
        coverage.lock(connection, migration)
        for statement in switch_record.finish_statements(_of(connection, migration), target):
            databases.execute(connection, statement)
            ran.append(statement)
    with connection.begin():  # where DDL commits by itself, the lock was given up with the first table
        coverage.lock(connection, migration)
        for old in _of(connection, migration):
            journal.write_switch(connection, replace(old, state="finished"))
    return ran


def expired(connection: sa.Connection, migration: str) -> list[journal.Switch]:
    """The switches whose kept tables are no longer kept."""
    with connection.begin():
        return _of(connection, migration) if journal.exists(connection) else []


def _of(connection: sa.Connection, migration: str) -> list[journal.Switch]:
    return [s for s in journal.switches(connection, migration, ["switched", "undone"]) if s.keep_until < journal.now()]
