"""Reading from MySQL and MariaDB, against a real server: exactly what stands there, in bounded memory, of one instant."""

from __future__ import annotations

import resource
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from decimal import Decimal
from typing import Any

import MySQLdb
import pytest
import sqlalchemy as sa

from penstock.databases import execute, qualified, select
from penstock.databases._shared import long_values
from penstock.databases.mysql import DATABASE as mysql
from penstock.databases.mysql import lines
from penstock.databases.mysql import rows as mysql_rows
from penstock.errors import ConnectionFailed, ReadFailed
from penstock.model import digest
from penstock.model.schema import TableName
from penstock.runtime.memory import Room
from tests.support.data import mysql_tables
from tests.support.data.mysql_tables import DATABASE, T, column, make, plain, rows, table

connection, other, way = mysql_tables.connection, mysql_tables.other, mysql_tables.way


@pytest.mark.parametrize(
    ("native", "value"),
    [
        ("date", "0000-00-00"),
        ("date", "2020-00-10"),
        ("date", "2020-02-31"),
        ("datetime", "0000-00-00 00:00:00"),
        ("timestamp NULL", "0000-00-00 00:00:00"),
        ("time", "24:00:00"),
        ("time", "-00:00:01"),
        ("time", "838:59:59"),
    ],
)
def test_what_has_no_counterpart_is_named_and_the_connection_goes_on(connection: sa.Connection, native: str, value: str) -> None:
    execute(connection, "SET sql_mode = 'ALLOW_INVALID_DATES'")
    execute(connection, f"CREATE TABLE t (id int AUTO_INCREMENT PRIMARY KEY, `when %s` {native})")
    execute(connection, f"INSERT INTO t (`when %s`) VALUES ('{value}')")
    execute(connection, "INSERT INTO t (`when %s`) SELECT NULL FROM seq_1_to_5000")
    t = table(connection)
    with pytest.raises(ReadFailed) as refused:
        rows(connection, t.name, t.columns)
    assert "when %s" in str(refused.value) and value in str(refused.value) and refused.value.fix
    assert execute(connection, "SELECT count(*) FROM t").scalar_one() == 5001, "the rows behind it are not left on the wire"


def test_a_fault_among_many_rows_is_not_masked_when_the_connection_ends(mariadb_url: sa.URL) -> None:
    with pytest.raises(ReadFailed), mysql.engine(mariadb_url).begin() as connection:
        execute(connection, "CREATE TABLE t (v tinyint(1))")
        execute(connection, "INSERT INTO t SELECT 2 FROM seq_1_to_50000")
        rows(connection, T, [column("boolean")])


def test_a_reader_that_stops_early_leaves_the_connection_usable(connection: sa.Connection) -> None:
    execute(connection, "CREATE TABLE t AS SELECT seq AS v FROM seq_1_to_50000")
    reading = mysql.read(connection, "SELECT v FROM t", [column("int64")])
    next(iter(reading))
    reading.close()  # type: ignore[attr-defined]
    assert execute(connection, "SELECT count(*) FROM t").scalar_one() == 50_000


def test_a_connection_that_is_lost_among_the_rows_is_named(mariadb_url: sa.URL, other: Any) -> None:
    plain(other, "CREATE TABLE t AS SELECT seq AS v, REPEAT('x', 1000) AS w FROM seq_1_to_50000")
    with mysql.engine(mariadb_url).connect() as connection:
        (number,) = execute(connection, "SELECT connection_id()").one()
        reading = iter(mysql.read(connection, "SELECT v, w FROM t", [column("int64"), column("string", "w")], Room(1 << 20)))
        next(reading)
        plain(other, f"KILL {number}")
        with pytest.raises(ConnectionFailed, match="lost the connection"):
            list(reading)
        connection.invalidate()


def test_only_open_connections_of_the_driver_are_read_through(mariadb_url: sa.URL, other: Any) -> None:
    assert mysql_rows._mysql is None or mysql_rows._mysql.reads(other)
    closed = MySQLdb.connect(host=mariadb_url.host, port=mariadb_url.port, user=mariadb_url.username, password=mariadb_url.password)
    closed.close()
    assert mysql_rows._mysql is None or not any(map(mysql_rows._mysql.reads, (closed, object(), None)))


