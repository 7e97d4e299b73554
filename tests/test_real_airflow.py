"""Under Airflow's real scheduler: a backfill proves every day, what is proven is told as events, and an approval holds the switch.

These tests share one Airflow and one target; each has days or a migration of its own.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.real_airflow import RealAirflow

DAILY = "shop_daily"
FIRST, LAST, DAYS = "2024-03-02", "2024-03-05", 4


def backfill_runs(real_airflow: RealAirflow) -> list[dict[str, Any]]:
    return list(real_airflow.airflow.ask(f"/api/v2/dags/{DAILY}/dagRuns?run_type=backfill")["dag_runs"])


@pytest.fixture(scope="module")
def backfilled(real_airflow: RealAirflow) -> list[dict[str, Any]]:
    """The runs of a backfill of four days, two at a time, when all have ended."""
    asked = {"dag_id": DAILY, "from_date": f"{FIRST}T00:00:00Z", "to_date": f"{LAST}T00:00:00Z", "max_active_runs": 2}
    real_airflow.airflow.ask("/api/v2/backfills", asked)

    def ended() -> list[dict[str, Any]]:
        runs = backfill_runs(real_airflow)
        return runs if len(runs) == DAYS and all(run["state"] in ("success", "failed") for run in runs) else []

    return list(real_airflow.airflow.until("the backfill", ended, patience=300))


def test_a_backfill_moves_every_day_and_its_rows_equal_the_source_s(real_airflow: RealAirflow, backfilled: list[dict[str, Any]]) -> None:
    assert [run["state"] for run in backfilled] == ["success"] * DAYS
    days = f"at >= '{FIRST}' AND at < '2024-03-06' ORDER BY id"
    at = "to_char(at, 'YYYY-MM-DD HH24:MI:SS.US')"
    moved = real_airflow.live(f"SELECT id, name, email, born::text, credit::float8, {at} FROM customer WHERE {days}")
    assert moved == real_airflow.held(f"SELECT id, name, email, born, credit, at FROM customer WHERE {days}") and moved


def test_a_backfill_keeps_to_its_bound_of_runs_at_once(backfilled: list[dict[str, Any]]) -> None:
    begun = [(run["start_date"], 1) for run in backfilled] + [(run["end_date"], -1) for run in backfilled]
    at_once = [sum(step for _, step in sorted(begun)[: n + 1]) for n in range(len(begun))]
    assert max(at_once) == 2


def test_every_day_that_was_backfilled_is_proven(real_airflow: RealAirflow, backfilled: list[dict[str, Any]]) -> None:
    query = "SELECT low, state FROM penstock_coverage WHERE migration = 'shop_daily' ORDER BY low"
    proven = {low[:10] for low, state in real_airflow.live(query) if state == "proven"}
    assert proven >= {f"2024-03-0{day}" for day in range(2, 6)}


def test_every_day_is_an_event_with_its_rows_and_digest(real_airflow: RealAirflow, backfilled: list[dict[str, Any]]) -> None:
    events = real_airflow.airflow.ask(f"/api/v2/assets/events?source_dag_id={DAILY}")["asset_events"]
    told = {
        event["extra"]["interval"][0][:10]: event["extra"]
        for event in events
        if event["source_run_id"] in {r["dag_run_id"] for r in backfilled}
    }
    rows = dict(real_airflow.held(f"SELECT date(at), count(*) FROM customer WHERE at >= '{FIRST}' AND at < '2024-03-06' GROUP BY 1"))
    assert {day: extra["rows"] for day, extra in told.items()} == rows and len(rows) == DAYS
    assert all(extra["digest"].startswith(f"{extra['rows']}:") for extra in told.values())


def test_a_run_by_hand_moves_the_interval_of_its_form(real_airflow: RealAirflow) -> None:
    run = real_airflow.run(DAILY, **{"from": "2024-03-20", "to": "2024-03-22"})
    assert run["state"] == "success"
    days = "SELECT at::date::text, count(*) FROM customer WHERE at >= '2024-03-19' AND at < '2024-03-23' GROUP BY 1 ORDER BY 1"
    assert real_airflow.live(days) == real_airflow.held(
        "SELECT date(at), count(*) FROM customer WHERE date(at) IN ('2024-03-20', '2024-03-21') GROUP BY 1"
    )


@pytest.mark.parametrize(("answer", "live"), [("Reject", False), ("Approve", True)])
def test_nothing_is_live_until_a_person_has_approved(real_airflow: RealAirflow, answer: str, live: bool) -> None:
    run = real_airflow.trigger("shop_asked")
    real_airflow.approve("shop_asked", run, answer)
    assert real_airflow.ended("shop_asked", run)["state"] == ("success" if live else "failed")
    assert real_airflow.live("SELECT to_regclass('nothing') IS NOT NULL") == [(live,)]


def test_what_tasks_import_is_there_before_they_are_forked(real_airflow: RealAirflow) -> None:
    mapped = Path(f"/proc/{real_airflow.airflow.parts['scheduler'].pid}/maps").read_text()
    assert all(part in mapped for part in ("penstock/_native", "pyarrow", "_duckdb", "pandas"))
