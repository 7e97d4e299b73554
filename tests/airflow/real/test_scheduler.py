"""Under Airflow's real scheduler: a backfill proves every day, each is an asset event, an approval holds the switch, connections are tested.

These tests share one Airflow and one target; each has days or a migration of its own.
"""

from __future__ import annotations

import datetime as dt
import urllib.error
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from tests.support.data.daily import FIRST as FIRST_DAY
from tests.support.data.daily import SHOP
from tests.support.servers.real_airflow import EVERY_DAY, RealAirflow

DAILY = "shop_daily"
FIRST, LAST, DAYS = "2024-03-02", "2024-03-05", 4


def backfill_runs(real_airflow: RealAirflow) -> list[dict[str, Any]]:
    return runs_of(DAILY, real_airflow, "backfill")


def begin(real_airflow: RealAirflow) -> None:
    """A backfill of four days, two at a time; a run by hand; runs that ask; six days of a schema with foreign keys, and its schedule."""
    real_airflow.airflow.unpause(DAILY)
    real_airflow.backfill(DAILY, FIRST, LAST, 2)
    real_airflow.begun["by hand"] = real_airflow.trigger(DAILY, **{"from": "2024-03-20", "to": "2024-03-22"})
    for dag_id in ("shop_rejected", "shop_accepted"):
        real_airflow.begun[dag_id] = real_airflow.trigger(dag_id)
    source = sa.create_engine(real_airflow.target.set(database=EVERY_DAY[0]), poolclass=sa.pool.NullPool)
    with source.begin() as connection:
        for day in range(1, 7):
            SHOP.day(connection, day)
    real_airflow.airflow.unpause("every_day")  # which starts a run of the last day that is over: it has no rows, and makes the tables
    real_airflow.begun["five days"] = ThreadPoolExecutor(1).submit(five_days, real_airflow)


def five_days(real_airflow: RealAirflow) -> int:
    """After the run by schedule, start a backfill of five days, two at a time, from the last to the first: its number."""
    scheduled = real_airflow.airflow.until("the run by schedule", lambda: runs_of("every_day", real_airflow, "scheduled"))
    assert real_airflow.ended("every_day", scheduled[0]["dag_run_id"])["state"] == "success"
    return begun_backfill(real_airflow, 1, 5)


@pytest.fixture(scope="module")
def backfilled(real_airflow: RealAirflow) -> list[dict[str, Any]]:
    """The runs of the backfill of four days, when all have ended."""

    def ended() -> list[dict[str, Any]]:
        runs = backfill_runs(real_airflow)
        return runs if len(runs) == DAYS and all(run["state"] in ("success", "failed") for run in runs) else []

    return list(real_airflow.airflow.until("the backfill", ended, patience=300))


def test_only_a_migration_with_a_schedule_comes_up_paused(real_airflow: RealAirflow) -> None:
    assert real_airflow.paused >= {DAILY, "every_day"}
    assert not real_airflow.paused & {"shop", "shop_asked", "hostile"}


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
    run = real_airflow.ended(DAILY, real_airflow.begun["by hand"])
    assert run["state"] == "success"
    days = "SELECT at::date::text, count(*) FROM customer WHERE at >= '2024-03-19' AND at < '2024-03-23' GROUP BY 1 ORDER BY 1"
    assert real_airflow.live(days) == real_airflow.held(
        "SELECT date(at), count(*) FROM customer WHERE date(at) IN ('2024-03-20', '2024-03-21') GROUP BY 1"
    )


@pytest.mark.parametrize(("dag_id", "answer", "live"), [("shop_rejected", "Reject", False), ("shop_accepted", "Approve", True)])
def test_nothing_is_live_until_a_person_has_approved(real_airflow: RealAirflow, dag_id: str, answer: str, live: bool) -> None:
    run, there = real_airflow.begun[dag_id], f"SELECT to_regclass('{dag_id.removeprefix('shop_')}') IS NOT NULL"
    real_airflow.asked(dag_id, run)
    assert real_airflow.live(there) == [(False,)]
    real_airflow.approve(dag_id, run, answer)
    assert real_airflow.ended(dag_id, run)["state"] == ("success" if live else "failed")
    assert real_airflow.live(there) == [(live,)]


def test_what_tasks_import_is_there_before_they_are_forked(real_airflow: RealAirflow) -> None:
    mapped = Path(f"/proc/{real_airflow.airflow.parts['scheduler'].pid}/maps").read_text()
    assert all(part in mapped for part in ("penstock/_native", "pyarrow", "_duckdb", "pandas"))


def test_the_form_of_connections_offers_the_four_types_with_the_fields_that_apply(real_airflow: RealAirflow) -> None:
    offered = {found["connection_type"]: found for found in real_airflow.airflow.ask("/ui/connections/hook_meta")}
    names = {kind: offered[kind]["hook_name"] for kind in ("mysql", "postgres", "sqlite", "duckdb")}
    assert names == {"mysql": "MySQL or MariaDB", "postgres": "PostgreSQL", "sqlite": "SQLite", "duckdb": "DuckDB"}
    fields = {
        kind: {field for field, found in offered[kind]["standard_fields"].items() if not (found or {}).get("hidden")} for kind in names
    }
    assert fields["sqlite"] == fields["duckdb"] == {"description", "host"}
    assert fields["mysql"] == fields["postgres"] == {"description", "host", "port", "login", "password", "url_schema"}
    assert {offered[kind]["standard_fields"]["host"]["title"] for kind in ("sqlite", "duckdb")} == {"File"}


def pressed(real_airflow: RealAirflow, **fields: Any) -> tuple[bool, str]:
    """What *Test* answers to a connection."""
    answer = real_airflow.airflow.ask("/api/v2/connections/test", {"connection_id": "tried"} | fields)
    return answer["status"], answer["message"]


