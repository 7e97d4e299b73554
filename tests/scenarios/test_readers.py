"""Readers never pay for a switch or an undo, and only what was proved goes live: on real servers, while others read and write."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from penstock import databases
from penstock.errors import LockRefused, SwitchRefused
from penstock.model.schema import TableName
from penstock.runtime import events
from penstock.stages.switch import undo
from tests.support.beside import beside
from tests.support.data.shop import Shop

_PATIENT = 3.0  # seconds that a reader may wait at most; it is about half a second, on a machine that has nothing else to do
_SHORT = "switch: {lock_wait: 1s}"


@pytest.fixture(params=["postgresql", "mariadb"])
def server(request: pytest.FixtureRequest) -> sa.URL:
    url: sa.URL = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
def town(tmp_path: Path, server: sa.URL) -> Shop:
    """Two tables, of which one refers to the other, and a view over both, on a server. One run has switched."""
    with sqlite3.connect(tmp_path / "town.sqlite") as db:
        db.executescript(
            "CREATE TABLE street (id INTEGER PRIMARY KEY, a VARCHAR(20), b VARCHAR(20));"
            "CREATE TABLE house (id INTEGER PRIMARY KEY, street INTEGER NOT NULL REFERENCES street (id), at TIMESTAMP)"
        )
        db.executemany("INSERT INTO street VALUES (?, ?, ?)", [(n, f"name{n}", f"town{n}") for n in range(40)])
        db.executemany("INSERT INTO house VALUES (?, ?, '2024-03-04 10:00:00')", [(n, n % 40) for n in range(200)])
    town = Shop(tmp_path, sa.make_url(f"sqlite:///{tmp_path}/town.sqlite"), server)
    town.run("r0", town.write())
    with _connected(town) as connection:
        databases.execute(connection, "CREATE VIEW lived AS SELECT h.id FROM house h JOIN street s ON s.id = h.street")
        connection.commit()
    return town


@contextmanager
def _connected(town: Shop) -> Iterator[sa.Connection]:
    engine = databases.of(town.target).engine(town.target)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


@dataclass
class Readers:
    """What readers have met."""

    reads: int = 0
    longest: float = 0.0
    errors: list[str] = field(default_factory=list)
    counts: set[int] = field(default_factory=set)


@contextmanager
def reading(town: Shop, *transactions: tuple[str, ...]) -> Iterator[Readers]:
    """While the block runs, each of these transactions is read again and again by a session of its own."""
    met, over = Readers(), threading.Event()

    def read(statements: tuple[str, ...]) -> None:
        with _connected(town) as connection:
            while not over.is_set():
                began = time.monotonic()
                try:
                    met.counts |= {databases.execute(connection, s).scalar_one() for s in statements}
                    connection.rollback()
                except sa.exc.DBAPIError as error:
                    met.errors.append(str(error.orig))
                    connection.rollback()
                met.reads += 1
                met.longest = max(met.longest, time.monotonic() - began)
                time.sleep(0.005)

    with beside(over, [partial(read, t) for t in transactions]):
        yield met


@contextmanager
def held(town: Shop, statement: str, seconds: float) -> Iterator[None]:
    """A session that has run a statement in a transaction, which it ends after so many seconds."""
    began = threading.Event()

    def hold() -> None:
        with _connected(town) as connection:
            databases.execute(connection, statement)
            began.set()
            time.sleep(seconds)
            try:
                connection.rollback()
            except sa.exc.DBAPIError:
                connection.invalidate()  # it was ended

    thread = threading.Thread(target=hold)
    thread.start()
    began.wait(10)
    try:
        yield
    finally:
        thread.join()


@contextmanager
def at(event: str, act: Callable[[], None]) -> Iterator[None]:
    """`act` happens at the first such event of the block."""
    happened = iter([act])

    def told(name: str, _: dict[str, Any]) -> None:
        if name == event:
            for do in happened:
                do()

    with events.subscribed(told):
        yield


def refusals(facts: list[dict[str, Any]]) -> Callable[[str, dict[str, Any]], None]:
    return lambda name, found: facts.append(found) if name == "locks.refused" else None


def test_readers_meet_no_error_and_do_not_wait_while_tables_are_switched_and_undone(town: Shop) -> None:
    one = ("SELECT count(*) FROM lived",)
    other = ("SELECT count(*) FROM house", "SELECT count(*) FROM street")
    joined = ("SELECT count(*) FROM street s JOIN house h ON s.id = h.street",)
    with reading(town, one, one, other, joined) as met:
        for number in range(3):
            undo.undo(town.run(f"r{number + 1}", town.write()))
    assert not met.errors
    assert met.longest < _PATIENT
    assert met.counts == {200, 40} and met.reads > 100


def test_the_switch_happens_after_a_long_reader_and_others_do_not_wait(town: Shop) -> None:
    facts: list[dict[str, Any]] = []
    postgresql = town.target.get_backend_name() == "postgresql"
    with (
        reading(town, ("SELECT count(*) FROM house",), ("SELECT count(*) FROM lived",)) as met,
        held(town, "SELECT count(*) FROM house WHERE street < 7", 8.0 if postgresql else 5.0),
        events.subscribed(refusals(facts)),
    ):
        began = time.monotonic()
        town.run("r1", town.write())
        assert time.monotonic() - began > 4
    assert not met.errors and met.longest < _PATIENT
    assert len(facts) > 2, "many short tries"
    if postgresql:
        (blocker,) = facts[1]["blockers"]
        assert "idle in transaction: SELECT count(*) FROM house WHERE street < ?" in blocker
        assert f" of {town.target.username} holds a lock since 20" in blocker
    else:
        assert any(f" of {town.target.username} " in blocker and "idle in transaction" in blocker for blocker in facts[1]["blockers"])


def test_a_lock_that_cannot_be_had_names_its_holders_and_can_be_tried_again(town: Shop) -> None:
    migration = town.write(extra=_SHORT)
    with held(town, "SELECT * FROM street", 3.0), pytest.raises(LockRefused) as refused:
        town.run("r1", migration)
    assert refused.value.retryable and "session " in refused.value.why and " tries in " in refused.value.why
    session = town.run("r1", migration)
    with held(town, "SELECT * FROM street", 2.0), pytest.raises(LockRefused, match="idle in transaction"):
        undo.undo(session)
    assert undo.undo(session).state == "undone"


def test_blockers_are_ended_where_that_is_declared(town: Shop) -> None:
    migration, ended = town.write(extra="switch: {lock_wait: 2s, end_blockers: true}"), list[str]()
    sleep = "pg_sleep(12)" if town.target.get_backend_name() == "postgresql" else "sleep(12)"
    killed: list[str] = []

    def read() -> None:
        with _connected(town) as connection:
            try:
                databases.execute(connection, f"SELECT {sleep} FROM house LIMIT 1")
            except sa.exc.DBAPIError as error:
                killed.append(str(error.orig))
                connection.invalidate()

    reader = threading.Thread(target=read)

    def begin() -> None:
        reader.start()
        time.sleep(0.5)

    noted = events.subscribed(lambda name, found: ended.append(found["blocker"]) if name == "locks.ended" else None)
    with at("switch.started", begin), noted:
        town.run("r1", migration)
    reader.join()
    assert killed and any("(?) FROM house" in blocker for blocker in ended)


@pytest.mark.parametrize(
    "change", ["UPDATE {} SET a = concat(a, left(b, 1)), b = substr(b, 2) WHERE id = 5", "INSERT INTO {} VALUES (99, NULL, NULL)"]
)
def test_what_changes_between_proof_and_switch_does_not_go_live(town: Shop, change: str) -> None:
    place = _shadow(town)

    def write() -> None:
        with _connected(town) as connection:
            databases.execute(connection, change.format(place))
            connection.commit()

    with at("prove.finished", write), pytest.raises(SwitchRefused, match="have changed since they were proved"):
        town.run("r1", town.write())
    assert len(town.rows("street")) == 40


def _shadow(town: Shop) -> str:
    database = databases.of(town.target)
    schema = "public" if database.label == "PostgreSQL" else None
    return database.qualified(database.shadow(TableName("street", schema), "shop"))


@pytest.mark.parametrize("server", ["mariadb"], indirect=True)
@pytest.mark.parametrize("ends", ["COMMIT", "ROLLBACK"])
@pytest.mark.parametrize("reader", [False, True])
def test_rows_of_an_open_transaction_are_seen_before_anything_goes_live(town: Shop, ends: str, reader: bool) -> None:
    """A writer of the shadow commits while the switch waits, once for nobody else and once for a reader of the live table as well."""
    threads: list[threading.Thread] = []
    errors: list[str] = []

    def write(statement: str, seconds: float) -> None:
        with _connected(town) as connection:
            try:
                databases.execute(connection, statement)
                time.sleep(seconds)
                databases.execute(connection, ends)
            except sa.exc.DBAPIError as error:
                errors.append(str(error.orig))

    def begin() -> None:
        many = [f"INSERT INTO {_shadow(town)} VALUES ({n}, 'unproved', 'x')" for n in range(1000, 1003)]
        delays = [(many[0], 1.5, 0.0)] + [(s, 0.0, 0.7 + n / 2) for n, s in enumerate(many[1:])]  # these queue behind the rename
        for statement, seconds, later in delays:
            threads.append(threading.Timer(later, write, (statement, seconds)))
        if reader:
            threads.append(threading.Timer(0.0, lambda: _read_for(town, 2.0)))
        for thread in threads:
            thread.start()
        time.sleep(0.5)

    refused = False
    with at("switch.started", begin):
        try:
            town.run("r1", town.write())
        except SwitchRefused as error:
            refused = True
            assert "have changed since they were proved" in str(error)
    for thread in threads:
        thread.join()
    assert not [row for row in town.rows("street") if row[1] == "unproved"]
    assert refused or ends == "ROLLBACK"
    assert not [t for t in town.tables() if "s__" in t], "no shadow stays set apart"


def _read_for(town: Shop, seconds: float) -> None:
    with _connected(town) as connection:
        databases.execute(connection, "SELECT * FROM house")
        time.sleep(seconds)
