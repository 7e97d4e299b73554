"""What is said of a row of MySQL or MariaDB that can't be read."""

from __future__ import annotations

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