def test_a_good_connection_is_tested_by_connecting(real_airflow: RealAirflow) -> None:
    target = real_airflow.target
    place = {"host": target.host, "port": target.port, "login": target.username, "password": target.password, "schema": target.database}
    status, message = pressed(real_airflow, conn_type="postgres", **place)
    assert status and message.startswith(
        f"Connected to PostgreSQL at postgresql+psycopg://penstock:***@127.0.0.1:{target.port}/real_warehouse."
    )
    assert str(target.password) not in message
    status, message = pressed(real_airflow, conn_type="sqlite", host=str(real_airflow.source))
    assert status and f"Connected to SQLite at sqlite:///{real_airflow.source}" in message


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"conn_type": "postgres", "password": "wrong-secret"}, "password authentication failed"),
        ({"conn_type": "mysql", "host": "127.0.0.1", "port": 1, "login": "u", "password": "wrong-secret"}, "Can't connect to server"),
        ({"conn_type": "sqlite", "host": "/nowhere/shop.sqlite"}, "There is no folder /nowhere. Fix: correct the path"),
        ({"conn_type": "sqlite", "host": f"{Path(__file__).parent}/typo.sqlite"}, "There is no file"),
        ({"conn_type": "duckdb", "host": __file__}, "not a valid DuckDB database file"),
        ({"conn_type": "duckdb"}, "names no file"),
    ],
)
def test_a_bad_connection_is_told_why_and_no_password_is_shown(real_airflow: RealAirflow, fields: dict[str, Any], reason: str) -> None:
    target = real_airflow.target
    place = {"host": target.host, "port": target.port, "login": target.username, "schema": target.database}
    status, message = pressed(real_airflow, **((place if fields["conn_type"] == "postgres" else {}) | fields))
    assert not status and reason in message and "Fix: " in message
    assert "wrong-secret" not in message and not Path(f"{Path(__file__).parent}/typo.sqlite").exists()


def test_a_schema_with_foreign_keys_is_backfilled_backwards_undone_and_goes_on(real_airflow: RealAirflow) -> None:
    """Five days, two at a time, from the last to the first; an undo of the run that switched last; then the undone day and a sixth."""
    source, target = (sa.create_engine(real_airflow.target.set(database=name), poolclass=sa.pool.NullPool) for name in EVERY_DAY)
    assert ended_backfill(real_airflow, real_airflow.begun["five days"].result(), 1, 5) == ["success"] * 5
    assert SHOP.rows(target) == SHOP.rows(source, FIRST_DAY + dt.timedelta(days=5))

    with target.connect() as connection:
        switched = (
            connection.execute(sa.text("SELECT run FROM penstock_switches WHERE state = 'switched' ORDER BY at DESC")).scalars().first()
        )
    undone = real_airflow.run("every_day__undo")
    assert undone["state"] == "success"
    # Airflow calls a backfill's run by the end of its interval
    day = dt.datetime.fromisoformat(str(switched).partition("__")[2].partition("+")[0]) - dt.timedelta(days=1)
    lacking = [row for row in SHOP.rows(source)["orders"] if day <= row[3] < day + dt.timedelta(days=1)]
    assert lacking and not set(lacking) & set(SHOP.rows(target)["orders"])

    number = (day - FIRST_DAY).days + 1
    for one, again in ((number, "completed"), (6, "none")):
        assert ended_backfill(real_airflow, begun_backfill(real_airflow, one, one, again), one, one) == ["success"]
    assert SHOP.rows(target) == SHOP.rows(source, FIRST_DAY + dt.timedelta(days=6))
    with target.connect() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM penstock_pending")).scalar_one() == 0
        assert set(connection.execute(sa.text("SELECT state FROM penstock_coverage")).scalars()) == {"proven"}


def runs_of(dag_id: str, real_airflow: RealAirflow, kind: str) -> list[dict[str, Any]]:
    return list(real_airflow.airflow.ask(f"/api/v2/dags/{dag_id}/dagRuns?run_type={kind}&limit=100")["dag_runs"])


def begun_backfill(real_airflow: RealAirflow, first: int, last: int, reprocess: str = "none") -> int:
    """Start a backfill of these days of `every_day`, and answer its number."""
    low, high = (f"{FIRST_DAY + dt.timedelta(days=day - 1):%Y-%m-%d}" for day in (first, last))
    return real_airflow.backfill("every_day", low, high, 2, run_backwards=first < last, reprocess_behavior=reprocess)


def ended_backfill(real_airflow: RealAirflow, number: int, first: int, last: int) -> list[str]:
    """The states of the runs of these days, when the backfill of them has ended. The backfill is closed: Airflow would leave it open for 30 s."""
    low, high = (FIRST_DAY + dt.timedelta(days=day - 1) for day in (first, last))
    began = dt.datetime.fromisoformat(real_airflow.airflow.ask(f"/api/v2/backfills/{number}")["created_at"])

    def ended() -> list[str]:
        runs = runs_of("every_day", real_airflow, "backfill")
        own = [r for r in runs if low <= dt.datetime.fromisoformat(r["logical_date"]).replace(tzinfo=None) <= high]
        over = all(r["state"] in ("success", "failed") and dt.datetime.fromisoformat(r["end_date"]) > began for r in own)
        return [r["state"] for r in own] if over and len(own) == last - first + 1 else []

    states = list(real_airflow.airflow.until("the backfill", ended))
    with suppress(urllib.error.HTTPError):  # it is closed already
        real_airflow.airflow.ask(f"/api/v2/backfills/{number}/cancel", method="PUT")
    return states
