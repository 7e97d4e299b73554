"""Every day: schemas with foreign keys, moved a day at a time, in any order, killed, undone, repaired; and always as the source has it."""

from __future__ import annotations

import datetime as dt
import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from penstock import databases
from penstock.errors import PreflightFailed, SwitchRefused
from penstock.migration.loader import load
from penstock.migration.spec import Migration
from penstock.model import intervals
from penstock.model.intervals import Interval
from penstock.stages import plan
from penstock.stages.switch import undo
from penstock.state import coverage, journal
from penstock.state.run_context import RunContext
from tests.support.data.daily import FIRST, FORUM, SHOP, Schema
from tests.support.requests import ran, request
from tests.support.servers.fork_servers import fork_servers

PAIRS = ["mariadb-postgresql", "postgresql-postgresql", "postgresql-mariadb", "sqlite-duckdb", "sqlite-sqlite"]


@dataclass
class Life:
    """A schema at its source, and its migration to a target."""

    folder: Path
    schema: Schema
    source: sa.URL
    target: sa.URL
    declared: str = ""
    days: int = 0

    @property
    def migration(self) -> Migration:
        file = self.folder / "life.yaml"
        ends = [
            f"{end}: {json.dumps(url.render_as_string(hide_password=False))}"
            for end, url in (("source", self.source), ("target", self.target))
        ]
        include = json.dumps([t.name for t in self.schema.tables.sorted_tables])
        told = "name: life\n" + "\n".join(ends) + "\nschedule: '@daily'\nstart_date: 2026-03-01\nmax_active_runs: 4\n"
        file.write_text(f"{told}tables:\n  include: {include}\n{self.declared or self.schema.declared}")
        return load(file)

    def run(self, day: int, name: str = "", **more: Any) -> RunContext:
        where = (str(self.folder / "staging"), self.source, self.target, self.folder / "none", {"mask_key": "k"})
        return ran(self.migration, name or f"day {day}", *where, interval=interval(day), **more)

    def check(self) -> list[Any]:
        return list(plan.preflight(request(self.migration, "check", "", self.source, self.target, self.folder / "none")).problems)

    def grow(self, *days: int) -> None:
        """The source gets the rows of these days."""
        self.days = max((self.days, *days))
        with self.engine(self.source) as engine, engine.begin() as connection:
            for day in days:
                self.schema.day(connection, day)

    def change(self, *statements: str, target: bool = False) -> None:
        with self.engine(self.target if target else self.source) as engine, engine.begin() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)

    def engine(self, url: sa.URL) -> Any:
        return _Opened(url)

    def there(self, days: int | None = None) -> dict[str, list[Any]]:
        """The source's rows, those of the first `days`: of all that it has grown by, when not said."""
        with self.engine(self.source) as engine:
            return self.schema.rows(engine, FIRST + dt.timedelta(days=days or self.days))

    def here(self) -> dict[str, list[Any]]:
        with self.engine(self.target) as engine:
            return self.schema.rows(engine)

    def count(self, table: str) -> int:
        return len(self.here()[table])

    def covered(self) -> dict[tuple[str, str], str]:
        """The state of each record, by table and day."""
        with self.engine(self.target) as engine, engine.connect() as connection:
            return {(c.table, c.low[:10]): c.state for c in coverage.of(connection, "life")}

    def waiting(self) -> dict[str, int]:
        """How many rows wait for another interval, by table."""
        with self.engine(self.target) as engine, engine.connect() as connection:
            found: dict[str, int] = {}
            for (table, _, _), rows in journal.pending(connection, "life").items():
                found[table] = found.get(table, 0) + rows
            return found


class _Opened:
    """An engine of Penstock's own settings, disposed of afterwards."""

    def __init__(self, url: sa.URL) -> None:
        self.engine = databases.of(url).engine(url)

    def __enter__(self) -> sa.Engine:
        return self.engine

    def __exit__(self, *_: object) -> None:
        self.engine.dispose()


def interval(day: int) -> Interval:
    begin = intervals.midnight((FIRST + dt.timedelta(days=day - 1)).date(), "UTC")
    return Interval(begin, begin + dt.timedelta(days=1))


def url_of(kind: str, role: str, folder: Path, request: pytest.FixtureRequest) -> sa.URL:
    """An empty database of that kind."""
    if kind in ("sqlite", "duckdb"):
        return sa.make_url(f"{kind}:///{folder}/{role}.{kind}")
    server: sa.URL = request.getfixturevalue(f"{kind}_server")
    name = f"life_{role}"
    with databases.of(server).engine(server).execution_options(isolation_level="AUTOCOMMIT").connect() as admin:
        admin.exec_driver_sql(f"DROP DATABASE IF EXISTS {name}" + (" WITH (FORCE)" if kind == "postgresql" else ""))
        admin.exec_driver_sql(f"CREATE DATABASE {name}")
    return server.set(database=name)


