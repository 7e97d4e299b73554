"""The digest of rows: a count, and the sum modulo 2^128 of a 128-bit hash of each row in canonical form.

A sum does not care about order and, unlike XOR, two equal rows do not cancel. The sums of chunks add up to
the sum of their table. The row hash is MD5: it guards against faults, not against forgers.

Canonical form of a row, in bytes, little end first:

    which columns have a value   a bit a column, the first one the lowest of the first byte
    the fixed part               integers and floats in their own width, -0.0 as 0.0 and one NaN for all; booleans a byte;
                                 dates (days) 4 bytes, times (microseconds) 8; decimals by their digits without the point,
                                 8 bytes up to 18 digits, 16 up to 38, then 32; of texts and binaries the length in bytes, in 4
    the variable part            the bytes of the texts (UTF-8) and binaries

A NULL is zeros and its bit. Lengths come before what they measure, so no two rows share a form. docs/proof.md says it at length.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from penstock.schema import Column

_MODULUS = 1 << 128
_SLICE_ROWS = 65_536
_LOCAL = threading.local()

Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Digest:
    """Of a set of rows. `Digest()` is that of no rows; `+` is that of both sets together, `-` of what is left of one."""

    rows: int = 0
    sum: int = 0

    def __add__(self, other: Digest) -> Digest:
        return Digest(self.rows + other.rows, (self.sum + other.sum) % _MODULUS)

    def __sub__(self, other: Digest) -> Digest:
        """Of what is left of this set without the rows of the other."""
        return Digest(self.rows - other.rows, (self.sum - other.sum) % _MODULUS)

    def __str__(self) -> str:
        return f"{self.rows}:{self.sum:032x}"

    @classmethod
    def parse(cls, text: str) -> Digest:
        """The digest that `str` wrote as `text`."""
        rows, total = text.split(":")
        return cls(int(rows), int(total, 16))


def of(data: pa.Table | pa.RecordBatch, columns: Sequence[Column]) -> Digest:
    """The digest of Arrow rows of `arrow_schema(columns)`."""
    return sum((_of(batch, columns) for batch in _slices(data)), Digest())


def _slices(data: pa.Table | pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    batches = data.to_batches() if isinstance(data, pa.Table) else [data]
    for batch in batches:
        yield from (batch.slice(start, _SLICE_ROWS) for start in range(0, batch.num_rows, _SLICE_ROWS))


def _of(batch: pa.RecordBatch, columns: Sequence[Column]) -> Digest:
    connection = _duckdb()
    connection.register("batch", pa.table([canonical(batch, columns)], names=["form"]))
    try:
        counted = connection.execute(
            "SELECT count(*), sum((h & 18446744073709551615)::HUGEINT), sum((h >> 64)::HUGEINT)"
            " FROM (SELECT md5_number(form) AS h FROM batch)"
        ).fetchall()
    finally:
        connection.unregister("batch")
    rows, low, high = counted[0]
    return Digest(int(rows), (int(low) + (int(high) << 64)) % _MODULUS)


def canonical(batch: pa.RecordBatch, columns: Sequence[Column]) -> pa.Array:
    """The canonical form of each row, as a binary array."""
    fixed = [_presence(batch)]
    variable = []
    for array, column in zip(batch.columns, columns, strict=True):
        if column.type.arrow in (pa.string(), pa.binary()):
            values = array.cast(pa.binary())
            variable.append(pc.fill_null(values, b"") if array.null_count else values)
            fixed.append(_bytes(pc.binary_length(variable[-1])))
        else:
            fixed.append(_fixed(array))
    width = sum(part.shape[1] for part in fixed)
    whole = np.empty((batch.num_rows, width), np.uint8)
    np.concatenate(fixed, axis=1, out=whole)
    offsets = np.arange(0, batch.num_rows * width + 1, width, dtype=np.int32) if width else np.zeros(batch.num_rows + 1, np.int32)
    form = pa.Array.from_buffers(pa.binary(), batch.num_rows, [None, pa.py_buffer(offsets), pa.py_buffer(whole)])
    return pc.binary_join_element_wise(form, *variable, b"") if variable else form


def _presence(batch: pa.RecordBatch) -> Bytes:
    there = np.ones((batch.num_rows, batch.num_columns), np.bool_)
    for number, array in enumerate(batch.columns):
        if array.null_count:
            there[:, number] = array.is_valid().to_numpy(zero_copy_only=False)
    return np.packbits(there, axis=1, bitorder="little")


def _fixed(array: pa.Array) -> Bytes:
    kind = array.type
    if pa.types.is_date(kind):
        array = array.cast(pa.int32())
    elif pa.types.is_temporal(kind):
        array = array.cast(pa.int64())
    elif pa.types.is_boolean(kind):
        array = array.cast(pa.uint8())
    if array.null_count:
        array = pc.fill_null(array, pa.scalar(Decimal(0) if pa.types.is_decimal(kind) else 0, array.type))
    if pa.types.is_floating(kind):
        numbers = array.to_numpy() + 0
        numbers[np.isnan(numbers)] = np.nan
        written: Bytes = numbers.view(np.uint8).reshape(len(array), -1)
        return written
    return _bytes(array)[:, : 8 if pa.types.is_decimal(kind) and kind.precision <= 18 else None]


def _bytes(array: pa.Array) -> Bytes:
    """The values of a fixed-width array without NULLs, a row of bytes each."""
    width = array.type.bit_width // 8
    values: Bytes = np.frombuffer(array.buffers()[1], np.uint8, width * len(array), width * array.offset)
    return values.reshape(-1, width)


@cache
def _instance() -> duckdb.DuckDBPyConnection:
    return duckdb.connect(config={"threads": 1, "memory_limit": "256MB"})


def _duckdb() -> duckdb.DuckDBPyConnection:
    """A thread's own way into one instance: to start one for each would take longer than hashing a small table."""
    if not hasattr(_LOCAL, "connection"):
        _LOCAL.connection = _instance().cursor()
    connection: duckdb.DuckDBPyConnection = _LOCAL.connection
    return connection
