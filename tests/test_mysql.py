"""MariaDB and MySQL keep the promises that every database module makes; checked by the plain driver too."""

from __future__ import annotations

import datetime as dt
import struct
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from penstock import databases
from penstock.databases import Database, ddl
from penstock.errors import LoadFailed, ReadFailed
from penstock.schema import Column, ForeignKey, Table, TableName, Type, arrow_schema

NAME = TableName("we`ird %s \\ 'select\" äß")
COLUMNS = (
    Column("id", Type("int64"), nullable=False),
    Column("b%ad `name`", Type.parse("enum('x','y''z','\\')")),
    Column("dec", Type.parse("decimal(65,30)")),
    Column("at", Type("timestamptz")),
    Column("local", Type("timestamp")),
    Column("day", Type("date")),
    Column("clock", Type("time")),
    Column("text", Type("string")),
    Column("bytes", Type("binary")),
    Column("f8", Type("float64")),
    Column("f4", Type("float32")),
    Column("ok", Type("boolean")),
    Column("u8", Type("uint64")),
    Column("id2", Type("uuid")),
    Column("y", Type("year")),
)
TABLE = Table(NAME, COLUMNS, ("id",))
UTC = dt.UTC
MOMENTS = st.datetimes(dt.datetime(1, 1, 1), dt.datetime(9999, 12, 31, 23, 59, 59))
INSTANTS = st.datetimes(dt.datetime(1971, 1, 1), dt.datetime(2037, 12, 31), timezones=st.just(UTC))
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "b%ad `name`": st.none() | st.sampled_from(["x", "y'z", "\\"]),
            "dec": st.none() | st.decimals(-(10**20), 10**20, places=12),
            "at": st.none() | INSTANTS,
            "local": st.none() | MOMENTS,
            "day": st.none() | st.dates(),
            "clock": st.none() | st.times(),
            "text": st.none() | st.text(st.characters(exclude_categories=["Cs"])),
            "bytes": st.none() | st.binary(),
            "f8": st.none() | st.floats(allow_nan=False, allow_infinity=False),
            "f4": st.none() | st.floats(allow_nan=False, allow_infinity=False, width=32, allow_subnormal=False),
            "ok": st.none() | st.booleans(),
            "u8": st.none() | st.integers(0, 2**64 - 1),
            "id2": st.none() | st.uuids().map(str),
            "y": st.none() | st.integers(1901, 2155),
        }
    ),
    max_size=6,
)


@pytest.fixture
def database(mariadb_url: sa.URL) -> Database:
    return databases.of(mariadb_url)


@pytest.fixture
def connection(mariadb_url: sa.URL, database: Database) -> Iterator[sa.Connection]:
    engine = databases.connect(database, mariadb_url, "target")
    with engine.connect() as opened:
        yield opened


def batch(rows: list[dict[str, Any]]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist([{"id": n, **row} for n, row in enumerate(rows)], schema=arrow_schema(COLUMNS))


def read(connection: sa.Connection, database: Database, name: TableName, columns: tuple[Column, ...]) -> list[dict[str, Any]]:
    return [r for b in database.read(connection, databases.select(database, name, columns), columns) for r in b.to_pylist()]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=ROWS)
def test_every_value_is_read_back_as_it_was_written(rows: list[dict[str, Any]], connection: sa.Connection, database: Database) -> None:
    written = batch(rows)
    databases.execute(connection, databases.of(connection.engine.url).drops([NAME])[1])
    databases.execute(connection, ddl.create_table(database, TABLE, NAME))
    database.write(connection, NAME, COLUMNS, [written])
    assert read(connection, database, NAME, COLUMNS) == written.to_pylist()
    connection.commit()


