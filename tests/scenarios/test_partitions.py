"""Partitions: a run moves the rows of its interval, and replaces exactly that slice, whatever was there, in any order, with others at once."""

from __future__ import annotations

import datetime as dt
import random
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import sqlalchemy as sa

from penstock import databases
from penstock.cli import commands
from penstock.errors import MigrationError, PreflightFailed, SwitchRefused
from penstock.migration.loader import load
from penstock.migration.spec import Migration
from penstock.model import intervals
from penstock.model.intervals import Interval
from penstock.runtime import events
from penstock.stages import load as loading
from penstock.stages.coverage import coverage as cover
from penstock.stages.switch import undo
from penstock.state import coverage, journal, staging
from penstock.state.coverage import CoverageRecord
from penstock.state.run_context import RunContext
from tests.support.requests import ran, request
from tests.support.servers.fork_servers import fork_servers

DAYS = [dt.date(2024, 3, 1) + dt.timedelta(days=n) for n in range(10)]


@dataclass
class Feed:
    """Ten days of events in SQLite, and where they go."""

    folder: Path
    source: Path
    target: sa.URL
    text: str = "tables:\n  kind: {load: once}\n  event: {partition: {by: moment}}\nstart_date: 2024-03-01\nschedule: '@daily'"

    @property
    def migration(self) -> Migration:
        file = self.folder / "feed.yaml"
        file.write_text(
            f"name: feed\nsource: sqlite:///{self.source}\ntarget: {self.target.render_as_string(hide_password=False)}\n{self.text}\n"
        )
        return load(file)

    def run(self, day: dt.date | Interval, name: str = "", **options: bool) -> RunContext:
        interval = day if isinstance(day, Interval) else daily(day)
        where = (str(self.folder / "staging"), sa.make_url(f"sqlite:///{self.source}"), self.target, self.folder / "none")
        return ran(self.migration, name or f"run {interval.low:%d}", *where, interval=interval, **options)  # type: ignore[arg-type]

    def grow(self, name: str) -> RunContext:
        """A run without an interval."""
        where = (str(self.folder / "staging"), sa.make_url(f"sqlite:///{self.source}"), self.target, self.folder / "none")
        return ran(self.migration, name, *where)

    def change(self, *statements: str) -> None:
        with sqlite3.connect(self.source) as db:
            for statement in statements:
                db.execute(statement)
        db.close()

    def there(self) -> list[tuple[object, ...]]:
        """The source's rows, by the plain driver."""
        with sqlite3.connect(self.source) as db:
            return [(i, k, n, str(t)) for i, k, n, t in db.execute("SELECT id, kind, note, moment FROM event ORDER BY id")]

    def here(self) -> list[tuple[object, ...]]:
        """The target's, by the plain driver."""
        found = self.ask("SELECT id, kind, note, moment FROM event ORDER BY id")
        return [(i, k, n, str(t).removesuffix(".000000")) for i, k, n, t in found]

    def ask(self, statement: str) -> list[tuple[object, ...]]:
        engine = databases.of(self.target).engine(self.target)
        with engine.begin() as connection:
            result = databases.execute(connection, statement)
            found = [tuple(r) for r in result] if result.returns_rows else []
        engine.dispose()
        return found

    def covered(self) -> list[CoverageRecord]:
        engine = databases.of(self.target).engine(self.target)
        with engine.connect() as connection:
            found = [c for c in coverage.of(connection, "feed") if c.table == "event"]
        engine.dispose()
        return found

    def foreign_keys(self) -> list[tuple[list[str], str]]:
        """Those of the live table: their columns, and the table that they refer to."""
        engine = databases.of(self.target).engine(self.target)
        found = [(k["constrained_columns"], k["referred_table"]) for k in sa.inspect(engine).get_foreign_keys("event")]
        engine.dispose()
        return found

    def tables(self) -> set[str]:
        engine = databases.of(self.target).engine(self.target)
        with engine.connect() as connection:
            inspector = sa.inspect(connection)
            found = {t for s in inspector.get_schema_names() if "penstock" in s for t in inspector.get_table_names(schema=s)}
            found |= set(inspector.get_table_names())
        engine.dispose()
        return found


def daily(day: dt.date) -> Interval:
    return Interval(intervals.midnight(day, "UTC"), intervals.midnight(day + dt.timedelta(days=1), "UTC"))


