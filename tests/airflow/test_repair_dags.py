"""Repair in Airflow: `<name>__repair` puts right what differs in live tables, by hand, with the run's approval and its report."""

from __future__ import annotations

import sqlite3
from dataclasses import replace

import duckdb
import pytest

from penstock.planning.request import RunRequest
from tests.support.servers.airflow import DAGS, MASK_KEY, STAGING, Airflow


def test_a_repair_sends_what_differs_and_leaves_a_report(airflow: Airflow) -> None:
    assert airflow.run("shop").state == "success"
    with sqlite3.connect(airflow.source) as source:
        source.execute("UPDATE customer SET credit = 77 WHERE id = 5")
        source.execute('DELETE FROM "item of ""%s"" order" WHERE "order" = 3')
    with duckdb.connect(str(airflow.target)) as target:
        target.execute("DELETE FROM customer WHERE id IN (8, 9)")
    run = airflow.run("shop__repair")
    assert run.state == "success"
    assert airflow.xcoms(run)["repair", "return_value", -1] == {"tables": 5, "differ": 2, "put": 3, "leaving": 3}
    with duckdb.connect(str(airflow.target)) as target:
        assert target.execute("SELECT count(*), max(credit) FILTER (id = 5) FROM customer").fetchone() == (40, 77)
    report = airflow.staged(run, "shop")
    assert not report.exists("plan.json")  # of the other DAG's run of that name, if there were one
    area = airflow.xcoms(run)["repair", "staging", -1]
    assert area.rpartition("/")[2].startswith("repair__")


def test_a_repair_of_a_run_is_of_its_tables_and_its_interval(airflow: Airflow) -> None:
    assert airflow.run("shop_daily", **{"from": "2024-03-03", "to": "2024-03-05"}).state == "success"
    day = airflow.run("shop_daily", **{"from": "2024-03-05", "to": "2024-03-06"})
    with duckdb.connect(str(airflow.target)) as target:
        target.execute("UPDATE customer SET name = 'by hand'")
    run = airflow.run("shop_daily__repair", run=day.run_id)
    assert run.state == "success" and airflow.xcoms(run)["repair", "return_value", -1]["put"] == 2
    with duckdb.connect(str(airflow.target)) as target:
        assert target.execute("SELECT count(*) FROM customer WHERE name = 'by hand'").fetchone() == (4,)
    assert airflow.xcoms(airflow.run("shop_daily__repair"))["repair", "return_value", -1]["put"] == 4


def test_a_repair_asks_where_the_migration_wants_an_approval_and_can_stop_before(airflow: Airflow) -> None:
    with airflow.answering("Approve", "shop_approved"):
        assert airflow.run("shop_approved").state == "success"
    with sqlite3.connect(airflow.source) as source:
        source.execute("DELETE FROM log")
    run = airflow.run("shop_approved__repair", stop_before_switch=True)
    assert airflow.states(run)["switch"] == "skipped" and airflow.live() == {"log": 100}
    with airflow.answering("Reject", "shop_approved__repair"):
        assert airflow.run("shop_approved__repair").state == "failed"
    assert airflow.live() == {"log": 100}
    with airflow.answering("Approve", "shop_approved__repair"):
        assert airflow.run("shop_approved__repair").state == "success"
    assert airflow.live() == {"log": 0}


def test_what_is_not_live_is_not_repaired(airflow: Airflow) -> None:
    run = airflow.run("shop_plain__repair")
    assert run.state == "failed" and airflow.states(run)["repair"] == "failed"


def test_a_run_that_looks_at_the_whole_table_sends_what_differs_from_its_own_dag(airflow: Airflow) -> None:
    assert airflow.run("shop_kept_up").state == "success"
    with sqlite3.connect(airflow.source) as source:
        source.execute("DELETE FROM customer WHERE id = 40")
        source.execute("UPDATE customer SET name = 'without a new time' WHERE id = 2")
    run = airflow.run("shop_kept_up")
    assert run.state == "success" and airflow.live()["customer"] == 39
    (found,) = airflow.staged(run, "shop_kept_up").read_json("compared.json")
    assert (found["put"][:2], found["leaving"][:2]) == ("1:", "2:")


def test_a_repair_of_a_run_takes_what_is_left_in_its_quarantine_first(airflow: Airflow) -> None:
    first = airflow.run("shop_strict")
    bad = airflow.staged(first, "shop_strict").read_json("proof.json")[0]["rejected"]
    assert first.state == "success" and 0 < bad == 40 - airflow.live()["customer"]
    file = DAGS / "migrations" / "shop_strict.yaml"
    declared = file.read_text()
    try:
        file.write_text(declared.replace("string(14)", "string(40)"))
        run = airflow.run("shop_strict__repair", run=first.run_id)
    finally:
        file.write_text(declared)
    assert run.state == "success" and airflow.live()["customer"] == 40
    assert airflow.staged(first, "shop_strict").read_json("redriven.json")["tables"] == [{"table": "customer", "loaded": bad, "left": 0}]
    assert airflow.xcoms(run)["repair", "return_value", -1]["put"] == 0


def test_the_dag_and_the_command_line_ask_for_the_same_repair(airflow: Airflow, monkeypatch: pytest.MonkeyPatch) -> None:
    from penstock import run
    from penstock.cli.commands import main
    from penstock.errors import MigrationError

    asked: list[RunRequest] = []

    def stop(request: RunRequest) -> None:
        asked.append(replace(request, run=""))
        raise MigrationError("far enough")

    monkeypatch.setattr(run, "planned", stop)
    monkeypatch.setenv("PENSTOCK_MASK_KEY", MASK_KEY)
    of = {"run": "an earlier run", "tables": ["customer"], "from": "2024-03-05", "to": "2024-03-06", "proof": "source"}
    assert airflow.run("shop_daily__repair", **of).state == "failed"
    options = ["--repair", "--of", "an earlier run", "--tables", "customer", "--interval", "2024-03-05..2024-03-06", "--proof", "source"]
    file = DAGS / "migrations" / "shop_daily.yaml"
    assert main(["run", str(file), "--staging", str(STAGING), *options]) == 1
    by_airflow, by_hand = asked
    assert by_airflow == by_hand and by_airflow.repair and by_airflow.of == "an earlier run"