def test_the_plain_driver_sees_the_same_values(connection: sa.Connection, database: Database) -> None:
    databases.execute(connection, ddl.create_table(database, TABLE, NAME))
    row = {"text": "a\tb\\n\n\0é😀", "bytes": bytes(range(256)), "dec": Decimal("-0.5"), "u8": 2**64 - 1, "b%ad `name`": "y'z"}
    database.write(connection, NAME, COLUMNS, [batch([row, {"text": ""}, {}])])
    plain = connection.connection.driver_connection.cursor()
    plain.execute("SELECT text, bytes, `dec`, u8, `b%ad ``name``` FROM " + databases.qualified(database, NAME))
    found = plain.fetchall()
    assert tuple(found[0]) == (row["text"], row["bytes"], row["dec"], row["u8"], "y'z")
    assert found[1][0] == "" and found[2][0] is None


def test_a_source_of_every_type_is_read_exactly(connection: sa.Connection, database: Database) -> None:
    databases.execute(
        connection,
        "CREATE TABLE t (id INT UNSIGNED PRIMARY KEY AUTO_INCREMENT, ti TINYINT(1), tu TINYINT UNSIGNED, b1 BIT(1), b9 BIT(9),"
        " f FLOAT, d DOUBLE, c CHAR(4), l VARCHAR(9) CHARACTER SET latin1, e ENUM('a','b'), s SET('x','y'), y YEAR, p POINT, j JSON)",
    )
    databases.execute(
        connection,
        "INSERT INTO t VALUES (4294967295, -128, 255, b'1', b'000000101', 1.1, -0.0, 'ab', 'naïve', 'b', 'y,x', 2155, POINT(1, 2), '{\"a\": 1}')",
    )
    connection.commit()
    [table] = database.inspect(connection, None, ["t"])
    assert table.column("id").identity and str(table.column("ti").type) == "int8" and str(table.column("b1").type) == "boolean"
    [row] = read(connection, database, table.name, table.columns)
    assert (row["id"], row["ti"], row["tu"], row["b1"], row["b9"]) == (2**32 - 1, -128, 255, True, "000000101")
    assert struct.pack("<f", row["f"]) == struct.pack("<f", 1.1)
    assert (row["c"], row["l"], row["e"], row["s"], row["y"], row["j"]) == ("ab", "naïve", "b", "x,y", 2155, '{"a": 1}')
    assert row["p"] == b"\0\0\0\0" + b"\1" + struct.pack("<Idd", 1, 1.0, 2.0)


@pytest.mark.parametrize(
    ("declared", "value"), [("DATE", "0000-00-00"), ("DATE", "2020-00-10"), ("DATETIME", "0000-00-00 00:00:00"), ("TIME", "838:59:59")]
)
def test_a_value_without_a_counterpart_is_refused_by_column_and_value(
    declared: str, value: str, connection: sa.Connection, database: Database
) -> None:
    databases.execute(connection, f"CREATE TABLE t (v {declared})")
    databases.execute(connection, "SET sql_mode = ''")
    databases.execute(connection, f"INSERT INTO t VALUES ('{value}')")
    [table] = database.inspect(connection, None, ["t"])
    with pytest.raises(ReadFailed) as refused:
        read(connection, database, table.name, table.columns)
    assert "column v" in refused.value.where and value in refused.value.why and refused.value.fix


@pytest.mark.parametrize(
    ("type", "native", "value"),
    [
        ("string", "VARCHAR(3)", "four"),
        ("int64", "TINYINT", 300),
        ("string", "ENUM('a')", "b"),
        ("string", "DATE", "2020-02-30"),
        ("int64", "INT NOT NULL", None),
        ("float64", "DOUBLE", float("nan")),
        ("decimal(10,4)", "DECIMAL(5,1)", Decimal("1.2345")),
    ],
)
def test_a_value_that_does_not_fit_is_refused_and_nothing_stays(
    type: str, native: str, value: object, connection: sa.Connection, database: Database, tmp_path: Path
) -> None:
    databases.execute(connection, f"CREATE TABLE t (id BIGINT PRIMARY KEY, v {native})")
    connection.commit()
    columns = (Column("id", Type("int64")), Column("v", Type.parse(type)))
    rows = pa.RecordBatch.from_pylist([{"id": 1, "v": value}], schema=arrow_schema(columns))
    with pytest.raises(LoadFailed) as refused, connection.begin():
        database.write(connection, TableName("t"), columns, [rows])
    assert "t" in refused.value.where and "'four'" not in refused.value.why
    assert databases.execute(connection, "SELECT count(*) FROM t").scalar_one() == 0


