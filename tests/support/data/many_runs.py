"""A thousand runs in Airflow's own tables, as a long-lived installation has them: their tasks and XComs too."""

from __future__ import annotations

import datetime as dt
from typing import Any

TASKS = ["preflight", "plan", "extract", "gate_extracted", "transform", "gate_transformed", "prepare", "load", "build", "gate_loaded"]
TASKS += ["prove", "switch", "verify", "finish", "report", "outcome"]
BEGAN = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)


def fill(session: Any, names: list[str], runs: int, staging: str = "file:///nowhere") -> None:
    """Migrations of these names, each with so many daily runs: every twentieth failed at a gate, the newest goes on and awaits approval."""
    from airflow.models.dag import DagModel, DagTag
    from airflow.models.dagbundle import DagBundleModel
    from airflow.models.dagrun import DagRun
    from airflow.models.taskinstance import TaskInstance
    from airflow.models.xcom import XComModel
    from sqlalchemy import insert

    if session.get(DagBundleModel, "many") is None:
        session.add(DagBundleModel(name="many"))
        session.flush()
    session.add_all(
        DagModel(dag_id=n, bundle_name="many", is_stale=False, is_paused=False, timetable_summary="@daily", max_active_tasks=1,
                 max_consecutive_failed_dag_runs=0, has_task_concurrency_limits=False, timetable_type="", description=f"Migration from a to {n}")
        for n in names
    )  # fmt: skip
    session.flush()
    session.execute(insert(DagTag.__table__), [{"dag_id": n, "name": tag} for n in names for tag in ("penstock", "migration")])
    made = [run(name, number, number == runs - 1) for number in range(runs) for name in names]
    session.execute(insert(DagRun.__table__), made)
    ids = dict(session.execute(DagRun.__table__.select().with_only_columns(DagRun.run_id, DagRun.id).where(DagRun.dag_id.in_(names))).all())
    session.execute(insert(TaskInstance.__table__), [t for r in made for t in tasks(r)])
    session.execute(insert(XComModel.__table__), [x for r in made for x in xcoms(r, ids[r["run_id"]], staging)])
    session.commit()


def run(name: str, number: int, last: bool) -> dict[str, Any]:
    began = BEGAN + dt.timedelta(days=number)
    state = "running" if last else "failed" if number % 20 == 7 else "success"
    ended = None if last else began + dt.timedelta(seconds=90 + number % 17)
    return {"dag_id": name, "run_id": f"{name}_{began.isoformat()}", "state": state, "run_type": "scheduled", "start_date": began, "end_date": ended,
            "run_after": began, "logical_date": began, "triggering_user_name": None}  # fmt: skip


def tasks(run: dict[str, Any]) -> list[dict[str, Any]]:
    common = {"dag_id": run["dag_id"], "run_id": run["run_id"], "map_index": -1, "pool": "default_pool", "try_number": 1, "max_tries": 2}
    going_on = run["state"] == "running"
    names = [*TASKS[: TASKS.index("switch")], "approve"] if going_on else TASKS
    states = {n: "awaiting_input" if n == "approve" else "success" for n in names}
    return [
        common | {"task_id": n, "state": s, "start_date": run["start_date"] + dt.timedelta(seconds=i), "operator": "X"}
        for i, (n, s) in enumerate(states.items())
    ]


def xcoms(run: dict[str, Any], number: int, staging: str) -> list[dict[str, Any]]:
    common = {"dag_run_id": number, "dag_id": run["dag_id"], "run_id": run["run_id"], "map_index": -1, "timestamp": run["start_date"]}
    small = [
        common | {"task_id": t, "key": "return_value", "value": {"rows": 1}} for t in ("preflight", "plan", "prepare", "build", "prove")
    ]
    small.append(common | {"task_id": "preflight", "key": "staging", "value": f"{staging}/{run['dag_id']}/{number}"})
    if run["state"] == "running":
        return small
    return [*small, common | {"task_id": "report", "key": "return_value", "value": summary(run, f"{staging}/{run['dag_id']}/{number}")}]


def summary(run: dict[str, Any], staging: str) -> dict[str, Any]:
    failed = run["state"] == "failed"
    low, rows = run["start_date"], 300_000 + 37 * (run["start_date"].day)
    gates = {"extracted": "open", "transformed": "open", "loaded": "closed" if failed else "open"}
    return {
        "migration": run["dag_id"], "run": run["run_id"], "outcome": "failed" if failed else "switched",
        "headline": f"5 tables with {rows:,} rows are live. The proof holds for each table.",
        "started": low.isoformat(), "written": run["end_date"].isoformat(), "stage": "gate_loaded" if failed else "finish",
        "interval": [f"{end:%Y-%m-%dT%H:%M:%SZ}" for end in (low - dt.timedelta(days=1), low)],
        "tables": 5, "rows_read": rows, "rows_loaded": None if failed else rows, "rows_rejected": 0, "bytes": rows * 90, "seconds": 60.5,
        "rows_per_second": rows // 60, "gates": gates, "proof": None if failed else "holds", "approval": None, "staging": staging,
        "coverage": {"as_of": run["end_date"].isoformat(), "proven": 300, "of": 366},
    }  # fmt: skip
