"""A whole migration by the engine: what arrives, what is refused, and what stays as it was."""

from __future__ import annotations

import json
import shutil
import sqlite3
import threading
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from penstock import databases
from penstock.errors import GateClosed, NotApproved, PreflightFailed, StagingDamaged, SwitchRefused
from penstock.runtime import events
from penstock.stages.switch import undo
from tests.support.data.shop import ITEMS, TABLES, Shop


def target(shop: Shop, statement: str) -> list[tuple[object, ...]]:
    with duckdb.connect(str(shop.target.database)) as db:
        return db.execute(statement).fetchall()


def test_every_row_arrives_as_it_was(shop: Shop) -> None:
    shop.run(migration=shop.write(extra="chunk: 16KiB"))
    assert len(shop.rows("customer", "1")) == 300 and shop.rows("nothing", "1") == []
    with sqlite3.connect(str(shop.source.database)) as source:
        for table in ("order", ITEMS, "log"):
            quoted = table.replace('"', '""')
            expected = source.execute(f'SELECT * FROM "{quoted}" ORDER BY 1, 2').fetchall()
            found = shop.rows(table)
            assert [tuple(map(as_text, r)) for r in found] == [tuple(map(as_text, r)) for r in expected]


def as_text(value: object) -> str:
    return f"{float(value):.6f}" if isinstance(value, int | float) or type(value).__name__ == "Decimal" else str(value)


def test_readers_see_whole_old_or_whole_new_through_switch_and_undo(shop: Shop) -> None:
    shop.run("r1")
    with sqlite3.connect(str(shop.source.database)) as source:
        source.execute("DELETE FROM customer WHERE id > 100")
    seen: set[int] = set()
    failures: list[Exception] = []
    stop = threading.Event()

    def poll() -> None:
        # in this process, by the engine's own settings: DuckDB lets nobody else in
        with databases.of(shop.target).engine(shop.target).connect() as db:
            while not stop.is_set():
                try:
                    seen.add(databases.execute(db, "SELECT count(*) FROM customer").scalar_one())
                    db.rollback()
                except Exception as error:
                    failures.append(error)

    reader = threading.Thread(target=poll)
    reader.start()
    try:
        session = shop.run("r2")
        undo.undo(session)
    finally:
        stop.set()
        reader.join()
    assert not failures
    assert seen == {300, 100}
    assert target(shop, "SELECT count(*) FROM customer") == [(300,)]


def test_undo_sets_new_rows_aside_and_says_so(shop: Shop) -> None:
    shop.run("r1")
    session = shop.run("r2")
    target(shop, "INSERT INTO log VALUES ('written after the switch', 1)")
    undone = undo.undo(session)
    assert undone.written_since == ("main.log",)
    assert len(shop.rows("log")) == 100
    with pytest.raises(SwitchRefused):
        undo.undo(session)


def test_a_second_run_keeps_the_tables_before_it(shop: Shop) -> None:
    shop.run("r1")
    shop.run("r2")
    assert len([t for t in shop.tables() if t.startswith("penstock_old_")]) == len(TABLES)


def test_kept_tables_are_dropped_when_their_time_is_over(shop: Shop) -> None:
    migration = shop.write(extra="switch: {keep_old: 0m}")
    shop.run("r1", migration)
    shop.run("r2", migration)
    shop.run("r3", migration)
    assert not [t for t in shop.tables() if t.startswith("penstock_old_")]


def test_a_corrupted_staging_file_stops_the_run(shop: Shop) -> None:
    def corrupt(name: str, facts: dict[str, object]) -> None:
        if name == "extract.finished" and facts["table"] == "customer":
            file = next((shop.folder / "staging" / "shop" / "r1" / "extracted" / "customer").rglob("*.parquet"))
            table = pq.read_table(file)
            column = table.column("name").to_pylist()
            column[17] = "Mallory"
            pq.write_table(table.set_column(1, table.schema.field(1), [column]), file)

    with events.subscribed(corrupt), pytest.raises(StagingDamaged) as stopped:
        shop.run()
    assert "customer" in stopped.value.where and "extracted" in stopped.value.where
    assert not shop.tables() & set(TABLES)
    report = json.loads((shop.folder / "staging" / "shop" / "r1" / "report.json").read_text())
    assert "customer" in json.dumps(report)


