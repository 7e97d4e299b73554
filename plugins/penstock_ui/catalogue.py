"""Migrations and their runs, from Airflow's own tables: a few questions, however many runs there are."""

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
from penstock.reporting.html.listing import SUMMED, Migration, Run, airflow_run

AFTER = ("undo", "repair")
"""What the DAGs beside a migration's own do with a run of it: their names end in these."""
TREND = 20
"""So many runs of each migration are looked at where all migrations are listed."""
INTERVALS = "intervals: "
"""The tag of a partitioned migration's DAG begins with it; its time zone follows."""
_LAST = (DagRun.id.desc(),)  # as they were made: of a backfill too, whose dates are of long ago
_BEGUN = (DagRun.start_date.desc().nulls_last(), DagRun.id.desc())  # a backfill makes all of its runs before it begins the first


def migrations(session: Session, readable: Collection[str]) -> list[Migration]:
    """All migrations among the DAGs that one may read, each with its last runs; and those whose file is broken."""
    dags = {dag.dag_id: dag for dag in _dags(session) if dag.dag_id in readable}
    names = [name for name, dag in dags.items() if not dag.broken]
    number = func.row_number().over(partition_by=DagRun.dag_id, order_by=_BEGUN).label("number")
    last = select(DagRun.id, number).where(DagRun.dag_id.in_(names), DagRun.state != "queued").subquery()
    shown = or_(last.c.number <= TREND, DagRun.state == "running")
    rows = session.execute(_runs().join(last, and_(last.c.id == DagRun.id, shown)).order_by(*_BEGUN)).all()
    after = _after(session, names)
    found: dict[str, list[Run]] = {name: [] for name in names}
    for run in _listed(session, rows, dags, after):
        found[run.dag_id].append(run)
    queued = _queued(session, names)
    return [
        _migration(dag, after, runs=runs, total=len(runs), going=[r for r in runs if r.going_on], queued=queued.get(name, 0))
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
    going = session.execute(of_dag.where(DagRun.state == "running").order_by(*_LAST)).all()
    total = session.scalar(select(func.count()).select_from(DagRun).where(DagRun.dag_id == dag_id)) or 0
    after = _after(session, [dag_id])
    runs = _listed(session, [*rows, *(r for r in going if r.id not in {row.id for row in rows})], {dag_id: dag}, after)
    queued = _queued(session, [dag_id]).get(dag_id, 0)
    running = [r for r in runs if r.going_on and r.state == "running"]
    return _migration(dag, after, runs=runs[: len(rows)], total=total, going=running, queued=queued)


def others(session: Session, dag_id: str, dag_ids: Iterable[str], most: int = 5) -> list[Run]:
    """The last runs of these DAGs, newest first, which undo or repair runs of the migration `dag_id`."""
    rows = session.execute(_runs().where(DagRun.dag_id.in_(list(dag_ids))).order_by(*_LAST).limit(most)).all()
    of = {row.id: _of(row) for row in rows}
    spans, zone = _spans(session, dag_id, {airflow_run(run) for run in of.values() if run})
    return [_run(row, zone, of=of[row.id], asked=spans.get(airflow_run(of[row.id]))) for row in rows]


def asked(session: Session, run: DagRun) -> Run:
    """A run as its start says, before its tasks have written anything: of an undo and a repair, with what they are asked to act on."""
    row = session.execute(_runs().where(DagRun.id == run.id)).one()
    base, _, kind = str(row.dag_id).rpartition("__")
    if kind not in AFTER:
        return _run(row, _zone(session, row.dag_id))
    of = _of(row)
    spans, zone = _spans(session, base, {airflow_run(of)} if of else set())
    return _run(row, zone, of=of, asked=spans.get(airflow_run(of)))


def _of(row: Row[Any]) -> str:
    """The run that an undo or a repair is about: as it has reported, else as it was started for; "" when nothing says."""
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
    """How many runs of each DAG wait to begin."""
    query = select(DagRun.dag_id, func.count().label("number")).where(DagRun.dag_id.in_(dag_ids), DagRun.state == "queued")
    return {row.dag_id: row.number for row in session.execute(query.group_by(DagRun.dag_id))}


def ours(session: Session, dag_id: str, *tags: str) -> DagModel | None:
    """A DAG that carries `penstock` and one of these tags; None when there is none, or no longer."""
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
    """Runs with what their report task, or the task of an undo, has returned. Its key begins with the run's, so each is found at once."""
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
    session: Session, rows: Sequence[Row[Any]], dags: Mapping[str, Row[Any]], after: Iterable[tuple[str, Mapping[str, Any]]]
) -> list[Run]:
    """Rows as runs, with what one more question says: where those are that go on."""
    tasks, undone = _tasks(session, {row.id for row in rows if row.state in ("queued", "running")}), _undone(after)
    zones = {name: dag.intervals.removeprefix(INTERVALS) if dag.intervals else None for name, dag in dags.items()}
    return [_run(row, zones[row.dag_id], tasks.get((row.dag_id, row.run_id), ()), undone) for row in rows]


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
    named = {f"{dag_id}__{kind}": dag_id for dag_id in dag_ids for kind in AFTER}
    query = select(XComModel.dag_id, XComModel.value).where(
        XComModel.dag_id.in_(named), XComModel.task_id.in_(("undo", "report")), XComModel.key == "return_value"
    )
    return [(named[row.dag_id], _record(row)) for row in session.execute(query)]


