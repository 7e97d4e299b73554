"""SQLite and DuckDB keep the promises that every database module makes."""

from __future__ import annotations

import datetime as dt
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from penstock import databases
from penstock.databases import Database
from penstock.databases._shared import ddl
from penstock.errors import LoadFailed, PreflightFailed, ReadFailed
from penstock.migration.loader import load
from penstock.model.schema import Column, ForeignKey, Index, Table, TableName, Type, arrow_schema
from tests.support.one_run import moved
from tests.support.requests import ran

NAME = TableName('we"ird %s \\ 😀 select')
COLUMNS = (
    Column("id", Type("int64"), nullable=False),
    Column('a "b%', Type.parse("enum('x','y''z:q')"), default="=x"),
    Column("amount", Type.parse("decimal(12,2)"), nullable=False, default="=3"),
    Column("big", Type.parse("decimal(38,10)")),
    Column("at", Type("timestamptz"), default="now"),
    Column("local", Type("timestamp")),
    Column("day", Type("date")),
    Column("clock", Type("time")),
    Column("text", Type("string")),
    Column("bytes", Type("binary")),
    Column("real", Type("float64")),
    Column("ok", Type("boolean")),
)
TABLE = Table(NAME, COLUMNS, ("id",), (Index("u %", ("amount", "text"), unique=True),))
UTC = dt.UTC
MOMENTS = st.datetimes(dt.datetime(1, 1, 1), dt.datetime(9999, 12, 31, 23, 59, 59))
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            'a "b%': st.none() | st.sampled_from(["x", "y'z:q"]),
            "big": st.none() | st.decimals(-(10**27), 10**27, places=10),
            "at": st.none() | MOMENTS.map(lambda m: m.replace(tzinfo=UTC)),
            "local": st.none() | MOMENTS,
            "day": st.none() | st.dates(),
            "clock": st.none() | st.times(),
            "text": st.none() | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
            "bytes": st.none() | st.binary(),
            "real": st.none() | st.floats(allow_nan=False),
            "ok": st.none() | st.booleans(),
        }
    ),
    max_size=6,
)