def test_a_row_changed_in_the_shadow_is_named_by_its_key(shop: Shop) -> None:
    def change(name: str, facts: dict[str, object]) -> None:
        if name == "build.finished":
            target(shop, "UPDATE penstock_new__customer SET name = 'Mallory' WHERE id = 42")
            target(shop, "UPDATE penstock_new__log SET said = 'quiet' WHERE rowid = 3")

    with events.subscribed(change), pytest.raises(GateClosed) as closed:
        shop.run()
    assert any("id=42" in line and "name" in line and "Mallory" in line for line in closed.value.failed)
    assert any("log" in line for line in closed.value.failed)
    assert not shop.tables() & set(TABLES)


def test_a_row_changed_after_the_proof_keeps_the_switch_shut(shop: Shop) -> None:
    def change(name: str, facts: dict[str, object]) -> None:
        if name == "prove.finished":
            target(shop, "UPDATE penstock_new__order SET note = 'x' WHERE id = 7")

    with events.subscribed(change), pytest.raises(SwitchRefused) as refused:
        shop.run()
    assert "order" in str(refused.value)
    assert not shop.tables() & set(TABLES)


def test_a_failed_critical_expectation_stops_the_run(shop: Shop) -> None:
    suites = shop.folder / "expectations"
    suites.mkdir()
    rule = {
        "type": "expect_column_values_to_be_between",
        "kwargs": {"column": "credit", "min_value": 0, "max_value": 100},
        "severity": "critical",
    }
    (suites / "customer.extracted.json").write_text(json.dumps({"name": "customer.extracted", "expectations": [rule]}))
    with pytest.raises(GateClosed) as closed:
        shop.run()
    assert any("credit" in line for line in closed.value.failed)
    assert not [t for t in shop.tables() if "customer" in t]


def test_a_suite_edited_after_its_gate_keeps_the_switch_shut(shop: Shop) -> None:
    suites = shop.folder / "expectations"
    suites.mkdir()
    file = suites / "customer.loaded.json"

    def rule(most: int) -> None:
        kwargs = {"column": "credit", "min_value": 0, "max_value": most}
        body = {"name": "customer.loaded", "expectations": [{"type": "expect_column_values_to_be_between", "kwargs": kwargs}]}
        file.write_text(json.dumps(body))

    rule(10_000)

    def edit(name: str, facts: dict[str, object]) -> None:
        if name == "prove.finished":
            rule(10_000_000)

    with events.subscribed(edit), pytest.raises(SwitchRefused) as refused:
        shop.run()
    assert "customer.loaded" in str(refused.value)


def test_nobody_approves_nothing_switches(shop: Shop) -> None:
    migration = shop.write(extra="switch: {approval: true}")
    with pytest.raises(NotApproved):
        shop.run(migration=migration)
    assert not shop.tables() & set(TABLES)
    shop.run("r2", migration, approve=lambda session: (True, "ada"))
    assert set(TABLES) <= shop.tables()


def test_preflight_finds_everything_at_once_and_leaves_no_debris(shop: Shop) -> None:
    target(shop, "CREATE TABLE penstock_new__customer (mine INTEGER)")
    target(shop, "CREATE VIEW log AS SELECT 1")
    with sqlite3.connect(str(shop.source.database)) as source:
        source.execute("CREATE TABLE shapes (id INTEGER PRIMARY KEY, g POLYGON)")
    migration = shop.write("  custmer: {}\n  order: {transform: [{drop: [nte]}]}")
    before = shop.tables()
    with pytest.raises(PreflightFailed) as refused:
        shop.run(migration=migration)
    said = str(refused.value)
    for part in ("custmer", "customer'", "nte", "note", "penstock_new__customer", "log is a view", "POLYGON", "cast"):
        assert part in said, f"{part} is not in:\n{said}"
    assert shop.tables() == before


def test_a_run_may_be_moved_to_another_staging_and_judged_there(shop: Shop, tmp_path: Path) -> None:
    """Nothing of a finished run's records names the machine that made it."""
    shop.run()
    shutil.copytree(tmp_path / "staging", tmp_path / "elsewhere")
    report = json.loads((tmp_path / "elsewhere" / "shop" / "r1" / "report.json").read_text())
    assert report
