"""Connections to a SQLite file, and transactions of several connections that see one instant."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext

import sqlalchemy as sa

from penstock.databases import Failure, execute
from penstock.databases.sqlite import rows

_HANDLE = "penstock.handle"
# The first byte of https://www.sqlite.org/rescode.html; the others say more about it.
_FAILURES = {
    sqlite3.SQLITE_BUSY: Failure.LOCKED,
    sqlite3.SQLITE_LOCKED: Failure.LOCKED,
    sqlite3.SQLITE_NOMEM: Failure.OUT_OF_MEMORY,
    sqlite3.SQLITE_FULL: Failure.DISK_FULL,
    sqlite3.SQLITE_READONLY: Failure.READ_ONLY,
    sqlite3.SQLITE_CONSTRAINT: Failure.BREAKS_KEY,
}


def engine(url: sa.URL) -> sa.Engine:
    """An engine whose transactions begin and end as SQLAlchemy's do, DDL included."""
    made = sa.create_engine(url, poolclass=sa.pool.NullPool, connect_args={"timeout": 60})

    @sa.event.listens_for(made, "connect")
    def _session(connection: sqlite3.Connection, record: sa.pool.ConnectionPoolEntry) -> None:
        record.info[_HANDLE] = rows.opened()
        connection.isolation_level = None  # the driver would commit before DDL; transactions are ours
        connection.execute("PRAGMA foreign_keys = OFF")

    @sa.event.listens_for(made, "begin")
    def _begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql("BEGIN")

    return made


def driver(connection: sa.Connection) -> sqlite3.Connection:
    """The driver's own connection, inside SQLAlchemy's transaction."""
    if not connection.in_transaction():
        connection.begin()
    found = connection.connection.driver_connection
    assert isinstance(found, sqlite3.Connection)
    return found


def handle(connection: sa.Connection) -> int:
    """SQLite's own handle of the connection; 0 where it is not known."""
    found = connection.connection.info.get(_HANDLE, 0)
    assert isinstance(found, int)
    return found


def begin_snapshot(connection: sa.Connection, *others: sa.Connection) -> bool:
    """As `Database.begin_snapshot` promises."""
    with _unwritten(connection.engine) if others else nullcontext(True) as alike:
        for each in (connection, *others) if alike else (connection,):
            execute(each, "SELECT count(*) FROM sqlite_schema").scalar_one()  # the first read of the transaction takes the snapshot
    return alike


@contextmanager
def _unwritten(engine: sa.Engine) -> Iterator[bool]:
    """Keep everybody from writing for a moment; answers whether that could be done: not while another writes, or in a file to be read only.

    Nothing is written by it, https://www.sqlite.org/lang_transaction.html.
    """
    with closing(engine.raw_connection()) as held:
        raw = held.driver_connection
        assert isinstance(raw, sqlite3.Connection)
        raw.execute("PRAGMA busy_timeout = 1000")
        unwritten = rows.may_write(held.info.get(_HANDLE, 0))  # or its BEGIN would be a reader's
        try:
            raw.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            unwritten = False
        yield unwritten


def meant(error: BaseException | None) -> Failure:
    """What an error of the driver means, by its code."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_ERROR and str(error).endswith("already exists"):  # no code of its own, and never translated
        return Failure.ALREADY_EXISTS
    return _FAILURES.get(code, Failure.OTHER)
