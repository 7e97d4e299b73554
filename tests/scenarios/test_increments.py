"""Incremental tables: what has changed since the last run replaces what stands there, by key; the rest is found when the whole table is compared."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from penstock import databases
from penstock.errors import MigrationError, PreflightFailed
from penstock.model import digest
from penstock.model.digest import Digest
from penstock.model.schema import TableName
from penstock.stages.coverage import coverage
from penstock.stages.switch import undo
from tests.scenarios.test_partitions import Feed
from tests.support.requests import request

TEXT = "tables:\n  include: [event]\n  event: {incremental: {by: moment, lookback: 10m}}"


@pytest.fixture(params=["duckdb", "sqlite", "postgresql", "mariadb"])
def feed(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Feed]:
    source = tmp_path / "feed.sqlite"
    with sqlite3.connect(source) as db:
        db.execute("CREATE TABLE event (id INTEGER PRIMARY KEY, kind VARCHAR(10), note TEXT, moment TIMESTAMP)")
        db.executemany(
            "INSERT INTO event VALUES (?, 'a', ?, ?)", [(n, f"note {n}", f"2024-03-01 {n // 60:02}:{n % 60:02}:00") for n in range(1, 200)]
        )
    db.close()
    embedded = {"duckdb": f"duckdb:///{tmp_path}/target.duckdb", "sqlite": f"sqlite:///{tmp_path}/target.sqlite"}
    name = embedded.get(request.param)
    yield Feed(tmp_path, source, sa.make_url(name) if name else request.getfixturevalue(f"{request.param}_url"), TEXT)


def held(feed: Feed) -> str:
    """The digest of the live table, taken now."""
    target = databases.of(feed.target)
    engine = target.engine(feed.target)
    with engine.connect() as connection:
        schema = sa.inspect(connection).default_schema_name
        (table,) = target.inspect(connection, schema, ["event"])
        select = databases.select(target, TableName("event", schema), table.columns)
        found = sum((digest.of(b, table.columns) for b in target.read(connection, select, table.columns)), Digest())
    engine.dispose()
    return str(found)


def test_changed_and_new_rows_are_moved_and_no_others(feed: Feed) -> None:
    feed.grow("first")
    feed.change(
        "INSERT INTO event VALUES (900, 'b', 'new', '2024-03-02 10:00:00')",
        "UPDATE event SET note = 'changed', moment = '2024-03-02 09:00:00' WHERE id = 5",
    )
    second = feed.grow("second")
    assert feed.here() == feed.there()
    assert second.plan.table("event").rows < 20  # those two, and the last ten minutes of the first
    (record,) = feed.covered()
    assert (record.rows, record.digest, record.watermark[:19]) == (200, held(feed), "2024-03-02 10:00:00")
    feed.grow("nothing new")
    assert feed.here() == feed.there() and feed.covered()[0].digest == held(feed)


def test_undo_takes_back_just_the_increment(feed: Feed) -> None:
    feed.grow("first")
    before, record = feed.here(), feed.covered()
    feed.change(
        "INSERT INTO event VALUES (900, 'b', 'new', '2024-03-02 10:00:00')",
        "UPDATE event SET note = 'changed', moment = '2024-03-02 09:00:00' WHERE id = 5",
    )
    second = feed.grow("second")
    undo.undo(second)
    assert feed.here() == before and feed.covered() == record
    feed.grow("third")
    assert feed.here() == feed.there()


def test_late_rows_within_the_lag_are_caught_and_the_rest_when_the_table_is_compared_whole(feed: Feed) -> None:
    feed.grow("first")
    feed.change(
        "INSERT INTO event VALUES (901, 'b', 'committed late', '2024-03-01 03:12:00')",
        "INSERT INTO event VALUES (902, 'b', 'much too late', '2024-03-01 01:00:00')",
        "DELETE FROM event WHERE id = 7",
        "UPDATE event SET note = 'without a new time' WHERE id = 8",
    )
    feed.grow("second")
    here = {r[0]: r[2] for r in feed.here()}
    assert 901 in here and 902 not in here and 7 in here and here[8] == "note 8"
    feed.text = TEXT.replace("lookback: 10m", "lookback: 10m, full_refresh_every: 0m")
    third = feed.grow("third")
    assert third.plan.table("event").scope.type != "changes"
    assert feed.here() == feed.there()
    (found,) = third.staging.read_json("compared.json")
    assert [int(found[part].split(":")[0]) for part in ("put", "leaving", "standing")] == [2, 2, 198]
    (record,) = feed.covered()
    assert (record.rows, record.digest, record.run, record.whole_at) == (200, held(feed), "third", record.read_at)


def check(feed: Feed, by: coverage.Check) -> tuple[str, str]:
    """State and reason of the table when it is compared with the source."""
    where = (str(feed.folder / "staging"), sa.make_url(f"sqlite:///{feed.source}"), feed.target, feed.folder / "none")
    (cell,) = coverage.cover(request(feed.migration, "", *where), check=by)
    assert cell.rows == len(feed.here())
    return cell.state, cell.why


@pytest.mark.parametrize("feed", ["duckdb", "postgresql"], indirect=True)
def test_coverage_compares_the_whole_table_with_the_source_and_allows_for_what_is_newer(feed: Feed) -> None:
    feed.grow("first")
    feed.change("INSERT INTO event VALUES (900, 'b', 'new', '2024-03-02 10:00:00.5')")
    feed.grow("second")
    assert check(feed, "count") == check(feed, "digest") == ("proven", "")
    feed.change(
        "INSERT INTO event VALUES (910, 'b', 'newer', '2024-03-03 10:00:00')",
        "UPDATE event SET note = 'changed since', moment = '2024-03-03 11:00:00' WHERE id = 5",
    )
    assert check(feed, "count") == check(feed, "digest") == ("proven", "")
    feed.change("DELETE FROM event WHERE id IN (7, 8, 910)")
    assert check(feed, "count") == ("stale", "the source has 198 rows, 200 are live: some were deleted at the source")
    feed.change(*(f"INSERT INTO event VALUES ({n}, 'b', 'late', '2024-03-01 00:30:00')" for n in range(920, 925)))
    late = "the source has 202 rows up to 2024-03-02 10:00:00, 200 are live: some were committed late"
    assert check(feed, "count") == ("stale", late)


@pytest.mark.parametrize("feed", ["sqlite"], indirect=True)
def test_a_change_that_left_the_time_as_it_was_is_found_by_the_digest_only(feed: Feed) -> None:
    feed.grow("first")
    feed.change("UPDATE event SET note = 'without a new time' WHERE id = 8")
    assert check(feed, "count") == ("proven", "")
    assert check(feed, "digest") == ("stale", "rows of it have changed at the source")


@pytest.mark.parametrize("feed", ["sqlite"], indirect=True)
def test_rows_without_a_time_are_moved_every_time(feed: Feed) -> None:
    feed.change("INSERT INTO event VALUES (903, 'b', 'no time', NULL)")
    feed.grow("first")
    feed.change("UPDATE event SET note = 'still none' WHERE id = 903")
    feed.grow("second")
    assert feed.here() == feed.there()


@pytest.mark.parametrize("feed", ["duckdb"], indirect=True)
def test_a_table_without_a_key_can_not_be_incremental(feed: Feed) -> None:
    feed.change("CREATE TABLE loose (v TEXT, moment TIMESTAMP)")
    feed.text = "tables:\n  include: [loose]\n  loose: {incremental: {by: moment}}"
    with pytest.raises(PreflightFailed, match="no primary key"):
        feed.grow("first")
    feed.text = "tables:\n  loose: {incremental: {by: moment}, load: once}"
    with pytest.raises(MigrationError, match="in one way"):
        feed.grow("first")
