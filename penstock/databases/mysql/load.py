"""Arrow batches into a table of MySQL or MariaDB, by LOAD DATA LOCAL.

Manual: https://mariadb.com/kb/en/load-data-infile/. LOCAL turns errors into warnings, so a single one is a failure.
Measured, and left out: unique_checks = 0 takes twice the server's time in MariaDB (it sorts the rows once more), one big
file is no faster than many small ones, and neither the declared character set nor escapes cost the server anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from penstock.databases._shared import text_format
from penstock.databases.mysql.catalogue import decoded, qualified, quoted
from penstock.databases.mysql.faults import gone
from penstock.errors import SET_APART, LoadFailed, RowsRefused
from penstock.model.schema import BINARIES, Column, TableName

PIECE_ROWS, PIECE_BYTES = 16_384, 2 << 20  # what is made text in one go
FILE_BYTES = 8 << 20
_KEYS = frozenset({1062, 1586})  # of rows that meet under one key: no one of them is bad by itself
# What values cause and LOCAL lets stand as an error: a NULL, a geometry that is none, a constraint
_ERRORS = frozenset({1048, 1263, 1264, 1265, 1292, 1366, 1406, 1411, 1416, 3140, 3819, 4025})


def write(connection: sa.Connection, name: TableName, columns: Sequence[Column], batches: Iterable[pa.RecordBatch]) -> None:
    """Load the batches as `Database.write` promises: the server takes one file while the next is written. Raises LoadFailed."""
    with TemporaryDirectory(prefix="penstock-") as folder, ThreadPoolExecutor(1) as pool:
        loading: Future[None] | None = None
        before = 0
        for file, rows in _files(Path(folder), columns, batches):
            if loading is not None:
                loading.result()
            loading = pool.submit(_load, connection, name, columns, file, rows, before)
            before += rows
        if loading is not None:
            loading.result()


def _files(folder: Path, columns: Sequence[Column], batches: Iterable[pa.RecordBatch]) -> Iterator[tuple[Path, int]]:
    """The batches as files of about FILE_BYTES, and how many rows each has."""
    spelled = partial(_spelled, {c.name: c.type.name for c in columns})
    pieces = _pieces(batches)
    piece, number = next(pieces, None), 0
    while piece is not None:
        file, rows = folder / f"{number}.tsv", 0
        with file.open("wb") as stream:
            while piece is not None and stream.tell() < FILE_BYTES:
                text_format.write(stream, piece, spelled)
                rows += piece.num_rows
                piece = None  # before the next is read
                piece = next(pieces, None)
        yield file, rows
        number += 1


def _pieces(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        rows = max(1, min(PIECE_ROWS, batch.num_rows * PIECE_BYTES // max(batch.nbytes, 1)))
        yield from (batch.slice(start, rows) for start in range(0, batch.num_rows, rows))
        del batch


def _load(connection: sa.Connection, name: TableName, columns: Sequence[Column], file: Path, rows: int, before: int) -> None:
    """One file, which is removed afterwards; `before` rows have gone before it."""
    made = {i: form for i, c in enumerate(columns) if (form := _made(c))}
    if made:  # beside a SET the server would number a 0 that it reads itself
        made |= {i: "{}" for i, c in enumerate(columns) if c.identity}
    fields = ", ".join(f"@v{i}" if i in made else quoted(c.name) for i, c in enumerate(columns))
    sets = ", ".join(f"{quoted(columns[i].name)} = {form.format(f'@v{i}')}" for i, form in made.items())
    path = str(file).replace("\\", "\\\\").replace("'", "''")
    statement = (
        f"LOAD DATA LOCAL INFILE '{path}' INTO TABLE {qualified(name)} CHARACTER SET utf8mb4"
        rf" FIELDS TERMINATED BY '\t' ESCAPED BY '\\' LINES TERMINATED BY '\n' ({fields})" + (f" SET {sets}" if sets else "")
    )
    driver: Any = connection.connection.driver_connection
    try:
        driver.query(statement.encode())
        loaded = driver.affected_rows()
        driver.query(b"SHOW WARNINGS")
        warned = driver.store_result().fetch_row(0, 0)
    except driver.Error as error:
        code, why = int(error.args[0]), str(error.args[-1])
        raise (gone(connection, code, why) or _refused(name, why, code in _ERRORS, [])) from None
    finally:
        file.unlink()
    if warned or loaded != rows:
        said = [decoded(message) for _, _, message in warned]
        by_values = bool(warned) and not _KEYS & {int(code) for _, code, _ in warned}
        raise _refused(name, said[0] if said else f"{rows - loaded} of {rows} rows were not taken", by_values, _told(said, before))


def _made(column: Column) -> str:
    """What the server makes the column's value of; empty where it reads it as it is written."""
    if column.type.name in BINARIES:
        return "UNHEX({})"
    return "CAST(CONV({}, 2, 10) AS UNSIGNED)" if column.native.startswith("bit(") else ""


def _told(messages: Sequence[str], before: int) -> list[tuple[int, str, str]]:
    """The rows that warnings speak of, each with its first; none when one of them does not say which."""
    found: dict[int, tuple[int, str, str]] = {}
    for message in messages:
        row = re.search(r" at row (\d+)$", message)
        if not row:
            return []
        place = before + int(row[1]) - 1
        found.setdefault(place, (place, *_words(message)[::-1]))
    return [found[place] for place in sorted(found)]


def _words(message: str) -> tuple[str, str]:
    """What a server says, without the value, which may be a sensitive column's, and the column when it names one."""
    said = re.sub(r"(value:?|entry) '.*'(?= for (?:key|column|function) | at row )", r"\1 '…'", message, flags=re.DOTALL)
    said = re.sub(r" at row \d+$", "", said)  # of a file that nobody sees
    named = re.search(r"[Cc]olumn (?:`.*`\.`.*`\.)?([`'])(.*)\1(?: cannot be null)?$", said, re.DOTALL)
    return said, named[2] if named else ""


def _refused(name: TableName, message: str, by_values: bool, rows: Sequence[tuple[int, str, str]]) -> LoadFailed:
    """The fault that a server's message is."""
    said, column = _words(message)
    what, where = f"{name} refused rows", f"table {name}" + (f", column {column}" if column else "")
    fix = f"cast, map or filter the values in the migration, or {SET_APART}"
    return RowsRefused(what, where, said, fix, column, rows) if by_values else LoadFailed(what, where, said, fix)


def _spelled(kinds: dict[str, str], array: pa.Array, field: pa.Field) -> pa.Array:
    """A column in the spelling that LOAD DATA reads. `kinds` are the canonical types' names."""
    if kinds[field.name] == "year":
        # One or two digits would be taken for 2000 or 2005: none is 0000, and what a year can't be must be refused.
        years = array.cast(pa.int32())
        refused = pc.and_(pc.greater(years, 0), pc.less(years, 100))
        return pc.utf8_lpad(pc.if_else(refused, pc.add(years, 10_000), years).cast(pa.string()), 4, "0")
    if pa.types.is_float32(array.type):
        # the shortest text of the largest float is, read as a double, beyond it
        return array.cast(pa.float64()).cast(pa.string())
    if pa.types.is_boolean(array.type):
        return array.cast(pa.int8()).cast(pa.string())
    if pa.types.is_timestamp(array.type):
        return array.cast(pa.timestamp("us")).cast(pa.string())
    if pa.types.is_binary(array.type):
        return text_format.to_hex(array)
    return array if pa.types.is_string(array.type) else array.cast(pa.string())
