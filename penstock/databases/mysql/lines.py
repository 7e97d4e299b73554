"""Rows of MySQL and MariaDB without the compiled reader: raw bytes fetched by mysqlclient, made columns by Arrow.

Columns of a fixed form (numbers, dates, times), whose text can hold neither tab nor line break and is never empty, are
joined by the server to one line a row, which Arrow's CSV reader parses: one Python object a row, and no escapes.
Texts and binaries come as columns of their own, so nothing of theirs is ever ambiguous either.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import pyarrow as pa
import sqlalchemy as sa
from pyarrow import csv

from penstock.databases.mysql.catalogue import aliased
from penstock.databases.mysql.faults import no_moment, not_utf8, unreadable
from penstock.errors import ReadFailed
from penstock.model.schema import BINARIES, DECIMALS, TEXTS, WORDED, Column, Type, arrow_schema

BATCH_ROWS = 65_536
STEP_ROWS = 512  # more would leave the processor's cache before they are columns
WARY_ROWS, STEP_BYTES = 128, 1 << 20  # what is fetched before its size is looked at, where rows may be long
PLAIN_BYTES = 1024  # a row that can't be longer than this needs no look

_LONGEST = 30  # of a fixed form but a decimal: a timestamp has 26 characters, a double 24
_FAULT = re.compile(r"In CSV column #(\d+): (?:Row #\d+: )?(?:CSV conversion error to [^:]*: )?(.*)", re.DOTALL)

Values = tuple[bytes | None, ...]


def read(connection: sa.Connection, select: str, columns: Sequence[Column], batch_bytes: int) -> Iterator[pa.RecordBatch]:
    """The rows of a select of `columns`, in any order. Raises ReadFailed."""
    fixed = [c for c in columns if _fixed(c.type)]
    own = [c for c in columns if not _fixed(c.type)]
    schema = arrow_schema(columns)
    with _raw_rows(connection, _joined(select, fixed, own)) as result:
        for rows, steps in _pieces(result, fixed, own, batch_bytes):
            arrays = dict(zip(own, map(pa.concat_arrays, zip(*(arrays for _, arrays in steps), strict=True)), strict=False))
            if fixed:
                arrays |= _parsed(b"\n".join(lines for lines, _ in steps), rows, fixed)
            del steps
            batch = pa.RecordBatch.from_arrays([arrays.pop(c) for c in columns], schema=schema)
            yield from _cut(batch, 2 * batch_bytes)
            del batch  # before the next is read


def _fixed(type: Type) -> bool:
    return type.name not in TEXTS | BINARIES | WORDED | {"unsupported"}


def _joined(select: str, fixed: Sequence[Column], own: Sequence[Column]) -> str:
    """The select with the fixed columns as one, tab-separated, NULL as nothing. The server merges it into the inner one."""
    line = ", ".join(f"IFNULL({aliased(c)}, '')" for c in fixed)
    fields = [f"CONCAT_WS('\t', {line})"] if fixed else []
    return f"SELECT {', '.join([*fields, *map(aliased, own)])} FROM ({select}) AS penstock"


@contextmanager
def _raw_rows(connection: sa.Connection, select: str) -> Iterator[Any]:
    """An unbuffered result whose values are the bytes that the server sent."""
    driver: Any = connection.connection.driver_connection
    converter, driver.converter = driver.converter, {}
    result = None
    try:
        driver.query(select.encode())
        result = driver.use_result()
        yield result
    except driver.Error as error:
        raise unreadable(connection, int(error.args[0]), str(error.args[-1])) from None
    finally:
        driver.converter = converter
        if result is not None:
            with suppress(driver.Error):
                result.discard()  # rows left unread would make the next statement, even a rollback, fail in place of the fault


def _pieces(
    result: Any, fixed: Sequence[Column], own: Sequence[Column], batch_bytes: int
) -> Iterator[tuple[int, list[tuple[bytes, list[pa.Array]]]]]:
    """The rows of about a batch: how many, and what each step brought, its lines and the arrays of its own columns.

    A step is made columns before the next is fetched, so that no more than its rows are ever Python objects. Where rows
    may be long, how many are fetched in one step goes by how long the last ones were: a million bytes a row must not
    meet 512 rows a step.
    """
    longest = sum(1 + _longest(c.type) for c in (*fixed, *own))
    plain = longest <= PLAIN_BYTES
    at_most = min(BATCH_ROWS, 2 * batch_bytes // int(longest)) if plain else BATCH_ROWS
    steps: list[tuple[bytes, list[pa.Array]]] = []
    rows, size, step = 0, 0, STEP_ROWS if plain else 1
    while fetched := result.fetch_row(step, 0):
        values: list[Values] = list(zip(*fetched, strict=True))
        if not plain:
            taken = sum(sum(map(len, filter(None, column))) for column in values)
            size += taken
            step = max(1, min(WARY_ROWS, step * 2, STEP_BYTES * len(fetched) // max(taken, 1)))
        lines = _lines(values.pop(0)) if fixed else b""
        steps.append((lines, [_array(v, c) for v, c in zip(values, own, strict=True)]))
        rows += len(fetched)
        if size >= batch_bytes or rows >= at_most:
            yield rows, steps
            steps, rows, size = [], 0, 0
    if rows:
        yield rows, steps


def _longest(type: Type) -> float:
    """The most bytes that a value of the type can have in a row."""
    if _fixed(type):
        return type.arrow.precision + 3 if type.name in DECIMALS else _LONGEST
    if type.labels:
        return 4 * len(",".join(type.labels))
    return math.inf if type.length is None else 4 * type.length


def _cut(batch: pa.RecordBatch, most: int) -> Iterator[pa.RecordBatch]:
    """The batch, in pieces of at most so many bytes, or of one row."""
    if batch.nbytes <= most or batch.num_rows == 1:
        yield batch
    else:
        half = batch.num_rows // 2
        yield from _cut(batch.slice(0, half), most)
        yield from _cut(batch.slice(half), most)


def _array(values: Values, column: Column) -> pa.Array:
    """An own column's values."""
    try:
        return pa.array(values, column.type.arrow)  # of bytes as a string, Arrow checks that they are UTF-8
    except pa.ArrowInvalid:
        raise not_utf8(column) from None


