"""The pages across runs: what waits for a person first, a few questions however many runs there are, and nothing lost of what runs say."""

from __future__ import annotations

import datetime as dt
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

import pytest

from tests.support.data.many_runs import fill
from tests.support.servers.airflow import REPO, api, login

NAMES = ["archive", "billing", "contacts", "diary"]
NOW = dt.datetime(2026, 1, 2, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
def many(airflow_installed: None) -> Iterator[None]:
    """A thousand runs of four migrations."""
    from airflow.utils.session import create_session

    with create_session() as session:
        fill(session, NAMES, 250)
    yield
    with create_session() as session:
        from airflow.models.dag import DagModel, DagTag
        from airflow.models.dagrun import DagRun
        from sqlalchemy import delete

        for table in (DagRun, DagTag, DagModel):
            session.execute(delete(table).where(table.dag_id.in_([*NAMES, "diary__undo", "one_more"])))


@contextmanager
def asked() -> Iterator[list[str]]:
    """The statements that are sent to Airflow's database inside."""
    from airflow import settings
    from sqlalchemy import event

    found: list[str] = []

    def note(_: Any, __: Any, statement: str, *___: Any) -> None:
        found.append(statement)

    event.listen(settings.engine, "before_cursor_execute", note)
    yield found
    event.remove(settings.engine, "before_cursor_execute", note)


def get(place: str) -> str:
    answer = api().get(f"/penstock/{place}", headers=login())
    assert answer.status_code == 200, answer.text
    return str(answer.text)


def test_all_migrations_are_listed_with_what_each_is_at(many: None) -> None:
    page = get("")
    for name in NAMES:
        line = re.search(rf'<tr>\s*<th scope="row"><a href="/penstock/dags/{name}">.*?</tr>', page, re.DOTALL)
        assert line and "awaiting approval" in line[0] and "last report" in line[0] and "300<small> of 366" in line[0], name
        assert f"/dags/{name}/runs/{name}_2024-09-06T00%3A00%3A00%2B00%3A00/tasks/approve/required_actions" in line[0]


def test_a_few_questions_are_asked_however_many_migrations_and_runs_there_are(many: None) -> None:
    from airflow.utils.session import create_session

    get("")
    with asked() as before:
        get("")
    with create_session() as session:
        fill(session, ["one_more"], 30)
    with asked() as after:
        assert "one_more" in get("")
    assert len(after) == len(before) <= 8
    get("dags/archive")
    with asked() as few:
        get("dags/archive?show=1")
    with asked() as all_of_them:
        get("dags/archive?show=1000")
    assert len(few) == len(all_of_them) <= 12


def test_a_migration_lists_all_its_runs_in_pages(many: None) -> None:
    seen = [
        re.findall(r'<th scope="row"><a href="/penstock/dags/archive/runs/([^"/]+)/report">', get(f"dags/archive?skip={n}&show=100"))
        for n in (0, 100, 200)
    ]
    assert [len(s) for s in seen] == [100, 100, 50] and len({run for s in seen for run in s}) == 250
    page = get("dags/archive?skip=100&show=100")
    assert "101 to 200 of 250" in page and 'href="?skip=0&amp;show=100#runs"' in page and 'href="?skip=200&amp;show=100#runs"' in page
    assert len(re.findall(r'<th scope="row"><a href="/penstock/dags/archive/runs/', get("dags/archive?show=1000"))) == 250
    assert api().get("/penstock/dags/archive?show=1001", headers=login()).status_code == 422


def test_every_cell_of_the_gates_strip_says_its_state_and_leads_to_its_gate(many: None) -> None:
    page = get("dags/archive")
    cells = re.findall(r'<a href="([^"]+)" tabindex="-1"><g class="cell ([\w-]+)"[^>]*><title>([^<]+)</title>', page)
    closed = [(to, told) for to, look, told in cells if look == "closed"]
    assert len(closed) == 3 and all(to.endswith("/gates/loaded") and "gate: loaded closed" in told for to, told in closed)
    assert all(told.endswith(("open", "closed", "not reached")) for _, _, told in cells)


def test_an_undone_switch_is_not_called_switched(many: None) -> None:
    from airflow.models.dagrun import DagRun
    from airflow.models.taskinstance import TaskInstance
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session
    from sqlalchemy import insert, select

    from tests.support.data.many_runs import run, tasks

    undone = "diary_2024-09-05T00:00:00+00:00"
    made = run("diary__undo", 0, False) | {"dag_id": "diary__undo"}
    with create_session() as session:
        session.execute(insert(DagRun.__table__), [made])
        session.execute(insert(TaskInstance.__table__), [tasks(made)[0] | {"task_id": "undo"}])
        number = session.scalar(select(DagRun.id).where(DagRun.dag_id == "diary__undo"))
        told = {
            "dag_run_id": number,
            "dag_id": "diary__undo",
            "run_id": made["run_id"],
            "task_id": "undo",
            "key": "return_value",
            "value": {"run": undone},
        }
        session.execute(insert(XComModel.__table__), [told])
    line = next(row for row in get("dags/diary").split("<tr><td") if "diary_2024-09-05" in row and "<th" in row.splitlines()[1])
    assert "undone" in line and "switched" not in line


def test_a_dag_that_is_no_migration_is_said_to_be_none(many: None) -> None:
    answer = api().get("/penstock/dags/nobody", headers=login())
    assert answer.status_code == 404 and "not a migration" in answer.text


def test_a_task_s_process_loads_the_plugin_without_what_pages_need() -> None:
    tell = "import sys, airflow.plugins_manager; sys.path.append(sys.argv[1]); import penstock_ui.plugin; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", tell, str(REPO / "plugins")], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "penstock_ui.plugin" in loaded and not loaded & {"fastapi", "pyarrow", "penstock_ui.app"}


