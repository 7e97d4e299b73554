"""Migrations and their runs, from Airflow's tables. The number of queries does not depend on the number of runs."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from airflow.models.dag import DagModel, DagTag
from airflow.models.dagrun import DagRun
from airflow.models.taskinstance import TaskInstance
from airflow.models.xcom import XComModel
from sqlalchemy import Row, Select, and_, func, or_, select
from sqlalchemy.orm import Session, aliased

from penstock.errors import MigrationError
from penstock.model import intervals
from penstock.reporting.html.addresses import airflow_run
from penstock.reporting.html.listing import SUMMARY, Migration, Run

FOLLOW_UPS = ("undo", "repair")
"""The kinds of DAGs that act on runs of a migration; their names end in `__` and the kind."""
TREND = 20
"""The number of runs of each migration on the page of all migrations."""
INTERVALS = "intervals: "
"""The beginning of a tag of the DAG of a partitioned migration. The time zone follows."""
_LAST = (DagRun.id.desc(),)  # by creation: the logical dates of a backfill are in the past
_STARTED = (DagRun.start_date.desc().nulls_last(), DagRun.id.desc())  # a backfill creates all of its runs before it starts the first


def migrations(session: Session, readable: Collection[str]) -> list[Migration]:
    """All migrations among the `readable` DAGs, each with its last runs, and those whose file can't be read."""
    dags = {dag.dag_id: dag for dag in _dags(session) if dag.dag_id in readable}
    names = [name for name, dag in dags.items() if not dag.broken]
    number = func.row_number().over(partition_by=DagRun.dag_id, order_by=_STARTED).label("number")
    last = select(DagRun.id, number).where(DagRun.dag_id.in_(names), DagRun.state != "queued").subquery()
    shown = or_(last.c.number <= TREND, DagRun.state == "running")
    rows = session.execute(_runs().join(last, and_(last.c.id == DagRun.id, shown)).order_by(*_STARTED)).all()
    records = _follow_up_records(session, names)
    found: dict[str, list[Run]] = {name: [] for name in names}
    for run in _listed(session, rows, dags, records):
        found[run.dag_id].append(run)
    queued = _queued(session, names)
    return [
        _migration(dag, records, runs=runs, total=len(runs), active=[r for r in runs if r.in_progress], queued=queued.get(name, 0))
        for name, dag in dags.items()
        for runs in [found.get(name, [])]
    ]


def migration(session: Session, dag_id: str, skip: int, most: int) -> Migration | None:
    """One migration with `most` of its runs after the first `skip`; None when the DAG isn't one."""
    dag = next((d for d in _dags(session, dag_id) if not d.broken), None)
    if dag is None:
        return None
    of_dag = _runs().where(DagRun.dag_id == dag_id)
    rows = session.execute(of_dag.order_by(*_LAST).offset(skip).limit(most)).all()
    active = session.execute(of_dag.where(DagRun.state == "running").order_by(*_LAST)).all()
    total = session.scalar(select(func.count()).select_from(DagRun).where(DagRun.dag_id == dag_id)) or 0
    records = _follow_up_records(session, [dag_id])
    runs = _listed(session, [*rows, *(r for r in active if r.id not in {row.id for row in rows})], {dag_id: dag}, records)
    queued = _queued(session, [dag_id]).get(dag_id, 0)
    running = [r for r in runs if r.state == "running"]
    return _migration(dag, records, runs=runs[: len(rows)], total=total, active=running, queued=queued)


def others(session: Session, dag_id: str, dag_ids: Iterable[str], most: int = 5) -> list[Run]:
    """The last runs of `dag_ids`, newest first: the DAGs that undo and repair runs of the migration `dag_id`."""
    rows = session.execute(_runs().where(DagRun.dag_id.in_(list(dag_ids))).order_by(*_LAST).limit(most)).all()
    of_run = {row.id: _of_run(row) for row in rows}
    spans, zone = _spans(session, dag_id, {airflow_run(run) for run in of_run.values() if run})
    return [_run(row, zone, of_run=of_run[row.id], interval=spans.get(airflow_run(of_run[row.id]))) for row in rows]


