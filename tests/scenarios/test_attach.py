"""Native partitions of PostgreSQL: the loaded shadow takes the place of the interval's own, in one transaction, or it is said why not."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from penstock.errors import PreflightFailed, SwitchRefused
from penstock.model.plan import Plan
from penstock.stages.switch import undo
from tests.scenarios.test_partitions import DAYS, Feed, daily, fill
from tests.support.repository import REPO
from tests.support.version_1 import journal_of_version_1, plan_of_version_1

_TEXT = "tables:\n  include: [event]\n  event: {partition: {by: moment, how: attach}}\nstart_date: 2024-03-01\nschedule: '@daily'"
_LIVE = (
    "CREATE TABLE event (id bigint, kind varchar(10) NOT NULL, note text DEFAULT 'none', moment timestamp NOT NULL, PRIMARY KEY (id, moment),"
    " CHECK (id > 0)) PARTITION BY RANGE (moment)"
)


@pytest.fixture
def feed(tmp_path: Path, postgresql_url: sa.URL) -> Feed:
    """A feed into a table that is natively partitioned, and has a partition of the first day."""
    fill(tmp_path / "feed.sqlite")
    made = Feed(tmp_path, tmp_path / "feed.sqlite", postgresql_url, _TEXT)
    made.ask("CREATE TABLE kind (name varchar(10) PRIMARY KEY)")
    made.ask("INSERT INTO kind VALUES ('a'), ('b')")
    made.ask(_LIVE)
    made.ask("CREATE INDEX event_note ON event (note)")
    made.ask("ALTER TABLE event ADD CONSTRAINT event_kind FOREIGN KEY (kind) REFERENCES kind (name)")
    made.ask(f"CREATE TABLE event_first PARTITION OF event FOR VALUES FROM ('{DAYS[0]}') TO ('{DAYS[1]}')")
    return made


def partitions(feed: Feed) -> dict[str, str]:
    query = "SELECT c.relname, pg_get_expr(c.relpartbound, c.oid) FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'event'::regclass"
    return {str(name): str(bounds) for name, bounds in feed.ask(query)}


def of(feed: Feed, *days: int) -> list[tuple[object, ...]]:
    return [r for r in feed.there() if str(r[3])[:10] in {str(DAYS[d]) for d in days}]


def test_the_shadow_becomes_the_partition_and_the_old_one_is_kept(feed: Feed) -> None:
    feed.ask(f"INSERT INTO event VALUES (9001, 'a', 'nobody knows', '{DAYS[0]} 05:00:00')")
    first = feed.run(DAYS[0])
    feed.run(DAYS[1])
    assert feed.here() == of(feed, 0, 1)
    bounds = sorted(partitions(feed).values())
    assert "event_first" in partitions(feed) and len(bounds) == 2 and f"FROM ('{DAYS[1]} 00:00:00')" in bounds[1]
    (kept,) = [k for _, k in first.staging.read_json("switch.json")["replaced"]]
    assert [r[0] for r in feed.ask(f"SELECT id FROM {kept}")] == [9001]
    again = feed.run(DAYS[1], "again")
    assert feed.here() == of(feed, 0, 1) and len(partitions(feed)) == 2
    assert [(c.low[:10], c.state) for c in feed.covered()] == [(str(DAYS[0]), "proven"), (str(DAYS[1]), "proven")]
    assert again.plan.table("event").switch == "attach_partition"


def test_a_partition_is_like_the_others_indexes_defaults_checks_and_keys(feed: Feed) -> None:
    feed.run(DAYS[1])
    (name,) = partitions(feed).keys() - {"event_first"}
    attached = "SELECT count(*) FROM pg_inherits i JOIN pg_index x ON x.indexrelid = i.inhrelid WHERE x.indrelid = '{}'::regclass"
    assert feed.ask(attached.format(name)) == feed.ask(attached.format("event_first")) == [(2,)]
    checks = "SELECT count(*), max(conname) FROM pg_constraint WHERE conrelid = '{}'::regclass AND contype = 'c'"
    assert feed.ask(checks.format(name)) == [(1, "event_id_check")]
    feed.ask(f"INSERT INTO event (id, kind, moment) VALUES (1234, 'a', '{DAYS[1]} 01:00:00')")
    assert feed.ask("SELECT note FROM event WHERE id = 1234") == [("none",)]
    with pytest.raises(sa.exc.IntegrityError):
        feed.ask(f"INSERT INTO event VALUES (1235, 'nokind', '', '{DAYS[1]} 01:00:00')")


def test_undo_puts_the_old_partition_back_or_leaves_none(feed: Feed) -> None:
    feed.ask(f"INSERT INTO event VALUES (9001, 'a', 'nobody knows', '{DAYS[0]} 05:00:00')")
    first = feed.run(DAYS[0])
    second = feed.run(DAYS[1])
    undo.undo(second)
    assert feed.here() == of(feed, 0) and set(partitions(feed)) == {"event_first"}
    undo.undo(first)
    assert [r[0] for r in feed.here()] == [9001] and set(partitions(feed)) == {"event_first"} and not feed.covered()
    feed.run(DAYS[0], "once more")
    assert feed.here() == of(feed, 0)


def test_a_partition_that_an_older_version_exchanged_is_put_back_too(feed: Feed) -> None:
    feed.ask(f"INSERT INTO event VALUES (9001, 'a', 'nobody knows', '{DAYS[0]} 05:00:00')")
    session = feed.run(DAYS[0])
    journal_of_version_1(feed.target, {"event": {"place": ["event_first", "public"], "kept": True}})
    planned = plan_of_version_1(session.staging.read_json("plan.json"))
    session.staging.write_json(planned, "plan.json")
    undo.undo(replace(session, plan=Plan.from_json(json.dumps(planned))))
    assert [r[0] for r in feed.here()] == [9001] and set(partitions(feed)) == {"event_first"}


@pytest.mark.parametrize(
    ("before", "told"),
    [
        (f"CREATE TABLE wide PARTITION OF event FOR VALUES FROM ('{DAYS[1]}') TO ('{DAYS[3]}')", "its partition wide is for values from"),
        ("CREATE TABLE low PARTITION OF event FOR VALUES FROM (MINVALUE) TO ('2024-03-01')", ""),
        (f"CREATE TABLE high PARTITION OF event FOR VALUES FROM ('{DAYS[2]}') TO (MAXVALUE)", ""),
        (
            f"CREATE TABLE parts PARTITION OF event FOR VALUES FROM ('{DAYS[1]}') TO ('{DAYS[2]}') PARTITION BY HASH (id)",
            "partitioned again",
        ),
        ("CREATE TABLE rest PARTITION OF event DEFAULT", ""),
        ("CREATE TABLE refers (id bigint, moment timestamp, FOREIGN KEY (id, moment) REFERENCES event)", "refers_id_moment_fkey refers to"),
        (
            "DROP TABLE event; CREATE TABLE event (id bigint, kind varchar(10), note text, moment timestamp)",
            "not partitioned by range of moment",
        ),
        (
            "DROP TABLE event; CREATE TABLE event (id bigint, kind varchar(10), note text, moment timestamp) PARTITION BY RANGE (id)",
            "not partitioned by",
        ),
        (
            "DROP TABLE event; CREATE TABLE event (kind varchar(10), id bigint, note text, moment timestamp) PARTITION BY RANGE (moment)",
            "in another order",
        ),
        ("DROP TABLE event", "no live table"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_reason(feed: Feed, before: str, told: str) -> None:
    for statement in before.split("; "):
        feed.ask(statement)
    if not told:
        feed.run(DAYS[1])
        assert feed.here() == of(feed, 1)
        return
    with pytest.raises(PreflightFailed, match=told):
        feed.run(DAYS[1])


def test_rows_that_the_default_partition_holds_already_refuse_the_run_and_change_nothing(feed: Feed) -> None:
    feed.ask("CREATE TABLE rest PARTITION OF event DEFAULT")
    feed.ask(f"INSERT INTO event VALUES (9001, 'a', 'in the rest', '{DAYS[1]} 05:00:00')")
    with pytest.raises(PreflightFailed) as refused:
        feed.run(DAYS[1])
    assert "its default partition rest has rows of the interval" in str(refused.value)
    assert [r[0] for r in feed.here()] == [9001]


def test_a_row_that_moved_is_refused_and_a_repair_takes_it_along(feed: Feed) -> None:
    feed.run(DAYS[0])
    moved = of(feed, 0)[0][0]
    feed.change(f"UPDATE event SET moment = '{DAYS[1]} 10:00:00' WHERE id = {moved}")
    with pytest.raises(SwitchRefused, match="whose partition is not exchanged"):
        feed.run(DAYS[1])
    feed.run(DAYS[0], "repair", repair=True)
    feed.run(DAYS[1], "then")
    assert feed.here() == of(feed, 0, 1)


@pytest.mark.parametrize("event", ["prepare.finished", "load.chunk", "switch.started", "switch.statement", "switch.finished"])
def test_a_killed_exchange_ends_the_same_when_started_again(feed: Feed, event: str) -> None:
    assert feed.migration
    place = [str(feed.folder / "feed.yaml"), str(feed.folder / "staging"), str(feed.folder / "none"), "r", str(daily(DAYS[0]))]
    lines = [json.dumps([name, times, *place]) for name, times in ((event, 1), (event, 3), ("none", 1))]
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.kill_at"],
        cwd=REPO,
        input="\n".join(lines) + "\n",
        capture_output=True,
        text=True,
        check=True,
    )
    codes = [int(code) for code in done.stdout.split()]
    assert codes[0] == -signal.SIGKILL and codes[2] == 0, done.stderr
    assert feed.here() == of(feed, 0) and set(partitions(feed)) == {"event_first"}
    assert [c.state for c in feed.covered()] == ["proven"]


@pytest.mark.parametrize("how", ["sqlite", "duckdb"])
def test_databases_without_such_partitions_say_so(tmp_path: Path, how: str) -> None:
    fill(tmp_path / "feed.sqlite")
    made = Feed(tmp_path, tmp_path / "feed.sqlite", sa.make_url(f"{how}:///{tmp_path}/target"), _TEXT)
    with pytest.raises(PreflightFailed, match="has no partitions that could be exchanged"):
        made.run(DAYS[0])