@pytest.fixture(params=["sqlite", "duckdb"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> sa.URL:
    return sa.make_url(f"{request.param}:///{tmp_path}/target.db")


@pytest.fixture
def database(url: sa.URL) -> Database:
    return databases.of(url)


@pytest.fixture
def connection(url: sa.URL, database: Database) -> Iterator[sa.Connection]:
    engine = databases.connect(database, url, "target")
    with engine.connect() as opened:
        yield opened
    engine.dispose()


def make(connection: sa.Connection, database: Database, name: TableName = NAME) -> None:
    databases.execute(connection, ddl.create_table(database, TABLE, name))


def read(connection: sa.Connection, database: Database, name: TableName = NAME) -> list[dict[str, Any]]:
    batches = database.read(connection, databases.select(database, name, COLUMNS), COLUMNS)
    return [row for batch in batches for row in batch.to_pylist()]


def batch(rows: list[dict[str, Any]]) -> pa.RecordBatch:
    filled = [{"id": n, "amount": Decimal(n), **row} for n, row in enumerate(rows)]
    return pa.RecordBatch.from_pylist(filled, schema=arrow_schema(COLUMNS))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=ROWS)
def test_every_value_is_read_back_as_it_was_written(rows: list[dict[str, Any]], connection: sa.Connection, database: Database) -> None:
    written = batch(rows)
    with connection.begin() as transaction:
        make(connection, database)
        database.write(connection, NAME, COLUMNS, [written])
        assert read(connection, database) == written.to_pylist()
        transaction.rollback()


def test_a_table_is_described_as_it_was_made(connection: sa.Connection, database: Database) -> None:
    with connection.begin():
        make(connection, database)
        for statement in ddl.keys(database, TABLE, NAME):
            databases.execute(connection, statement)
        [found] = database.inspect(connection, None)
    assert found.name.name == NAME.name
    assert [c.name for c in found.columns] == [c.name for c in COLUMNS]
    assert found.primary_key == ("id",)
    assert [(i.columns, i.unique) for i in found.indexes] == [(("amount", "text"), True)]
    assert (found.column('a "b%').default, found.column("amount").default, found.column("at").default) == ("=x", "=3", "now")
    assert not found.column("amount").nullable and found.column("text").nullable


def test_a_duplicate_key_is_refused_and_nothing_of_the_transaction_stays(connection: sa.Connection, database: Database) -> None:
    with connection.begin():
        make(connection, database)
        for statement in ddl.keys(database, TABLE, NAME):
            databases.execute(connection, statement)
    rows = batch([{}, {}])
    twice = pa.RecordBatch.from_pylist([*rows.to_pylist(), rows.to_pylist()[0]], schema=rows.schema)
    with pytest.raises(LoadFailed) as refused, connection.begin():
        database.write(connection, NAME, COLUMNS, [twice])
    assert refused.value.fix
    with connection.begin():
        assert read(connection, database) == []


def test_moves_are_undone_with_the_transaction_and_keep_keys_otherwise(connection: sa.Connection, database: Database) -> None:
    shadow, kept = database.shadow(NAME, "m"), database.kept(NAME, "m", "00000000")
    with connection.begin():
        for name in (NAME, shadow):
            make(connection, database, name)
        database.write(connection, shadow, COLUMNS, [batch([{}])])
        for statement in ddl.keys(database, TABLE, shadow):
            databases.execute(connection, statement)
    swap = database.moves([(NAME, kept), (shadow, NAME)])
    with connection.begin() as transaction:
        for statement in swap:
            databases.execute(connection, statement)
        transaction.rollback()
    with connection.begin():
        assert read(connection, database) == [] and len(read(connection, database, shadow)) == 1
        for statement in swap:
            databases.execute(connection, statement)
    with connection.begin():
        assert len(read(connection, database)) == 1 and read(connection, database, kept) == []
        [live] = [t for t in database.inspect(connection, None) if t.name.name == NAME.name]
    assert live.primary_key == ("id",) and len(live.indexes) == 1


def test_a_seal_tells_every_kind_of_change(connection: sa.Connection, database: Database) -> None:
    with connection.begin():
        make(connection, database)
        database.write(connection, NAME, COLUMNS, [batch([{"text": "a"}, {"text": "b"}])])
        if database.seal(connection, NAME) is None:
            pytest.skip("SQLite has no seal: the switch takes the digest again")
        name = databases.qualified(database, NAME)
        seals = [database.seal(connection, NAME)]
        for change in (f"UPDATE {name} SET text = 'c' WHERE id = 1", f"DELETE FROM {name} WHERE id = 1"):
            databases.execute(connection, change)
            seals.append(database.seal(connection, NAME))
    assert len(set(seals)) == 3


def test_a_snapshot_does_not_see_what_is_committed_after_it(tmp_path: Path) -> None:
    url = sa.make_url(f"sqlite:///{tmp_path}/s.db")
    database = databases.of(url)
    engine = databases.connect(database, url, "source")
    with engine.connect() as writer, engine.connect() as reader:
        writer.connection.driver_connection.execute("PRAGMA journal_mode = WAL")
        databases.execute(writer, "CREATE TABLE t (id INTEGER PRIMARY KEY)")
        writer.commit()
        database.begin_snapshot(reader)
        databases.execute(writer, "INSERT INTO t VALUES (1)")
        writer.commit()
        assert databases.execute(reader, "SELECT count(*) FROM t").scalar_one() == 0


@pytest.mark.parametrize("journal", ["WAL", "DELETE"])
def test_connections_to_a_sqlite_file_share_one_instant_while_another_writes(journal: str, tmp_path: Path) -> None:
    url = sa.make_url(f"sqlite:///{tmp_path}/s.db")
    database, done = databases.of(url), threading.Event()
    with closing(sqlite3.connect(tmp_path / "s.db")) as made:
        made.execute(f"PRAGMA journal_mode = {journal}")
        made.execute("CREATE TABLE t (id INTEGER PRIMARY KEY)")

    def write() -> None:
        with closing(sqlite3.connect(tmp_path / "s.db", timeout=60, isolation_level=None)) as writer:
            while not done.is_set():
                writer.execute("INSERT INTO t DEFAULT VALUES")
                time.sleep(0.002)

    writing = threading.Thread(target=write)
    writing.start()
    shared = 0
    try:
        for _ in range(10):
            with ExitStack() as opened:
                engine = databases.connect(database, url, "source")
                readers = [opened.enter_context(engine.connect()) for _ in range(3)]
                if database.begin_snapshot(*readers):
                    shared += 1
                    assert len({databases.execute(r, "SELECT count(*) FROM t").scalar_one() for r in readers}) == 1
    finally:
        done.set()
        writing.join()
    assert shared, "between two writes there is a moment"


def test_a_sqlite_file_that_may_not_be_written_is_read_by_one_connection(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "s.db")) as made:
        made.execute("CREATE TABLE t (id INTEGER PRIMARY KEY)")
        made.execute("BEGIN IMMEDIATE")  # another writes: no moment can be had
        for url in (f"sqlite:///{tmp_path}/s.db", f"sqlite:///file:{tmp_path}/s.db?mode=ro&uri=true"):
            database = databases.of(sa.make_url(url))
            engine = databases.connect(database, sa.make_url(url), "source")
            with engine.connect() as first, engine.connect() as other:
                assert not database.begin_snapshot(first, other)
                assert databases.execute(first, "SELECT count(*) FROM t").scalar_one() == 0