def _lines(values: Values) -> bytes:
    try:
        return b"\n".join(values)  # type: ignore[arg-type]
    except TypeError:  # what is too long is NULL
        why, fix = "a row's numbers and dates are longer than its max_allowed_packet", "raise max_allowed_packet at the server"
        raise ReadFailed("the server gave no line for a row", why=why, fix=fix) from None


def _parsed(lines: bytes, rows: int, columns: Sequence[Column]) -> dict[Column, pa.Array]:
    """The fixed columns of these lines, or ReadFailed naming the first that has a value that is none of its type."""
    types = {str(i): _read_as(c.type) for i, c in enumerate(columns)}
    forms = csv.ConvertOptions(column_types=types, null_values=[""], strings_can_be_null=True, true_values=["1"], false_values=["0"])
    try:
        table = csv.read_csv(
            pa.py_buffer(lines + b"\n"),
            csv.ReadOptions(use_threads=False, block_size=len(lines) + 1, column_names=list(types)),
            csv.ParseOptions(delimiter="\t", quote_char=False, escape_char=False, ignore_empty_lines=False),
            forms,
        )
    except pa.ArrowInvalid as error:
        if not (fault := _FAULT.match(str(error))):
            raise _misshapen("their columns are not those asked for") from None
        raise no_moment(columns[int(fault[1])], fault[2].splitlines()[0]) from None
    if table.num_rows != rows:
        raise _misshapen(f"{rows} rows came as {table.num_rows} lines")
    return {c: _typed(chunked.combine_chunks(), c) for c, chunked in zip(columns, table.columns, strict=True)}


def _read_as(type: Type) -> pa.DataType:
    """What Arrow reads in place of a type: instants want a zone, a single's text is a double's, long decimals it can't read."""
    if pa.types.is_decimal256(type.arrow):
        return pa.string()
    return {"timestamptz": pa.timestamp("us"), "float32": pa.float64()}.get(type.name, type.arrow)


def _typed(array: pa.Array, column: Column) -> pa.Array:
    try:
        return array.cast(column.type.arrow, safe=column.type.name != "float32")
    except pa.ArrowInvalid as error:
        raise no_moment(column, str(error).splitlines()[0]) from None


def _misshapen(why: str) -> ReadFailed:
    return ReadFailed("the server's lines have another form", why=why, fix="this is a defect of Penstock: please report it")
