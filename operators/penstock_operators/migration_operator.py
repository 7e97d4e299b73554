"""What every operator of a migration shares: the file, the staging area, the two connections, and how faults reach Airflow.

The engine is imported when a task runs, never when a DAG is parsed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseHook, BaseOperator
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowNotFoundException

if TYPE_CHECKING:
    import sqlalchemy as sa
    from airflow.sdk import Context

    from penstock.migration.spec import Migration
    from penstock.model.intervals import Interval
    from penstock.model.plan import Group
    from penstock.state.run_context import Session
    from penstock.state.staging import Receipt, Staging


class MigrationOperator(BaseOperator):
    """One stage of a migration.

    migration: path of the migration file.  staging_root: URL of the staging area, "" for the one the migration names.
    Subclasses say what they do in `work`. A fault that a retry can't help fails the task at once.
    """

    template_fields: Sequence[str] = ("migration", "staging_root")

    def __init__(self, *, migration: str, staging_root: str = "", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.migration = migration
        self.staging_root = staging_root

    def execute(self, context: Context) -> Any:
        """Run the stage and answer what `work` answers."""
        from penstock.runtime import events

        def log(name: str, facts: dict[str, Any]) -> None:
            if not name.endswith(".batch"):
                self.log.info("%s %s", name, " ".join(f"{k}={v}" for k, v in facts.items()))

        with faults_told(), events.subscribed(log):
            return self.work(context)

    def work(self, context: Context) -> Any:
        """The stage itself; what it answers becomes the task's XCom: numbers and names, never rows."""
        raise NotImplementedError

    def opened(self, context: Context) -> Session:
        """This run, as the plan task wrote it down."""
        return opened(self.migration, self.staging_root, current_run(declared(self.migration), self.staging_root, context))


@contextmanager
def faults_told() -> Iterator[None]:
    """Penstock's faults as Airflow's: those that a retry can help are tried again, the others fail the task at once."""
    from penstock.errors import PenstockError
    from penstock.state import run_log

    try:
        yield
    except PenstockError as error:
        failed = AirflowException(str(error)) if error.retryable else AirflowFailException(str(error))
        failed.fault = run_log.describe("", error)  # type: ignore[attr-defined]  # for notifications
        raise failed from None


def declared(migration: str) -> Migration:
    """The migration file, read. Raises MigrationError."""
    from penstock.migration import spec as files

    return files.load(Path(migration))


def suites_folder(migration: Migration) -> Path:
    """Where the migration's suites are: `checks`, looked for beside the file and in the folders above it.

    Raises MigrationError when `checks` names a folder that isn't there: its gates would be lost in silence.
    """
    from penstock.errors import MigrationError

    folders = [above / migration.checks for above in migration.path.absolute().parents]
    for folder in folders:
        if folder.is_dir():
            return folder
    if "checks" in migration.model_fields_set:
        raise MigrationError(
            f"there is no folder {migration.checks}", where=f"{migration.path}: checks", fix="correct the path, or leave it out"
        )
    return folders[0]


def staging_root(migration: Migration, given: str) -> str:
    """The URL of the staging area that all runs share. Raises MigrationError when nothing names one."""
    from penstock.errors import MigrationError

    root = given or migration.staging_url
    if not root:
        fix = "set the Airflow Variable penstock_staging, or `staging` in the file"
        raise MigrationError("nothing says where to stage", where=str(migration.path), fix=fix)
    return root


def current_run(migration: Migration, given: str, context: Context) -> str:
    """The run's id: Airflow's own of this DAG run; when that was cleared after it had switched, with the attempt's number behind it."""
    from penstock.state import run_files

    base, number = _asked(migration, context), 1
    while area(migration, given, _attempt(base, number + 1)).exists(run_files.ATTEMPT):
        number += 1
    return _attempt(base, number)


def begun_run(migration: Migration, given: str, context: Context) -> str:
    """`current_run`, or a new attempt when that has made its tables live, or its staged rows were removed.

    Who clears such a run wants the source to be read again.
    """
    current = current_run(migration, given, context)
    from penstock.state import run_files, staged_rows

    earlier = area(migration, given, current)
    if not any(earlier.exists(end) for end in (run_files.SWITCH, run_files.UNDO)) and not staged_rows.removed(earlier):
        return current
    base = _asked(migration, context)
    number = int(current.removeprefix(base).removeprefix("~") or 1) + 1
    area(migration, given, _attempt(base, number)).write_json({"of": base, "attempt": number}, run_files.ATTEMPT)
    return _attempt(base, number)


def _asked(migration: Migration, context: Context) -> str:
    """The DAG run's id; two DAGs of a migration may have runs of the same."""
    run = context["dag_run"]
    return f"repair__{run.run_id}" if run.dag_id == repair_dag_id(migration) else str(run.run_id)


