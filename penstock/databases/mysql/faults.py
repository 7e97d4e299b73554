"""Faults of MySQL and MariaDB: rows that can't be read, and what the server's error codes mean."""

from __future__ import annotations

import sqlalchemy as sa

from penstock.databases import Failure
from penstock.databases._shared.faults import text_first
from penstock.errors import ReadFailed
from penstock.model.schema import Column


def no_moment(column: Column, why: str) -> ReadFailed:
    told = "zero and partial dates, and times beyond a day, have no counterpart: correct them, or"
    return _none_such(column, why, f"{told} {text_first(column)}: it carries their text")


def _none_such(column: Column, why: str, fix: str) -> ReadFailed:
    where = f"column {column.name}, declared {column.native or column.type}"
    return ReadFailed(f"a value of {column.name} is not a {column.type}", where=where, why=why, fix=fix)


def not_utf8(column: Column) -> ReadFailed:
    return _none_such(column, "its bytes are not UTF-8", "correct the value, or drop the column")


def unreadable(why: str) -> ReadFailed:
    return ReadFailed("the server could not read the rows", why=why, fix="see the server's log")


# https://mariadb.com/kb/en/mariadb-error-code-reference/
_FAILURES = {
    Failure.ALREADY_EXISTS: (1022, 1050, 1061, 1826),  # a key; a table; an index; a foreign key
    Failure.OUT_OF_MEMORY: (1037, 1038, 1041, 5),
    Failure.DISK_FULL: (1021, 1114),
    Failure.CONNECTION_LOST: (1053, 1152, 1927, 2006, 2013, 2055),
    Failure.LOCKED: (1205, 1213),  # waited too long; a deadlock
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