@pytest.fixture
def life(request: pytest.FixtureRequest, tmp_path: Path) -> Life:
    """A schema and a pair of databases, as the test's parameter says; the source has no rows yet."""
    pair, schema = request.param
    source, target = (url_of(kind, role, tmp_path, request) for kind, role in zip(pair.split("-"), ("source", "target"), strict=True))
    made = Life(tmp_path, schema, source, target)
    with made.engine(source) as engine:
        schema.make(engine)
    return made


def lives(*shop: str, forum: tuple[str, ...] = ()) -> Any:
    """The pairs that the shop is moved between, and those of the forum."""
    cases = [pytest.param((pair, schema), id=f"{schema.name}-{pair}") for schema, pairs in ((SHOP, shop), (FORUM, forum)) for pair in pairs]
    return pytest.mark.parametrize("life", cases, indirect=True)


@lives(*PAIRS, forum=("mariadb-postgresql", "postgresql-mariadb"))
def test_days_in_any_order_end_equal_to_the_source_and_no_reader_sees_an_orphan(life: Life) -> None:
    life.grow(1, 2, 3, 4)
    enforced = databases.of(life.target, target=True).foreign_keys
    for number, day in enumerate((4, 2, 3, 1)):
        life.run(day)
        assert orphans(life) == [] or not enforced
        if number == 0 and enforced:
            assert life.waiting(), "rows that refer to the days before must wait"
    assert life.here() == life.there()
    assert not life.waiting() and set(life.covered().values()) == {"proven"}


def orphans(life: Life) -> list[tuple[str, str]]:
    """(table, foreign key) of which a live row refers to nothing."""
    found = []
    here = {name: life.schema.tables.tables[name] for name in life.here()}
    with life.engine(life.target) as engine, engine.connect() as connection:
        for table in here.values():
            for key in table.foreign_key_constraints:
                parent = key.referred_table.alias()
                same = [e.parent == parent.c[e.column.name] for e in key.elements]
                given = [e.parent.is_not(None) for e in key.elements]
                query = sa.select(sa.func.count()).select_from(table).where(*given, ~sa.exists().where(*same).select_from(parent))
                if connection.execute(query).scalar():
                    found.append((table.name, str(key.name)))
    return found


@lives("mariadb-postgresql", "sqlite-duckdb", forum=("postgresql-postgresql", "postgresql-mariadb"))
def test_a_month_in_small(life: Life, processes: Callable[..., None], request: pytest.FixtureRequest) -> None:
    """Day 1; days 2 to 5, two at a time where the target takes several writers, some killed; an undo; a repair; a sixth day."""
    life.grow(1, 2, 3, 4, 5)
    life.run(1)
    kills = {2: ("switch.statement", 3), 3: ("load.chunk", 2), 5: ("switch.started", 1)}
    file, at_a_time = str(life.migration.path), 1 if life.target.get_backend_name() == "duckdb" else 2
    days = [5, 2, 3, 4]
    jobs = [
        [*kills.get(d, ("none", 1)), file, str(life.folder / "staging"), str(life.folder / "none"), f"day {d}", str(interval(d))]
        for d in days
    ]
    processes(jobs, at_a_time)
    assert life.here() == life.there()
    assert set(life.covered().values()) == {"proven"} and not life.waiting()

    last = life.run(4, "day 4 again")
    before = life.here()
    secret = life.schema.secret
    life.change(f"UPDATE {secret[0]} SET {secret[1]} = 'other' WHERE id IN (SELECT * FROM (SELECT max(id) FROM {secret[0]}) AS m)")
    undo.undo(last)
    assert life.here() == before and set(life.covered().values()) == {"proven"}

    repaired = life.run(5, "repair", repair=True)
    assert life.here() == life.there() and set(life.covered().values()) == {"proven"}
    undo.undo(repaired)
    life.run(5, "repair again", repair=True)

    life.grow(6)
    life.run(6)
    assert life.here() == life.there() and set(life.covered().values()) == {"proven"} and not life.waiting()
    assert not orphans(life)


