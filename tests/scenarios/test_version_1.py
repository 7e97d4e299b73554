"""What an older version has switched can be undone, reported and cleaned up; what it has begun is to be begun again, and says so."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from penstock import databases
from penstock.errors import MigrationError
from penstock.migration.loader import load
from penstock.model import intervals
from penstock.model.endpoints import Endpoints
from penstock.model.plan import VERSION, Plan
from penstock.model.scope import Differences, Partition, Whole
from penstock.stages.switch import retention, undo
from penstock.state import run_context, staging
from penstock.state.run_context import RunContext
from tests.support.requests import ran
from tests.support.version_1 import restored


@pytest.fixture
def feed(tmp_path: Path) -> Path:
    return restored(tmp_path).parent


def opened(feed: Path, run_id: str) -> RunContext:
    ends = Endpoints(*(sa.make_url(f"sqlite:///{feed}/{end}.sqlite") for end in ("source", "target")))
    return run_context.reopen(staging.of(str(feed / "staging"), "feed", run_id), ends, feed / "none")


def asked(feed: Path, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(feed / "target.sqlite")) as db:
        return db.execute(query).fetchall()


def events(feed: Path) -> list[tuple[object, ...]]:
    return asked(feed, "SELECT id, note FROM event ORDER BY id")


def kinds(feed: Path) -> list[tuple[object, ...]]:
    return asked(feed, "SELECT name FROM kind ORDER BY name")


def test_every_switch_of_an_older_version_can_be_undone_the_last_one_first(feed: Path) -> None:
    assert events(feed) == [(1, "one"), (2, "two"), (3, "changed")] and kinds(feed) == [("a",), ("b",), ("c",)]
    undo.undo(opened(feed, "fourth"))  # a repair
    assert events(feed) == [(1, "wrong"), (3, "changed"), (9, "nine")]
    undo.undo(opened(feed, "third"))  # a swap, and replaced rows
    assert events(feed) == [(1, "wrong"), (3, "three"), (4, "four"), (9, "nine")] and kinds(feed) == [("a",), ("b",)]
    undo.undo(opened(feed, "second"))
    assert events(feed) == [(1, "wrong"), (9, "nine")] and kinds(feed) == [("a",), ("b",)]


def test_what_an_older_version_kept_is_dropped_when_its_time_is_over(feed: Path) -> None:
    with closing(sqlite3.connect(feed / "target.sqlite")) as db:
        db.execute("UPDATE penstock_switches SET keep_until = '2000-01-01'")
        db.commit()
    url = sa.make_url(f"sqlite:///{feed}/target.sqlite")
    engine = databases.of(url).engine(url)
    with engine.connect() as connection:
        retention.drop_kept(connection, databases.of(url), "feed")
    engine.dispose()
    ours = "name LIKE 'penstock_old%' OR name LIKE 'penstock_new%'"
    assert asked(feed, f"SELECT name FROM sqlite_master WHERE type = 'table' AND ({ours})") == []
    assert events(feed) == [(1, "one"), (2, "two"), (3, "changed")]


def test_plans_of_an_older_version_are_read_as_scopes_and_switch_kinds(feed: Path) -> None:
    plans = {name: opened(feed, name).plan for name in ("second", "fourth")}
    assert {p.version for p in plans.values()} == {1}
    event, kind = plans["second"].table("event"), plans["second"].table("kind")
    assert isinstance(event.scope, Partition) and event.switch == "replace_rows"
    assert kind.scope == Whole() and kind.switch == "swap"
    repaired = plans["fourth"].table("event").scope
    assert isinstance(repaired, Differences) and isinstance(repaired.among, Partition) and repaired.delete_keys


def test_a_plan_is_read_back_as_it_was_written(feed: Path) -> None:
    plan = replace(opened(feed, "fourth").plan, version=VERSION)
    assert Plan.from_json(plan.to_json()) == plan


def test_a_run_that_an_older_version_planned_does_not_go_on_and_says_what_to_do(feed: Path) -> None:
    migration = load(feed / "feed.yaml")
    area = staging.of(str(feed / "staging"), "feed", "third")
    area.write_json(area.read_json("plan.json") | {"fingerprint": migration.fingerprint}, "plan.json")
    ends = opened(feed, "third").endpoints
    with pytest.raises(MigrationError, match="was planned by an older version of Penstock") as refused:
        interval = intervals.parse("2024-03-02..2024-03-03", "UTC")
        ran(migration, "third", str(feed / "staging"), ends.source, ends.target, feed / "none", interval=interval)
    assert "start a new run" in refused.value.fix


def test_a_plan_of_a_newer_version_is_refused(feed: Path) -> None:
    with pytest.raises(MigrationError, match="planned by another version of Penstock"):
        Plan.from_json(replace(opened(feed, "fourth").plan, version=VERSION + 1).to_json())


@pytest.mark.parametrize("text", ['{"tables": 1}', "not JSON"])
def test_a_plan_of_an_unknown_form_is_refused_with_a_plain_message(text: str) -> None:
    with pytest.raises(MigrationError, match="planned by another version of Penstock"):
        Plan.from_json(text)