def requested(session: Session, run: DagRun) -> Run:
    """A run as it was requested, before its tasks have written anything; of an undo or a repair, with the run that it is about."""
    row = session.execute(_runs().where(DagRun.id == run.id)).one()
    base, _, kind = str(row.dag_id).rpartition("__")
    if kind not in FOLLOW_UPS:
        return _run(row, _zone(session, row.dag_id))
    of_run = _of_run(row)
    spans, zone = _spans(session, base, {airflow_run(of_run)} if of_run else set())
    return _run(row, zone, of_run=of_run, interval=spans.get(airflow_run(of_run)))


def _of_run(row: Row[Any]) -> str:
    """The run that an undo or a repair is about: from its report, else from its conf; "" when neither has it."""
    conf = row.conf if isinstance(row.conf, dict) else {}
    return str(_record(row).get("run") or conf.get("run") or "") if row.task_id == "undo" else str(conf.get("run") or "")


def _spans(session: Session, dag_id: str, run_ids: Collection[str]) -> tuple[dict[str, tuple[str, str]], str | None]:
    """The intervals of some runs of a migration, and its time zone, None without intervals."""
    zone = _zone(session, dag_id)
    if zone is None or not run_ids:
        return {}, zone
    rows = session.execute(_runs().where(DagRun.dag_id == dag_id, DagRun.run_id.in_(run_ids)))
    return {row.run_id: span for row in rows if (span := _run(row, zone).interval)}, zone


def _zone(session: Session, dag_id: str) -> str | None:
    """The time zone of a migration's intervals, None when it has none."""
    tag = session.scalar(select(DagTag.name).where(DagTag.dag_id == dag_id, DagTag.name.startswith(INTERVALS)))
    return tag.removeprefix(INTERVALS) if tag else None


def _queued(session: Session, dag_ids: Collection[str]) -> dict[str, int]:
    """The number of queued runs of each DAG."""
    query = select(DagRun.dag_id, func.count().label("number")).where(DagRun.dag_id.in_(dag_ids), DagRun.state == "queued")
    return {row.dag_id: row.number for row in session.execute(query.group_by(DagRun.dag_id))}


def find_dag(session: Session, dag_id: str, *tags: str) -> DagModel | None:
    """The DAG, when it has the tag `penstock` and one of these tags and is not stale; else None."""
    return session.scalars(_tagged(select(DagModel), tags).where(DagModel.dag_id == dag_id)).first()


def _tagged(query: Any, tags: Collection[str]) -> Any:
    mine, kind = aliased(DagTag), aliased(DagTag)
    query = query.join(mine, and_(mine.dag_id == DagModel.dag_id, mine.name == "penstock"))
    return query.join(kind, and_(kind.dag_id == DagModel.dag_id, kind.name.in_(tags))).where(~DagModel.is_stale)


def _dags(session: Session, dag_id: str | None = None) -> Sequence[Row[Any]]:
    broken = select(DagTag.dag_id).where(DagTag.dag_id == DagModel.dag_id, DagTag.name == "broken").exists().label("broken")
    zone = select(DagTag.name).where(DagTag.dag_id == DagModel.dag_id, DagTag.name.startswith(INTERVALS)).limit(1).scalar_subquery()
    columns = (DagModel.dag_id, DagModel.description, DagModel.timetable_summary, DagModel.is_paused, broken, zone.label("intervals"))
    query = _tagged(select(*columns), ("migration", "broken"))
    return session.execute(query.where(DagModel.dag_id == dag_id) if dag_id is not None else query).all()


def _runs() -> Select[Any]:
    """Runs with the return value of their report task, or of the task of an undo. The join uses the index of the XCom table."""
    summed = and_(
        XComModel.dag_run_id == DagRun.id,
        XComModel.task_id.in_(("report", "undo")),
        XComModel.map_index == -1,
        XComModel.key == "return_value",
    )
    columns = (DagRun.id, DagRun.dag_id, DagRun.run_id, DagRun.state, DagRun.start_date, DagRun.end_date, DagRun.run_type)
    started = (DagRun.data_interval_start, DagRun.data_interval_end, DagRun.conf, DagRun.triggering_user_name)
    return select(*columns, *started, XComModel.task_id, XComModel.value).select_from(DagRun).outerjoin(XComModel, summed)