@pytest.mark.parametrize(
    ("declared", "value", "said"),
    [
        ("INTEGER", "abc", "int64"),
        ("TEXT", b"\x00\xff", "string"),
        ("BLOB", "text", "binary"),
        ("BOOLEAN", 2, "boolean"),
        ("TIMESTAMP", "yesterday", "timestamp"),
        ("DATE", "2013-02-30", "date"),
        ("DECIMAL(10,2)", "1.005", "decimal"),
        ("DECIMAL(30,2)", 1.5, "decimal"),
        ("TINYINT", 300, "int8"),
        ("INTEGER", 1.5, "int64"),
        ("BOOLEAN", 0.5, "boolean"),
        ("TEXT", b"abc", "string"),
        ("NUMERIC", "abc", "number"),
        ("JSON", b"{}", "json"),
    ],
)
def test_a_sqlite_value_of_another_type_is_refused_by_column(declared: str, value: object, said: str, tmp_path: Path) -> None:
    url = sa.make_url(f"sqlite:///{tmp_path}/s.db")
    database = databases.of(url)
    with databases.connect(database, url, "source").connect() as connection:
        databases.execute(connection, f"CREATE TABLE t (v {declared})")
        connection.exec_driver_sql("INSERT INTO t VALUES (?)", (value,))
        [table] = database.inspect(connection, None)
        with pytest.raises(ReadFailed) as refused:
            list(database.read(connection, databases.select(database, table.name, table.columns), table.columns))
    assert "column v" in refused.value.where and said in refused.value.what and refused.value.fix


def test_sqlite_foreign_keys_name_the_live_tables_after_the_switch(tmp_path: Path) -> None:
    url = sa.make_url(f"sqlite:///{tmp_path}/s.db")
    database = databases.of(url)
    parent = Table(TableName("parent", "main"), (Column("id", Type("int64"), False),), ("id",))
    child = Table(
        TableName("child", "main"),
        (Column("id", Type("int64"), False), Column("parent", Type("int64"))),
        ("id",),
        foreign_keys=(ForeignKey("fk", ("parent",), "parent", ("id",), "CASCADE"),),
    )
    with databases.connect(database, url, "target").connect() as connection:
        moves = []
        for table in (parent, child):
            live, shadow, kept = table.name, database.shadow(table.name, "m"), database.kept(table.name, "m", "0")
            for place in (live, shadow):
                databases.execute(connection, ddl.create_table(database, table, place))
            moves.append((live, shadow, kept))
        connection.commit()
        aside, inward = [(m[0], m[2]) for m in moves], [(m[1], m[0]) for m in moves]
        for statement in database.moves([*aside, *inward]):
            databases.execute(connection, statement)
        connection.commit()
        found = {t.name.name: t for t in database.inspect(connection, "main")}
    assert [k.ref_table for k in found["child"].foreign_keys] == ["parent"]


