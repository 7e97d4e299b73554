"""A server that goes away, or goes silent, at any stage: the fault names the lost end, a retry can help, and the same command ends well."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from penstock import databases
from penstock.cli.commands import main
from penstock.errors import ConnectionFailed
from penstock.runtime import events
from tests.support.proxy import Proxy, proxied

ROWS = 400


@dataclass
class Place:
    """A source of one server and a target of another kind or database, each behind a proxy."""

    folder: Path
    direct: sa.URL
    source: Proxy
    target: Proxy

    @property
    def file(self) -> Path:
        return self.folder / "lost.yaml"

    def proxy(self, end: str) -> Proxy:
        return self.source if end == "source" else self.target

    def command(self, name: str, *more: str) -> int:
        return main([name, str(self.file), "--staging", str(self.folder / "staging"), *more])

    def rows(self) -> list[tuple[int, str]]:
        engine = databases.of(self.direct).engine(self.direct)
        with engine.connect() as connection:
            return [(int(row[0]), str(row[1])) for row in connection.execute(sa.text("SELECT id, v FROM arrived ORDER BY id"))]


EXPECTED = [(n, f"v{n}") for n in range(ROWS)]


@pytest.fixture(params=["postgresql_url", "mariadb_url"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    url: sa.URL = request.getfixturevalue(request.param)
    engine = databases.of(url).engine(url)
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE t (id int PRIMARY KEY, v varchar(20) NOT NULL)"))
        connection.execute(sa.text("CREATE INDEX t_v ON t (v)"))
        connection.execute(sa.text("INSERT INTO t VALUES (:id, :v)"), [{"id": n, "v": v} for n, v in EXPECTED])
    assert url.host and url.port
    with proxied(url.host, url.port) as source, proxied(url.host, url.port) as target:
        made = Place(tmp_path, url, source, target)
        _write(made)
        suites = tmp_path / "checks"
        suites.mkdir()
        unique = {"type": "expect_column_values_to_be_unique", "kwargs": {"column": "v"}}
        (suites / "t.loaded.json").write_text(json.dumps({"name": "t.loaded", "expectations": [unique]}))
        yield made


def _write(place: Place, query: str = "") -> None:
    ends = {
        end: place.direct.set(port=place.proxy(end).port).update_query_string(query).render_as_string(hide_password=False)
        for end in ("source", "target")
    }
    told = {
        "name": "lost",
        **ends,
        "tables": {"include": ["t"], "t": {"to": "arrived"}},
        "checks": str(place.folder / "checks"),
        "connections": 2,
    }
    place.file.write_text(json.dumps(told))


@contextmanager
def at_event(name: str, act: Callable[[], None], **facts: str) -> Iterator[None]:
    """Do it once, at the first such event."""
    done: list[str] = []

    def seen(event: str, told: dict[str, Any]) -> None:
        if event == name and not done and facts.items() <= told.items():
            done.append(event)
            act()

    with events.subscribed(seen):
        yield
    assert done, f"there was no {name}"


@contextmanager
def at_statement(pattern: str, when: str, act: Callable[[], None]) -> Iterator[None]:
    """Do it once, `before` or `after` the first statement that matches."""
    done: list[str] = []

    def seen(_: Any, __: Any, statement: str, *___: Any) -> None:
        if re.search(pattern, statement) and not done:
            done.append(statement)
            act()

    moment = f"{when}_cursor_execute"
    sa.event.listen(sa.Engine, moment, seen)
    try:
        yield
    finally:
        sa.event.remove(sa.Engine, moment, seen)
    assert done, f"there was no statement {pattern}"


def lost(told: str, end: str) -> bool:
    wrong = ("nothing has changed", "unexpected error", "Traceback")
    named = f"ConnectionFailed: lost the connection to the {end}" in told or f"ConnectionFailed: can't connect to the {end}" in told
    return named and "where: " in told and "fix: " in told and not any(words in told for words in wrong)


EVENTS = [
    ("source", "plan.started", {}),
    ("source", "extract.batch", {}),
    ("target", "prepare.started", {}),
    ("target", "load.batch", {}),
    ("target", "build.started", {}),
    ("target", "gate.started", {"stage": "loaded"}),
    ("target", "prove.started", {}),
    ("target", "switch.started", {}),
]


@pytest.mark.parametrize(("end", "event", "facts"), EVENTS, ids=[f"{end}-{event}" for end, event, _ in EVENTS])
def test_a_cut_is_named_and_the_same_command_ends_well(
    place: Place, capsys: pytest.CaptureFixture[str], end: str, event: str, facts: dict[str, str]
) -> None:
    with at_event(event, place.proxy(end).cut, **facts):
        assert place.command("run") == 5
    told = capsys.readouterr().err
    assert lost(told, end), told
    failure = json.loads(next(place.folder.glob("staging/lost/*/failure.json")).read_text())
    assert failure["type"] == "ConnectionFailed" and failure["retryable"]
    place.proxy(end).mend()
    assert place.command("run") == 0
    assert place.rows() == EXPECTED


MOVED = r"^RENAME TABLE|^ALTER TABLE .* SET SCHEMA|^ALTER TABLE .* RENAME TO"


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_cut_around_the_one_step_never_says_that_nothing_has_changed(place: Place, capsys: pytest.CaptureFixture[str], when: str) -> None:
    with at_statement(MOVED, when, place.target.cut):
        assert place.command("run") == 5
    told = capsys.readouterr().err
    assert lost(told, "target") and "reads from the journal what was done" in told, told
    place.target.mend()
    assert place.command("run") == 0
    assert place.rows() == EXPECTED


def test_a_cut_in_the_undo_and_after_the_switch(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    with at_event("switch.finished", place.target.cut):
        assert place.command("run") == 5
    assert lost(capsys.readouterr().err, "target")
    place.target.mend()
    assert place.command("run") == 0
    assert place.command("run", "--new") == 0
    capsys.readouterr()
    # Where DDL commits by itself, an undo that was stopped right before its one statement does not go on yet.
    moments = ("before", "after") if databases.of(place.direct).ddl_in_transaction else ("after",)
    for when in moments:
        with at_statement(MOVED, when, place.target.cut):
            assert place.command("undo") == 5
        assert lost(told := capsys.readouterr().err, "target"), told
        place.target.mend()
        if when == "before":
            assert place.rows() == EXPECTED
    assert place.command("undo") == 0
    assert place.rows() == EXPECTED


@pytest.mark.parametrize(("end", "statement"), [("source", "^SET .*REPEATABLE READ"), ("target", "penstock_receipts")])
def test_a_silent_server_is_noticed(place: Place, capsys: pytest.CaptureFixture[str], end: str, statement: str) -> None:
    _write(place, "keepalives_idle=1&keepalives_interval=1&keepalives_count=2&tcp_user_timeout=2000")
    began = time.monotonic()
    with at_statement(statement, "before", place.proxy(end).freeze):
        assert place.command("run") == 5
    assert lost(told := capsys.readouterr().err, end), told
    assert time.monotonic() - began < 30
    place.proxy(end).mend()
    assert place.command("run") == 0
    assert place.rows() == EXPECTED


def test_a_server_without_a_free_connection_can_be_tried_again(mariadb_server: sa.URL) -> None:
    """Through the code that says so: 1040 and 1203 of MariaDB, 53300 of PostgreSQL."""
    database = databases.of(mariadb_server)
    engine = database.engine(mariadb_server)
    user = "crowded_out"
    with engine.begin() as connection:
        connection.exec_driver_sql(f"CREATE USER {user}@'127.0.0.1' IDENTIFIED BY 'p' WITH MAX_USER_CONNECTIONS 1")
    url = mariadb_server.set(username=user, password="p")
    try:
        with database.engine(url).connect(), pytest.raises(ConnectionFailed) as refused:
            databases.connect(database, url, "target")
        assert refused.value.retryable and "max_user_connections" in refused.value.why
    finally:
        with engine.begin() as connection:
            connection.exec_driver_sql(f"DROP USER {user}@'127.0.0.1'")
