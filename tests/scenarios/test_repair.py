"""Repair: of tables that are live already only what differs is sent, found by digest and by key, proved and undone like any run."""

from __future__ import annotations

import json
import random
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from penstock import databases
from penstock.cli import commands
from penstock.errors import GateClosed, PreflightFailed, SwitchRefused
from penstock.migration.loader import load
from penstock.migration.spec import Migration
from penstock.runtime import events
from penstock.stages.switch import undo
from penstock.state import coverage
from penstock.state.coverage import CoverageRecord
from penstock.state.run_context import RunContext
from tests.support.repository import REPO
from tests.support.requests import ran

TABLES = ("person", "visit", "loose", "word")
DDL = """
CREATE TABLE person (id INTEGER PRIMARY KEY, email VARCHAR(40), name TEXT, credit DECIMAL(12,2));
CREATE UNIQUE INDEX person_email ON person (email);
CREATE TABLE visit (person INTEGER NOT NULL REFERENCES person (id), n INTEGER NOT NULL, at TIMESTAMP, note TEXT, PRIMARY KEY (person, n));
CREATE TABLE loose (said TEXT, weight REAL);
CREATE TABLE word (word VARCHAR(20) PRIMARY KEY, times INTEGER);
"""


@pytest.fixture(params=["duckdb", "sqlite", "postgresql", "mariadb"])
def town(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Town]:
    source = tmp_path / "town.sqlite"
    with sqlite3.connect(source) as db:
        db.executescript(DDL)
        db.executemany("INSERT INTO person VALUES (?, ?, ?, ?)", [(n, f"p{n}@x", f"Zoë {n}", n * 1.25) for n in range(1, 301)])
        db.executemany(
            "INSERT INTO visit VALUES (?, ?, ?, ?)", [(n % 300 + 1, n, f"2024-03-{n % 28 + 1:02} 10:00:00", None) for n in range(600)]
        )
        db.executemany("INSERT INTO loose VALUES (?, ?)", [(f"said {n % 5}", n / 4) for n in range(40)])
        db.executemany(
            "INSERT INTO word VALUES (?, ?)", [(w, n) for n, w in enumerate(["Ärger", "a", "B", "ß", "z", "zz", "a b", "名前", "~"])]
        )
    db.close()
    embedded = {"duckdb": f"duckdb:///{tmp_path}/target.duckdb", "sqlite": f"sqlite:///{tmp_path}/target.sqlite"}
    name = embedded.get(request.param)
    yield Town(tmp_path, source, sa.make_url(name) if name else request.getfixturevalue(f"{request.param}_url"))


class Town:
    """People and their visits in SQLite, and where they go."""

    def __init__(self, folder: Path, source: Path, target: sa.URL) -> None:
        self.folder, self.source, self.target, self.text = folder, source, target, "chunk: 4KiB"

    @property
    def migration(self) -> Migration:
        file = self.folder / "town.yaml"
        ends = f"source: sqlite:///{self.source}\ntarget: {self.target.render_as_string(hide_password=False)}"
        file.write_text(f"name: town\n{ends}\n{self.text}\n")
        return load(file)

    def run(self, name: str, **options: Any) -> RunContext:
        where = (str(self.folder / "staging"), sa.make_url(f"sqlite:///{self.source}"), self.target, self.folder / "none")
        return ran(self.migration, name, *where, **options)

    def repair(self, name: str, **options: Any) -> dict[str, dict[str, Any]]:
        """Run a repair and answer what it found of each table."""
        return {c["table"]: c for c in self.run(name, repair=True, **options).staging.read_json("compared.json")}

    def change(self, *statements: str) -> None:
        with sqlite3.connect(self.source) as db:
            for statement in statements:
                db.execute(statement)
        db.close()

    def there(self, table: str) -> list[tuple[str, ...]]:
        """The source's rows, by the plain driver."""
        with sqlite3.connect(self.source) as db:
            return sorted(plain(row) for row in db.execute(f"SELECT * FROM {table}"))

    def here(self, table: str) -> list[tuple[str, ...]]:
        return sorted(plain(row) for row in self.ask(f"SELECT * FROM {table}"))

    def ask(self, *statements: str) -> list[Any]:
        engine = databases.of(self.target).engine(self.target)
        found: list[Any] = []
        with engine.begin() as connection:
            for statement in statements:
                result = databases.execute(connection, statement)
                found = list(result.fetchall()) if result.returns_rows else []
        engine.dispose()
        return found

    def equal(self) -> bool:
        return all(self.here(t) == self.there(t) for t in TABLES)

    def covered(self) -> list[CoverageRecord]:
        engine = databases.of(self.target).engine(self.target)
        with engine.connect() as connection:
            found = coverage.of(connection, "town")
        engine.dispose()
        return found


