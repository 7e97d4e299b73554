"""Approvals under Airflow's real scheduler: one answer for a backfill, questions that can be told apart, a reminder in time."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from typing import Any

import pytest

from penstock.state import staging
from tests.support.recording import recorded
from tests.support.servers.real_airflow import RealAirflow

NAME = "shop_backfilled"
MORE_MIGRATIONS: dict[str, dict[str, Any]] = {
    NAME: {
        "schedule": "@daily",
        "start_date": "2024-03-01",
        "max_active_runs": 4,  # three of the backfill, and the one that the schedule starts when the DAG is unpaused
        "bad_rows": {"action": "quarantine", "at_most": 5},
        "tables": {
            "include": ["customer"],
            "customer": {
                "partition": {"by": "at"},
                "to": "client",
                "transform": [{"drop": ["email"]}, {"cast": {"name": "string(10)"}}],
            },
        },
        "switch": {"approval": "per_backfill", "approve_within": "1h"},
        "notify": [{"notifier": "tests.support.recording.Recorder", "events": ["waiting", "switched", "failed", "refused"]}],
    },
    "shop_hasty": {
        "deadline": "5s",
        "tables": {"include": ["log"], "log": {"to": "hasty_log"}},
        "switch": {"approval": True, "approve_within": "40s", "remind_before": "25s"},
        "notify": [{"notifier": "tests.support.recording.Recorder", "events": ["waiting", "expiring", "refused", "deadline"]}],
    },
}
RUNS = f"/api/v2/dags/{NAME}/dagRuns"


DAYS = [("2024-03-10", "2024-03-11"), ("2024-03-11", "2024-03-12")]


def begin(real_airflow: RealAirflow) -> None:
    """A backfill of four days, three at a time, whose last day has a row that can't be carried; runs of other days; one that nobody answers."""
    with sqlite3.connect(real_airflow.source) as source:
        source.execute("INSERT INTO customer VALUES (900, 'far too long a name', NULL, NULL, 0, '2024-03-05 12:00:00.000900')")
    real_airflow.begun["hasty"] = real_airflow.trigger("shop_hasty")
    real_airflow.airflow.unpause(NAME)
    real_airflow.backfill(NAME, "2024-03-02", "2024-03-05", 3)
    for low, high in DAYS:
        real_airflow.begun[low] = real_airflow.trigger(NAME, **{"from": low, "to": high})
    real_airflow.begun["whole"] = real_airflow.trigger("shop_asked")


@pytest.fixture(scope="module", autouse=True)
def finished(real_airflow: RealAirflow) -> Iterator[None]:
    """At the end nothing waits any more."""
    yield
    real_airflow.finish("shop_asked", *MORE_MIGRATIONS)


@pytest.fixture(scope="module")
def backfill(real_airflow: RealAirflow) -> str:
    """The run that asks for all of the backfill."""
    # All runs that were begun with Airflow go on at once.
    real_airflow.airflow.until("three runs at their approval", lambda: sorted(states(real_airflow)) == AT_ONCE, patience=600)
    (question,) = asking(real_airflow)
    assert question["subject"].startswith("Switch shop_backfilled for all 4 runs of the backfill 2024-03-02 to 2024-03-05?")
    assert "The answer is for all 4 runs of the backfill 2024-03-02 to 2024-03-05" in question["body"]
    return str(question["task_instance"]["dag_run_id"])


AT_ONCE = ["awaiting_input", "up_for_reschedule", "up_for_reschedule"]


def states(real_airflow: RealAirflow) -> list[str]:
    """The states of the approvals that runs have come to."""
    found = real_airflow.airflow.ask(f"{RUNS}/~/taskInstances?task_id=approve")["task_instances"]
    of_backfill = [t for t in found if t["task_id"] == "approve" and t["dag_run_id"].startswith("backfill__")]
    return [task["state"] for task in of_backfill if task["state"] is not None]


def questions(real_airflow: RealAirflow, dag_id: str = "~") -> list[dict[str, Any]]:
    return list(real_airflow.airflow.ask(f"/api/v2/dags/{dag_id}/dagRuns/~/hitlDetails?response_received=false")["hitl_details"])