def fill(path: Path) -> None:
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE kind (name VARCHAR(10) PRIMARY KEY)")
        db.execute(
            "CREATE TABLE event (id INTEGER PRIMARY KEY, kind VARCHAR(10) NOT NULL REFERENCES kind (name), note TEXT, moment TIMESTAMP NOT NULL)"
        )
        db.execute("CREATE INDEX event_at ON event (moment)")
        db.executemany("INSERT INTO kind VALUES (?)", [("a",), ("b",)])
        rows = [(n, "ab"[n % 2], f"note {n}", f"{DAYS[n % 10]} {n % 24:02}:{n % 60:02}:00") for n in range(1, 501)]
        rows += [(600, "a", "the first instant", f"{DAYS[4]} 00:00:00"), (601, "b", "the last one", f"{DAYS[4]} 23:59:59.999999")]
        db.executemany("INSERT INTO event VALUES (?,?,?,?)", rows)
    db.close()


@pytest.fixture(params=["duckdb", "sqlite", "postgresql", "mariadb"])
def feed(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Feed]:
    source = tmp_path / "feed.sqlite"
    fill(source)
    embedded = {"duckdb": f"duckdb:///{tmp_path}/target.duckdb", "sqlite": f"sqlite:///{tmp_path}/target.sqlite"}
    name = embedded.get(request.param)
    yield Feed(tmp_path, source, sa.make_url(name) if name else request.getfixturevalue(f"{request.param}_url"))


@pytest.fixture
def embedded(tmp_path: Path) -> Feed:
    source = tmp_path / "feed.sqlite"
    fill(source)
    return Feed(tmp_path, source, sa.make_url(f"duckdb:///{tmp_path}/target.duckdb"))


def test_partitions_arrive_in_any_order_and_again_without_a_change(feed: Feed) -> None:
    order = DAYS[:4]
    random.Random(1).shuffle(order)
    for day in order:
        feed.run(day)
    first = feed.here()
    assert first == [r for r in feed.there() if str(r[3])[:10] in {str(d) for d in order}]
    feed.run(order[2], "again")
    assert feed.here() == first
    assert [(c.low, c.state) for c in feed.covered()] == [(f"{d}T00:00:00Z", "proven") for d in sorted(order)]
    assert not [t for t in feed.tables() if t.startswith("penstock_new")]


def test_a_run_replaces_exactly_its_slice_whatever_was_there(feed: Feed) -> None:
    for day in DAYS[:3]:
        feed.run(day)
    others = [r for r in feed.here() if str(r[3])[:10] != str(DAYS[1])]
    feed.ask(f"DELETE FROM event WHERE moment >= '{DAYS[1]} 00:00:00' AND moment < '{DAYS[1]} 12:00:00'")
    feed.ask(f"UPDATE event SET note = 'by hand' WHERE moment >= '{DAYS[1]} 00:00:00' AND moment < '{DAYS[2]} 00:00:00'")
    feed.ask(f"INSERT INTO event VALUES (9001, 'a', 'nobody knows', '{DAYS[1]} 05:00:00')")
    feed.change(f"DELETE FROM event WHERE id = {next(r[0] for r in feed.there() if str(r[3])[:10] == str(DAYS[1]))}")
    feed.run(DAYS[1], "repair")
    assert feed.here() == [r for r in feed.there() if str(r[3])[:10] in {str(d) for d in DAYS[:3]}]
    assert [r for r in feed.here() if str(r[3])[:10] != str(DAYS[1])] == others


def test_undo_puts_the_slice_back_and_nothing_else(feed: Feed) -> None:
    feed.run(DAYS[0])
    feed.run(DAYS[1])
    before = feed.here()
    feed.change("UPDATE event SET note = 'changed'")
    second = feed.run(DAYS[1], "second")
    assert feed.here() != before
    feed.run(DAYS[2])
    undo.undo(second)
    assert [r for r in feed.here() if str(r[3])[:10] < str(DAYS[2])] == before
    assert [c.run for c in feed.covered()] == ["run 01", "run 02", "run 03"]
    with pytest.raises(SwitchRefused):
        undo.undo(second)


@pytest.mark.parametrize("feed", ["postgresql"], indirect=True)
def test_the_run_that_made_the_table_is_not_undone_under_later_partitions(feed: Feed) -> None:
    first = feed.run(DAYS[0])
    feed.run(DAYS[1])
    before = feed.here()
    with pytest.raises(SwitchRefused, match="run 02"):
        undo.undo(first)
    assert feed.here() == before


