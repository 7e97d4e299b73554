"""Migrations and their runs, from Airflow's own tables: a few questions, however many runs there are."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from airflow.models.dag import DagModel, DagTag
from airflow.models.dagrun import DagRun
from airflow.models.taskinstance import TaskInstance
from airflow.models.xcom import XComModel
from sqlalchemy import Row, Select, and_, func, select
from sqlalchemy.orm import Session, aliased

from penstock.pages.listing import SUMMED, Migration, Run

TREND = 20
"""So many runs of each migration are looked at where all migrations are listed."""
_LAST = (DagRun.id.desc(),)  # as they were made: of a backfill too, whose dates are of long ago


def migrations(session: Session, readable: Collection[str]) -> list[Migration]:
    """All migrations among the DAGs that one may read, each with its last runs; and those whose file is broken."""
    dags = [dag for dag in _dags(session) if dag.dag_id in readable]
    names = [dag.dag_id for dag in dags if not dag.broken]
    number = func.row_number().over(partition_by=DagRun.dag_id, order_by=_LAST).label("number")
    last = select(DagRun.id, number).where(DagRun.dag_id.in_(names)).subquery()
    rows = session.execute(_runs().join(last, and_(last.c.id == DagRun.id, last.c.number <= TREND)).order_by(*_LAST)).all()
    after = _after(session, names)
    found: dict[str, list[Run]] = {name: [] for name in names}
    for run in _listed(session, rows, after):
        found[run.dag_id].append(run)
    return [_migration(dag, found.get(dag.dag_id, []), after) for dag in dags]


def migration(session: Session, dag_id: str, skip: int, most: int) -> Migration | None:
    """One migration with `most` of its runs after the first `skip`; None when the DAG isn't one."""
    dag = next((d for d in _dags(session, dag_id) if not d.broken), None)
    if dag is None:
        return None
    rows = session.execute(_runs().where(DagRun.dag_id == dag_id).order_by(*_LAST).offset(skip).limit(most)).all()
    total = session.scalar(select(func.count()).select_from(DagRun).where(DagRun.dag_id == dag_id)) or 0
    after = _after(session, [dag_id])
    return _migration(dag, _listed(session, rows, after), after, total)


def others(session: Session, dag_ids: Iterable[str], most: int = 5) -> list[Run]:
    """The last runs of these DAGs, newest first."""
    rows = session.execute(_runs().where(DagRun.dag_id.in_(list(dag_ids))).order_by(*_LAST).limit(most)).all()
    return [_run(row) for row in rows]


def ours(session: Session, dag_id: str, *tags: str) -> DagModel | None:
    """A DAG that carries `penstock` and one of these tags; None when there is none, or no longer."""
    return session.scalars(_tagged(select(DagModel), tags).where(DagModel.dag_id == dag_id)).first()


def _tagged(query: Any, tags: Collection[str]) -> Any:
    mine, kind = aliased(DagTag), aliased(DagTag)
    query = query.join(mine, and_(mine.dag_id == DagModel.dag_id, mine.name == "penstock"))
    return query.join(kind, and_(kind.dag_id == DagModel.dag_id, kind.name.in_(tags))).where(~DagModel.is_stale)


def _dags(session: Session, dag_id: str | None = None) -> Sequence[Row[Any]]:
    broken = select(DagTag.dag_id).where(DagTag.dag_id == DagModel.dag_id, DagTag.name == "broken").exists().label("broken")
    columns = (DagModel.dag_id, DagModel.description, DagModel.timetable_summary, DagModel.is_paused, broken)
    query = _tagged(select(*columns), ("migration", "broken"))
    return session.execute(query.where(DagModel.dag_id == dag_id) if dag_id is not None else query).all()


def _runs() -> Select[Any]:
    """Runs with what their report task has summed up. Its key begins with the run's, so each is found at once."""
    summed = and_(
        XComModel.dag_run_id == DagRun.id, XComModel.task_id == "report", XComModel.map_index == -1, XComModel.key == "return_value"
    )
    columns = (DagRun.id, DagRun.dag_id, DagRun.run_id, DagRun.state, DagRun.start_date, DagRun.end_date, DagRun.run_type)
    return select(*columns, DagRun.triggering_user_name, XComModel.value).select_from(DagRun).outerjoin(XComModel, summed)


