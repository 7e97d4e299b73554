"""What every database's members do on a real server or file: its SQL is accepted, and means what the base class says."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import sqlalchemy as sa

from penstock import databases
from penstock.databases import AccessRequest, Database, Dependent, Failure, ForeignKeySuspension, execute
from penstock.databases._shared import ddl
from penstock.errors import ConnectionFailed, LockRefused, Problem
from penstock.model.schema import Check, Column, ForeignKey, Index, Numbering, Part, Table, TableName, Type, arrow_schema

LIVE = TableName("or der")
COLUMNS = (
    Column("id", Type("int64"), nullable=False),
    Column("na me", Type("string")),
    Column("amount", Type("decimal", precision=12, scale=2)),
    Column("day", Type("date")),
    Column("at", Type("timestamp")),
    Column("instant", Type("timestamptz")),
    Column("data", Type("binary")),
)
UTC = dt.UTC
ROWS: list[tuple[Any, ...]] = [
    (1, "a", Decimal("1.10"), dt.date(2013, 1, 1), dt.datetime(2013, 1, 1, 6), dt.datetime(2013, 1, 1, 6, tzinfo=UTC), b"\0\xff"),
    (2, "A", Decimal("-2.00"), dt.date(2013, 1, 2), dt.datetime(2013, 1, 2), dt.datetime(2013, 1, 2, tzinfo=UTC), b""),
    (3, "ä' \\ 😀", None, None, None, None, None),
]


@dataclass
class Place:
    """A database with a connection to an empty one of its kind."""

    database: Database
    url: sa.URL
    connection: sa.Connection

    @property
    def home(self) -> str | None:
        """The connection's own schema."""
        return sa.inspect(self.connection).default_schema_name

    def run(self, *statements: str) -> None:
        for statement in statements:
            execute(self.connection, statement)

    def all(self, query: str) -> list[Any]:
        return list(execute(self.connection, query).scalars())

    def make(self, table: Table, name: TableName | None = None) -> Table:
        """The table as it is found once it is created, with its keys and indexes."""
        place = name or table.name
        self.run(ddl.create_table(self.database, table, place), *ddl.keys(self.database, table, place))
        [found] = self.database.inspect(self.connection, place.schema, [place.name])
        return found

    def fill(self, name: TableName, rows: list[tuple[Any, ...]] = ROWS) -> None:
        arrays = [pa.array(values, c.type.arrow) for values, c in zip(zip(*rows, strict=True), COLUMNS, strict=True)]
        self.database.write(self.connection, name, COLUMNS, [pa.RecordBatch.from_arrays(arrays, schema=arrow_schema(COLUMNS))])

    def read(self, name: TableName) -> list[tuple[Any, ...]]:
        [table] = self.database.inspect(self.connection, name.schema, [name.name])
        columns = [Column(c.name, c.type, native=table.column(c.name).native) for c in COLUMNS]
        batches = self.database.read(self.connection, databases.select(self.database, name, columns), columns)
        return sorted(tuple(row.values()) for batch in batches for row in batch.to_pylist())

    def count(self, name: TableName, where: str = "true") -> int:
        return int(self.all(f"SELECT count(*) FROM {self.database.qualified(name)} WHERE {where}")[0])

    def failure(self, act: Callable[[], object]) -> Failure:
        with pytest.raises(sa.exc.DBAPIError) as raised:
            act()
        return self.database.classify(raised.value)