@pytest.mark.parametrize("feed", ["duckdb", "mariadb"], indirect=True)
def test_a_row_that_moved_goes_with_the_partition_that_has_it_now(feed: Feed) -> None:
    feed.run(DAYS[0])
    feed.run(DAYS[1])
    feed.run(DAYS[2])
    moved = next(r[0] for r in feed.there() if str(r[3])[:10] == str(DAYS[0]))
    feed.change(f"UPDATE event SET moment = '{DAYS[1]} 10:00:00' WHERE id = {moved}")
    feed.run(DAYS[1], "later")
    assert feed.here() == [r for r in feed.there() if str(r[3])[:10] in {str(d) for d in DAYS[:3]}]
    assert {c.low[:10]: c.state for c in feed.covered()} == {str(DAYS[0]): "overlaid", str(DAYS[1]): "proven", str(DAYS[2]): "proven"}
    feed.run(DAYS[0], "and this")
    assert {c.state for c in feed.covered()} == {"proven"}


@pytest.mark.parametrize("feed", ["sqlite", "postgresql"], indirect=True)
def test_the_later_reading_has_the_last_word(feed: Feed) -> None:
    feed.run(DAYS[0])
    late = []

    def overtake(name: str, facts: dict[str, object]) -> None:
        if name == "gate.started" and not late:
            late.append(1)
            feed.change("UPDATE event SET note = 'newer'")
            feed.run(DAYS[1], "overtaking")

    with events.subscribed(overtake):
        slow = feed.run(DAYS[1], "slow")
    assert all(r[2] == "newer" for r in feed.here() if str(r[3])[:10] == str(DAYS[1]))
    assert slow.staging.read_json("switch.json")["left"] == {"event": "overtaking"}
    page = slow.staging.read_text("report.html")
    assert "the rows of the run <bdi>overtaking</bdi> stay live" in page and f"moment from {DAYS[1]} 00:00:00" in page
    assert [c.run for c in feed.covered()] == ["run 01", "overtaking"]


@pytest.mark.parametrize("feed", ["mariadb"], indirect=True)
def test_a_wider_run_takes_the_place_of_what_it_holds(feed: Feed) -> None:
    for day in DAYS[:3]:
        feed.run(day)
    feed.run(Interval(daily(DAYS[1]).low, daily(DAYS[3]).high), "three days")
    assert [(c.low[:10], c.high[:10], c.run) for c in feed.covered()] == [
        (str(DAYS[0]), str(DAYS[1]), "run 01"),
        (str(DAYS[1]), str(DAYS[4]), "three days"),
    ]
    feed.run(DAYS[2], "one of them")
    assert {c.run: c.state for c in feed.covered()} == {"run 01": "proven", "three days": "overlaid", "one of them": "proven"}


@pytest.mark.parametrize("feed", ["postgresql", "mariadb"], indirect=True)
@pytest.mark.parametrize("action", ["CASCADE", "SET NULL", "NO ACTION"])
def test_rows_of_other_partitions_that_refer_to_those_replaced_stay_as_they_are(feed: Feed, action: str) -> None:
    feed.text = feed.text.replace("  event:", "  detail: {partition: {by: moment}}\n  event:")
    feed.change(
        "CREATE TABLE detail (id INTEGER PRIMARY KEY, event INTEGER, moment TIMESTAMP NOT NULL,"
        f" FOREIGN KEY (event) REFERENCES event (id) ON DELETE {action})",
        f"INSERT INTO detail SELECT id, id, '{DAYS[1]} 00:00:00' FROM event WHERE moment < '{DAYS[1]}'",
    )
    feed.run(DAYS[0])
    feed.run(DAYS[1])
    feed.change(f"UPDATE event SET note = 'changed' WHERE moment < '{DAYS[1]}'")
    again = feed.run(DAYS[0], "again")
    details = "SELECT id, event FROM detail ORDER BY id"
    expected = [(r[0], r[0]) for r in feed.there() if str(r[3])[:10] == str(DAYS[0])]
    assert feed.here() == [r for r in feed.there() if str(r[3])[:10] in (str(DAYS[0]), str(DAYS[1]))]
    assert feed.ask(details) == expected
    undo.undo(again)
    assert feed.ask(details) == expected and {r[2] for r in feed.here()} != {"changed"}
    gone = expected[0][0]
    feed.change(f"DELETE FROM event WHERE id = {gone}")
    feed.run(DAYS[0], "without")  # the other interval's row would refer to nothing: it waits until its own interval is run
    assert feed.ask(details) == expected[1:]
    feed.change(f"DELETE FROM detail WHERE event = {gone}")
    feed.run(DAYS[1], "without it, too")
    assert feed.ask(details) == expected[1:]


