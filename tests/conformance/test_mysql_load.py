"""Writing to MySQL and MariaDB, against a real server: exactly what was given, or nothing."""

from __future__ import annotations

import datetime as dt
import resource
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import sqlalchemy as sa

from penstock.databases import execute
from penstock.databases._shared import ddl
from penstock.databases.mysql import DATABASE as mysql
from penstock.databases.mysql import load as mysql_load
from penstock.errors import LoadFailed, PenstockError, RowsRefused, StagingDamaged
from penstock.model.schema import Column, Table, TableName, Type
from tests.support.data import mysql_tables
from tests.support.data.mysql_tables import DATABASE, T, batch, column, make, plain, rows, table

connection, other = mysql_tables.connection, mysql_tables.other

_REFUSED = [
    ("string(3)", "abcd"),
    ("string(3)", "abc "),
    ("binary(3)", b"abcd"),
    ("enum('a','b')", "c"),
    ("enum('a','b')", ""),
    ("set('a','b')", "a,c"),
    ("float64", float("nan")),
    ("float64", float("inf")),
    ("float32", float("-inf")),
    ("timestamptz", dt.datetime(1970, 1, 1, tzinfo=dt.UTC)),
    ("timestamptz", dt.datetime(2038, 1, 19, 3, 14, 8, tzinfo=dt.UTC)),
    ("year", 5),
    ("year", 99),
    ("year", 1900),
    ("year", -1),
    ("geometry", b"no geometry"),
]


@pytest.mark.parametrize(("written", "value"), _REFUSED)
def test_what_does_not_fit_is_refused_and_nothing_of_it_stays(connection: sa.Connection, written: str, value: Any, other: Any) -> None:
    v = column(written)
    make(connection, [v])
    with pytest.raises(RowsRefused) as refused:
        mysql.write(connection, T, [v], [batch([v], [None, value])])
    assert refused.value.where == ("table t" if written == "geometry" else "table t, column v") and refused.value.why
    connection.rollback()
    assert plain(other, "SELECT count(*) FROM t") == [(0,)]


@pytest.mark.parametrize(("native", "written", "value"), [("tinyint", "int64", 128), ("int unsigned", "int64", -1), ("decimal(3,1)", "decimal(5,2)", Decimal("1.25"))])  # fmt: skip
def test_numbers_out_of_range_are_refused_not_clipped(connection: sa.Connection, native: str, written: str, value: Any) -> None:
    v = column(written)
    execute(connection, f"CREATE TABLE t (v {native})")
    with pytest.raises(LoadFailed):
        mysql.write(connection, T, [v], [batch([v], [value])])


def test_a_null_where_there_must_be_none_is_refused(connection: sa.Connection) -> None:
    v = column("int64")
    make(connection, [replace(v, nullable=False)])
    with pytest.raises(LoadFailed):
        mysql.write(connection, T, [v], [batch([v], [1, None])])


def test_a_duplicate_key_is_refused_though_local_loads_ignore_it(connection: sa.Connection, other: Any) -> None:
    execute(connection, "CREATE TABLE t (id bigint PRIMARY KEY, v varchar(40))")
    columns = [column("int64", "id"), column("string(40)", "v")]
    with pytest.raises(LoadFailed) as refused:
        mysql.write(connection, T, columns, [batch(columns, [1, 2, 1], ["a", "b", "c"])])
    assert "Duplicate entry" in refused.value.why and "PRIMARY" in refused.value.why
    connection.rollback()
    with connection.begin():
        mysql.write(connection, T, columns, [batch(columns, [1], ["a"])])
    with pytest.raises(LoadFailed), connection.begin():
        mysql.write(connection, T, columns, [batch(columns, [2, 1], ["b", "again"])])
    assert plain(other, "SELECT * FROM t") == [(1, "a")]


def test_a_refused_value_is_not_shown(connection: sa.Connection) -> None:
    execute(connection, "CREATE TABLE t (v varchar(60) PRIMARY KEY, d date)")
    secret = "s3cret' for key 'x' at row 1, s3cret"
    columns = [column("string(60)"), column("string(60)", "d")]
    for row in (batch(columns, [secret, secret], [None, None]), batch(columns, ["x"], [secret])):
        with pytest.raises(LoadFailed) as refused:
            mysql.write(connection, T, columns, [row])
        assert "s3cret" not in str(refused.value) and ("PRIMARY" in refused.value.why or "'d'" in refused.value.why)
        connection.rollback()