@pytest.fixture(params=["duckdb", "mysql", "postgresql", "sqlite"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    servers = {"postgresql": "postgresql_url", "mysql": "mariadb_url"}
    server = servers.get(request.param)
    url = request.getfixturevalue(server) if server else sa.make_url(f"{request.param}:///{tmp_path}/t.db")
    database = databases.of(url)
    with databases.connect(database, url, "target").connect() as connection:
        yield Place(database, url, connection)


def test_every_database_of_the_folder_is_tried_here() -> None:
    assert set(databases.names()) == {"duckdb", "mysql", "postgresql", "sqlite"}


def test_rows_are_read_as_they_were_written(place: Place) -> None:
    place.make(Table(LIVE, COLUMNS, ("id",)))
    place.fill(LIVE)
    assert place.read(LIVE) == ROWS


def test_a_key_is_found_by_the_literal_of_its_value(place: Place) -> None:
    found = place.make(Table(LIVE, COLUMNS, ("id",)))
    place.fill(LIVE)
    for name in ("id", "na me", "amount", "day"):
        column, database = found.column(name), place.database
        values = place.all(f"SELECT {database.key_value(column)} FROM {database.qualified(LIVE)} WHERE {database.quoted(name)} IS NOT NULL")
        assert values and all(isinstance(v, int | str) for v in values)
        for value in values:
            assert place.count(LIVE, f"{database.key_expression(column)} = {database.key_literal(value, column)}") == 1, (name, value)


def test_texts_are_ordered_by_their_bytes(place: Place) -> None:
    name = place.make(Table(LIVE, COLUMNS, ("id",))).column("na me")
    place.fill(LIVE)
    key = place.database.key_expression(name)
    ordered = place.all(f"SELECT id FROM {place.database.qualified(LIVE)} ORDER BY {key}")
    assert ordered == [2, 1, 3], "A, a, ä"


@pytest.mark.parametrize(("column", "literal"), [("day", "2013-01-02"), ("at", "2013-01-01 06:00:01"), ("instant", "2013-01-01 06:00:01")])
def test_times_are_compared_with_literals(column: str, literal: str, place: Place) -> None:
    found = place.make(Table(LIVE, COLUMNS, ("id",))).column(column)
    place.fill(LIVE)
    before = f"{place.database.moment(found)} < {place.database.moment_literal(literal, found)}"
    assert (place.count(LIVE, before), place.count(LIVE, f"NOT ({before})")) == (1, 1)


def test_the_length_of_long_values_is_known(place: Place) -> None:
    table = place.make(Table(LIVE, COLUMNS, ("id",)))
    place.fill(LIVE)
    for name, lengths in (("na me", [1, 1, 10]), ("data", [2, 0, None])):
        octets = place.database.byte_length(table.column(name))
        found = place.all(f"SELECT {octets or 'NULL'} FROM {place.database.qualified(LIVE)} ORDER BY id")
        exact = [a == b for a, b in zip(found, lengths, strict=True)]
        assert all(exact) or found == [None] * 3 or (name == "na me" and place.database.embedded), "SQLite counts characters"


def test_tables_change_places_and_are_dropped(place: Place) -> None:
    database = place.database
    live = TableName(LIVE.name, place.home)
    shadow, kept = database.shadow(live, "m", "1"), database.kept(live, "m", "1")
    table = Table(live, COLUMNS, ("id",))
    place.run(*database.schemas([shadow, kept]))
    place.make(table)
    place.make(table, shadow)
    place.fill(shadow)
    place.run(*database.hold([shadow], 1), *database.moves([(live, kept), (shadow, live)]))
    assert (place.count(live), place.count(kept)) == (3, 0)
    assert databases.existing_tables(place.connection, [live, kept, shadow]) == {live, kept}
    place.run(*database.drops([kept, shadow]))
    assert databases.existing_tables(place.connection, [live, kept, shadow]) == {live}, "what is not there is dropped without an error"


def test_features_are_created_and_found_again(place: Place) -> None:
    features, v = place.database.table_features, place.database.quoted("v")
    comment, numbering = ("a key" if "comment" in features else ""), (Numbering(start=5, step=5) if "numbering" in features else None)
    columns = [Column("id", Type("int64"), nullable=False, identity=True, comment=comment, numbering=numbering), Column("v", Type("int64"))]
    for kind in sorted(features & {"stored", "virtual"}):
        columns.append(Column(kind, Type("int64"), generated=f"{v} + 1", stored=kind == "stored"))
    indexes = []
    if "partial index" in features:
        indexes.append(Index("partial", (), parts=(Part("v"),), where=f"{v} > 0"))
    if "expression index" in features:
        indexes.append(Index("computed", (), parts=(Part(expression=f"{v} + 1"),)))
    checks = (Check("positive", f"{v} > 0"),) if "check" in features else ()
    table = Table(TableName("t"), tuple(columns), ("id",), tuple(indexes), checks=checks, comment=comment)
    place.make(table)
    place.run(*ddl.furnish(place.database, table, table.name))
    [found] = place.database.inspect(place.connection, None, ["t"])
    assert {c.name for c in found.columns if c.generated} == features & {"stored", "virtual"}
    assert {i.name for i in found.indexes} == {i.name for i in indexes}
    assert len(found.checks) == len(checks) and found.comment == found.column("id").comment == comment
    assert found.dialect == place.database.dialect
    if numbering:
        assert found.column("id").numbering == numbering


def test_the_rules_of_expressions_are_what_the_database_does(place: Place) -> None:
    columns = (Column("i", Type("int32")), Column("p", Type("decimal", precision=10, scale=2)), *(Column(n, Type("string")) for n in "tu"))
    place.make(Table(TableName("t"), columns))
    place.run("INSERT INTO t VALUES (2147483647, 0.10, 'ä', 'a')")

    def holds(condition: str) -> bool:
        try:
            return place.count(TableName("t"), condition) == 1
        except sa.exc.DBAPIError:
            return False
        finally:
            place.connection.commit()

    place.connection.commit()
    rules = place.database.expression_rules
    assert rules is not None
    assert rules.like_case_sensitive is not holds("u LIKE 'A'")
    assert rules.exact_decimals is holds("p * 3 = 0.30")
    assert rules.unicode_case is holds("upper(t) = 'Ä'")
    assert rules.wide_integers is holds("i * 2 = 4294967294")
    assert rules.backslash_escapes is holds(r"length('\\') = 1")
    assert rules.concat_keeps_null is holds("concat(t, NULL) IS NULL")
    assert rules.compares_literals_exactly is not holds("'a' = 'A'")


def test_an_expression_may_use_a_numbered_column_where_the_rules_say_so(place: Place) -> None:
    columns = (Column("id", Type("int64"), nullable=False, identity=True), Column("v", Type("int64")))
    checked = Table(TableName("t"), columns, ("id",), checks=(Check("c", f"{place.database.quoted('id')} > 0"),))
    rules = place.database.expression_rules
    if rules is not None and rules.numbered_columns:
        assert place.make(checked).checks
    else:
        assert place.failure(lambda: place.make(checked)) is Failure.OTHER


def test_the_next_number_follows_the_highest_one(place: Place) -> None:
    table = Table(TableName("t"), (Column("id", Type("int64"), False, identity=True), Column("v", Type("int64"))), ("id",))
    found = place.make(table)
    if not found.column("id").identity:
        pytest.skip("it numbers no columns")
    quoted, keep = place.database.quoted, place.database.keep_numbers
    place.run(f"INSERT INTO t ({quoted('id')}, {quoted('v')}){keep} VALUES (41, 1)", *place.database.renumber(table, table.name))
    place.run("INSERT INTO t (v) VALUES (2)")
    assert place.all("SELECT id FROM t ORDER BY id") == [41, 42]


def test_texts_of_the_journal_distinguish_case_and_accents(place: Place) -> None:
    metadata = sa.MetaData()
    table = sa.Table("words", metadata, sa.Column("w", place.database.text_type(40), primary_key=True))
    long = sa.Table("texts", metadata, sa.Column("w", place.database.text_type(None)))
    metadata.create_all(place.connection)
    place.connection.execute(sa.insert(table), [{"w": w} for w in ("a", "A", "á", "😀")])
    place.connection.execute(sa.insert(long), {"w": "x" * 100_000})
    assert place.connection.scalar(sa.select(sa.func.count()).select_from(table).where(table.c.w == "A")) == 1
    assert len(place.connection.scalar(sa.select(long.c.w)) or "") == 100_000


def test_a_pattern_is_found_anywhere_in_a_text_and_case_matters(place: Place) -> None:
    table = sa.table("w", sa.column("v"))
    place.run("CREATE TABLE w (v VARCHAR(20))", "INSERT INTO w VALUES ('xAb'), ('xab'), ('b')")
    matched = sa.select(table.c.v).where(place.database.matches(sa.cast(table.c.v, sa.String(20)), "A[a-z]"))
    assert place.connection.scalars(matched).all() == ["xAb"]


def test_memory_is_limited_and_the_limit_is_lifted(place: Place) -> None:
    place.run(*place.database.limit_memory(64 << 20), *place.database.limit_memory(0))
    if place.database.more_memory:
        place.run(*place.database.limit_memory(64 << 20))
        limited = place.all("SELECT current_setting('memory_limit')")
        place.run(place.database.more_memory)
        assert place.all("SELECT current_setting('memory_limit')") != limited


def test_a_snapshot_of_one_connection_is_opened(place: Place) -> None:
    assert place.database.begin_snapshot(place.connection) is True
    assert execute(place.connection, "SELECT 1").scalar_one() == 1


def test_a_table_is_split_by_the_places_of_its_rows(place: Place) -> None:
    if not place.database.row_place:
        assert place.database.cuts(place.connection, LIVE, 3) == []
        return
    place.make(Table(LIVE, COLUMNS))
    place.fill(LIVE, [(n, "x" * 200, None, None, None, None, None) for n in range(1000)])
    cuts = place.database.cuts(place.connection, LIVE, 3)
    bounds = [None, *cuts, None]
    counts = []
    for low, high in pairwise(bounds):
        limits = [f"{place.database.row_place} >= {low}"] * (low is not None) + [f"{place.database.row_place} < {high}"] * (
            high is not None
        )
        counts.append(place.count(LIVE, " AND ".join(limits)))
    assert len(counts) == 3 and sum(counts) == 1000 and min(counts) > 200


def test_the_catalogue_is_asked_without_an_error(place: Place) -> None:
    database, connection = place.database, place.connection
    table = place.make(Table(LIVE, COLUMNS, ("id",)))
    place.run("CREATE VIEW seen AS SELECT 1 AS one")
    assert ("view", "seen") in database.left_behind(connection, None)
    assert all(isinstance(d, Dependent) for d in database.dependents(connection, [LIVE]))
    assert database.links(connection, [LIVE]) == [] and isinstance(database.unbind(connection, [LIVE]), ForeignKeySuspension)
    assert set(database.sizes(connection, [table])) == {LIVE.name}
    product, number = database.version(connection).split()[:2]
    assert tuple(map(int, re.findall(r"\d+", number)[:2])) >= database.oldest[product]


def test_an_owner_of_everything_is_told_nothing_that_blocks(place: Place) -> None:
    for role in ("source", "target"):
        found = place.database.preflight(place.connection, AccessRequest(role, place.home, 2))  # type: ignore[arg-type]
        assert all(isinstance(p, Problem) for p in found) and not [p for p in found if p.blocking and p.area != "privileges"]


def test_a_fingerprint_changes_with_a_row(place: Place) -> None:
    place.make(Table(LIVE, COLUMNS, ("id",)))
    place.fill(LIVE)
    name, amount = place.database.qualified(LIVE), place.database.quoted("amount")
    place.connection.commit()
    before = place.database.seal(place.connection, LIVE)
    assert before == place.database.seal(place.connection, LIVE)
    place.run(f"UPDATE {name} SET {amount} = 7 WHERE id = 1")
    assert before is None or before != place.database.seal(place.connection, LIVE)


# ---- what the driver's errors mean


def test_a_table_an_index_and_a_foreign_key_that_exist_already_are_recognised(place: Place) -> None:
    database = place.database
    parent = place.make(Table(TableName("parent"), COLUMNS[:1], ("id",)))
    columns = (*COLUMNS[:1], Column("parent", Type("int64")))
    table = Table(TableName("child"), columns, ("id",), (Index("i", ("parent",)),), (ForeignKey("fk", ("parent",), "parent", ("id",)),))
    place.make(table)
    again = [ddl.create_table(database, table, table.name), *ddl.keys(database, table, table.name)[-1:]]
    links = ddl.foreign_keys(database, table, table.name, {parent.name: parent.name})
    place.run(*links)
    place.connection.commit()
    for statement in [*again, *links] if database.secondary_indexes else again[:1]:
        assert place.failure(partial(place.run, statement)) is Failure.ALREADY_EXISTS, statement
        place.connection.rollback()
    assert place.failure(lambda: place.run("SELECT nothing FROM nowhere")) is Failure.OTHER


def test_a_lock_of_another_session_is_recognised(place: Place) -> None:
    if place.database.label == "DuckDB":
        pytest.skip("its locks are those of the file: whoever opens it waits")
    place.run("CREATE TABLE t (v INT)", "INSERT INTO t VALUES (1)")
    place.connection.commit()
    with place.database.engine(place.url).connect() as other:
        execute(other, "UPDATE t SET v = 2")
        place.run(*place.database.hold([], 1))
        if place.database.embedded:
            place.connection.rollback()
            place.connection.connection.driver_connection.execute("PRAGMA busy_timeout = 100")  # type: ignore[union-attr]
        with pytest.raises((sa.exc.DBAPIError, LockRefused)) as refused:
            place.run("UPDATE t SET v = 3")
        if place.database.embedded:  # whose file another process holds for longer than this one waits
            assert isinstance(refused.value, LockRefused) and "another process holds the lock of the target's file" in refused.value.what
        else:
            assert isinstance(refused.value, sa.exc.DBAPIError)
            assert place.database.classify(refused.value) is Failure.LOCKED and place.database.lock_refused(refused.value)
        place.connection.rollback()


def test_a_lost_connection_is_recognised(place: Place) -> None:
    if place.database.embedded:
        pytest.skip("it is in this process")
    asked = {"PostgreSQL": ("pg_backend_pid()", "SELECT pg_terminate_backend({})"), "MySQL/MariaDB": ("CONNECTION_ID()", "KILL {}")}
    number, kill = asked[place.database.label]
    [session] = place.all(f"SELECT {number}")
    with place.database.engine(place.url).connect() as other:
        execute(other, kill.format(session))
    with pytest.raises(ConnectionFailed, match="lost the connection to the target"):
        place.run("SELECT 1")


def test_duckdb_out_of_memory_is_recognised(tmp_path: Path) -> None:
    url = sa.make_url(f"duckdb:///{tmp_path}/t.db")
    database = databases.of(url)
    with database.engine(url).connect() as connection:
        place = Place(database, url, connection)
        place.run("SET temp_directory = ''", *database.limit_memory(8 << 20))
        assert place.failure(lambda: place.run("SELECT list(range) FROM range(20000000)")) is Failure.OUT_OF_MEMORY


def test_postgresql_names_the_foreign_key_that_a_row_breaks(postgresql_url: sa.URL) -> None:
    database = databases.of(postgresql_url)
    with database.engine(postgresql_url).connect() as connection:
        place = Place(database, postgresql_url, connection)
        place.run("CREATE TABLE p (id int PRIMARY KEY)", 'CREATE TABLE c (id int CONSTRAINT "of p" REFERENCES p)')
        with pytest.raises(sa.exc.DBAPIError) as broken:
            place.run("INSERT INTO c VALUES (1)")
        assert database.broken_key(broken.value) == "of p" and not database.lock_refused(broken.value)