def test_a_repair_of_an_interval_sends_only_what_differs_in_it(feed: Feed) -> None:
    for day in DAYS[:3]:
        feed.run(day)
    moved = next(r[0] for r in feed.there() if str(r[3])[:10] == str(DAYS[0]))
    late = next(r[0] for r in feed.there() if str(r[3])[:10] == str(DAYS[1]))
    feed.change(
        f"UPDATE event SET moment = '{DAYS[1]} 10:00:00' WHERE id = {moved}",
        f"UPDATE event SET note = 'changed' WHERE id = {late}",
        f"INSERT INTO event VALUES (9000, 'a', 'late', '{DAYS[1]} 11:00:00')",
    )
    feed.ask(f"UPDATE event SET note = 'by hand' WHERE moment >= '{DAYS[2]} 00:00:00'")
    repaired = feed.run(DAYS[1], "repair", repair=True)
    (found,) = [c for c in repaired.staging.read_json("compared.json") if c["table"] == "event"]
    assert [int(found[part].split(":")[0]) for part in ("put", "leaving")] == [3, 1]
    here = [r for r in feed.here() if str(r[3])[:10] < str(DAYS[2])]
    assert here == [r for r in feed.there() if str(r[3])[:10] in (str(DAYS[0]), str(DAYS[1]))]
    assert {c.low[:10]: (c.run, c.state) for c in feed.covered()} == {
        str(DAYS[0]): ("run 01", "overlaid"),
        str(DAYS[1]): ("repair", "proven"),
        str(DAYS[2]): ("run 03", "proven"),
    }
    undo.undo(repaired)
    assert {str(r[3])[:10] for r in feed.here() if r[0] == moved} == {str(DAYS[0])} and 9000 not in {r[0] for r in feed.here()}
    everything = run_of_all(feed)
    assert everything.plan.interval == (f"{DAYS[0]}T00:00:00Z", f"{DAYS[3]}T00:00:00Z")
    assert feed.here() == [r for r in feed.there() if str(r[3])[:10] in {str(d) for d in DAYS[:3]}]


def run_of_all(feed: Feed) -> RunContext:
    """A repair that names no interval."""
    where = (str(feed.folder / "staging"), sa.make_url(f"sqlite:///{feed.source}"), feed.target, feed.folder / "none")
    return ran(feed.migration, "all", *where, repair=True)


def test_a_repair_of_all_wants_no_gaps(embedded: Feed) -> None:
    with pytest.raises(MigrationError, match="nothing of the partitioned tables is covered"):
        run_of_all(embedded)
    embedded.run(DAYS[0])
    embedded.run(DAYS[2])
    with pytest.raises(MigrationError, match=f"a gap at {DAYS[1]}"):
        run_of_all(embedded)


@pytest.fixture(scope="module")
def processes() -> Iterator[Callable[..., None]]:
    """Runs jobs of tests.kill_at, three at a time."""
    with fork_servers(3) as run_all:
        yield run_all


@pytest.mark.parametrize("feed", ["postgresql", "mariadb"], indirect=True)
def test_ten_partitions_at_random_in_parallel_some_twice_some_killed(feed: Feed, processes: Callable[..., None]) -> None:
    events_killed_at = ["load.chunk", "switch.statement", "prove.finished", "build.statement", "switch.finished", "none"]
    assert feed.migration
    jobs: list[list[object]] = []
    for n, day in enumerate([*DAYS, DAYS[3], DAYS[7]]):
        where = [str(feed.folder / "feed.yaml"), str(feed.folder / "staging"), str(feed.folder / "none")]
        jobs.append([events_killed_at[n % 6], 1, *where, f"run {n}", str(daily(day))])
    random.Random(2).shuffle(jobs)
    processes(jobs)
    assert feed.here() == feed.there()
    assert [c.state for c in feed.covered()] == ["proven"] * 10
    assert feed.foreign_keys() == [(["kind"], "kind")]
    assert not [t for t in feed.tables() if t.startswith("penstock_new")]