def plain(row: Any) -> tuple[str, ...]:
    return tuple(
        ""
        if v is None
        else f"{float(v):.4f}"
        if isinstance(v, (float, int)) or "Decimal" in type(v).__name__
        else str(v).removesuffix(".000000")
        for v in row
    )


def sent(found: dict[str, dict[str, Any]], table: str) -> tuple[int, int]:
    """How many rows were put, and how many gave place."""
    return int(found[table]["put"].split(":")[0]), int(found[table]["leaving"].split(":")[0])


def test_only_what_differs_is_sent(town: Town) -> None:
    town.run("first")
    town.change(
        "UPDATE person SET email = 'new@x' WHERE id = 7",
        "DELETE FROM visit WHERE n IN (5, 305)",
        "INSERT INTO visit VALUES (7, 9000, NULL, 'late')",
        "UPDATE word SET times = 99 WHERE word = 'ß'",
        "DELETE FROM word WHERE word = 'B'",
    )
    town.ask("UPDATE person SET name = 'by hand' WHERE id = 200", "INSERT INTO person VALUES (9999, 'nobody@x', 'nobody', 1)")
    found = town.repair("repair")
    assert town.equal()
    assert {t: sent(found, t) for t in TABLES} == {"person": (2, 3), "visit": (1, 2), "loose": (0, 0), "word": (1, 2)}
    assert found["person"]["differ"] < found["person"]["pieces"] and found["loose"]["differ"] == 0
    assert {(c.table, c.run, c.state) for c in town.covered()} == {(t, "repair", "proven") for t in TABLES}
    again = town.repair("again")
    assert {sent(again, t) for t in TABLES} == {(0, 0)} and town.equal()


def test_undo_takes_back_just_the_repair(town: Town) -> None:
    town.run("first")
    before, record = [town.here(t) for t in TABLES], town.covered()
    town.change("UPDATE person SET credit = 0 WHERE id < 20", "DELETE FROM visit WHERE n > 500", "DELETE FROM loose WHERE rowid = 1")
    repaired = town.run("repair", repair=True)
    assert town.equal()
    undo.undo(repaired)
    assert [town.here(t) for t in TABLES] == before and town.covered() == record
    town.repair("once more")
    assert town.equal()


@pytest.mark.parametrize("seed", range(3))
def test_random_edits_on_both_sides_are_found_and_put_right(town: Town, seed: int) -> None:
    chance = random.Random(seed)
    town.run("first")
    for n in range(12):
        person = chance.randint(1, 320)
        town.change(
            chance.choice(
                [
                    f"UPDATE person SET name = 'n{n}', credit = {n} WHERE id = {person}",
                    f"UPDATE person SET email = NULL WHERE id = {person}",
                    f"INSERT OR REPLACE INTO person VALUES ({person}, 's{n}@x', '', NULL)",
                    f"DELETE FROM visit WHERE person = {person}",
                    f"INSERT INTO visit VALUES ({chance.randint(1, 300)}, {1000 + n}, '1999-12-31 23:59:59', 'x')",
                    f"INSERT OR REPLACE INTO word VALUES ('{chance.choice('aBzÄé')}', {n})",
                    f"UPDATE loose SET weight = {n} WHERE rowid = {chance.randint(1, 60)}",
                    f"INSERT INTO loose VALUES (NULL, {n})",
                ]
            )
        )
        town.ask(
            chance.choice(
                [
                    f"UPDATE person SET name = 'h{n}' WHERE id = {person}",
                    f"DELETE FROM visit WHERE n % 50 = {n}",
                    f"UPDATE visit SET note = 'h{n}' WHERE person = {person}",
                    f"DELETE FROM word WHERE times = {n % 9}",
                    f"INSERT INTO loose VALUES ('h', {n})",
                    f"INSERT INTO visit VALUES ({chance.randint(1, 300)}, {2000 + n}, NULL, NULL)",
                ]
            )
        )
    town.repair("repair")
    assert town.equal()
    assert {c.state for c in town.covered()} == {"proven"} and {c.run for c in town.covered()} == {"repair"}


