"""Clean: remove what the runs of a migration left that nobody needs any more: staged rows, quarantine, keys, tables kept for an undo.

Reports, verdicts, receipts and the other JSON records stay, so the history and the pages show the runs as before. Cleaning twice, or
twice at the same time, does no harm: each removal is written down first, and what is gone already is passed over.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from penstock import databases
from penstock.databases import Database
from penstock.migration.spec import Migration
from penstock.runtime.formatting import count, size
from penstock.stages.switch import retention, switch_record
from penstock.state import journal, plan_file, staged_rows, staging, streams
from penstock.state.staging import Staging


@dataclass(frozen=True)
class Removed:
    """What was removed of a run, or would be. files, bytes: of its rows and its quarantine.  key: whether it had one."""

    run: str
    files: int
    bytes: int
    key: bool


@dataclass(frozen=True)
class Cleaned:
    """What was removed, or would be. statements: those that drop tables kept for an undo."""

    runs: tuple[Removed, ...]
    statements: tuple[str, ...]


def clean(migration: Migration, root: str, target_url: sa.URL, dry_run: bool = False) -> Cleaned:
    """Remove what the runs of a migration left and whose time (`staging.keep`, `switch.keep_old`) is over.

    root: of the staging area.  dry_run: remove nothing, answer what would be. Runs that go on or wait for an approval are left alone.
    Raises ConnectionFailed before anything is removed.
    """
    target = databases.of(target_url, target=True)
    engine = databases.connect(target, _there(target, target_url), "target")
    try:
        with engine.connect() as connection:
            with connection.begin():
                keys = {k.run: k for k in journal.keys(connection, migration.name)}
            with connection.begin():
                followed = streams.open_runs(connection, migration.name)
            old = [a for a in _areas(root, migration) if _run(a) not in followed and _due(a, migration)]
            runs = [_removed(connection, a, _run(a), keys, migration, dry_run) for a in old]
            runs += [_forgotten(connection, k, dry_run) for k in keys.values() if _orphaned(k, root, migration)]
            dropped = _dropped(connection, target, migration, dry_run)
            return Cleaned(tuple(r for r in runs if r.files or r.key), tuple(dropped))
    finally:
        engine.dispose()


def told(migration: str, found: Cleaned, dry_run: bool) -> list[str]:
    """What was removed, in words, a line each."""
    lines = [f"run {r.run}: {count(r.files, 'file')} of rows, {size(r.bytes)}{', and the key' if r.key else ''}" for r in found.runs]
    files, held = sum(r.files for r in found.runs), sum(r.bytes for r in found.runs)
    done = "would remove" if dry_run else "removed"
    return [
        *lines,
        *found.statements,
        f"{migration}: {done} {count(files, 'file')} ({size(held)}) of {count(len(found.runs), 'run')},"
        f" {count(len(found.statements), 'statement')} for tables that were kept for an undo",
    ]


def _there(target: Database, url: sa.URL) -> sa.URL:
    """The target; of one whose file is not there, an empty database in memory: to connect would make the file."""
    name = (url.database or "").removeprefix("file:")
    missing = target.embedded and ":" not in name.partition("/")[0] and not Path(name).is_file()
    return url.set(database=":memory:") if missing else url


def _areas(root: str, migration: Migration) -> list[Staging]:
    return [staging.of(root, migration.name, run) for run in staging.runs(root, migration.name)]


def _run(area: Staging) -> str:
    """The id of the run of an area; the folder's name where it never came to a plan, and so to no rows."""
    planned = plan_file.PLANNED.find(area)
    return planned.run if planned else area.path.rpartition("/")[2]


def _due(area: Staging, migration: Migration) -> bool:
    """Whether the run still has something that is to be removed now."""
    record = staged_rows.REMOVED.find(area)
    if record and record.quarantine:
        return not record.done  # somebody who began to remove it was killed
    return retention.over(area, migration.staging.keep, migration.switch.approve_within)


def _removed(
    connection: sa.Connection, area: Staging, run: str, keys: dict[str, journal.Key], migration: Migration, dry_run: bool
) -> Removed:
    files = retention.removable(area, also_quarantine=True)
    key = run in keys and keys[run].area == staged_rows.place(area)
    if not dry_run:
        retention.remove(area, also_quarantine=True)
        if key:
            with connection.begin():
                journal.forget_key(connection, migration.name, run)
    return Removed(run, len(files), sum(f.bytes for f in files), key)


def _orphaned(key: journal.Key, root: str, migration: Migration) -> bool:
    """Whether a key's staging area was under this root, and is gone: somebody has deleted the folder."""
    area = staging.of(root, migration.name, key.run)
    if key.area != staged_rows.place(area) or area.exists():
        return False
    return dt.datetime.now(dt.UTC) - dt.datetime.fromisoformat(key.at) >= migration.staging.keep


def _forgotten(connection: sa.Connection, key: journal.Key, dry_run: bool) -> Removed:
    if not dry_run:
        with connection.begin():
            journal.forget_key(connection, key.migration, key.run)
    return Removed(key.run, 0, 0, True)


def _dropped(connection: sa.Connection, target: Database, migration: Migration, dry_run: bool) -> list[str]:
    if not dry_run:
        return retention.drop_kept(connection, target, migration.name)
    return switch_record.finish_statements(retention.expired(connection, migration.name), target)