def test_pages_are_found_under_the_prefix_that_airflow_has() -> None:
    from fastapi import Request

    from penstock_ui.answers import addresses

    plain, behind = (addresses(Request({"type": "http", "root_path": root})) for root in ("/penstock", "/air/flow/penstock"))
    assert (plain.home, plain.airflow_run("a", "b:c")) == ("/penstock/", "/dags/a/runs/b%3Ac")
    assert (behind.home, behind.airflow_run("a", "b")) == ("/air/flow/penstock/", "/air/flow/dags/a/runs/b")


def cell(day: int, state: str, hours: tuple[int, int] = (0, 24), month: int = 3) -> dict[str, Any]:
    low = dt.datetime(2024, month, day, tzinfo=dt.UTC)
    span = [f"{low + dt.timedelta(hours=h):%Y-%m-%dT%H:%M:%SZ}" for h in hours]
    return {
        "interval": span,
        "state": state,
        "rows": 7,
        "run": f"r{day}",
        "at": f"2024-04-{day:02}",
        "why": "because" if state == "stale" else "",
    }


def test_calendar_has_a_cell_a_day_where_it_stands_in_its_week() -> None:
    from penstock.reporting.html import calendar
    from penstock.reporting.html.addresses import Addresses

    (year,) = calendar.coverage(
        "t", [cell(1, "proven"), cell(4, "stale"), cell(11, "missing")], calendar.Calendar("d", Addresses("/p"))
    ).years
    friday, monday, next_monday = year.cells
    assert monday.y == next_monday.y < friday.y and friday.x < monday.x < next_monday.x
    assert [c.title for c in year.cells][:2] == ["2024-03-01: proven, 7 rows", "2024-03-04: stale, 7 rows: because"]
    assert monday.to == "/p/dags/d/runs/r4/report" and year.title == "2024: 1 proven, 1 stale, 1 missing"


