"""Faults of MySQL and MariaDB: rows that can't be read, and what the server's error codes mean."""

from __future__ import annotations

import sqlalchemy as sa

from penstock.databases import Failure, driver_faults
from penstock.databases._shared.faults import text_first
from penstock.errors import PenstockError, ReadFailed
from penstock.model.schema import Column


def no_moment(column: Column, why: str) -> ReadFailed:
    told = "zero and partial dates, and times beyond a day, have no counterpart: correct them, or"
    return _none_such(column, why, f"{told} {text_first(column)}: it carries their text")


def _none_such(column: Column, why: str, fix: str) -> ReadFailed:
    where = f"column {column.name}, declared {column.native or column.type}"
    return ReadFailed(f"a value of {column.name} is not a {column.type}", where=where, why=why, fix=fix)


def not_utf8(column: Column) -> ReadFailed:
    return _none_such(column, "its bytes are not UTF-8", "correct the value, or drop the column")


def unreadable(connection: sa.Connection, code: int, why: str) -> PenstockError:
    """The fault of rows that stopped coming. code: the client library's."""
    return gone(connection, code, why) or ReadFailed("the server could not read the rows", why=why, fix="see the server's log")


# https://mariadb.com/kb/en/mariadb-error-code-reference/
_FAILURES = {
    Failure.ALREADY_EXISTS: (1022, 1050, 1061, 1826),  # a key; a table; an index; a foreign key
    Failure.OUT_OF_MEMORY: (1037, 1038, 1041, 5),
    # a full disk; a full table; a temporary file, or the binary log, that can't be written
    Failure.DISK_FULL: (1021, 1114, 1026, 3, 20),
    # --read-only; read-only by another option; a read-only transaction; innodb_read_only; --super-read-only of MariaDB
    Failure.READ_ONLY: (1290, 1792, 1836, 1874, 4166),
    # what the server says before it closes a connection: shutdown, aborted, killed, idle for too long, network errors, no more connections
    Failure.CONNECTION_LOST: (
        *(1040, 1053, 1079, 1152, 1158, 1159, 1160, 1161, 1184, 1203, 1226, 1927, 3169, 4031),
        *(2002, 2003, 2006, 2013, 2026, 2055),  # what the client library says
    ),
    Failure.LOCKED: (1205, 1213),  # waited too long; a deadlock
    Failure.BREAKS_KEY: (1048, 1062, 1452, 1586, 3819, 4025),  # a NULL; a key twice; a row without its reference; a check
}
_BY_CODE = {code: failure for failure, codes in _FAILURES.items() for code in codes}
_CANT_CREATE = 1005
_EXISTS = "errno: 121 "  # the storage engine's own code, by which MariaDB refuses a second foreign key of the same name


def classify(error: sa.exc.DBAPIError) -> Failure:
    """What an error of the client library means, by the server's code for it."""
    code, text = (*getattr(error.orig, "args", ()), 0, "")[:2]
    if code == _CANT_CREATE and _EXISTS in str(text):
        return Failure.ALREADY_EXISTS
    return _BY_CODE.get(code, Failure.CONNECTION_LOST if error.connection_invalidated else Failure.OTHER)


def gone(connection: sa.Connection, code: int, why: str) -> PenstockError | None:
    """The fault of `driver_faults` that an error of the driver itself is; None when the server is there and has room."""
    failure = _BY_CODE.get(code, Failure.OTHER)
    if failure is Failure.CONNECTION_LOST:
        connection.invalidate()  # or SQLAlchemy's rollback would raise in our fault's place
    return driver_faults.fault(connection, failure, why)