def asking(real_airflow: RealAirflow) -> list[dict[str, Any]]:
    """The open questions of the backfill's runs; unpaused, the DAG has a scheduled run as well, which asks for itself."""
    return [q for q in questions(real_airflow, NAME) if q["task_instance"]["dag_run_id"].startswith("backfill__")]


def ended(real_airflow: RealAirflow) -> dict[str, str]:
    """The backfill's runs that have ended, by day."""
    runs = real_airflow.airflow.ask(f"{RUNS}?run_type=backfill")["dag_runs"]
    return {run["logical_date"][:10]: run["state"] for run in runs if run["state"] in ("success", "failed")}


def approval(real_airflow: RealAirflow, run_id: str) -> dict[str, Any]:
    return dict(staging.of(str(real_airflow.airflow.home / "staging"), NAME, run_id).read_json("approval.json"))


def test_one_answer_switches_all_runs_of_a_backfill_but_one_with_rows_that_nobody_saw(real_airflow: RealAirflow, backfill: str) -> None:
    real_airflow.approve(NAME, backfill)
    real_airflow.airflow.until("the runs that the answer covers", lambda: len(ended(real_airflow)) == 3)
    assert ended(real_airflow) == {"2024-03-02": "success", "2024-03-03": "success", "2024-03-04": "success"}
    (own,) = real_airflow.airflow.until("the question of the last run", lambda: asking(real_airflow))
    assert own["subject"] == (
        "Switch shop_backfilled for 2024-03-05? 1 table, 3 rows proved, 1 rejected (not covered by the approval of the backfill)"
    )
    last = own["task_instance"]["dag_run_id"]
    real_airflow.approve(NAME, last)
    assert real_airflow.ended(NAME, last)["state"] == "success"
    runs = [run["dag_run_id"] for run in real_airflow.airflow.ask(f"{RUNS}?run_type=backfill")["dag_runs"]]
    given = {run: approval(real_airflow, run) for run in runs}
    assert all(g["approved"] and g["by"] == "admin" for g in given.values())
    assert {g["backfill"]["asked_by"] for run, g in given.items() if run != last} == {backfill}
    assert "backfill" not in given[last] and given[last]["rejected"] == 1
    events = [n["event"] for n in recorded(real_airflow.airflow.home / "recorded") if n["run"] in runs]
    assert sorted(events) == ["switched"] * 4 + ["waiting"] * 2


def test_questions_of_different_runs_are_told_apart(real_airflow: RealAirflow) -> None:
    runs, whole = [real_airflow.begun[low] for low, _ in DAYS], real_airflow.begun["whole"]
    for dag_id, run in [*((NAME, run) for run in runs), ("shop_asked", whole)]:
        real_airflow.asked(dag_id, run)
    subjects = {q["task_instance"]["dag_run_id"]: q["subject"] for q in questions(real_airflow)}
    assert len(set(subjects.values())) == len(subjects) >= 3
    for run, (low, _) in zip(runs, DAYS, strict=True):
        assert subjects[run] == f"Switch shop_backfilled for {low} (run {run})? 1 table, 2 rows proved"
    assert subjects[whole] == f"Switch shop_asked (run {whole})? 1 table, 0 rows proved"


def test_who_does_not_answer_is_reminded_and_then_the_run_is_refused(real_airflow: RealAirflow) -> None:
    hasty = real_airflow.begun["hasty"]
    assert real_airflow.ended("shop_hasty", hasty)["state"] == "failed"
    file = real_airflow.airflow.home / "recorded"
    told = real_airflow.airflow.until("the refusal", lambda: [n for n in recorded(file) if n["run"] == hasty][3:] and recorded(file))
    told = {n["event"]: n for n in told if n["run"] == hasty}
    assert set(told) == {"deadline", "waiting", "expiring", "refused"}
    assert "the switch is not approved yet" in told["expiring"]["what"] and "required_actions" in told["expiring"]["fix"]
    assert told["refused"]["what"] == "the switch was not approved"
    assert json.loads((real_airflow.airflow.home / "recorded").read_text().splitlines()[0])["subject"]