def test_calendar_of_hours_is_a_day_a_cell_as_its_worst_hour() -> None:
    from penstock.reporting.html import calendar
    from penstock.reporting.html.addresses import Addresses

    hours = [cell(d, "failed" if (d, h) == (2, 5) else "proven", (h, h + 1)) for d in (1, 2) for h in range(24)]
    found = calendar.coverage("t", hours, calendar.Calendar("d", Addresses("/p")))
    assert [(c.state, c.title) for c in found.years[0].cells] == [
        ("proven", "2024-03-01: 24 proven"),
        ("failed", "2024-03-02: 1 failed, 23 proven"),
    ]
    assert found.lines == (("2024-03-02 05:00 to 06:00 UTC", "failed", "", "/p/dags/d/runs/r2/report"),)


def test_calendar_of_months_is_a_row_a_year() -> None:
    from penstock.reporting.html import calendar
    from penstock.reporting.html.addresses import Addresses

    months = [cell(1, "proven", (0, 24 * 30), month) for month in range(1, 13)]
    (year,) = calendar.coverage("t", months, calendar.Calendar("d", Addresses("/p"))).years
    assert len({c.y for c in year.cells}) == 1 and len({c.x for c in year.cells}) == 12


def test_an_interval_whose_last_run_failed_is_failed_until_one_proves_it() -> None:
    from penstock.reporting.html import calendar
    from penstock.reporting.html.listing import Run

    span = tuple(cell(1, "missing")["interval"])
    failed = {"outcome": "failed", "interval": span, "written": "2024-04-05", "run": "late", "headline": "it broke"}
    run = Run("d", "late", "failed", summary=failed)
    for before, state in (
        (cell(1, "missing") | {"at": ""}, "failed"),
        (cell(1, "proven"), "failed"),
        (cell(1, "proven") | {"at": "2024-04-06"}, "proven"),
    ):
        ((told,),) = [t["cells"] for t in calendar.with_failures({"tables": [{"table": "t", "cells": [before]}]}, [run])]
        assert told["state"] == state and (state == "proven" or (told["run"], told["why"]) == ("late", "it broke"))


def test_what_waits_for_a_person_comes_first_then_what_failed() -> None:
    from penstock.reporting.html import migrations
    from penstock.reporting.html.addresses import Addresses
    from penstock.reporting.html.listing import Migration, Run

    full = dict.fromkeys(("run", "headline", "stage", "written", "staging"), "") | dict.fromkeys(
        ("tables", "rows_read", "rows_loaded", "rows_rejected"), 1
    )
    done = Run("d", "r", "success", NOW, summary=full | {"outcome": "switched", "interval": None})
    runs = {
        "a_done": done,
        "b_going": Run("d", "r", "running", NOW),
        "c_failed": Run("d", "r", "failed", NOW),
        "d_waits": Run("d", "r", "running", NOW, waiting_task="approve"),
    }
    page = migrations.page(
        [Migration(name, runs=[run], active=[run] if run.in_progress else []) for name, run in runs.items()], Addresses("/p"), NOW
    )
    assert re.findall(r'<th scope="row"><a href="/p/dags/(\w+)"', page) == ["d_waits", "c_failed", "b_going", "a_done"]


def test_calendar_of_days_has_the_days_of_the_migration_s_time_zone() -> None:
    from penstock.reporting.html import calendar
    from penstock.reporting.html.addresses import Addresses

    berlin = cell(3, "proven") | {"interval": ["2024-03-03T23:00:00Z", "2024-03-04T23:00:00Z"]}
    found = calendar.coverage("t", [berlin, berlin | {"state": "missing"}], calendar.Calendar("d", Addresses("/p"), "Europe/Berlin"))
    assert [c.title for c in found.years[0].cells] == ["2024-03-04: 1 missing, 1 proven"] and found.lines[0][0] == "2024-03-04"