def test_unique_values_may_change_places(town: Town) -> None:
    town.run("first")
    town.change(
        "UPDATE person SET email = NULL WHERE id = 3",
        "UPDATE person SET email = 'p3@x' WHERE id = 250",
        "UPDATE person SET email = 'p250@x' WHERE id = 3",
    )
    assert sent(town.repair("repair"), "person") == (2, 2) and town.equal()


def test_a_live_table_that_changes_after_it_was_compared_is_left_as_it_is(town: Town) -> None:
    town.run("first")
    town.change("UPDATE person SET name = 'new' WHERE id = 9")

    def meddle(name: str, facts: dict[str, Any]) -> None:
        if name == "compare.finished":
            town.ask("UPDATE person SET name = 'meddled' WHERE id = 100")

    with events.subscribed(meddle), pytest.raises(SwitchRefused, match="have changed since they were compared"):
        town.run("repair", repair=True)
    assert {r[0]: r[2] for r in town.here("person")}["9.0000"] == "Zoë 9"
    town.repair("next")
    assert town.equal()


@pytest.mark.parametrize("town", ["sqlite", "postgresql"], indirect=True)
def test_the_later_reading_has_the_last_word_over_a_repair_too(town: Town) -> None:
    town.run("first")
    late: list[int] = []
    town.change("UPDATE person SET name = 'older' WHERE id = 9")

    def overtake(name: str, facts: dict[str, Any]) -> None:
        if name == "compare.finished" and not late:
            late.append(1)
            town.change("UPDATE person SET name = 'newer' WHERE id = 9")
            town.run("scheduled")

    with events.subscribed(overtake):
        slow = town.run("repair", repair=True)
    assert town.equal() and slow.staging.read_json("switch.json")["left"] == dict.fromkeys(TABLES, "scheduled")


@pytest.mark.parametrize("town", ["duckdb"], indirect=True)
def test_a_table_that_is_not_live_can_not_be_repaired(town: Town) -> None:
    with pytest.raises(PreflightFailed, match="no live table"):
        town.run("repair", repair=True)
    town.run("first")
    town.ask("ALTER TABLE word ADD COLUMN more INTEGER")
    with pytest.raises(PreflightFailed, match="a column more that the migration does not fill"):
        town.run("second", repair=True)
    town.repair("third", tables=("person",))


@pytest.mark.parametrize("town", ["postgresql"], indirect=True)
def test_keys_that_a_step_changes_are_compared_as_they_become(town: Town) -> None:
    town.text += "\ntables:\n  include: [word]\n  word: {transform: [{derive: {word: upper(word) || '!'}}]}"
    town.run("first")
    town.change("UPDATE word SET times = 70 WHERE word = 'z'", "DELETE FROM word WHERE word = 'zz'")
    assert sent(town.repair("repair"), "word") == (1, 2)
    assert ("Z!", "70.0000") in town.here("word") and len(town.here("word")) == 8