@pytest.mark.parametrize(("value", "kind"), [(float("nan"), "float64"), (dt.date.max, "date"), (dt.datetime(1, 1, 1), "timestamp")])
def test_sqlite_refuses_by_name_what_it_would_store_as_another_value(value: object, kind: str, tmp_path: Path) -> None:
    database = databases.of(sa.make_url("sqlite://"))
    columns = (Column("v", Type(kind)),)
    array = pa.array([value], columns[0].type.arrow)
    if kind != "float64":  # a day on, or two years back, it has no year of four digits
        whole = array.cast(pa.int32() if kind == "date" else pa.int64())
        array = pa.array([whole[0].as_py() + (1 if kind == "date" else -2 * 366 * 86_400_000_000)], whole.type).cast(array.type)
    with databases.connect(database, sa.make_url(f"sqlite:///{tmp_path}/s.db"), "target").connect() as connection:
        databases.execute(connection, ddl.create_table(database, Table(TableName("t"), columns), TableName("t")))
        with pytest.raises(LoadFailed, match="v has a value") as refused:
            database.write(connection, TableName("t"), columns, [pa.RecordBatch.from_arrays([array], schema=arrow_schema(columns))])
    assert "column v" in refused.value.where and refused.value.fix


def test_a_struct_of_duckdb_is_refused_with_the_choices_and_carried_as_json(tmp_path: Path) -> None:
    source, target = (sa.make_url(f"duckdb:///{tmp_path}/{n}.db") for n in ("a", "b"))
    with duckdb.connect(str(source.database)) as plain:
        plain.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, s STRUCT(a INTEGER, b VARCHAR[]), l INTEGER[][])")
        plain.execute("""INSERT INTO t VALUES (1, {'a': 1, 'b': ['x"', NULL]}, [[1], [], NULL]), (2, NULL, NULL)""")

    def moved(transform: str) -> None:
        file = tmp_path / "m.yaml"
        tables = f"tables:\n  t: {{transform: [{transform}]}}\n" if transform else ""
        file.write_text(f"name: m\nsource: {source}\ntarget: {target}\n{tables}")
        ran(load(file), "r" + transform[:1], str(tmp_path / "staging"), source, target, tmp_path / "expectations")

    with pytest.raises(PreflightFailed) as refused:
        moved("")
    assert [p.where for p in refused.value.problems if p.blocking] == ["table t, column s", "table t, column l"]
    assert all("cast" in p.fix and "json" in p.fix for p in refused.value.problems if p.blocking)
    moved("cast: {s: json, l: string}")
    with duckdb.connect(str(target.database)) as plain:
        found = plain.execute("SELECT s::VARCHAR, l FROM t ORDER BY id").fetchall()
        assert plain.execute("SELECT s.b[0]::VARCHAR, typeof(s) FROM t WHERE id = 1").fetchone() == ('"x\\""', "JSON")
    assert found == [('{"a":1,"b":["x\\"",null]}', "[[1],[],null]"), (None, None)]


def test_duckdb_works_within_its_limit_but_for_indexes_which_must_fit(tmp_path: Path) -> None:
    url = sa.make_url(f"duckdb:///{tmp_path}/t.duckdb")
    database = databases.of(url)
    engine = database.engine(url)
    columns = [Column("a", Type("int64"))]
    batch = pa.RecordBatch.from_arrays([pa.array([1])], schema=arrow_schema(columns))

    def limit(made: str) -> str:
        with engine.begin() as connection:
            databases.execute(connection, made)
            database.write(connection, TableName("plain" if "plain" in made else "keyed"), columns, [batch])
            return str(databases.execute(connection, "SELECT current_setting('memory_limit')").scalar_one())

    bounded = limit("CREATE TABLE plain (a BIGINT)")
    assert bounded == "244.1 MiB"
    assert limit("CREATE TABLE keyed (a BIGINT UNIQUE)") != bounded


def test_a_table_of_duckdb_with_more_rows_than_a_sample_is_read(tmp_path: Path) -> None:
    source, target = (sa.make_url(f"{kind}:///{tmp_path}/t.{kind}") for kind in ("duckdb", "sqlite"))
    with sa.create_engine(source).begin() as made:
        made.exec_driver_sql("CREATE TABLE t AS SELECT range AS id, range::VARCHAR AS word FROM range(5000)")
    moved(tmp_path, source, target, "m", "r", {"include": ["t"]})
    with sa.create_engine(target).connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*), sum(CAST(word AS INTEGER)) FROM t").one() == (5000, 5000 * 4999 // 2)