def repair_dag_id(migration: Migration) -> str:
    """The DAG that repairs what a migration has made live."""
    return f"{migration.name}__repair"


def _attempt(base: str, number: int) -> str:
    return base if number == 1 else f"{base}~{number}"


def interval(migration: Migration, context: Context) -> Interval | None:
    """The interval of a partitioned migration's run: what its params `from` and `to` say, else its data interval.

    Raises MigrationError, also when a run that a backfill or the schedule has made is given an interval by its form: each of them would
    move the same one.
    """
    from penstock.errors import MigrationError
    from penstock.model import intervals
    from penstock.model.intervals import Interval

    if not migration.partitioned:
        return None
    asked = [context["params"].get(end) for end in ("from", "to")]
    run, made_by = context["dag_run"], getattr(context["dag_run"], "run_type", "")
    if any(asked) and (made_by := str(getattr(made_by, "value", made_by))) in ("backfill", "scheduled"):
        raise MigrationError(
            f"the params `from` and `to` are set in a {made_by} run, which has an interval of its own",
            where=f"{migration.path}: run {run.run_id}",
            why="every run of it would move the same interval",
            fix="leave `from` and `to` empty in the dialog, or start one run by hand for that interval",
        )
    if all(asked):
        return intervals.between(str(asked[0]), str(asked[1]), migration.timezone)
    if any(asked) or run.data_interval_start is None or run.data_interval_end is None or run.data_interval_start == run.data_interval_end:
        fix = "give both `from` and `to`, or a logical date"
        raise MigrationError("nothing says which interval this run is of", where=str(migration.path), fix=fix)
    return Interval(*(end.astimezone(UTC) for end in (run.data_interval_start, run.data_interval_end)))


def url(connection_id: str) -> sa.URL:
    """An Airflow connection as a database URL. Raises UnknownConnection."""
    from penstock.errors import UnknownConnection
    from penstock.migration import connections

    try:
        found = BaseHook.get_connection(connection_id)
    except AirflowNotFoundException:
        fix = f"add it under Admin > Connections, or as AIRFLOW_CONN_{connection_id.upper()}"
        raise UnknownConnection(f"Airflow has no connection {connection_id}", fix=fix) from None
    place = (found.host, found.port, found.login, found.password, found.schema)
    return connections.from_fields(found.conn_type, *place, found.extra_dejson)


def secrets() -> dict[str, str]:
    """What steps and the encryption of staged rows need and no file may hold: passwords of Airflow connections, where they are set."""
    from penstock.state.protection import SECRETS

    found = {}
    for name, connection in SECRETS.items():
        with suppress(AirflowNotFoundException):
            if password := BaseHook.get_connection(connection).password:
                found[name] = password
    return found


def area(migration: Migration, given: str, run: str) -> Staging:
    """The staging area of a run."""
    from penstock.state import staging

    return staging.of(staging_root(migration, given), migration.name, run)


def places(migration: Migration, given: str) -> tuple[str, sa.URL, sa.URL, Path, dict[str, str]]:
    """Where runs stage, read, write and find their suites, and the secrets of their steps. given: the staging root."""
    return staging_root(migration, given), url(migration.source), url(migration.target), suites_folder(migration), secrets()


def opened(file: str, given: str, run: str) -> Session:
    """A run that was planned before. `file`: of the migration; `given`: the staging root. Raises SwitchRefused when it wasn't."""
    from penstock.errors import SwitchRefused
    from penstock.state import run_context

    migration = declared(file)
    root, source, target, folder, keys = places(migration, given)
    try:
        return run_context.reopen(root, migration.name, run, source, target, folder, keys)
    except FileNotFoundError:
        fix = "clear the plan task, or look at staging's address"
        raise SwitchRefused(f"the run {run} has no plan in staging", where=root, fix=fix) from None


def handed_on(groups: Sequence[Group]) -> list[dict[str, Any]]:
    """The work of the next stage as a task's XCom: one mapped task a group."""
    return [{"label": g.label, "chunks": [list(c) for c in g.chunks]} for g in groups]


def chunks(group: Mapping[str, Any]) -> list[tuple[str, int]]:
    """The chunks of a group that was handed on."""
    return [(str(table), int(number)) for table, number in group["chunks"]]


def summed(receipts: Sequence[Receipt]) -> dict[str, Any]:
    """Receipts as one small XCom."""
    return {
        "tables": len({r.table for r in receipts}),
        "chunks": len(receipts),
        "rows": sum(r.rows for r in receipts),
        "rejected": sum(r.rejected for r in receipts),
        "bytes": sum(r.bytes for r in receipts),
        "seconds": round(sum(r.seconds for r in receipts), 3),
    }