def test_rows_without_a_place_are_refused_or_go_first(embedded: Feed) -> None:
    embedded.change(
        "ALTER TABLE event RENAME TO old", "CREATE TABLE event (id INTEGER PRIMARY KEY, kind VARCHAR(10), note TEXT, moment TIMESTAMP)"
    )
    embedded.change("INSERT INTO event SELECT * FROM old", "DROP TABLE old")
    embedded.change("INSERT INTO event VALUES (701, 'a', 'no time', NULL), (702, 'a', 'before', '2024-02-28 10:00:00')")
    with pytest.raises(PreflightFailed, match="2 rows have no moment"):
        embedded.run(DAYS[0])
    embedded.text = embedded.text.replace("{by: moment}", "{by: moment, out_of_range: first}")
    embedded.run(DAYS[1], "second")
    assert not {701, 702} & {r[0] for r in embedded.here()}
    embedded.run(DAYS[0], "first")
    assert {701, 702} <= {r[0] for r in embedded.here()}
    embedded.run(DAYS[0], "again")
    assert [r for r in embedded.here() if r[0] in (701, 702)] == [r for r in embedded.there() if r[0] in (701, 702)]


def test_a_partitioned_migration_wants_an_interval(embedded: Feed) -> None:
    where = (str(embedded.folder / "staging"), sa.make_url(f"sqlite:///{embedded.source}"), embedded.target, embedded.folder / "none")
    with pytest.raises(MigrationError, match="needs a data interval"):
        ran(embedded.migration, "r", *where)
    embedded.run(DAYS[0], "mine")
    with pytest.raises(MigrationError, match="not of"):
        embedded.run(DAYS[1], "mine")


@pytest.mark.parametrize(
    ("tables", "told"),
    [
        ("event: {partition: {by: when}}", "no column when"),
        ("event: {partition: {by: note}}", "not a date or time"),
        ("event: {partition: {by: moment}, transform: [{fill: {moment: '2024-01-01'}}]}", "the transforms change moment"),
    ],
)
def test_what_can_not_be_partitioned_is_refused(embedded: Feed, tables: str, told: str) -> None:
    embedded.text = f"tables:\n  {tables}\n"
    with pytest.raises(PreflightFailed, match=told):
        embedded.run(DAYS[0])


@pytest.mark.parametrize("feed", ["postgresql"], indirect=True)
def test_tables_declared_once_are_moved_once(feed: Feed) -> None:
    feed.run(DAYS[0])
    feed.change("INSERT INTO kind VALUES ('c')")
    second = feed.run(DAYS[1])
    assert [t.name for t in second.plan.tables] == ["event"]
    assert len(feed.ask("SELECT * FROM kind")) == 2


def test_days_of_25_and_23_hours_hold_their_rows(embedded: Feed) -> None:
    embedded.text = "timezone: Europe/Berlin\nschedule: '@daily'\ntables:\n  include: [event]\n  event: {partition: {by: moment}}"
    embedded.change("DELETE FROM event")
    times = [f"2024-{d} {h:02}:30:00" for d in ("03-30", "03-31", "04-01", "10-26", "10-27", "10-28") for h in range(24)]
    for n, time in enumerate(times):
        embedded.change(f"INSERT INTO event VALUES ({n}, 'a', NULL, '{time}')")
    for begin in ("2024-03-30", "2024-10-26"):
        low = intervals.instant(begin, "Europe/Berlin")
        for tile in intervals.tiles("@daily", "Europe/Berlin", low, low + dt.timedelta(days=3, hours=2)):
            session = embedded.run(tile, f"run {tile.low:%m %d}")
            assert session.plan.table("event").rows == 24
    assert embedded.here() == embedded.there()


def states(feed: Feed, check: cover.Check = "none") -> str:
    """The first letter of each day's state."""
    where = (str(feed.folder / "staging"), sa.make_url(f"sqlite:///{feed.source}"), feed.target, feed.folder / "none")
    cells = cover.cover(request(feed.migration, "", *where), None, intervals.midnight(DAYS[-1] + dt.timedelta(days=1), "UTC"), check)
    assert [c.interval for c in cells if c.table == "event"] == [daily(d) for d in DAYS]
    return "".join(c.state[0] for c in cells if c.table == "event")


def test_coverage_tells_proven_stale_failed_and_missing_apart(embedded: Feed) -> None:
    for day in DAYS[2:6]:
        embedded.run(day)
    assert states(embedded) == "mmppppmmmm"
    row = next(r[0] for r in embedded.there() if str(r[3])[:10] == str(DAYS[3]))
    embedded.change(f"DELETE FROM event WHERE id = {row}")
    embedded.change(f"UPDATE event SET note = 'late' WHERE id = {row + 1}")
    assert (states(embedded), states(embedded, "count"), states(embedded, "digest")) == ("mmppppmmmm", "mmpsppmmmm", "mmpsspmmmm")
    with pytest.MonkeyPatch.context() as broken, pytest.raises(ZeroDivisionError):
        broken.setattr(loading, "load", lambda *_: 1 / 0)
        embedded.run(DAYS[7])
    assert states(embedded) == "mmppppmfmm"
    embedded.run(DAYS[7])
    assert states(embedded) == "mmppppmpmm"


