"""Rows of MySQL and MariaDB as Arrow batches, huge ones in pieces.

The compiled reader makes them where it can use the driver's connection, else Python does (`lines`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from penstock.databases import execute
from penstock.databases._shared import arrow, long_values
from penstock.databases.mysql import catalogue, lines
from penstock.databases.mysql.catalogue import aliased, quoted
from penstock.databases.mysql.faults import no_moment, not_utf8, unreadable
from penstock.errors import ReadFailed
from penstock.model.schema import Column, arrow_schema
from penstock.runtime.memory import USUAL, Room

try:
    from penstock import _mysql
except ImportError:  # not compiled, or without its client library
    _mysql = None  # type: ignore[assignment]

_ONE_BY_ONE = "optimizer_switch = 'block_nested_loop=off'"
_ALL = 1 << 32
_TOO_LONG = 1301


def read(connection: sa.Connection, select: str, columns: Sequence[Column], room: Room = USUAL) -> Iterator[pa.RecordBatch]:
    """The rows of a select of `columns`, as `Database.read` promises, in any order. Raises ReadFailed."""
    if room.longest > long_values.LONG:
        # a row's pieces follow one another as long as no rows are gathered to be joined together
        mariadb = catalogue.version(connection).startswith("MariaDB")
        execute(connection, f"SET SESSION {'join_cache_level = 0' if mariadb else _ONE_BY_ONE}")
        sent = long_values.columns(columns, long_values.may_be_long)
        rows = _rows(connection, _in_pieces(select, columns, room.longest), sent, long_values.BATCH)
        yield from long_values.joined(rows, columns)
    else:
        yield from _rows(connection, select, columns, room.batch)


def _in_pieces(select: str, columns: Sequence[Column], longest: int) -> str:
    """The select of `long_values.columns`: a row's long values as pieces of their bytes."""
    size = long_values.PIECE
    last = longest // size + 1  # it has all that is left of a value that has become longer since
    names = {c: f"penstock.{aliased(c)}" for c in columns}
    octets = ", ".join(["1", *(f"IFNULL(OCTET_LENGTH({n}), 0)" for c, n in names.items() if long_values.may_be_long(c)), "0"])
    fields = (  # a CAST would be NULL of what is longer than a packet
        f"SUBSTRING(CONVERT({n} USING binary) FROM 1 + p.number * {size} FOR IF(p.number = {last}, {_ALL}, {size})) AS {aliased(c)}"
        if long_values.may_be_long(c)
        else f"IF(p.number = 0, {n}, NULL) AS {aliased(c)}"
        for c, n in names.items()
    )
    numbers = " UNION ALL ".join(f"SELECT {n} AS number" for n in range(last + 1))
    chosen = f"p.number * {size} < GREATEST({octets})"
    named = f"p.number AS {quoted(long_values.NUMBER.name)}"
    return f"SELECT {named}, {', '.join(fields)} FROM ({select}) AS penstock STRAIGHT_JOIN ({numbers}) AS p ON {chosen}"


def _rows(connection: sa.Connection, select: str, columns: Sequence[Column], batch_bytes: int) -> Iterator[pa.RecordBatch]:
    driver = connection.connection.driver_connection
    if _mysql and _mysql.reads(driver):
        yield from _compiled(connection, driver, select, columns, batch_bytes)
    else:
        yield from lines.read(connection, select, columns, batch_bytes * 2 // 3)
    _whole(driver)


def _whole(driver: Any) -> None:
    """Raises ReadFailed where the server has given NULL for what is longer than it makes."""
    if driver.warning_count():
        driver.query(b"SHOW WARNINGS")
        if any(int(code) == _TOO_LONG for _, code, _ in driver.store_result().fetch_row(0, 0)):
            why, fix = "a value is longer than its max_allowed_packet", "raise max_allowed_packet at the server"
            raise ReadFailed("the server gave NULL for a value", why=why, fix=fix)


def _compiled(connection: sa.Connection, driver: Any, select: str, columns: Sequence[Column], batch_bytes: int) -> Iterator[pa.RecordBatch]:
    schema = arrow_schema(columns)
    try:
        driver.query(select.encode())
    except driver.Error as error:
        raise unreadable(connection, int(error.args[0]), str(error.args[-1])) from None
    reader = _mysql.Reader(driver, schema, lines.BATCH_ROWS, batch_bytes)
    try:
        while not reader.ended:
            if array := _next(connection, driver, reader, columns):
                yield arrow.batch(schema, array)
                del array  # nothing here holds a batch while the next is read
    finally:
        reader.close()  # rows left unread would make the next statement, even a rollback, fail in place of the fault


def _next(connection: sa.Connection, driver: Any, reader: _mysql.Reader, columns: Sequence[Column]) -> object | None:
    try:
        return reader.read()
    except ValueError as error:
        number, why = error.args
        column = columns[number]
        raise (not_utf8(column) if column.type.arrow == pa.string() else no_moment(column, why)) from None
    except RuntimeError as error:
        raise unreadable(connection, driver.errno(), str(error)) from None