def test_zeros_that_fill_a_number_up_are_no_part_of_it(connection: sa.Connection) -> None:
    execute(connection, "CREATE TABLE t (a int(9) ZEROFILL, b decimal(20,4) ZEROFILL, c decimal(40,2) ZEROFILL, d double ZEROFILL)")
    execute(connection, "INSERT INTO t VALUES (5, 12.5, 7, 1.5), (0, 0, 0, 0)")
    t = table(connection)
    assert [tuple(r.values()) for r in rows(connection, t.name, t.columns).to_pylist()] == [
        (5, Decimal("12.5"), Decimal(7), 1.5),
        (0, 0, 0, 0.0),
    ]


def test_a_select_that_fails_is_a_read_failure(connection: sa.Connection) -> None:
    with pytest.raises(ReadFailed) as refused:
        list(mysql.read(connection, "SELECT nothing FROM nowhere", [column("int64")]))
    assert "nowhere" in refused.value.why


def test_batches_stay_small_when_long_rows_follow_short_ones(connection: sa.Connection) -> None:
    execute(connection, "CREATE TABLE t (id int AUTO_INCREMENT PRIMARY KEY, v longtext)")
    execute(connection, "INSERT INTO t (v) SELECT 'x' FROM seq_1_to_40000")
    execute(connection, "INSERT INTO t (v) SELECT REPEAT('y', 300000) FROM seq_1_to_1000")  # 286 MiB
    t = table(connection)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    query = select(DATABASE, t.name, t.columns)
    batches = [(b.num_rows, b.nbytes) for b in mysql.read(connection, query, t.columns)]
    assert sum(n for n, _ in batches) == 41_000
    assert max(size for _, size in batches) <= 16 << 20
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200 << 10, "KiB: less than the long rows together"