def _listed(session: Session, rows: Sequence[Row[Any]], after: Iterable[tuple[str, Mapping[str, Any]]]) -> list[Run]:
    """Rows as runs, with what one more question says: where those are that go on."""
    tasks, undone = _tasks(session, {row.id for row in rows if row.state in ("queued", "running")}), _undone(after)
    return [_run(row, tasks.get((row.dag_id, row.run_id), ()), undone) for row in rows]


def _tasks(session: Session, ids: Collection[int]) -> Mapping[tuple[str, str], list[Any]]:
    """The tasks that have begun, of runs that go on, the latest last."""
    if not ids:
        return {}
    query = (
        select(TaskInstance.dag_id, TaskInstance.run_id, TaskInstance.task_id, TaskInstance.state)
        .join(DagRun, and_(DagRun.dag_id == TaskInstance.dag_id, DagRun.run_id == TaskInstance.run_id))
        .where(DagRun.id.in_(ids), TaskInstance.start_date.is_not(None))
        .order_by(TaskInstance.start_date)
    )
    found: dict[tuple[str, str], list[Any]] = {}
    for row in session.execute(query):
        found.setdefault((row.dag_id, row.run_id), []).append(row)
    return found


def _after(session: Session, dag_ids: Collection[str]) -> list[tuple[str, Mapping[str, Any]]]:
    """(DAG, record) of what undos and repairs have told of themselves, for the migrations of these DAGs."""
    named = {f"{dag_id}__{kind}": dag_id for dag_id in dag_ids for kind in ("undo", "repair")}
    query = select(XComModel.dag_id, XComModel.value).where(
        XComModel.dag_id.in_(named), XComModel.task_id.in_(("undo", "report")), XComModel.key == "return_value"
    )
    return [(named[row.dag_id], _record(row)) for row in session.execute(query)]


def _undone(after: Iterable[tuple[str, Mapping[str, Any]]]) -> set[tuple[str, str]]:
    """(DAG, engine's run) of each switch that was taken back. A repair tells an outcome, as every run that moves rows."""
    return {(dag_id, str(told["run"])) for dag_id, told in after if "run" in told and "outcome" not in told}


def _run(row: Row[Any], tasks: Sequence[Row[Any]] = (), undone: Collection[tuple[str, str]] = ()) -> Run:
    summary = _record(row)
    summary = summary if summary.keys() >= SUMMED else {}
    return Run(
        row.dag_id,
        row.run_id,
        str(row.state),
        row.start_date,
        row.end_date,
        str(row.run_type),
        row.triggering_user_name,
        stage=tasks[-1].task_id if tasks else None,
        awaits=next((t.task_id for t in tasks if t.state == "awaiting_input"), None),
        undone=(row.dag_id, summary.get("run")) in undone,
        summary=summary,
    )


def _record(row: Row[Any]) -> Mapping[str, Any]:
    """The XCom of a row, {} where there is none or it is no record."""
    value = XComModel.deserialize_value(row) if row.value is not None else None
    return value if isinstance(value, dict) else {}


def _migration(dag: Row[Any], runs: Sequence[Run], after: Iterable[tuple[str, Mapping[str, Any]]], total: int | None = None) -> Migration:
    told = (dag.description or "").removeprefix("Migration ")
    schedule = "" if dag.timetable_summary in (None, "None", "Never") else str(dag.timetable_summary)
    coverages = [c for d, record in after if d == dag.dag_id and isinstance(c := record.get("coverage"), dict)]
    coverages += [c for run in runs if (c := run.summary.get("coverage"))]
    newest = max(coverages, key=lambda c: str(c["as_of"]), default=None)
    total = len(runs) if total is None else total
    return Migration(dag.dag_id, told, schedule, bool(dag.is_paused), bool(dag.broken), runs, total, newest)
