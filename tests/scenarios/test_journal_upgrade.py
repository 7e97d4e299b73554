"""A target and a staging area that the version before had left: the first run upgrades the journal, and what it switched can be undone."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from threading import Barrier
from typing import Any

import duckdb
import psycopg
import pytest
import sqlalchemy as sa

from penstock import databases
from penstock.errors import JournalNewer, SwitchRefused
from penstock.model.endpoints import Endpoints
from penstock.reporting.inputs import Record
from penstock.reporting.upgrade import upgraded
from penstock.stages import report
from penstock.stages.switch import undo
from penstock.state import journal, journal_tables, journal_version, run_context, staging
from penstock.state.run_context import RunContext
from tests.support.data.journals import make
from tests.support.one_run import moved

RUNS = 4


@dataclass(frozen=True)
class Left:
    """What the version before has left of some migrations. record: see tests/support/data/journals/make.py."""

    folder: Path
    source: sa.URL
    target: sa.URL
    record: dict[str, Any]

    @property
    def root(self) -> str:
        return str(self.folder / "staging")

    @property
    def migrations(self) -> tuple[str, ...]:
        return tuple(self.record["runs"])

    def engine(self) -> sa.Engine:
        return databases.of(self.target).engine(self.target)

    def session(self, migration: str) -> RunContext:
        """The last run of a migration, as an undo opens it."""
        return self.reopened(migration, self.record["runs"][migration])

    def reopened(self, migration: str, run: str) -> RunContext:
        area = staging.of(self.root, migration, run)
        return run_context.reopen(area, Endpoints(self.source, self.target), self.folder / "none")

    def live(self, migration: str) -> dict[str, list[list[str]]]:
        return make.rows(self.target, make.TABLES[migration])

    def version(self) -> int:
        with self.engine().connect() as connection:
            return journal_version.version(connection)

    def journal(self) -> dict[str, list[tuple[Any, ...]]]:
        """The rows of the journal's tables and columns that the version before had."""
        new = {journal_tables.VERSIONS, journal_tables.READINGS, journal_tables.LEASES, journal_tables.EVIDENCE, journal_tables.STREAMS}
        tables = [t for t in journal_tables.METADATA.sorted_tables if t not in new]
        columns = {t.name: [c for c in t.c if c is not journal_tables.COVERAGE.c.reading] for t in tables}
        with self.engine().connect() as connection:
            return {t: sorted(map(tuple, connection.execute(sa.select(*c)).fetchall()), key=repr) for t, c in columns.items()}


@pytest.fixture(params=["sqlite", "duckdb", "postgresql", "mariadb"])
def left(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Left]:
    yield from _left(request.param, request, tmp_path)


@pytest.fixture
def left_in_sqlite(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Left]:
    yield from _left("sqlite", request, tmp_path)


def _left(database: str, request: pytest.FixtureRequest, folder: Path) -> Iterator[Left]:
    target, dropped = _database(database, request, folder)
    _loaded(database, target, (make.HERE / f"{database}.sql").read_text())
    text = (make.HERE / f"{database}.json").read_text()
    record = json.loads(text.replace("{folder}", str(folder)).replace("{target}", target.render_as_string()))
    for file, content in record["staging"].items():
        place = folder / "staging" / file
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(json.dumps(content))
    with closing(sqlite3.connect(folder / "source.sqlite")) as db:
        db.executescript(make.SOURCE)
    yield Left(folder, sa.make_url(f"sqlite:///{folder}/source.sqlite"), target, record)
    if dropped is not None:
        with dropped.connect() as connection:
            connection.exec_driver_sql("DROP DATABASE fixture")


def _database(database: str, request: pytest.FixtureRequest, folder: Path) -> tuple[sa.URL, sa.Engine | None]:
    """An empty database, and the engine that drops it."""
    if database in ("sqlite", "duckdb"):
        return sa.make_url(f"{database}:///{folder}/target.{database}"), None
    if database == "postgresql":
        return request.getfixturevalue("postgresql_url"), None
    server: sa.URL = request.getfixturevalue("mariadb_server")
    engine = sa.create_engine(server, poolclass=sa.pool.NullPool)
    with engine.connect() as connection:  # its plans have the name of the database
        connection.exec_driver_sql("CREATE DATABASE fixture CHARACTER SET utf8mb4")
    return server.set(database="fixture"), engine


def _loaded(database: str, target: sa.URL, text: str) -> None:
    if database == "sqlite":
        with closing(sqlite3.connect(str(target.database))) as db:
            db.executescript(text)
    elif database == "duckdb":
        with closing(duckdb.connect(str(target.database))) as db:
            db.execute(text)
    elif database == "postgresql":
        with psycopg.connect(target.set(drivername="postgresql").render_as_string(hide_password=False), autocommit=True) as server:
            server.execute(text.encode())
    else:
        with sa.create_engine(target, poolclass=sa.pool.NullPool).begin() as connection:
            for statement in ("SET FOREIGN_KEY_CHECKS = 0", *filter(str.strip, text.split(";\n"))):
                databases.execute(connection, statement)


def test_a_switch_of_the_version_before_is_undone(left: Left) -> None:
    assert left.version() == 1
    for migration in left.migrations:
        assert left.live(migration) == left.record["after"][migration]
        undone = undo.undo(left.session(migration))
        assert left.live(migration) == left.record["before"][migration]
        assert undone.state == "undone" and {p.live.rpartition(".")[2] for p in undone.put_back} == set(make.TABLES[migration])
        with pytest.raises(SwitchRefused):
            undo.undo(left.session(migration))


