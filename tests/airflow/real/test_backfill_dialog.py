"""A backfill in Airflow's own pages, by a person at a browser: its dialog, ten approvals that are told apart, one for all of another backfill."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import expect

from tests.support.servers.browser import Person
from tests.support.servers.real_airflow import RealAirflow

_BY_DAY: dict[str, Any] = {"schedule": "@daily", "start_date": "2024-03-01", "max_active_runs": 12}
MORE_MIGRATIONS: dict[str, dict[str, Any]] = {
    "asked_each": _BY_DAY
    | {
        "tables": {"include": ["customer"], "customer": {"partition": {"by": "at"}, "to": "asked_each"}},
        "switch": {"approval": True, "approve_within": "1h"},
    },
    "asked_once": _BY_DAY
    | {
        "tables": {"include": ["customer"], "customer": {"partition": {"by": "at"}, "to": "asked_once"}},
        "switch": {"approval": "per_backfill", "approve_within": "1h"},
    },
}


def backfill(admin: Person, dag_id: str, first: str, last: str, at_once: int) -> None:
    """Start a backfill by the dialog of the DAG's page."""
    admin.go(f"/dags/{dag_id}")
    page = admin.page
    page.get_by_role("button", name="Trigger").first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("Backfill", exact=True).first.click()
    for number, (label, day) in enumerate({"From": first, "To": last}.items()):
        dialog.get_by_test_id("datetime-input").nth(number).click()
        page.get_by_role("textbox", name=label, exact=True).locator("visible=true").fill(day.replace("-", "/"))
        page.keyboard.press("Enter")
        page.keyboard.press("Escape")
    expect(dialog.get_by_text(re.compile(r"^\d+ runs will be triggered"))).to_be_visible()
    dialog.locator("input[name=max_active_runs]").fill(str(at_once))
    admin.shot("dialog")
    dialog.get_by_role("button", name="Run Backfill").click()
    expect(page.get_by_text("Backfill generated")).to_be_visible()


def questions(real_airflow: RealAirflow, dag_id: str) -> list[dict[str, Any]]:
    found = real_airflow.airflow.ask(f"/api/v2/dags/{dag_id}/dagRuns/~/hitlDetails?response_received=false&limit=100")["hitl_details"]
    return [q for q in found if q["task_instance"]["dag_run_id"].startswith("backfill__")]


@pytest.fixture(scope="module", autouse=True)
def started(admin: Person, real_airflow: RealAirflow) -> Iterator[None]:
    """A backfill of ten days, and one of three: both go on at once. At the end nothing waits any more."""
    backfill(admin, "asked_each", "2024-03-02", "2024-03-11", 10)
    backfill(admin, "asked_once", "2024-03-02", "2024-03-04", 3)
    admin.leave()
    yield
    real_airflow.finish(*MORE_MIGRATIONS)


def test_ten_approvals_of_a_backfill_are_told_apart(admin: Person, real_airflow: RealAirflow) -> None:
    real_airflow.airflow.until("ten questions", lambda: len(questions(real_airflow, "asked_each")) == 10)
    admin.go("/required_actions")
    for day in range(2, 12):
        expect(admin.page.get_by_text(re.compile(rf"Switch asked_each for 2024-03-{day:02}\?"))).to_have_count(1)
    admin.shot("ten-approvals")


def test_one_approval_lets_all_runs_of_a_backfill_switch(admin: Person, real_airflow: RealAirflow) -> None:
    (question,) = real_airflow.airflow.until("the question", lambda: questions(real_airflow, "asked_once"))
    run = question["task_instance"]["dag_run_id"]
    real_airflow.asked("asked_once", run)
    admin.go(f"/dags/asked_once/runs/{quote(run, safe='')}/tasks/approve/required_actions")
    expect(admin.page.get_by_text("The answer is for all 3 runs of the backfill")).to_be_visible()
    admin.shot("one-approval")
    with admin.page.expect_response(lambda answer: answer.url.endswith("/hitlDetails") and answer.request.method == "PATCH") as answered:
        admin.page.get_by_role("button", name="Approve").click()
    assert answered.value.ok
    admin.leave()

    def ended() -> list[str]:
        runs = real_airflow.airflow.ask("/api/v2/dags/asked_once/dagRuns?run_type=backfill")["dag_runs"]
        states = [r["state"] for r in runs]
        return states if {"queued", "running"}.isdisjoint(states) else []

    assert real_airflow.airflow.until("the end of the backfill", ended) == ["success"] * 3
    assert real_airflow.live("SELECT count(*) FROM asked_once WHERE at >= '2024-03-02' AND at < '2024-03-05'")[0][0] > 0
    assert not questions(real_airflow, "asked_once")