@lives("postgresql-mariadb", forum=("postgresql-postgresql",))
def test_undoing_the_last_runs_in_order_gives_back_each_state_and_the_days_run_again(life: Life) -> None:
    states, runs = [], []
    for day in (1, 2, 3, 4):
        life.grow(day)
        runs.append(life.run(day))
        states.append(life.here())
    with pytest.raises(SwitchRefused, match=r"day 3.*can't be undone") as refused:
        undo.undo(runs[2])
    assert "undo the run day 4 first" in refused.value.fix
    for number in (3, 2):
        undo.undo(runs[number])
        with pytest.raises(SwitchRefused, match="is undone already"):
            undo.undo(runs[number])
        assert life.here() == states[number - 1]
        assert f"2026-03-0{number + 1}" not in {day for _, day in life.covered()}
    for day in (4, 3):
        life.run(day, f"day {day} again")
    assert life.here() == life.there() and set(life.covered().values()) == {"proven"}


@lives("postgresql-postgresql", "postgresql-mariadb")
def test_an_undo_of_the_first_run_leaves_no_table_and_the_next_run_makes_them_again(life: Life) -> None:
    life.grow(1, 2)
    first = life.run(2)
    undone = undo.undo(first)
    assert {p.kept for p in undone.put_back} == {None}
    with life.engine(life.target) as engine:
        assert not {t for t in sa.inspect(engine).get_table_names() if not t.startswith("penstock_")}
    assert not life.covered() and not life.waiting()
    life.run(1)
    life.run(2, "day 2 again")
    assert life.here() == life.there() and set(life.covered().values()) == {"proven"}


@lives("postgresql-postgresql", "postgresql-mariadb")
def test_rows_whose_parent_is_undone_wait_until_it_is_there_again(life: Life) -> None:
    life.declared = (
        SHOP.declared.replace("customer: {incremental: {by: updated_at}}", "customer: {load: once}") + "  address: {load: once}\n"
    )
    life.grow(1, 2, 3)
    for day in (3, 1, 2):
        life.run(day)
    assert not life.waiting()
    paid_on_3 = [r for r in life.here()["payment"] if r[3] >= FIRST + dt.timedelta(days=2)]
    second = life.run(2, "day 2 again")
    life.change(
        "DELETE FROM payment WHERE orders_id = 2029", "DELETE FROM item WHERE orders_id = 2029", "DELETE FROM orders WHERE id = 2029"
    )
    life.run(2, "without an order")  # the payment of it is on day 3, and goes when that day is run
    assert not orphans(life) and life.waiting() == {"payment": 1}
    assert len([r for r in life.here()["payment"] if r[3] >= FIRST + dt.timedelta(days=2)]) == len(paid_on_3) - 1
    life.run(3, "day 3 again")
    assert life.here() == life.there() and not life.waiting()
    with pytest.raises(SwitchRefused):
        undo.undo(second)


@lives("postgresql-postgresql", "postgresql-mariadb")
def test_what_a_failed_run_and_the_copies_for_an_undo_leave_holds_nobody_back(life: Life) -> None:
    life.declared = SHOP.declared.replace("{load: once}", "{}")  # ordinary tables, which others refer to
    life.grow(1, 2, 3)
    life.run(1)
    life.run(2, "never switched", stop_before_switch=True)
    life.run(2)
    life.change("UPDATE address SET line = 'moved'", "DELETE FROM address WHERE id = 3")
    life.run(3)
    assert life.here() == life.there()
    life.grow(4)
    fourth = life.run(4)
    assert life.here() == life.there()
    undo.undo(fourth)
    assert life.here()["address"] == life.there(3)["address"][: len(life.here()["address"])]
    life.run(4, "day 4 again")
    assert life.here() == life.there() and set(life.covered().values()) == {"proven"}


@lives("mariadb-postgresql", "postgresql-mariadb")
def test_tables_and_columns_that_are_renamed_are_followed_and_wait_under_their_new_names(life: Life) -> None:
    life.declared = """\
  customer: {incremental: {by: updated_at}}
  orders: {to: "Bestellung 1", partition: {by: created_at}, transform: [rename: {id: "Nr.", created_at: angelegt}]}
  item: {partition: {with: orders}, transform: [rename: {orders_id: "zu `Nr.`"}]}
  payment: {to: Zahlung, partition: {by: paid_at}, transform: [rename: {orders_id: order}]}
"""
    life.grow(1, 2, 3)
    waited = []
    for day in (3, 1, 2):
        life.run(day)
        waited.append(life.waiting())
    assert waited == [{"payment": 1}, {"payment": 1}, {}]
    life.run(2, "day 2 again")
    there = {table: len(rows) for table, rows in life.there().items()}
    with life.engine(life.target) as engine, engine.connect() as connection:
        for table, to in (("orders", "Bestellung 1"), ("item", "item"), ("payment", "Zahlung")):
            assert connection.execute(sa.select(sa.func.count()).select_from(sa.table(to))).scalar() == there[table]