def keep(feed: Feed) -> str:
    """The first letter of each day's state, as it was just written down for the pages."""
    cover.keep(feed.migration, str(feed.folder / "staging"), feed.target, ["event", "kind"])
    kept = cover.kept(str(feed.folder / "staging"), "feed")
    assert kept and [t["table"] for t in kept["tables"]] == ["event", "kind"]
    return "".join(c["state"][0] for c in kept["tables"][0]["cells"][: len(DAYS)])


def test_coverage_is_written_down_from_the_journal_without_reading_the_source(feed: Feed) -> None:
    for day in DAYS[2:6]:
        feed.run(day)
    feed.run(Interval(daily(DAYS[5]).low, daily(DAYS[6]).high), "two days")
    feed.source.rename(feed.source.with_suffix(".away"))
    assert keep(feed) == "mmpppppmmm"
    kept = cover.kept(str(feed.folder / "staging"), "feed")
    assert kept and kept["tables"][1]["cells"][0] | {"at": ""} == {
        "interval": None,
        "state": "proven",
        "rows": 2,
        "run": "run 03",
        "at": "",
        "why": "",
    }
    assert kept["tables"][0]["cells"][6]["run"] == "two days"


def test_a_partition_that_was_replaced_in_a_wider_one_is_proven_and_the_rest_stale(embedded: Feed) -> None:
    embedded.run(Interval(daily(DAYS[1]).low, daily(DAYS[4]).high), "four days")
    embedded.run(DAYS[2])
    assert keep(embedded) == states(embedded) == "mspssmmmmm"


def test_older_coverage_never_takes_the_place_of_newer(embedded: Feed, monkeypatch: pytest.MonkeyPatch) -> None:
    root = str(embedded.folder / "staging")
    embedded.run(DAYS[0])
    asked, late = cover.journal.now(), embedded.folder / "late.json"
    with monkeypatch.context() as slow:
        slow.setattr(cover.journal, "now", lambda: asked)  # it looked before the next run, and writes after that has written
        cover.keep(embedded.migration, root, embedded.target, [])
        folder = embedded.folder / "staging" / "feed" / ".migration" / "coverage"
        (file,) = folder.iterdir()
        late.write_bytes(file.read_bytes())
    embedded.run(DAYS[1])
    assert keep(embedded) == "ppmmmmmmmm" and len(list(folder.iterdir())) == 1
    late.rename(file)
    kept = cover.kept(root, "feed")
    assert kept and [c["state"][0] for c in kept["tables"][0]["cells"][:3]] == ["p", "p", "m"]


def test_what_is_kept_beside_the_runs_is_no_run(embedded: Feed) -> None:
    embedded.run(DAYS[0])
    assert keep(embedded)[0] == "p" and len(staging.runs(str(embedded.folder / "staging"), "feed")) == 1


def test_backfill_runs_what_is_missing_and_stale_and_then_nothing(embedded: Feed, capsys: pytest.CaptureFixture[str]) -> None:
    embedded.run(DAYS[1])
    embedded.change(f"DELETE FROM event WHERE id = {next(r[0] for r in embedded.there() if str(r[3])[:10] == str(DAYS[1]))}")
    file = str((embedded.migration, embedded.folder / "feed.yaml")[1])
    ends = [file, "--staging", str(embedded.folder / "staging"), "--to", "2024-03-05", "--check", "count"]
    assert commands.main(["coverage", *ends]) == 3
    said = capsys.readouterr().out
    assert "·◪··" in said and "3 missing" in said and "1 stale" in said
    assert commands.main(["backfill", *ends, "--dry-run"]) == 0 and len(capsys.readouterr().out.split()) == 4
    assert commands.main(["backfill", *ends]) == 0
    assert embedded.here() == [r for r in embedded.there() if str(r[3])[:10] in {str(d) for d in DAYS[:4]}]
    assert commands.main(["coverage", *ends]) == 0
    capsys.readouterr()
    assert commands.main(["backfill", *ends]) == 0 and "every interval is proven" in capsys.readouterr().out


def test_the_journal_s_own_tables_are_never_moved() -> None:
    assert {"penstock_coverage", "penstock_turns"} <= journal.NAMES