def test_rows_that_come_in_pieces_are_the_same_rows(connection: sa.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    """A value in many pieces, one that ends where a piece does, empty ones, NULLs, texts of several bytes a character; short rows between."""
    execute(connection, "CREATE TABLE t (id int PRIMARY KEY, a longtext, b longblob, d decimal(9,2), e datetime(6), f varchar(9))")
    execute(
        connection,
        "INSERT INTO t SELECT seq, CASE seq % 4 WHEN 0 THEN REPEAT(CONCAT(MD5(seq), 'é😀'), 100000) WHEN 1 THEN NULL ELSE 'short' END,"
        " CASE seq % 5 WHEN 0 THEN REPEAT(X'00FF0D0A', 2097152) WHEN 1 THEN '' WHEN 2 THEN NULL ELSE 'x' END, seq / 3, NOW(6), 'ab' FROM seq_1_to_25",
    )
    t = table(connection, "t")
    query = select(DATABASE, t.name, t.columns)
    whole = digest.total(mysql.read(connection, query, t.columns), t.columns)
    assert whole.rows == 25
    for longest in (64 << 20, 3 << 20):  # some have become longer since it was looked
        monkeypatch.setattr(long_values, "LONG", 0)
        assert digest.total(mysql.read(connection, query, t.columns, Room(longest=longest)), t.columns) == whole


_FORMS = {
    "int8": "7", "uint64": "18446744073709551615", "decimal(5,2)": "-1.50", "decimal(65,30)": "1e-30", "float32": "0.1", "float64": "5e-324",
    "boolean": "1", "date": "'0001-01-01'", "time": "'23:59:59.000001'", "timestamp": "'9999-12-31 23:59:59.999999'",
    "timestamptz": "'2038-01-19 03:14:07'", "year": "0", "string(4)": "'a\t\n'", "string": "''", "binary": "'\\0\n'",
}  # fmt: skip


@pytest.mark.parametrize("written", _FORMS)
def test_null_is_null_and_no_row_is_lost_in_a_table_of_one_column(connection: sa.Connection, written: str) -> None:
    v = column(written)
    make(connection, [v])
    execute(connection, f"INSERT INTO t VALUES (NULL), ({_FORMS[written]}), (NULL), (NULL)")
    found = rows(connection, T, [v])["v"].to_pylist()
    assert len(found) == 4 and found.count(None) == 3 and found[1] is not None


def test_columns_of_every_form_are_read_in_their_order_whatever_stands_beside_them(connection: sa.Connection) -> None:
    columns = [column(written, f"{written} {n}") for n in range(2) for written in _FORMS]
    make(connection, columns)
    values = list(_FORMS.values())
    rotated = ["NULL" if n % 3 == 0 else v for n, v in enumerate(values * 2)]
    execute(connection, f"INSERT INTO t VALUES ({', '.join(values * 2)}), ({', '.join(rotated)}), ({', '.join(['NULL'] * len(columns))})")
    found = rows(connection, T, columns)
    assert found.column_names == [c.name for c in columns]
    for n, c in enumerate(columns):
        full, rotated_value, empty = found.column(n).to_pylist()
        assert full is not None and empty is None and rotated_value == (None if n % 3 == 0 else full), c.name


def test_a_thousand_columns_are_read(connection: sa.Connection) -> None:
    columns = [column(("int32", "decimal(5,1)", "float64")[n % 3], f"c{n}") for n in range(1000)]
    make(connection, columns)
    execute(connection, f"INSERT INTO t VALUES ({', '.join(str(n) for n in range(1000))}), ({', '.join(['NULL'] * 1000)})")
    first, second = rows(connection, T, columns).to_pylist()
    assert list(first.values()) == list(range(1000)) and isinstance(first["c1"], Decimal) and set(second.values()) == {None}


def test_a_line_longer_than_the_server_sends_is_a_fault_and_never_a_row_of_nulls(
    mariadb_url: sa.URL, connection: sa.Connection, way: str
) -> None:
    columns = [column("decimal(65,30)", f"c{n}") for n in range(40)]
    make(connection, columns)
    execute(connection, f"INSERT INTO t VALUES ({', '.join(['-' + '9' * 35 + '.' + '9' * 30] * 40)})")
    connection.commit()
    (before,) = execute(connection, "SELECT @@global.max_allowed_packet").one()
    execute(connection, "SET GLOBAL max_allowed_packet = 2048")
    try:
        with mysql.engine(mariadb_url).connect() as small:
            # the select itself would be too long for it too
            query = "SELECT " + ",".join(f"c{n}" for n in range(40)) + " FROM t"
            with pytest.raises(ReadFailed, match="max_allowed_packet") if way == "by Python" else nullcontext():
                assert [b.num_rows for b in mysql.read(small, query, columns)] == [1]
    finally:
        execute(connection, f"SET GLOBAL max_allowed_packet = {before}")
    assert rows(connection, T, columns).num_rows == 1


def test_a_value_longer_than_a_packet_comes_whole_or_is_a_fault_and_never_null(mariadb_url: sa.URL, connection: sa.Connection) -> None:
    columns = [column("string", "a"), column("binary", "b")]
    make(connection, columns)
    (before,) = execute(connection, "SELECT @@global.max_allowed_packet").one()
    try:
        execute(connection, "SET GLOBAL max_allowed_packet = 67108864")
        with mysql.engine(mariadb_url).begin() as large:
            execute(large, "INSERT INTO t VALUES (REPEAT('ä', 10000000), REPEAT(X'FF', 20000000))")
        execute(connection, "SET GLOBAL max_allowed_packet = 4194304")
        with mysql.engine(mariadb_url).connect() as small:
            (read,) = list(mysql.read(small, "SELECT a, b FROM t", columns, Room(longest=40_000_000)))
            assert read.to_pylist() == [{"a": "ä" * 10_000_000, "b": b"\xff" * 20_000_000}]
            with pytest.raises(ReadFailed, match="NULL for a value"):
                list(mysql.read(small, "SELECT CAST(a AS BINARY) AS a, b FROM (SELECT a, '' AS b FROM t) t", columns))
    finally:
        execute(connection, f"SET GLOBAL max_allowed_packet = {before}")


def test_bytes_that_are_no_text_are_named_not_shown(connection: sa.Connection) -> None:
    with pytest.raises(ReadFailed) as refused:
        list(mysql.read(connection, "SELECT X'C328' AS v", [column("string")]))
    assert "v is not a string" in str(refused.value) and "UTF-8" in refused.value.why and "c3" not in str(refused.value).lower()


def test_the_server_streams_the_rows_and_makes_no_copy_of_the_table_first(mariadb_url: sa.URL, connection: sa.Connection) -> None:
    columns = [column("int64", "id"), column("string", "v")]
    make(connection, columns)
    (before,) = execute(connection, "SELECT @@global.optimizer_switch").one()
    execute(connection, "SET GLOBAL optimizer_switch = 'derived_merge=off'")
    try:
        with mysql.engine(mariadb_url).connect() as own:
            asked = lines._joined(select(DATABASE, T, columns, "id > 3"), columns[:1], columns[1:])
            assert [row.select_type for row in execute(own, f"EXPLAIN {asked}")] == ["SIMPLE"]
    finally:
        execute(connection, f"SET GLOBAL optimizer_switch = '{before}'")


# ---- snapshots


def test_a_snapshot_sees_one_instant_in_all_tables(connection: sa.Connection, other: Any) -> None:
    for name in ("a", "b"):
        plain(other, f"CREATE TABLE {name} (v int)")
        plain(other, f"INSERT INTO {name} VALUES (1)")
    mysql.begin_snapshot(connection)
    v = [column("int32")]
    assert rows(connection, TableName("a"), v).num_rows == 1
    for name in ("a", "b"):
        plain(other, f"INSERT INTO {name} VALUES (2)")
    assert rows(connection, TableName("a"), v).num_rows == rows(connection, TableName("b"), v).num_rows == 1
    with pytest.raises(sa.exc.DBAPIError, match="READ ONLY"):
        execute(connection, "INSERT INTO a VALUES (3)")
    connection.rollback()
    assert rows(connection, TableName("b"), v).num_rows == 2


@contextmanager
def writing(url: sa.URL) -> Iterator[None]:
    """Another session that goes on adding a row to both tables, a transaction each."""
    stop = threading.Event()

    def work() -> None:
        with mysql.engine(url).connect() as own:
            while not stop.is_set():
                with own.begin():
                    execute(own, "INSERT INTO a VALUES (2)")
                    execute(own, "INSERT INTO b VALUES (2)")

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def test_many_connections_share_one_instant_while_others_write(mariadb_url: sa.URL, connection: sa.Connection, other: Any) -> None:
    for name in ("a", "b"):
        plain(other, f"CREATE TABLE {name} (v int)")
    with ExitStack() as opened, writing(mariadb_url):
        others = [opened.enter_context(mysql.engine(mariadb_url).connect()) for _ in range(3)]
        for _ in range(20):
            assert mysql.begin_snapshot(connection, *others) is True
            counts = {execute(c, f"SELECT count(*) FROM {name}").scalar_one() for c in (connection, *others) for name in ("a", "b")}
            assert len(counts) == 1
            for each in (connection, *others):
                with pytest.raises(sa.exc.DBAPIError, match="READ ONLY"):
                    execute(each, "INSERT INTO a VALUES (3)")
                each.rollback()
    before = plain(other, "SELECT count(*) FROM a")[0][0]
    assert before > 0
    plain(other, "INSERT INTO a VALUES (4)")  # nothing is locked any more


def test_without_the_right_to_lock_only_the_first_connection_has_the_snapshot(
    mariadb_url: sa.URL, connection: sa.Connection, other: Any
) -> None:
    plain(other, "CREATE TABLE a (v int)")
    user = f"limited_{mariadb_url.database}"
    plain(other, f"CREATE USER {user} IDENTIFIED BY 'x'")
    plain(other, f"GRANT SELECT ON {qualified(DATABASE, TableName(str(mariadb_url.database)))}.* TO {user}")
    try:
        url = mariadb_url.set(username=user, password="x")
        with mysql.engine(url).connect() as one, mysql.engine(url).connect() as two:
            assert mysql.begin_snapshot(one, two) is False
            plain(other, "INSERT INTO a VALUES (1)")
            assert [execute(c, "SELECT count(*) FROM a").scalar_one() for c in (one, two)] == [0, 1]
            assert mysql.begin_snapshot(one) is True
    finally:
        plain(other, f"DROP USER {user}")


def test_a_long_statement_at_the_source_is_not_waited_for(
    mariadb_url: sa.URL, connection: sa.Connection, other: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("penstock.databases.mysql.SNAPSHOT_PATIENCE", 1)
    plain(other, "CREATE TABLE a (v int)")
    plain(other, "LOCK TABLES a WRITE")
    (before,) = execute(connection, "SELECT @@lock_wait_timeout").one()
    with mysql.engine(mariadb_url).connect() as second:
        assert mysql.begin_snapshot(connection, second) is False
    assert execute(connection, "SELECT @@lock_wait_timeout").scalar_one() == before
    with pytest.raises(sa.exc.DBAPIError, match="READ ONLY"):
        execute(connection, "INSERT INTO a VALUES (1)")
    plain(other, "INSERT INTO a VALUES (1)")
    plain(other, "UNLOCK TABLES")
    plain(other, "INSERT INTO a VALUES (2)")