def test_a_duplicate_key_is_refused_though_load_data_local_would_skip_it(connection: sa.Connection, database: Database) -> None:
    databases.execute(connection, "CREATE TABLE t (id BIGINT PRIMARY KEY)")
    connection.commit()
    columns = (Column("id", Type("int64")),)
    rows = pa.RecordBatch.from_pydict({"id": [1, 2, 1]}, schema=arrow_schema(columns))
    with pytest.raises(LoadFailed), connection.begin():
        database.write(connection, TableName("t"), columns, [rows])
    assert databases.execute(connection, "SELECT count(*) FROM t").scalar_one() == 0


def test_foreign_keys_follow_tables_that_move_even_in_a_circle(connection: sa.Connection, database: Database) -> None:
    schema = connection.scalar(sa.text("SELECT DATABASE()"))
    store = Table(
        TableName("store", schema),
        (Column("id", Type("int64"), False), Column("boss", Type("int64"))),
        ("id",),
        foreign_keys=(ForeignKey("a", ("boss",), "staff", ("id",)),),
    )
    staff = Table(
        TableName("staff", schema),
        (Column("id", Type("int64"), False), Column("store", Type("int64"))),
        ("id",),
        foreign_keys=(ForeignKey("b", ("store",), "store", ("id",)),),
    )
    places = {t.name.name: database.shadow(t.name, "m") for t in (store, staff)}
    for table in (store, staff):
        databases.execute(connection, ddl.create_table(database, table, places[table.name.name]))
    for table in (store, staff):
        for statement in ddl.foreign_keys(database, table, places[table.name.name], places):
            databases.execute(connection, statement)
    for statement in database.moves([(places["store"], store.name), (places["staff"], staff.name)]):
        databases.execute(connection, statement)
    found = {t.name.name: t.foreign_keys[0].ref_table for t in database.inspect(connection, schema)}
    assert found == {"store": "staff", "staff": "store"}
    for statement in database.drops([store.name, staff.name]):
        databases.execute(connection, statement)
    assert database.inspect(connection, schema) == []


def test_a_seal_tells_every_kind_of_change(connection: sa.Connection, database: Database) -> None:
    databases.execute(connection, "CREATE TABLE t (id INT PRIMARY KEY, v INT)")
    seals = []
    for change in ("INSERT INTO t VALUES (1, 1), (2, 2)", "UPDATE t SET v = 3 WHERE id = 2", "DELETE FROM t WHERE id = 1"):
        databases.execute(connection, change)
        seals.append(database.seal(connection, TableName("t")))
    assert len(set(seals)) == 3


def test_a_snapshot_does_not_see_what_is_committed_after_it(mariadb_url: sa.URL, database: Database) -> None:
    engine = databases.connect(database, mariadb_url, "source")
    with engine.connect() as writer, engine.connect() as reader:
        databases.execute(writer, "CREATE TABLE t (id INT PRIMARY KEY)")
        database.begin_snapshot(reader)
        databases.execute(writer, "INSERT INTO t VALUES (1)")
        writer.commit()
        assert read(reader, database, TableName("t"), (Column("id", Type("int32")),)) == []
        reader.rollback()


def test_triggers_and_outside_foreign_keys_hang_on_a_table(connection: sa.Connection, database: Database) -> None:
    databases.execute(connection, "CREATE TABLE t (id INT PRIMARY KEY)")
    databases.execute(connection, "CREATE TABLE o (t INT, CONSTRAINT outside FOREIGN KEY (t) REFERENCES t (id))")
    databases.execute(connection, "CREATE TRIGGER watch BEFORE INSERT ON t FOR EACH ROW SET NEW.id = NEW.id")
    name = TableName("t", connection.scalar(sa.text("SELECT DATABASE()")))
    found = {(d.kind, d.name, d.follows) for d in database.dependents(connection, [name])}
    assert found == {("foreign key", "outside of o", False), ("trigger", "watch", False)}