def _undone(after: Iterable[tuple[str, Mapping[str, Any]]]) -> set[tuple[str, str]]:
    """(DAG, engine's run) of each switch that was taken back. A repair tells an outcome, as every run that moves rows."""
    return {(dag_id, str(told["run"])) for dag_id, told in after if "run" in told and "outcome" not in told}


def _run(
    row: Row[Any],
    zone: str | None,
    tasks: Sequence[Row[Any]] = (),
    undone: Collection[tuple[str, str]] = (),
    of: str = "",
    asked: tuple[str, str] | None = None,
) -> Run:
    """A row as a run. zone: of the intervals, None when there are none.  of, asked: the run that an undo is about, its interval."""
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
        asked=asked or (_span(row, zone) if zone else None),
        timezone=zone or "UTC",
        of=of,
    )


def _span(row: Row[Any], zone: str) -> tuple[str, str] | None:
    """The interval that a run was started for: as its form says, else the data interval that Airflow gave it."""
    conf = row.conf if isinstance(row.conf, dict) else {}
    low, high = row.data_interval_start, row.data_interval_end
    try:
        if conf.get("from") and conf.get("to") and str(row.run_type) not in ("scheduled", "backfill"):  # those have their own
            given = intervals.between(str(conf["from"]), str(conf["to"]), zone)
            low, high = given.low, given.high
    except MigrationError:
        return None  # the run will refuse it, and say why
    return (intervals.written(low), intervals.written(high)) if low and high and low < high else None


def _record(row: Row[Any]) -> Mapping[str, Any]:
    """The XCom of a row, {} where there is none or it is no record."""
    value = XComModel.deserialize_value(row) if row.value is not None else None
    return value if isinstance(value, dict) else {}


def _migration(dag: Row[Any], after: Iterable[tuple[str, Mapping[str, Any]]], **found: Any) -> Migration:
    """A DAG as a migration. found: its runs, as the fields of Migration are called."""
    told = (dag.description or "").removeprefix("Migration ")
    schedule = "" if dag.timetable_summary in (None, "None", "Never") else str(dag.timetable_summary)
    coverages = [c for d, record in after if d == dag.dag_id and isinstance(c := record.get("coverage"), dict)]
    coverages += [c for run in found["runs"] if (c := run.summary.get("coverage"))]
    newest = max(coverages, key=lambda c: str(c["as_of"]), default=None)
    going = sorted(found.pop("going"), key=lambda r: (r.interval or ("", ""), r.run_id))
    return Migration(dag.dag_id, told, schedule, bool(dag.is_paused), bool(dag.broken), going=going, coverage=newest, **found)
