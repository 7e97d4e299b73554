"""Partitions in Airflow: a run's data interval or its form says what moves; a cleared run reads again; proven tables are events."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import pytest

from tests.support.servers.airflow import Airflow

DAILY = "shop_daily"


def days(airflow: Airflow) -> dict[str, int]:
    """The rows of each day at the target, by the plain driver."""
    with duckdb.connect(str(airflow.target)) as db:
        return {str(d): n for d, n in db.execute('SELECT "at"::DATE, count(*) FROM customer GROUP BY 1 ORDER BY 1').fetchall()}


def of(airflow: Airflow, day: int) -> Any:
    """The run of a day in March. By hand, a logical date stands for the last interval that was over by then."""
    return airflow.dags[DAILY].test(logical_date=dt.datetime(2024, 3, day + 1, tzinfo=dt.UTC))


def test_a_run_moves_its_data_interval(airflow: Airflow) -> None:
    assert of(airflow, 4).state == "success"
    assert days(airflow) == {"2024-03-04": 2}
    assert of(airflow, 2).state == "success"
    assert days(airflow) == {"2024-03-02": 2, "2024-03-04": 2}


def test_a_run_by_hand_moves_the_interval_of_its_form(airflow: Airflow) -> None:
    assert airflow.run(DAILY, **{"from": "2024-03-03", "to": "2024-03-05"}).state == "success"
    assert days(airflow) == {"2024-03-03": 2, "2024-03-04": 2}


def test_half_an_interval_is_refused(airflow: Airflow) -> None:
    run = airflow.run(DAILY, **{"from": "2024-03-03"})
    assert run.state == "failed" and airflow.states(run)["preflight"] == "failed"


@pytest.mark.parametrize("kind", ["backfill", "scheduled"])
@pytest.mark.parametrize("asked", [{"from": "2024-03-03", "to": "2024-03-05"}, {"to": "2024-03-05"}])
def test_a_run_of_a_backfill_or_the_schedule_takes_no_interval_from_its_form(
    airflow_installed: None, kind: str, asked: dict[str, str]
) -> None:
    from penstock.errors import MigrationError
    from penstock_operators.runs import declared, interval
    from tests.support.servers.airflow import DAGS

    migration = declared(str(DAGS / "migrations" / f"{DAILY}.yaml"))
    day = {"data_interval_start": dt.datetime(2024, 3, 4, tzinfo=dt.UTC), "data_interval_end": dt.datetime(2024, 3, 5, tzinfo=dt.UTC)}
    run = SimpleNamespace(run_type=kind, run_id="r1", **day)
    with pytest.raises(MigrationError, match=f"set in a {kind} run, which has an interval of its own"):
        interval(migration, {"dag_run": run, "params": asked})  # type: ignore[typeddict-item]
    own = interval(migration, {"dag_run": run, "params": {}})  # type: ignore[typeddict-item]
    assert str(own) == "2024-03-04T00:00:00Z..2024-03-05T00:00:00Z"


def test_a_run_that_is_cleared_after_its_switch_is_a_new_attempt_and_one_that_failed_goes_on(airflow: Airflow, tmp_path: Path) -> None:
    from penstock_operators.runs import area, begun_run, current_run, declared
    from tests.support.servers.airflow import DAGS

    # not the staging area that all share: other commands read the files of its runs, and these are empty
    migration, root = declared(str(DAGS / "migrations" / f"{DAILY}.yaml")), str(tmp_path / "staging")
    context: Any = {"dag_run": SimpleNamespace(run_id="backfill__2024-03-04", dag_id=DAILY)}
    assert begun_run(migration, root, context) == "backfill__2024-03-04"
    area(migration, root, "backfill__2024-03-04").write_json({}, "failure.json")
    assert begun_run(migration, root, context) == "backfill__2024-03-04"
    for attempt in ("~2", "~3"):
        area(migration, root, current_run(migration, root, context)).write_json({}, "switch.json")
        assert begun_run(migration, root, context) == f"backfill__2024-03-04{attempt}" == current_run(migration, root, context)


def test_every_table_that_is_switched_is_an_asset_event_with_its_proof(airflow: Airflow) -> None:
    from airflow.models.asset import AssetEvent
    from airflow.utils.session import create_session
    from sqlalchemy import select

    run = of(airflow, 4)
    with create_session() as session:
        found = session.scalars(select(AssetEvent).where(AssetEvent.source_run_id == run.run_id)).all()
        told = [(e.asset.name, e.extra) for e in found]
    (name, extra), *more = told
    assert not more and name == "shop_daily.customer"
    assert (extra["rows"], extra["interval"]) == (2, ["2024-03-04T00:00:00Z", "2024-03-05T00:00:00Z"])
    assert extra["digest"].startswith("2:")


def test_schedule_bounds_and_deadline_are_the_file_s(airflow: Airflow) -> None:
    dag = airflow.dags[DAILY]
    assert dag.max_active_runs == 2 and not dag.deadline
    assert airflow.dags["shop_due"].deadline[0].interval == dt.timedelta(hours=1)
    assert {"from", "to"} <= set(dag.params) and "from" not in airflow.dags["shop"].params


@pytest.mark.parametrize("ours", [True, False])
def test_the_scheduler_notes_the_backfill_of_our_runs_as_long_as_it_goes_on_and_leaves_others(airflow: Airflow, ours: bool) -> None:
    from airflow.models import DagRun
    from airflow.models.backfill import Backfill, BackfillDagRun
    from airflow.utils.session import create_session
    from airflow.utils.types import DagRunType

    from penstock_operators import backfills

    assert of(airflow, 4).state == "success"  # so that Airflow knows the DAG and its tags
    begins, ends = dt.datetime(2024, 3, 2, tzinfo=dt.UTC), dt.datetime(2024, 3, 5, tzinfo=dt.UTC)
    with create_session() as session:
        dag_id = DAILY if ours else "somebody_else_s"
        backfill = Backfill(dag_id=dag_id, from_date=begins, to_date=ends)
        run = DagRun(dag_id=dag_id, run_id=f"backfill__{ours}", run_type=DagRunType.BACKFILL_JOB, conf={"asked": 1})
        session.add_all([backfill, run])
        session.flush()
        run.backfill_id = backfill.id
        session.add(BackfillDagRun(backfill_id=backfill.id, dag_run_id=run.id, sort_ordinal=1, logical_date=begins))
        session.flush()
        backfills.note(run)
        if not ours:
            assert run.conf == {"asked": 1}
        else:
            context: Any = {"dag_run": SimpleNamespace(run_type="backfill", conf=run.conf)}
            found = backfills.of(context)
            assert found is not None and run.conf["asked"] == 1
            assert (found.first, found.last, found.runs) == ("2024-03-02", "2024-03-05", 1)
            backfill.completed_at = ends
            backfills.note(run)
            assert run.conf == {"asked": 1}
        session.rollback()
