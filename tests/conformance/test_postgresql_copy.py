"""PostgreSQL's COPY: binary out, lines in, long rows in place, one snapshot over several connections."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator, Sequence
from decimal import Context, Decimal
from typing import Any

import psycopg
import pyarrow as pa
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from penstock import databases
from penstock.databases import execute, select
from penstock.databases.postgresql import DATABASE as postgresql
from penstock.databases.postgresql import copy
from penstock.errors import LoadFailed
from penstock.model.plan import TablePlan
from penstock.model.schema import Column, TableName, Type, arrow_schema
from penstock.planning import chunking
from penstock.planning.statements import extract_select
from tests.support.data.plain_numbers import PLAIN

DATABASE: databases.Database = databases.of(sa.make_url("postgresql://x"))
PLACE = TableName("t", "public")
UTC = dt.UTC

no_nul = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)
moments = st.datetimes(dt.datetime(1, 1, 1), dt.datetime(9999, 12, 31, 23, 59, 59, 999999))
VALUES: dict[str, st.SearchStrategy[Any]] = {
    **PLAIN,
    "year": st.integers(1901, 2155),
    "float32": st.floats(width=32),
    "float64": st.floats(),
    "decimal(38,0)": st.decimals(-(10**38) + 1, 10**38 - 1, places=0),
    "decimal(38,38)": st.integers(-(10**38) + 1, 10**38 - 1).map(lambda n: Decimal(n).scaleb(-38, Context(prec=50))),
    "decimal(9,4)": st.decimals(-99999, 99999, places=4),
    "string": no_nul,
    "json": st.sampled_from(['{"a": 1.10}', "[]", '"\\u0000é"']),
    "uuid": st.uuids().map(str),
    "enum('a','b')": st.sampled_from(["a", "b"]),
    "binary": st.binary(max_size=12),
    "date": st.dates(),
    "time": st.times(),
    "timestamp": moments,
    "timestamptz": moments.map(lambda m: m.replace(tzinfo=UTC)),
}


COLUMNS = [Column(f"c{n}", Type.parse(written)) for n, written in enumerate(VALUES)]
rows = st.lists(st.tuples(*(st.none() | values for values in VALUES.values())), max_size=5)


@pytest.fixture
def connection(postgresql_url: sa.URL) -> Iterator[sa.Connection]:
    with postgresql.engine(postgresql_url).connect() as connection:
        yield connection


def make(connection: sa.Connection, columns: Sequence[Column]) -> None:
    fields = ", ".join(f"{c.name} {postgresql.native(c.type)}" for c in columns)
    execute(connection, f"DROP TABLE IF EXISTS t; CREATE TABLE t ({fields})")


def read(connection: sa.Connection, columns: Sequence[Column]) -> list[tuple[Any, ...]]:
    found = pa.Table.from_batches(postgresql.read(connection, select(DATABASE, PLACE, columns), columns), arrow_schema(columns))
    return [tuple(row.values()) for row in found.to_pylist()]


def same(one: Any, other: Any) -> bool:
    return one == other or (isinstance(one, float) and isinstance(other, float) and math.isnan(one) and math.isnan(other))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=rows)
def test_any_value_is_stored_by_a_binary_load_as_it_was(connection: sa.Connection, values: list[tuple[Any, ...]]) -> None:
    assert copy.has_binary(COLUMNS)
    arrays = [pa.array([row[n] for row in values], c.type.arrow) for n, c in enumerate(COLUMNS)]
    batch = pa.RecordBatch.from_arrays(arrays, schema=arrow_schema(COLUMNS))
    make(connection, COLUMNS)
    postgresql.write(connection, PLACE, COLUMNS, [batch])
    found = read(connection, COLUMNS)
    expected = [tuple(row.values()) for row in batch.to_pylist()]
    assert len(found) == len(expected)
    assert all(same(a, b) for row, other in zip(found, expected, strict=True) for a, b in zip(row, other, strict=True))


def test_decimals_of_more_than_38_digits_are_stored_too(connection: sa.Connection) -> None:
    columns = [Column("d", Type.parse("decimal(60,20)"))]
    make(connection, columns)
    number = pa.array(["1234567890123456789012345678901234567890.12345678901234567891"]).cast(columns[0].type.arrow)
    postgresql.write(connection, PLACE, columns, [pa.RecordBatch.from_arrays([number], schema=arrow_schema(columns))])
    assert str(execute(connection, "SELECT d FROM t").scalar_one()) == "1234567890123456789012345678901234567890.12345678901234567891"


@pytest.mark.parametrize(("written", "value"), [("date", -(2**31)), ("timestamp", -(2**63) + 1), ("timestamptz", -(2**63) + 1)])
def test_a_time_that_would_wrap_around_is_refused_by_name(connection: sa.Connection, written: str, value: int) -> None:
    columns = [Column("at", Type(written))]
    make(connection, columns)
    kind = columns[0].type.arrow
    array = pa.array([value], pa.int32() if written == "date" else pa.int64()).cast(kind)
    with pytest.raises(LoadFailed, match="at"):
        postgresql.write(connection, PLACE, columns, [pa.RecordBatch.from_arrays([array], schema=arrow_schema(columns))])


def test_rows_longer_than_the_window_are_read_in_pieces(connection: sa.Connection) -> None:
    columns = [
        Column("n", Type("int32")),
        Column("t", Type("string")),
        Column("b", Type("binary")),
        Column("d", Type.parse("decimal(5,2)")),
    ]
    values = [
        (1, "a\tb\nc\\N\\\\\r\b\f\v" * 50_000, b"\0\xff\t\n" * 100_000, "1.50"),
        (2, "short", None, None),
        (3, None, b"\\" * (3 << 20), "-0.01"),
        (None, "\\N" + "ü😀" * 200_000, b"", "0.00"),
        (5, "", b"x", "9.99"),
    ]
    execute(connection, "CREATE TABLE t (n int, t text, b bytea, d numeric(5,2))")
    connection.exec_driver_sql("INSERT INTO t VALUES (%s, %s, %s, %s)", values)
    found = [(n, t, b, None if d is None else str(d)) for n, t, b, d in read(connection, columns)]
    assert found == values


def test_text_that_looks_like_an_escape_or_a_null_is_text(connection: sa.Connection) -> None:
    columns = [Column("t", Type("string"))]
    values = ["\\N", "\\", "\\\\N", "N", "\\n", "\n", "", None, "a\\tb", "\\.", "\ufeff"]
    execute(connection, "CREATE TABLE t (t text)")
    connection.exec_driver_sql("INSERT INTO t VALUES (%s)", [(v,) for v in values])
    assert [t for (t,) in read(connection, columns)] == values


def test_connections_that_share_a_snapshot_see_one_instant(connection: sa.Connection, postgresql_url: sa.URL) -> None:
    address = postgresql_url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(address, autocommit=True) as writer, postgresql.engine(postgresql_url).connect() as second:
        writer.execute("CREATE TABLE t (n int); INSERT INTO t VALUES (1)")
        assert postgresql.begin_snapshot(connection, second)
        writer.execute("INSERT INTO t VALUES (2)")
        columns = [Column("n", Type("int32"))]
        assert read(connection, columns) == read(second, columns) == [(1,)]


def test_a_table_without_a_key_is_cut_by_where_its_rows_lie(connection: sa.Connection) -> None:
    execute(connection, "CREATE TABLE t (n int, filler text); INSERT INTO t SELECT g, repeat('x', 500) FROM generate_series(1, 2000) g")
    execute(connection, "DELETE FROM t WHERE n % 3 = 0")
    (table,) = postgresql.inspect(connection, "public")
    plan = TablePlan(table, table, PLACE, PLACE, False, (), (), (), False, ())
    cut = chunking.cut(plan, DATABASE, connection, 100_000)
    pieces = [list(postgresql.read(connection, extract_select(cut, DATABASE, c), table.columns)) for c in cut.chunks]
    counts = [sum(b.num_rows for b in batches) for batches in pieces]
    found = sorted(n for batches in pieces for b in batches for n in b.column(0).to_pylist())
    assert found == [n for n in range(1, 2001) if n % 3]
    assert len(counts) > 4 and max(counts) < 2 * min(counts[:-1])
