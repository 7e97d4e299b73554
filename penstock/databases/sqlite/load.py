"""Arrow batches into a table of SQLite, as Python's values.

Decimals of more than 15 digits would be rounded to floats by NUMERIC affinity; they are stored as text.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from penstock.databases import driver_faults
from penstock.databases._shared import arrow
from penstock.databases._shared.ansi import qualified, quoted
from penstock.databases._shared.faults import unheld
from penstock.databases.sqlite import session
from penstock.errors import SET_APART, LoadFailed, RowsRefused
from penstock.model.schema import DECIMALS, Column, TableName

FIRST, LAST = -719_528, 2_932_896  # the years 0000 to 9999, as ISO 8601 writes them
MOMENTS = frozenset({"date", "timestamp", "timestamptz"})


def write(connection: sa.Connection, name: TableName, columns: Sequence[Column], batches: Iterable[pa.RecordBatch]) -> None:
    """Load the batches as `Database.write` promises. Raises LoadFailed."""
    fields = ", ".join(quoted(c.name) for c in columns)
    places = ", ".join("?" * len(columns))
    try:
        session.driver(connection).executemany(f"INSERT INTO {qualified(name)} ({fields}) VALUES ({places})", _rows(batches, columns))
    except (sqlite3.Error, OverflowError) as error:
        if gone := driver_faults.fault(connection, session.meant(error), str(error)):
            raise gone from None
        what, where, fix = f"{name} refused rows", f"table {name}", "cast or filter the values in the migration, or correct the key"
        if isinstance(error, sqlite3.IntegrityError | sqlite3.DataError | OverflowError) and not str(error).startswith("UNIQUE"):
            null = str(error).removeprefix(f"NOT NULL constraint failed: {name.name}.")
            raise RowsRefused(what, where, str(error), fix, null if null != str(error) else "") from None
        raise LoadFailed(what, where, str(error), fix) from None


def _rows(batches: Iterable[pa.RecordBatch], columns: Sequence[Column]) -> Iterator[tuple[Any, ...]]:
    for batch in batches:
        values = [_held(array, c).to_pylist() for array, c in zip(batch.columns, columns, strict=True)]
        del batch  # SQLite copies a row twice
        yield from zip(*values, strict=True)
        del values


def _held(array: pa.Array, column: Column) -> pa.Array:
    """Values as SQLite stores them. Raises LoadFailed where it would store another: NULL for NaN, or a date that it can't read."""
    why = ""
    if pa.types.is_floating(array.type) and pc.any(pc.is_nan(array)).as_py():
        why = "NaN would be stored as NULL"
    if column.type.name in MOMENTS and arrow.beyond(array, FIRST, LAST):
        why = "dates have years of four digits here"
    if why:
        raise unheld(column.name, why, f"`cast` the column to string, or {SET_APART}")
    return _stored(array, column)


def _stored(array: pa.Array, column: Column) -> pa.Array:
    """Values as SQLite stores them: numbers, texts and blobs."""
    kind = column.type.name
    if kind in ("timestamp", "timestamptz", "time", "date"):
        plain = array.cast(pa.timestamp("us")) if kind == "timestamptz" else array
        texts = plain.cast(pa.string())
        return pc.binary_join_element_wise(texts, "+00:00", "") if kind == "timestamptz" else texts
    if kind in DECIMALS:
        return array.cast(pa.string())
    if kind == "boolean":
        return array.cast(pa.int8())
    return array
