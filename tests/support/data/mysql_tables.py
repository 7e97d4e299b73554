"""Small tables in MariaDB, for the tests of its module: made, written and read in a line each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import MySQLdb
import pyarrow as pa
import pytest
import sqlalchemy as sa

from penstock import databases
from penstock.databases import execute, qualified, select
from penstock.databases._shared import ddl
from penstock.databases.mysql import DATABASE as mysql
from penstock.databases.mysql import rows as mysql_rows
from penstock.model.schema import Column, Table, TableName, Type, arrow_schema

DATABASE: databases.Database = databases.of(sa.make_url("mysql://x"))
T = TableName("t")


@pytest.fixture
def connection(mariadb_url: sa.URL) -> Iterator[sa.Connection]:
    with mysql.engine(mariadb_url).connect() as connection:
        yield connection


@pytest.fixture
def other(mariadb_url: sa.URL) -> Iterator[Any]:
    """Another session, by the plain driver: without SQLAlchemy and without Penstock."""
    u = mariadb_url
    other = MySQLdb.connect(
        host=u.host, port=u.port, user=u.username, password=u.password, database=u.database, charset="utf8mb4", autocommit=True
    )
    yield other
    other.close()


@pytest.fixture(autouse=True, params=["compiled", "by Python"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Which way rows are made: both do the same."""
    if request.param == "by Python":
        monkeypatch.setattr(mysql_rows, "_mysql", None)
    else:
        assert mysql_rows._mysql, "it is compiled where tests run"
    return str(request.param)


def plain(other: Any, query: str) -> list[tuple[Any, ...]]:
    cursor = other.cursor()
    cursor.execute(query)
    return list(cursor.fetchall())


def table(connection: sa.Connection, name: str = "t") -> Table:
    (found,) = mysql.inspect(connection, None, [name])
    return found


def rows(connection: sa.Connection, name: TableName, columns: Sequence[Column], where: str = "") -> pa.Table:
    return pa.Table.from_batches(mysql.read(connection, select(DATABASE, name, columns, where), columns), arrow_schema(columns))


def column(written: str, name: str = "v") -> Column:
    type = Type.parse(written)
    return Column(name, type, native=mysql.native(type))


def batch(columns: Sequence[Column], *values: Sequence[Any]) -> pa.RecordBatch:
    arrays = [pa.array(v, c.type.arrow) for c, v in zip(columns, values, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=arrow_schema(columns))


def make(connection: sa.Connection, columns: Sequence[Column], name: TableName = T) -> None:
    execute(connection, f"DROP TABLE IF EXISTS {qualified(DATABASE, name)}")
    execute(connection, ddl.create_table(DATABASE, Table(name, tuple(columns)), name))


def through(connection: sa.Connection, written: str, values: Sequence[Any]) -> list[Any]:
    """These values, written into a column of that canonical type and read back."""
    v = column(written)
    make(connection, [v])
    mysql.write(connection, T, [v], [batch([v], values)])
    found: list[Any] = rows(connection, T, [v])["v"].to_pylist()
    return found