@pytest.fixture(scope="module")
def killing() -> Iterator[Callable[[Town, str, int], int]]:
    """killing(town, event, n): a repair, killed at the n-th such event. Answers the exit code."""
    command = [sys.executable, "-m", "tests.support.kill_at"]
    with subprocess.Popen(command, cwd=REPO, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin and server.stdout

        def repair(town: Town, event: str, times: int) -> int:
            assert server.stdin and server.stdout
            place = [str(town.folder / "town.yaml"), str(town.folder / "staging"), str(town.folder / "none"), "repair", "", True]
            server.stdin.write(json.dumps([event, times, *place]) + "\n")
            server.stdin.flush()
            return int(server.stdout.readline())

        yield repair
        server.stdin.close()


# Of a repair's own steps, and of those that change what is live; tests/scenarios/test_kill.py has the others.
_MOMENTS = ("compare.started", "compare.chunk", "compare.finished", "load.chunk", "prove.finished", "switch.started")
_MOMENTS += ("switch.statement", "switch.finished", "report.written")
_KILLS = [("duckdb", m) for m in _MOMENTS]
_KILLS += [
    (t, m) for t in ("sqlite", "postgresql", "mariadb") for m in ("compare.chunk", "load.chunk", "switch.statement", "switch.finished")
]


@pytest.mark.parametrize(("town", "event"), _KILLS, indirect=["town"])
def test_a_killed_repair_ends_the_same_when_started_again(town: Town, event: str, killing: Callable[[Town, str, int], int]) -> None:
    town.run("first")
    town.change(
        "UPDATE person SET credit = -1 WHERE id IN (7, 150, 299)", "DELETE FROM visit WHERE n = 9", "DELETE FROM loose WHERE rowid = 2"
    )
    town.ask("UPDATE word SET times = 0", "DELETE FROM visit WHERE n > 590")
    assert killing(town, event, 1) == -signal.SIGKILL, f"{event} never happened"
    assert killing(town, event, 2) in (0, -signal.SIGKILL)
    assert killing(town, "none", 1) == 0
    assert town.equal() and {(c.run, c.state) for c in town.covered()} == {("repair", "proven")}
    found = {c["table"]: c for c in json.loads((town.folder / "staging/town/repair/compared.json").read_text())}
    assert {t: sent(found, t) for t in ("person", "word")} == {"person": (3, 3), "word": (8, 8)}


@pytest.mark.parametrize("town", ["duckdb", "postgresql"], indirect=True)
def test_bad_rows_go_to_quarantine_again_and_the_rest_is_put_right(town: Town) -> None:
    town.text += (
        "\nbad_rows: {action: quarantine, at_most: 5}\ntables: {include: [person], person: {transform: [{cast: {email: string(8)}}]}}"
    )
    town.change("UPDATE person SET email = 'much too long' WHERE id = 12")
    town.run("first")
    town.change("UPDATE person SET name = 'new' WHERE id = 13", "UPDATE person SET email = 'this one is too long' WHERE id = 14")
    assert sent(town.repair("repair"), "person") == (1, 2)
    here = {r[0] for r in town.here("person")}
    assert len(here) == 298 and not {"12.0000", "14.0000"} & here


@pytest.mark.parametrize("town", ["postgresql", "mariadb"], indirect=True)
def test_rows_that_others_refer_to_are_taken_out_and_put_back_whatever_their_keys_would_do(town: Town) -> None:
    town.change(
        "ALTER TABLE visit RENAME TO old",
        "CREATE TABLE visit (person INTEGER NOT NULL, n INTEGER NOT NULL, at TIMESTAMP, note TEXT, PRIMARY KEY (person, n),"
        " FOREIGN KEY (person) REFERENCES person (id) ON DELETE CASCADE)",
        "INSERT INTO visit SELECT * FROM old",
        "DROP TABLE old",
    )
    town.run("first")
    town.change("UPDATE person SET name = 'changed'", "DELETE FROM visit WHERE person = 300", "DELETE FROM person WHERE id = 300")
    town.repair("repair")
    assert town.equal()
    town.ask("DELETE FROM person WHERE id = 1")
    assert not [r for r in town.here("visit") if r[0] == "1.0000"]  # the key does again what it did
    with pytest.raises(Exception, match="(?i)foreign key"):
        town.ask("INSERT INTO visit VALUES (5000, 1, NULL, NULL)")


@pytest.mark.parametrize("town", ["postgresql", "mariadb"], indirect=True)
def test_a_repair_of_one_table_leaves_no_row_that_refers_to_nothing(town: Town) -> None:
    town.run("first")
    town.change("DELETE FROM visit WHERE person = 300", "DELETE FROM person WHERE id = 300")
    with pytest.raises(SwitchRefused):
        town.run("person alone", repair=True, tables=("person",))
    assert "300.0000" in {r[0] for r in town.here("person")}
    town.repair("both", tables=("person", "visit"))
    assert town.equal()


@pytest.mark.parametrize("town", ["duckdb"], indirect=True)
def test_a_source_that_changes_under_a_run_is_found_by_the_deeper_proof(town: Town) -> None:
    def change(name: str, facts: dict[str, Any]) -> None:
        if name == "prepare.started":
            town.change("UPDATE person SET name = 'meanwhile' WHERE id = 42")

    with events.subscribed(change):
        town.run("as staged")
    with events.subscribed(change), pytest.raises(GateClosed) as closed:
        town.change("UPDATE person SET name = 'before' WHERE id = 42")
        town.run("twice", depth="source")
    assert "read a second time, the source gives other rows" in str(closed.value) and "person" in str(closed.value)
    report = town.run("quiet", depth="source").staging.read_json("report.json")
    assert report["proof"]["depth"] == "source" and report["outcome"] == "switched"


@pytest.mark.parametrize("town", ["duckdb", "postgresql"], indirect=True)
def test_the_gate_of_what_was_loaded_finds_what_rows_refer_to_among_the_live_ones_too(town: Town) -> None:
    suite = {"columns": ["person"], "ref_table": "person", "ref_columns": ["id"]}
    (town.folder / "none").mkdir()
    asked = {"expectations": [{"type": "expect_foreign_key", "kwargs": suite}]}
    (town.folder / "none" / "visit.loaded.json").write_text(json.dumps(asked))
    (town.folder / "none" / "foreign_key.py").write_text((REPO / "expectations" / "penstock_expectations" / "foreign_key.py").read_text())
    town.run("first")
    town.change(
        "INSERT INTO person VALUES (400, NULL, 'new', 0)",
        "INSERT INTO visit VALUES (400, 1, NULL, NULL)",
        "UPDATE visit SET note = 'x' WHERE n = 3",
    )
    town.repair("repair")
    assert town.equal()
    town.change("INSERT INTO visit VALUES (999, 1, NULL, NULL)")
    with pytest.raises(GateClosed, match=r"the gate after loaded"):
        town.run("orphan", repair=True)


@pytest.mark.parametrize("town", ["duckdb"], indirect=True)
def test_the_command_line_repairs_and_its_report_says_what_was_sent(town: Town, capsys: pytest.CaptureFixture[str]) -> None:
    file, staging = str(town.migration.path), str(town.folder / "staging")
    assert commands.main(["run", file, "--staging", staging, "--project", str(town.folder)]) == 0
    town.change("UPDATE person SET credit = 5 WHERE id = 5", "DELETE FROM visit WHERE n = 1")
    assert (
        commands.main(
            ["run", file, "--staging", staging, "--project", str(town.folder), "--repair", "--tables", "person,visit", "--proof", "source"]
        )
        == 0
    )
    assert town.equal()
    told = capsys.readouterr().out
    assert "1 row inserted or updated, 2 deleted or overwritten" in " ".join(told.split())
    page = next(Path(staging).glob("town/*/report.html"), None)
    assert page and any("compared with the live table: 1 of" in p.read_text() for p in Path(staging).glob("town/*/report.html"))


@pytest.mark.parametrize("town", ["duckdb"], indirect=True)
def test_the_command_line_repairs_the_tables_of_an_earlier_run(town: Town, capsys: pytest.CaptureFixture[str]) -> None:
    where = [str(town.migration.path), "--staging", str(town.folder / "staging"), "--project", str(town.folder)]
    assert commands.main(["run", *where]) == 0
    assert commands.main(["run", *where, "--new", "--tables", "word", "--run-id", "words"]) == 2  # a run is new, or it has an id
    assert commands.main(["run", *where, "--tables", "word", "--run-id", "words"]) == 0
    town.change("UPDATE person SET credit = 5 WHERE id = 5", "DELETE FROM word WHERE word = 'a'")
    assert commands.main(["run", *where, "--of", "words"]) == 2
    assert commands.main(["run", *where, "--repair", "--of", "nobody"]) == 4
    assert "the run nobody has no plan in staging" in capsys.readouterr().err
    assert commands.main(["run", *where, "--repair", "--of", "words", "--run-id", "mended"]) == 0
    assert town.here("word") == town.there("word") and town.here("person") != town.there("person")
