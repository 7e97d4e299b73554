"""Quarantined rows are taken again after a fix: into the live tables, proved, once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from penstock.cli.commands import main
from penstock.errors import LoadFailed, StagingDamaged, SwitchRefused
from penstock.migration.spec import Migration
from penstock.runtime import events
from penstock.stages import redrive
from penstock.stages.switch import switch
from penstock.state.run_context import RunContext
from tests.support.data.bad_rows import Move, sqlite
from tests.support.requests import request

DDL = "CREATE TABLE t (id INTEGER PRIMARY KEY, name VARCHAR(5), n TEXT);"
ROWS = [(i, "much too long" if i in (3, 8) else f"n{i}", "x" if i == 5 else str(i)) for i in range(1, 11)]

SHORTER: dict[str, object] = {"derive": {"name": "left(name, 5)"}}


def numbers(*steps: dict[str, object]) -> dict[str, object]:
    return {"t": {"transform": [*steps, {"cast": {"n": "int32"}}]}}


@pytest.fixture
def moved(tmp_path: Path, postgresql_url: sa.URL) -> Iterator[Move]:
    """Moved to PostgreSQL, where two names are too long; the fifth row has no number."""
    move = replace(sqlite(tmp_path, DDL, ROWS), target=postgresql_url)
    move.run(move.write(numbers()))
    assert [r[0] for r in move.rows()] == [1, 2, 4, 6, 7, 9, 10]
    yield move


def reopen(move: Move, migration: Migration) -> RunContext:
    return request(migration, "r1", move.root, move.source, move.target, move.folder / "none").reopened()


def test_a_fix_of_the_steps_and_one_of_the_column_each_bring_their_rows_once(moved: Move) -> None:
    file = moved.write(numbers({"map": {"n": {"x": "55"}}}))
    run = reopen(moved, file)
    done = redrive.redrive(run, file)
    assert [(d.table, d.loaded, d.left) for d in done] == [("t", 1, 2)]
    assert (5, "n5", 55) in moved.rows()
    assert [(e.key, e.column, e.reason) for e in redrive.left(run)] == [
        ("id=3", "name", "longer than 5 characters"),
        ("id=8", "name", "longer than 5 characters"),
    ]
    moved.tell("ALTER TABLE t ALTER COLUMN name TYPE text", "ALTER TABLE t ALTER COLUMN n TYPE bigint", end="target")
    assert redrive.redrive(run, file)[0].loaded == 2
    assert moved.rows() == [(i, name, 55 if i == 5 else int(n)) for (i, name, n) in ROWS]
    assert not redrive.left(run)
    assert redrive.redrive(run, file) == []
    assert len(moved.rows()) == 10
    rounds = [json.loads(r[0]) for r in moved.rows("SELECT receipt FROM penstock_receipts WHERE stage = 'redriven' ORDER BY chunk")]
    assert [(r["rows_in"], r["rows"], r["rejected"], r["filtered"]) for r in rounds] == [(3, 1, 2, 0), (2, 2, 0, 0)]


def test_a_row_that_is_still_bad_stays_with_its_new_reason(moved: Move) -> None:
    moved.tell("INSERT INTO t VALUES (5, 'mine', 0)", "ALTER TABLE t ADD CHECK (name <> 'n5')", end="target")
    file = moved.write(numbers({"map": {"n": {"x": "55"}}}, SHORTER))
    run = reopen(moved, file)
    assert [(d.loaded, d.left) for d in redrive.redrive(run, file)] == [(2, 1)]
    (stays,) = redrive.left(run)
    assert stays.key == "id=5" and ("check" in stays.reason or "already exists" in stays.reason)
    assert (5, "mine", 0) in moved.rows() and (3, "much ", 3) in moved.rows()


def test_a_filter_may_let_rows_go_and_the_books_count_them(moved: Move) -> None:
    file = moved.write(numbers({"filter": "n <> 'x'"}))
    run = reopen(moved, file)
    assert [(d.loaded, d.filtered, d.left) for d in redrive.redrive(run, file)] == [(0, 1, 2)]
    assert len(redrive.left(run)) == 2


def test_killed_before_the_commit_nothing_is_there_and_after_it_nothing_twice(moved: Move) -> None:
    file = moved.write(numbers({"map": {"n": {"x": "55"}}}, SHORTER))
    run = reopen(moved, file)

    class Killed(BaseException):
        pass

    def kill(at: str) -> None:
        def stop(name: str, _: object) -> None:
            if name == at:
                raise Killed

        with events.subscribed(stop), pytest.raises(Killed):
            redrive.redrive(run, file)

    kill("redrive.loaded")
    assert len(moved.rows()) == 7 and len(redrive.left(run)) == 3
    kill("redrive.finished")
    assert len(moved.rows()) == 10
    assert redrive.redrive(run, file) == [] and len(moved.rows()) == 10


def test_only_the_tables_that_are_live_take_rows(tmp_path: Path) -> None:
    move = sqlite(tmp_path, DDL, ROWS)
    file = move.write(numbers())
    run = move.run(file, stop_before_switch=True)
    with pytest.raises(SwitchRefused) as refused:
        redrive.redrive(run, file)
    assert "not switched" in refused.value.why
    switch.switch(run)
    move.run(file, "r2")
    with pytest.raises(SwitchRefused) as refused:
        redrive.redrive(run, file)
    assert "r2" in refused.value.why


def test_a_record_that_was_changed_is_not_believed(moved: Move) -> None:
    file = moved.write(numbers({"map": {"n": {"x": "55"}}}))
    run = reopen(moved, file)
    redrive.redrive(run, file)
    record = Path(moved.root) / "bad/r1/quarantine/t/redriven-00000.json"
    record.write_text(record.read_text().replace("5", "6"))
    with pytest.raises(StagingDamaged):
        redrive.redrive(run, file)


@pytest.mark.parametrize("leaves_out", [False, True], ids=["steps that keep rows", "a filter"])
def test_what_only_the_target_refused_goes_through_the_steps_where_its_source_is_known(leaves_out: bool, tmp_path: Path) -> None:
    rows = [(i, "{" if i in (3, 9) else "{}", "x" if i == 2 else str(i)) for i in range(1, 11)]
    move = sqlite(tmp_path, "CREATE TABLE t (id INTEGER PRIMARY KEY, j JSON_TEXT, n TEXT);", rows)
    some: tuple[dict[str, object], ...] = ({"filter": "id <> 1"},) if leaves_out else ()
    move.run(move.write(numbers(*some)))
    assert [(r["stage"], r["row"]["id"]) for r in move.quarantined()] == [("loaded", 3), ("loaded", 9), ("transformed", 2)]
    file = move.write(numbers(*some, {"map": {"n": {"x": "2"}}}, {"derive": {"j": "CASE WHEN json_valid(j) THEN j ELSE 'null' END::JSON"}}))
    run = reopen(move, file)
    assert [(d.loaded, d.left) for d in redrive.redrive(run, file)] == [(1, 2) if leaves_out else (3, 0)]
    assert [r[0] for r in move.rows("SELECT id FROM t ORDER BY 1")] == [i for i in range(1, 11) if not leaves_out or i not in (1, 3, 9)]
    assert not leaves_out or [e.column for e in redrive.left(run)] == ["j", "j"]


@pytest.mark.parametrize("to", ["sqlite", "duckdb"])
def test_rows_without_a_key_are_proved_by_what_the_table_has_more(to: str, tmp_path: Path) -> None:
    move = sqlite(tmp_path, "CREATE TABLE t (name TEXT, n TEXT);", [("a", "1"), ("b", "x"), ("b", "x")], to=to)
    move.run(move.write(numbers()))
    file = move.write(numbers({"map": {"n": {"x": "7"}}}))
    run = reopen(move, file)
    assert redrive.redrive(run, file)[0].loaded == 2
    assert sorted(move.rows()) == [("a", 1), ("b", 7), ("b", 7)]


def test_what_the_live_table_changes_on_the_way_is_taken_back(moved: Move) -> None:
    moved.tell(
        "CREATE FUNCTION louder() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.name := upper(NEW.name); RETURN NEW; END'",
        "CREATE TRIGGER louder BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION louder()",
        end="target",
    )
    file = moved.write(numbers({"map": {"n": {"x": "55"}}}))
    run = reopen(moved, file)
    with pytest.raises(LoadFailed) as refused:
        redrive.redrive(run, file)
    assert "read back" in refused.value.what
    assert len(moved.rows()) == 7 and len(redrive.left(run)) == 3


def test_the_command_lists_and_re_drives(moved: Move, capsys: pytest.CaptureFixture[str]) -> None:
    file = str(moved.write(numbers()).path)
    assert main(["quarantine", file, "--staging", moved.root]) == 0
    told = capsys.readouterr().out
    assert "id=5" in told and "'x'" in told and "longer than 5 characters" in told and "3 rows in quarantine" in told
    moved.write(numbers({"map": {"n": {"x": "55"}}}, SHORTER))
    assert main(["quarantine", file, "--staging", moved.root, "--redrive", "--run-id", "r1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"run": "r1", "rows": []}
    assert moved.report()["redriven"]["tables"] == [{"table": "t", "loaded": 3, "remaining": 0}]
    assert "re-driven" in (Path(moved.root) / "bad/r1/report.html").read_text()


def test_parents_come_before_the_rows_that_refer_to_them(tmp_path: Path, mariadb_url: sa.URL) -> None:
    move = replace(sqlite(tmp_path, "CREATE TABLE z (id INTEGER PRIMARY KEY, n TEXT);", [(1, "1"), (2, "x")], "z"), target=mariadb_url)
    move.tell(
        "CREATE TABLE a (id INTEGER PRIMARY KEY, z INTEGER REFERENCES z (id), n TEXT)", "INSERT INTO a VALUES (1, 1, '1'), (2, 2, 'x')"
    )
    cast = {"transform": [{"cast": {"n": "int32"}}]}
    move.run(move.write({"z": cast, "a": cast}))
    fixed = {"transform": [{"map": {"n": {"x": "2"}}}, {"cast": {"n": "int32"}}]}
    file = move.write({"z": fixed, "a": fixed})
    assert [(d.table, d.loaded) for d in redrive.redrive(reopen(move, file), file)] == [("z", 1), ("a", 1)]
    assert move.rows("SELECT * FROM a ORDER BY 1") == [(1, 1, 1), (2, 2, 2)]