@lives("postgresql-postgresql", "postgresql-mariadb")
def test_rows_that_wait_go_on_waiting_when_a_repair_beside_them_is_undone(life: Life) -> None:
    life.grow(1, 2)
    life.run(2)
    assert life.waiting() == {"payment": 1}
    life.change("UPDATE payment SET amount = 7 WHERE id = 2003")
    repaired = life.run(2, "repair", repair=True)
    undo.undo(repaired)
    assert life.waiting() == {"payment": 1} and life.count("payment") == 29
    life.run(2, "repair again", repair=True)
    life.run(1)
    assert life.here() == life.there() and not life.waiting()


@lives("postgresql-postgresql", "postgresql-mariadb")
def test_a_new_row_of_a_table_that_is_moved_once_is_asked_for_by_name_and_the_advice_works(life: Life) -> None:
    life.grow(1, 2)
    life.run(1)
    life.change(
        "INSERT INTO country VALUES ('IT', 'Italia')",
        "UPDATE customer SET country = 'IT', updated_at = '2026-03-02 12:00:00' WHERE id = 11",
    )
    with pytest.raises(SwitchRefused, match="customer would refer to rows of country that are not there") as refused:
        life.run(2)
    assert "--tables country,customer" in refused.value.fix
    life.run(2, "as advised", tables=("country", "customer"))
    life.run(2, "day 2 again")
    assert life.here() == life.there() and set(life.covered().values()) == {"proven"}


@lives("sqlite-sqlite", "postgresql-postgresql")
def test_rows_before_the_first_interval_come_with_it_and_so_do_those_that_follow_them(life: Life) -> None:
    life.declared = SHOP.declared.replace("created_at}", "created_at, out_of_range: first}").replace(
        "paid_at}", "paid_at, out_of_range: first}"
    )
    life.grow(1, 2)
    life.change("UPDATE orders SET created_at = '2026-02-11 10:00:00' WHERE id = 1003")
    life.run(2)
    life.run(1)
    assert life.here() == life.there() and not life.waiting()


@lives("postgresql-postgresql")
def test_what_follows_from_the_foreign_keys_is_said_before_the_first_run_with_the_lines_to_paste(life: Life) -> None:
    life.declared = "  orders: {partition: {by: created_at}}\n  payment: {partition: {by: paid_at}}\n"
    life.grow(1, 2)
    problems = life.check()
    (item,) = [p for p in problems if p.blocking]
    assert item.where == "table item" and "rows of orders" in item.what
    (payment,) = [p for p in problems if p.where == "table payment" and p.area == "key"]
    assert not payment.blocking and payment.what.startswith("1 row of the interval 2026-03-02") and "with: orders" in payment.fix
    with pytest.raises(PreflightFailed):
        life.run(1)
    pasted = "\n".join(line[6:] for line in item.fix.splitlines()[1:])
    life.declared += pasted + "\n"
    assert not [p for p in life.check() if p.blocking]
    life.run(2)
    life.run(1)
    assert life.here() == life.there()


@pytest.mark.parametrize(
    ("declared", "told"),
    [
        ("  item: {partition: {with: nothing}}\n", "nothing is not a partitioned table"),
        ("  item: {partition: {with: product}}\n", "product is not a partitioned table"),
        ("  item: {partition: {with: payment}}\n", "item has no foreign key to payment"),
        ("  item: {partition: {with: orders}, transform: [{cast: {orders_id: string}}]}\n", "the transforms change item.orders_id"),
    ],
)
@lives("postgresql-postgresql")
def test_a_table_that_can_not_follow_another_is_refused_with_what_to_do(life: Life, declared: str, told: str) -> None:
    life.declared = "  orders: {partition: {by: created_at}}\n  payment: {partition: {by: paid_at}}\n" + declared
    found = [p for p in life.check() if p.blocking and p.what.startswith(told)]
    assert len(found) == 1 and found[0].fix and "tables.item.partition.with" in found[0].where


@pytest.fixture(scope="module")
def processes() -> Iterator[Callable[..., None]]:
    """Runs jobs of tests.kill_at, two at a time at most."""
    with fork_servers(2) as run_all:
        yield run_all


@lives("postgresql-postgresql", forum=("postgresql-mariadb",))
def test_four_first_runs_at_a_time_make_the_tables_once_and_lose_no_row(life: Life) -> None:
    """All four are planned while nothing is live; each of them could be the one that makes the tables."""
    life.grow(1, 2, 3, 4)
    order = [3, 1, 4, 2]
    random.Random(7).shuffle(order)
    for day in order:
        life.run(day, stop_before_switch=True)
    for day in order:
        life.run(day)
        assert not orphans(life)
    assert life.here() == life.there() and not life.waiting()
    assert set(life.covered().values()) == {"proven"}