@pytest.mark.parametrize(
    ("ends", "zone", "words"),
    [
        (("2026-11-03T00:00:00Z", "2026-11-04T00:00:00Z"), "UTC", "2026-11-03"),
        (("2026-11-02T23:00:00Z", "2026-11-03T23:00:00Z"), "Europe/Berlin", "2026-11-03"),
        (("2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"), "Europe/Berlin", "2026-10-25"),  # a day of 25 hours
        (("2026-11-02T00:00:00Z", "2026-11-09T00:00:00Z"), "UTC", "2026-11-02 to 2026-11-09"),
        (("2026-11-03T05:00:00Z", "2026-11-03T06:00:00Z"), "UTC", "2026-11-03 05:00 to 06:00 UTC"),
        (("2026-11-03T23:00:00Z", "2026-11-04T00:00:00Z"), "UTC", "2026-11-03 23:00 to 2026-11-04 00:00 UTC"),
        (("2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z"), "Europe/Berlin", "2026-10-25 02:00 CEST to 02:00 CET"),
        (("2026-10-25T01:00:00Z", "2026-10-25T02:00:00Z"), "Europe/Berlin", "2026-10-25 02:00 to 03:00 CET"),
        (("yesterday", "today"), "UTC", "yesterday to today"),
    ],
)
def test_an_interval_is_written_so_that_a_person_reads_it(ends: tuple[str, str], zone: str, words: str) -> None:
    from penstock.runtime import formatting

    assert formatting.interval(ends, zone) == words


@pytest.fixture
def backfilled(airflow_installed: None) -> Iterator[None]:
    """A backfill of forty days, of a migration in Lagos: five days have ended, the first of them refused, four run, the others wait."""
    from airflow.models.dag import DagTag
    from airflow.models.dagrun import DagRun
    from airflow.models.taskinstance import TaskInstance
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session
    from sqlalchemy import delete, insert, select

    from tests.support.data.many_runs import run, tasks, xcoms

    names = ["ledger", "ledger__undo"]
    with create_session() as session:
        fill(session, ["ledger"], 1)
        session.execute(delete(DagRun).where(DagRun.dag_id == "ledger"))
        session.add(DagTag(dag_id="ledger", name="intervals: Africa/Lagos"))
        for day in range(40):
            made = run("ledger", day, False)
            low = dt.datetime(2024, 3, 1, 23, tzinfo=dt.UTC) + dt.timedelta(days=day)
            made |= {"data_interval_start": low, "data_interval_end": low + dt.timedelta(days=1), "conf": {}, "run_type": "backfill"}
            if day >= 5:
                made |= {"state": "running" if day < 9 else "queued", "end_date": None} | ({"start_date": None} if day >= 9 else {})
            elif day == 0:
                made |= {"state": "failed"}
            session.execute(insert(DagRun.__table__), [made])
            number = session.scalar(select(DagRun.id).where(DagRun.run_id == made["run_id"]))
            if day < 9:
                session.execute(insert(TaskInstance.__table__), tasks(made | {"start_date": low})[: None if day < 5 else 3])
            if 0 < day < 5:
                session.execute(insert(XComModel.__table__), xcoms(made, number, "file:///nowhere"))
    yield
    with create_session() as session:
        from airflow.models.dag import DagModel

        for table in (DagRun, DagTag, DagModel):
            session.execute(delete(table).where(table.dag_id.in_(names)))


def text_of(html: str) -> str:
    return " ".join(re.sub("<[^>]+>", " ", html).split())


def test_a_backfill_shows_how_many_runs_go_on_and_of_which_intervals(backfilled: None) -> None:
    line = next(row for row in get("").split("<tr>") if "/penstock/dags/ledger" in row)
    told = text_of(line)
    assert "4 running 2024-03-07 2024-03-08 2024-03-09 2024-03-10 31 queued" in told and "last report" in told
    page = get("dags/ledger")
    assert "4 running" in page and "31 queued" in page and "2024-03-07</a> is running" in page


def test_a_run_that_was_refused_or_waits_shows_the_day_of_its_interval(backfilled: None) -> None:
    rows = [text_of(row) for row in get("dags/ledger").split("<tr><td")]
    assert next(r for r in rows if "2024-03-02" in r and "started" not in r).count("failed") == 1
    assert any("2024-04-10 queued" in r for r in rows)
    run = quote("ledger_2024-02-09T00:00:00+00:00", safe="")
    page = get(f"dags/ledger/runs/{run}/report")
    assert "<title>ledger run for 2024-04-10: queued" in page and "progress?seen=queued" in page
