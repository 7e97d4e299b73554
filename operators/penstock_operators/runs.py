"""Which run of the engine a DAG run is: its id, its staging area, its interval, and what it is asked to do."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penstock_operators.connections import secrets, url

if TYPE_CHECKING:
    from airflow.sdk import Context

    from penstock.migration.spec import Migration
    from penstock.model.intervals import Interval
    from penstock.planning.request import RunRequest
    from penstock.state.staging import Staging


def declared(file: str) -> Migration:
    """The migration file, read. Raises MigrationError."""
    from penstock.migration import loader as files

    return files.load(Path(file))


def staging_root(migration: Migration, given: str) -> str:
    """The URL of the staging area of all runs: `given`, else the migration's own. Raises MigrationError when there is none."""
    from penstock.errors import MigrationError

    root = given or migration.staging_url
    if not root:
        fix = "set the Airflow Variable penstock_staging, or `staging` in the file"
        raise MigrationError("no staging location configured", where=str(migration.path), fix=fix)
    return root


def area(migration: Migration, given: str, run: str) -> Staging:
    """The staging area of a run."""
    from penstock.state import staging

    return staging.of(staging_root(migration, given), migration.name, run)


def request(migration: Migration, given: str, run: str) -> RunRequest:
    """What a run is asked to do, as far as the migration and Airflow's connections say. given: the staging root."""
    from penstock.migration.suites import suites_folder
    from penstock.model.endpoints import Endpoints
    from penstock.planning.request import RunRequest

    endpoints = Endpoints(url(migration.source), url(migration.target))
    return RunRequest(migration, run, endpoints, staging_root(migration, given), suites_folder(migration), secrets())


def current_run(migration: Migration, given: str, context: Context) -> str:
    """The run's id: Airflow's own of this DAG run; when that was cleared after its switch, followed by the number of the attempt."""
    from penstock.state import attempts

    base, number = _base(migration, context), 1
    while attempts.ATTEMPT.find(area(migration, given, attempts.run_id(base, number + 1))):
        number += 1
    return attempts.run_id(base, number)


def begun_run(migration: Migration, given: str, context: Context) -> str:
    """`current_run`, or a new attempt when that has made its tables live, or its staged rows were removed.

    Whoever clears such a run wants the source to be read again.
    """
    current = current_run(migration, given, context)
    from penstock.state import attempts, run_files, staged_rows

    earlier = area(migration, given, current)
    if not any(earlier.exists(end) for end in (run_files.SWITCH, run_files.UNDO)) and not staged_rows.removed(earlier):
        return current
    base = _base(migration, context)
    number = int(current.removeprefix(base).removeprefix("~") or 1) + 1
    run = attempts.run_id(base, number)
    attempts.ATTEMPT.write(area(migration, given, run), attempts.Attempt(base, number))
    return run


def _base(migration: Migration, context: Context) -> str:
    """The DAG run's id; two DAGs of a migration may have runs of the same id."""
    run = context["dag_run"]
    return f"repair__{run.run_id}" if run.dag_id == repair_dag_id(migration) else str(run.run_id)


def undo_dag_id(migration: Migration) -> str:
    """The DAG that undoes the last switch of a migration."""
    return f"{migration.name}__undo"


def repair_dag_id(migration: Migration) -> str:
    """The DAG that repairs what a migration has made live."""
    return f"{migration.name}__repair"


def form_interval(migration: Migration, params: Mapping[str, Any]) -> Interval | None:
    """The interval that the params `from` and `to` of a run name. Raises MigrationError when only one of them is given."""
    from penstock.errors import MigrationError
    from penstock.model import intervals

    ends = [params.get(end) for end in ("from", "to")]
    if not migration.partitioned or not any(ends):
        return None
    if not all(ends):
        raise MigrationError("an interval needs both ends", where=str(migration.path), fix="give both `from` and `to`, or neither")
    return intervals.between(str(ends[0]), str(ends[1]), migration.timezone)


def interval(migration: Migration, context: Context) -> Interval | None:
    """The interval of a partitioned migration's run: what its params `from` and `to` say, else its data interval.

    Raises MigrationError, also when a run that a backfill or the schedule has made is given an interval by its form: each of them would
    move the same one.
    """
    from penstock.errors import MigrationError
    from penstock.model.intervals import Interval

    if not migration.partitioned:
        return None
    run, params = context["dag_run"], context["params"]
    kind = getattr(run, "run_type", "")
    made_by = str(getattr(kind, "value", kind))
    if made_by in ("backfill", "scheduled") and (params.get("from") or params.get("to")):
        raise MigrationError(
            f"the params `from` and `to` are set in a {made_by} run, which has an interval of its own",
            where=f"{migration.path}: run {run.run_id}",
            why="every run of it would move the same interval",
            fix="leave `from` and `to` empty in the dialog, or start one run by hand for that interval",
        )
    asked = form_interval(migration, params)
    if asked:
        return asked
    if run.data_interval_start is None or run.data_interval_end is None or run.data_interval_start == run.data_interval_end:
        fix = "give both `from` and `to`, or a logical date"
        raise MigrationError("this migration is partitioned: a run needs a data interval", where=str(migration.path), fix=fix)
    return Interval(*(end.astimezone(UTC) for end in (run.data_interval_start, run.data_interval_end)))