def test_the_first_run_upgrades_the_journal_and_an_undo_still_works(left: Left) -> None:
    before = left.journal()
    moved(left.folder, left.source, left.target, "other", "r1", {"include": ["other"]})
    assert left.version() == journal_version.VERSION
    after = left.journal()
    assert {table: [r for r in rows if r not in after[table]] for table, rows in before.items() if set(rows) - set(after[table])} == {}
    for migration in left.migrations:
        undo.undo(left.session(migration))
        assert left.live(migration) == left.record["before"][migration]


def test_a_migration_of_the_version_before_runs_again_and_that_run_is_undone(left: Left) -> None:
    tables = {"include": ["person", "pet"]}
    moved(left.folder, left.source, left.target, "town", "r3", tables)
    assert left.live("town")["person"] == [["1", "Zoë", "31"], ["2", "Bo", "22"], ["3", "Cy", "old"]]
    undo.undo(left.reopened("town", "r3"))
    assert left.live("town") == left.record["after"]["town"]


def test_the_report_of_a_run_of_the_version_before_says_the_same(left_in_sqlite: Left) -> None:
    for migration, run in left_in_sqlite.record["runs"].items():
        area = staging.of(left_in_sqlite.root, migration, run)
        before = upgraded(area.read_json("report.json"))
        now = json.loads(json.dumps(report.report(area, migration, run)))
        assert facts(now) == facts(before)


def facts(report: Record) -> Record:
    """A report without its sentences, without what is of the moment it was written at, and without what the version before had not."""
    changing = {"written", "versions", "changes", "preflight", "headline", "consistency", "schema"}
    return {name: value for name, value in without_words(report).items() if name not in changing}


def without_words(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: without_words(v) for name, v in value.items() if name != "words"}
    return [without_words(v) for v in value] if isinstance(value, list) else value


def test_a_journal_of_a_newer_version_is_refused_and_nothing_is_changed(left: Left) -> None:
    with left.engine().begin() as connection:
        journal_tables.VERSIONS.create(connection)
        connection.execute(journal_tables.VERSIONS.insert().values(version=99, at="2036-01-01", software="9.9.0"))
    before = left.journal()
    with pytest.raises(JournalNewer) as refused:
        undo.undo(left.session("town"))
    assert "version 99" in refused.value.what and "pip install 'penstock>=9.9.0'" in refused.value.fix
    with pytest.raises(JournalNewer):
        moved(left.folder, left.source, left.target, "other", "r1", {"include": ["other"]})
    assert left.journal() == before and left.live("town") == left.record["after"]["town"]


def test_runs_that_begin_at_once_upgrade_the_journal_once(left: Left) -> None:
    ready, done = Barrier(RUNS), list[int]()

    def step(connection: sa.Connection) -> None:
        if "more" not in {c["name"] for c in sa.inspect(connection).get_columns("penstock_turns")}:
            connection.exec_driver_sql("ALTER TABLE penstock_turns ADD COLUMN more VARCHAR(10)")
            done.append(1)

    def begin(_: int) -> None:
        with left.engine().connect() as connection:
            ready.wait()
            journal_version.bring_up_to_date(connection, (*journal_version.STEPS, step))

    with ThreadPoolExecutor(RUNS) as runs:
        list(runs.map(begin, range(RUNS)))
    with left.engine().connect() as connection:
        versions = connection.execute(sa.select(journal_tables.VERSIONS.c.version)).scalars().all()
        columns = [c["name"] for c in sa.inspect(connection).get_columns("penstock_turns")]
    assert sorted(versions) == list(range(2, journal_version.VERSION + 2)) and columns.count("more") == 1


def test_an_upgrade_that_was_killed_in_a_step_is_ended_by_the_next_run(left: Left) -> None:
    tries: list[int] = []

    def step(connection: sa.Connection) -> None:
        if "more" not in {c["name"] for c in sa.inspect(connection).get_columns("penstock_turns")}:
            connection.exec_driver_sql("ALTER TABLE penstock_turns ADD COLUMN more VARCHAR(10)")
        tries.append(1)
        if len(tries) == 1:
            raise KeyboardInterrupt
        connection.execute(sa.text("UPDATE penstock_turns SET more = 'done'"))

    steps = (*journal_version.STEPS, step)
    with left.engine().connect() as connection, pytest.raises(KeyboardInterrupt):
        journal_version.bring_up_to_date(connection, steps)
    assert left.version() == journal_version.VERSION, "the step before has been recorded, this one not"
    with left.engine().connect() as connection:
        journal_version.bring_up_to_date(connection, steps)
    with left.engine().connect() as connection:
        assert journal_version.version(connection) == journal_version.VERSION + 1
        assert set(connection.execute(sa.text("SELECT more FROM penstock_turns")).scalars()) == {"done"}


def test_a_new_journal_has_the_newest_version_and_making_it_again_changes_nothing(tmp_path: Path) -> None:
    url = sa.make_url(f"sqlite:///{tmp_path}/new.sqlite")
    engine = databases.of(url).engine(url)
    with engine.connect() as connection:
        assert journal_version.version(connection) == 0 and not journal.exists(connection)
    for _ in range(2):
        with engine.connect() as connection:
            journal.create(connection)
    with engine.connect() as connection:
        found = connection.execute(sa.select(journal_tables.VERSIONS.c.version)).scalars().all()
        assert found == [journal_version.VERSION] and journal.exists(connection)
        assert {n for n in sa.inspect(connection).get_table_names() if n.startswith("penstock_")} == journal.NAMES