def _listed(
    session: Session, rows: Sequence[Row[Any]], dags: Mapping[str, Row[Any]], records: Iterable[tuple[str, Mapping[str, Any]]]
) -> list[Run]:
    """Rows as runs, with the tasks of the runs in progress, which take one more query."""
    tasks, undone = _tasks(session, {row.id for row in rows if row.state in ("queued", "running")}), _undone(records)
    zones = {name: dag.intervals.removeprefix(INTERVALS) if dag.intervals else None for name, dag in dags.items()}
    return [_run(row, zones[row.dag_id], tasks.get((row.dag_id, row.run_id), ()), undone) for row in rows]


def _tasks(session: Session, ids: Collection[int]) -> Mapping[tuple[str, str], list[Any]]:
    """The started tasks of runs in progress, the latest last."""
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


def _follow_up_records(session: Session, dag_ids: Collection[str]) -> list[tuple[str, Mapping[str, Any]]]:
    """(DAG of the migration, record) for each record that an undo or a repair of these migrations has returned."""
    named = {f"{dag_id}__{kind}": dag_id for dag_id in dag_ids for kind in FOLLOW_UPS}
    query = select(XComModel.dag_id, XComModel.value).where(
        XComModel.dag_id.in_(named), XComModel.task_id.in_(("undo", "report")), XComModel.key == "return_value"
    )
    return [(named[row.dag_id], _record(row)) for row in session.execute(query)]


def _undone(records: Iterable[tuple[str, Mapping[str, Any]]]) -> set[tuple[str, str]]:
    """(DAG, engine's run) of each switch that was undone. The record of a repair has an outcome, that of an undo has none."""
    return {(dag_id, str(record["run"])) for dag_id, record in records if "run" in record and "outcome" not in record}


def _run(
    row: Row[Any],
    zone: str | None,
    tasks: Sequence[Row[Any]] = (),
    undone: Collection[tuple[str, str]] = (),
    of_run: str = "",
    interval: tuple[str, str] | None = None,
) -> Run:
    """A row as a run. zone: of the intervals, None when there are none.  of_run, interval: the run that an undo is about, its interval."""
    summary = _record(row)
    summary = summary if summary.keys() >= SUMMARY else {}
    return Run(
        row.dag_id,
        row.run_id,
        str(row.state),
        row.start_date,
        row.end_date,
        str(row.run_type),
        row.triggering_user_name,
        task=tasks[-1].task_id if tasks else None,
        waiting_task=next((t.task_id for t in tasks if t.state == "awaiting_input"), None),
        undone=(row.dag_id, summary.get("run")) in undone,
        summary=summary,
        requested=interval or (_span(row, zone) if zone else None),
        timezone=zone or "UTC",
        of_run=of_run,
    )


def _span(row: Row[Any], zone: str) -> tuple[str, str] | None:
    """The interval that a run was started for: from its form, else Airflow's data interval."""
    conf = row.conf if isinstance(row.conf, dict) else {}
    low, high = row.data_interval_start, row.data_interval_end
    try:
        if conf.get("from") and conf.get("to") and str(row.run_type) not in ("scheduled", "backfill"):  # Airflow gives these their interval
            given = intervals.between(str(conf["from"]), str(conf["to"]), zone)
            low, high = given.low, given.high
    except MigrationError:
        return None  # the run will refuse it with an error
    return (intervals.written(low), intervals.written(high)) if low and high and low < high else None


def _record(row: Row[Any]) -> Mapping[str, Any]:
    """The XCom of a row; {} where there is none, or it is not a record."""
    value = XComModel.deserialize_value(row) if row.value is not None else None
    return value if isinstance(value, dict) else {}


def _migration(dag: Row[Any], records: Iterable[tuple[str, Mapping[str, Any]]], **found: Any) -> Migration:
    """A DAG as a migration. found: its runs, as the fields of Migration are called."""
    description = (dag.description or "").removeprefix("Migration ")
    schedule = "" if dag.timetable_summary in (None, "None", "Never") else str(dag.timetable_summary)
    coverages = [c for d, record in records if d == dag.dag_id and isinstance(c := record.get("coverage"), dict)]
    coverages += [c for run in found["runs"] if (c := run.summary.get("coverage"))]
    newest = max(coverages, key=lambda c: str(c["as_of"]), default=None)
    active = sorted(found.pop("active"), key=lambda r: (r.interval or ("", ""), r.run_id))
    return Migration(dag.dag_id, description, schedule, bool(dag.is_paused), bool(dag.broken), active=active, coverage=newest, **found)
