"""SQLite's compiled reader: the same batches, and the same refusals, as rows read by Python's own module."""

from __future__ import annotations

import sqlite3
import struct
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import sqlalchemy as sa
from hypothesis import example, given, settings
from hypothesis import strategies as st

from penstock.databases.sqlite import DATABASE as sqlite
from penstock.databases.sqlite import rows, session
from penstock.errors import ReadFailed
from penstock.model.schema import Column, Type

if rows._sqlite is None:
    pytest.skip("the compiled reader is not built", allow_module_level=True)

NUMBERS = st.integers(-(2**63), 2**63 - 1) | st.sampled_from([0, 1, -1, 2**53, 2**53 + 1, 99, 100])
REALS = st.floats(allow_nan=False) | st.decimals(-(10**13), 10**13, places=2).map(float) | st.sampled_from([0.1, -0.0, 1e-300, 0.005])
TEXTS = st.text(max_size=5) | st.sampled_from(["", "a\0b", "2020-01-01", "1.50", "9" * 30, "x' --", "1e3"])
VALUES = st.none() | NUMBERS | REALS | TEXTS | st.binary(max_size=5)
KINDS = [
    Type("int64"), Type("int8"), Type("boolean"), Type("float64"), Type("float32"), Type("decimal", 15, 2), Type("decimal", 5, 2),
    Type("decimal", 30, 2), Type("decimal", 15, 15), Type("number"), Type("string"), Type("binary"), Type("date"), Type("timestamp"),
    Type("time"), Type("json"), Type("uuid"),
]  # fmt: skip
Read = Callable[[], Iterator[pa.RecordBatch]]


def readers(connection: sa.Connection, columns: list[Column]) -> tuple[Read, Read]:
    driver = session.driver(connection)
    select = "SELECT " + ", ".join(f'"{c.name}"' for c in columns) + " FROM t ORDER BY rowid"
    handle = session.handle(connection)
    return (
        lambda: rows.compiled(driver, handle, select, columns, 16 << 20),
        lambda: rows.plain(driver, select, columns, 16 << 20),
    )


def told(read: Read) -> Any:
    try:
        return pa.Table.from_batches(list(read())).combine_chunks()
    except ReadFailed as error:
        return (error.what, error.where, error.fix)  # why is Arrow's, in other words


@settings(max_examples=400, deadline=None)
@given(kind=st.sampled_from(KINDS), values=st.lists(VALUES, min_size=1, max_size=6))
@example(kind=Type("decimal", 15, 2), values=[0.1, 37, None, 57966.05])
@example(kind=Type("float64"), values=[2**53 + 1])
@example(kind=Type("float64"), values=[2**53 + 1, 0.5])
@example(kind=Type("decimal", 15, 2), values=[2**53 + 1, 0.5])
@example(kind=Type("int64"), values=[2**63 - 1, -(2**63), None])
@example(kind=Type("string"), values=["a\0b", ""])
@example(kind=Type("number"), values=[1, 1.0, "1e3"])
def test_both_readers_answer_the_same_of_any_values(kind: Type, values: list[Any]) -> None:
    engine = sqlite.engine(sa.make_url("sqlite:///:memory:"))
    with engine.connect() as connection:
        driver = session.driver(connection)
        driver.execute("CREATE TABLE t (a)")  # no affinity: each value stays what it is
        driver.executemany("INSERT INTO t VALUES (?)", [(v,) for v in values])
        compiled, plain = map(told, readers(connection, [Column("a", kind)]))
        if isinstance(plain, pa.Table):
            assert isinstance(compiled, pa.Table) and compiled.equals(plain) and bits(compiled) == bits(plain)
        else:
            assert compiled == plain


def bits(table: pa.Table) -> list[Any]:
    """The values, floats by their bits: 0.0 equals -0.0."""
    return [struct.pack("d", v) if isinstance(v, float) else v for v in table.column(0).to_pylist()]


@given(st.decimals(-(10**13) + 1, 10**13 - 1, places=2, allow_nan=False))
def test_a_real_of_fifteen_digits_is_the_decimal_that_it_was_written_as(value: Decimal) -> None:
    array = rows._shifted(pa.array([float(value)]), pa.decimal128(15, 2))
    assert array is not None and array.to_pylist() == [value]


@pytest.mark.parametrize("value", [0.001, 0.105, 1e14, float("inf"), 2.675])
def test_a_real_that_is_no_such_decimal_is_not_rounded(value: float) -> None:
    assert rows._shifted(pa.array([value]), pa.decimal128(15, 2)) is None


def test_a_text_that_is_not_utf_8_is_refused_by_name() -> None:
    engine = sqlite.engine(sa.make_url("sqlite:///:memory:"))
    with engine.connect() as connection:
        session.driver(connection).executescript("CREATE TABLE t (ok, \"b'ad\"); INSERT INTO t VALUES ('fine', CAST(X'80' AS TEXT))")
        compiled, _ = readers(connection, [Column("ok", Type("string")), Column("b'ad", Type("string"))])
        with pytest.raises(ReadFailed, match="a text of b'ad is not UTF-8"):
            list(compiled())


def test_rows_are_read_inside_the_connections_own_snapshot(tmp_path: Path) -> None:
    engine = sqlite.engine(sa.make_url(f"sqlite:///{tmp_path}/t.sqlite"))
    with sqlite3.connect(tmp_path / "t.sqlite") as other, engine.connect() as connection:
        other.executescript("PRAGMA journal_mode = WAL; CREATE TABLE t (a); INSERT INTO t VALUES (1)")
        sqlite.begin_snapshot(connection)
        other.execute("INSERT INTO t VALUES (2)")
        other.commit()
        compiled, _ = readers(connection, [Column("a", Type("int64"))])
        assert told(compiled).column(0).to_pylist() == [1]


def test_batches_are_bounded_by_bytes_whatever_a_value_weighs() -> None:
    engine = sqlite.engine(sa.make_url("sqlite:///:memory:"))
    with engine.connect() as connection:
        session.driver(connection).executescript("CREATE TABLE t (a); INSERT INTO t VALUES (zeroblob(17000000)), (zeroblob(9)), (NULL)")
        compiled, _ = readers(connection, [Column("a", Type("binary"))])
        assert [b.num_rows for b in compiled()] == [1, 2]


def test_a_connection_that_closes_while_rows_are_read_takes_nothing_with_it(tmp_path: Path) -> None:
    driver = sqlite3.connect(tmp_path / "t.sqlite")
    handle = rows.opened()
    driver.executescript("CREATE TABLE t (a); INSERT INTO t VALUES (1), (2)")
    reader = rows._sqlite.Reader(driver, handle, "SELECT a FROM t", b"\0", 1, 1000)
    assert reader.read() is not None
    driver.close()
    del reader
    assert rows.opened() == 0


def test_an_error_of_sqlite_is_its_own() -> None:
    driver = sqlite3.connect(":memory:")
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        rows._sqlite.Reader(driver, rows.opened(), "SELECT a FROM t", b"\0", 1, 1000)