def test_many_pieces_load_whole_and_leave_no_files(connection: sa.Connection, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(mysql_load, "FILE_BYTES", 4096)
    (folder := tmp_path / "it's \\ here").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    columns = [column("int64", "id"), column("string", "v")]
    make(connection, columns)
    values = [list(range(5000)), [f"v{n}" for n in range(5000)]]
    mysql.write(connection, T, columns, [batch(columns, *[v[n : n + 300] for v in values]) for n in range(0, 5000, 300)])
    assert sorted(rows(connection, T, columns)["id"].to_pylist()) == values[0]
    with pytest.raises(LoadFailed):
        mysql.write(connection, TableName("nowhere"), columns, [batch(columns, [1], ["x"])])
    assert list(folder.iterdir()) == []


def test_nothing_written_is_seen_before_the_commit(connection: sa.Connection, other: Any) -> None:
    v = [column("int64")]
    make(connection, v)
    mysql.write(connection, T, v, [batch(v, [1, 2])])
    assert plain(other, "SELECT count(*) FROM t") == [(0,)]
    connection.rollback()
    assert rows(connection, T, v).num_rows == 0
    connection.rollback()
    with connection.begin():
        mysql.write(connection, T, v, [batch(v, [1, 2])])
    assert plain(other, "SELECT count(*) FROM t") == [(2,)]


def test_writing_no_rows_is_no_fault(connection: sa.Connection) -> None:
    v = [column("int64")]
    make(connection, v)
    mysql.write(connection, T, v, [])
    mysql.write(connection, T, v, [batch(v, [])])
    assert rows(connection, T, v).num_rows == 0


def test_numbering_goes_on_behind_the_loaded_rows_and_zero_stays_zero(connection: sa.Connection) -> None:
    identity = replace(column("int64", "id"), nullable=False, identity=True)
    t = Table(T, (identity, column("int64")), ("id",))
    execute(connection, ddl.create_table(DATABASE, t, T))
    mysql.write(connection, T, t.columns, [batch(t.columns, [41, 0], [1, 1])])
    for statement in mysql.renumber(t, T):
        execute(connection, statement)
    execute(connection, "INSERT INTO t (v) VALUES (2)")
    assert sorted(rows(connection, T, t.columns)["id"].to_pylist()) == [0, 41, 42]
    assert table(connection).column("id").identity


@pytest.mark.parametrize("identity", [False, True])
def test_sessions_load_at_once_without_waiting_for_each_other_forever(
    mariadb_url: sa.URL, connection: sa.Connection, identity: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mysql_load, "FILE_BYTES", 4096)
    monkeypatch.setattr(mysql_load, "PIECE_ROWS", 500)
    columns = [replace(column("int64", "id"), nullable=False, identity=identity), column("string(20)", "v")]
    execute(connection, ddl.create_table(DATABASE, Table(T, tuple(columns), ("id",)), T))
    failures: list[PenstockError] = []

    def load(start: int) -> None:
        values = [list(range(start, 30_000, 3)), [f"v{n}" for n in range(start, 30_000, 3)]]
        try:
            with mysql.engine(mariadb_url).begin() as own:
                mysql.write(own, T, columns, [batch(columns, *values)])
        except PenstockError as error:
            failures.append(error)

    threads = [threading.Thread(target=load, args=(n,)) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert sorted(rows(connection, T, columns)["id"].to_pylist()) == list(range(30_000))


def test_rows_that_stop_coming_leave_nothing_and_no_files(
    connection: sa.Connection, other: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(mysql_load, "FILE_BYTES", 64)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    v = [column("int64")]
    make(connection, v)
    connection.commit()

    def broken() -> Iterator[pa.RecordBatch]:
        for start in range(0, 400, 100):
            yield batch(v, list(range(start, start + 100)))
        raise StagingDamaged("the file ends too early")

    with pytest.raises(StagingDamaged), connection.begin():
        mysql.write(connection, T, v, broken())
    assert plain(other, "SELECT count(*) FROM t") == [(0,)] and list(tmp_path.iterdir()) == []
    with connection.begin():
        mysql.write(connection, T, v, [batch(v, [1])])
    assert plain(other, "SELECT count(*) FROM t") == [(1,)]


def test_a_refused_row_of_an_early_file_is_not_lost_behind_good_ones(connection: sa.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mysql_load, "FILE_BYTES", 64)
    v = [column("int64")]
    execute(connection, "CREATE TABLE t (v tinyint)")
    connection.commit()
    for bad in (0, 3, 5):
        with pytest.raises(LoadFailed), connection.begin():
            mysql.write(connection, T, v, [batch(v, [1] * 100 + ([1000] if n == bad else [])) for n in range(6)])
    assert rows(connection, T, [column("int8")]).num_rows == 0


def test_long_texts_are_written_in_small_pieces(connection: sa.Connection) -> None:
    columns = [column("int64", "id"), column("string")]
    make(connection, columns)
    texts = [chr(97 + n % 26) * 300_000 for n in range(100)]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    given = batch(columns, list(range(100)), texts)
    mysql.write(connection, T, columns, [given] * 5)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 120 << 10, "KiB: less than the long rows together"
    assert execute(connection, "SELECT count(*), sum(length(v)), count(DISTINCT v) FROM t").one() == (500, 150_000_000, 26)


def test_a_numbered_column_keeps_its_zero_beside_a_binary_one(connection: sa.Connection, other: Any) -> None:
    columns = [Column("id", Type("int32"), False, identity=True, native="int"), column("binary", "b")]
    execute(connection, "CREATE TABLE t (id int AUTO_INCREMENT PRIMARY KEY, b longblob)")
    mysql.write(connection, T, columns, [batch(columns, [0, 1, 5], [b"a", None, b"b"])])
    connection.commit()
    assert plain(other, "SELECT id, b FROM t ORDER BY id") == [(0, b"a"), (1, None), (5, b"b")]
