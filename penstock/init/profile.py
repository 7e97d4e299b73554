"""The first rows of a table, and what they look like, column by column: nulls, ranges, sets of values, patterns."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from penstock import databases
from penstock.databases import Database
from penstock.model.schema import TEXTS, Column, Table

ROWS, BYTES = 20_000, 32 << 20
FEW = 10
"""The most values that a column of a few values has."""
_LOOKED_AT = 2_000
_NUMBERS = {"int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "decimal", "float32", "float64"}
_MOMENTS = {"date", "timestamp", "timestamptz"}
_CARD = "a payment card number"
PATTERNS = {
    "an email address": r"^[^@\s]+@[^@\s]+\.[A-Za-z]{2,}$",
    "a UUID": r"^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$",
    "an IPv4 address": r"^\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}$",
    "an IBAN": r"^[A-Z]{2}\d{2}[A-Z0-9]{11,30}$",
    "a URL": r"^https?://\S+$",
    "a phone number": r"^\+?\d{1,3}[ ()./-]\d[\d ()./-]{5,16}\d$",
    _CARD: r"^\d{4}[ -]?\d{4}[ -]?\d{4}[ -]?\d{1,7}$",
    "a day": r"^\d{4}-\d{2}-\d{2}$",
    "digits": r"^\d+$",
    "capital letters": r"^[A-Z]+$",
}
"""By what its values are, the pattern that all texts of a column match. The first that fits is taken."""


@dataclass(frozen=True)
class ColumnProfile:
    """What the values of a column look like. low, high: of numbers and moments; else None.

    values: all of them, where these are few; else ().  distinct: how many different ones there are.
    pattern: the name of the one in `PATTERNS` that all texts match; else "".
    """

    column: Column
    nulls: int
    distinct: int
    low: Any = None
    high: Any = None
    values: tuple[Any, ...] = ()
    pattern: str = ""


@dataclass(frozen=True)
class TableProfile:
    """What the first `rows` rows of a table look like. whole: these are all of them."""

    rows: int
    whole: bool
    columns: tuple[ColumnProfile, ...]


def profile(database: Database, connection: sa.Connection, table: Table) -> TableProfile:
    """Read the first rows of a table. Raises ReadFailed where a value is not of its column's type."""
    rows = first_rows(database, connection, table, table.columns)
    if rows is None:
        return TableProfile(0, True, ())
    kinds = _NUMBERS | _MOMENTS | TEXTS | {"boolean", "enum"}
    profiled = tuple(_column(c, rows.column(n)) for n, c in enumerate(table.columns) if c.type.name in kinds)
    return TableProfile(rows.num_rows, whole(rows), profiled)


def first_rows(database: Database, connection: sa.Connection, table: Table, columns: Sequence[Column]) -> pa.Table | None:
    """The first rows of a table; None where it has none. Raises ReadFailed."""
    batches, held = [], 0
    select = databases.select(database, table.name, columns) + f" LIMIT {ROWS}"
    for batch in database.read(connection, select, columns) if columns else ():
        batches.append(batch)
        held += batch.nbytes
        if held > BYTES:
            break
    connection.rollback()
    return pa.Table.from_batches(batches) if batches else None


def whole(rows: pa.Table) -> bool:
    """Whether the first rows of a table are all that it has."""
    return bool(rows.num_rows < ROWS and rows.nbytes <= BYTES)


def _column(column: Column, values: pa.ChunkedArray) -> ColumnProfile:
    distinct = pc.count_distinct(values, mode="only_valid").as_py()
    low = high = None
    if distinct and column.type.name in _NUMBERS | _MOMENTS:
        found = pc.min_max(values).as_py()
        low, high = found["min"], found["max"]
    few = pc.unique(values.drop_null()).to_pylist() if distinct <= FEW else ()
    texts = values.drop_null().slice(0, _LOOKED_AT).to_pylist() if distinct and column.type.name in TEXTS else []
    return ColumnProfile(column, values.null_count, distinct, low, high, tuple(sorted(few)), _pattern(texts))


def _pattern(texts: Sequence[str]) -> str:
    found = (name for name, pattern in PATTERNS.items() if texts and _all(pattern, texts))
    return next((name for name in found if name != _CARD or all(map(_checks, texts))), "")


def _checks(number: str) -> bool:
    """Whether the last digit is the check digit of the others, as in every card number (Luhn's rule)."""
    digits = [int(d) for d in reversed(number) if d.isdecimal()]
    return sum(d if n % 2 == 0 else sum(divmod(2 * d, 10)) for n, d in enumerate(digits)) % 10 == 0


def _all(pattern: str, texts: Iterable[str]) -> bool:
    compiled = re.compile(pattern)
    return all(compiled.search(text) for text in texts)
