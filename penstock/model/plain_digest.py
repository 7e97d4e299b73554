"""The digest of a batch without the compiled part: numpy puts the rows into canonical form, xxhash hashes them one by one.

penstock/model/digest.py describes the form; penstock/native/digest.c builds the same one.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

Octets = npt.NDArray[np.uint8]

_ROWS = 8192
"""How many rows are put together at a time."""
_PLAIN = frozenset(
    {
        *(pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()),
        *(pa.date32(), pa.time64("us")),
    }
)


def digest(batch: pa.RecordBatch) -> tuple[int, int, int]:
    """How many rows, and the upper and lower half of the sum of their hashes. Raises TypeError for a type that is not canonical."""
    total = 0
    for first in range(0, batch.num_rows, _ROWS):
        total += sum(map(xxhash.xxh3_128_intdigest, _forms(batch.slice(first, _ROWS))))
    if not batch.num_rows:
        _forms(batch)  # refuses types that are not canonical
    total %= 1 << 128
    return batch.num_rows, total >> 64, total & ((1 << 64) - 1)


def _forms(batch: pa.RecordBatch) -> Iterator[bytes]:
    """The canonical form of each row."""
    rows = batch.num_rows
    fields = [_field(array, field) for array, field in zip(batch.columns, batch.schema, strict=True)]
    fixed = np.concatenate([_presence(batch), *fields], axis=1) if fields else np.zeros((rows, 0), np.uint8)
    width, data = fixed.shape[1], fixed.tobytes()
    heads = (data[n * width : (n + 1) * width] for n in range(rows))
    variable = [_octets(array) for array in batch.columns if _is_variable(array.type)]
    return map(b"".join, zip(heads, *variable, strict=True)) if variable else heads


def _presence(batch: pa.RecordBatch) -> Octets:
    """Which columns have a value, a bit a column."""
    there = [_numpy(array.is_valid()).astype(np.uint8) for array in batch.columns]
    return np.packbits(np.stack(there, axis=1), axis=1, bitorder="little")


def _field(array: pa.Array, field: pa.Field) -> Octets:
    """The fields of the fixed part, a row each."""
    kind = array.type
    if _is_variable(kind):
        return _bytewise(_numpy(pc.binary_length(array).cast(pa.uint32()).fill_null(0)))
    if pa.types.is_boolean(kind):
        return _bytewise(_numpy(array.cast(pa.uint8()).fill_null(0)))
    if kind in (pa.float32(), pa.float64()):
        values = _numpy(array.fill_null(0)) + kind.to_pandas_dtype()(0)  # -0.0 as 0.0
        values[np.isnan(values)] = np.nan
        return _bytewise(values)
    if pa.types.is_decimal(kind) and kind.bit_width in (128, 256):
        return _held(array)[:, : 8 if kind.precision <= 18 else kind.bit_width // 8]
    if kind in _PLAIN or (pa.types.is_timestamp(kind) and kind.unit == "us"):
        return _held(array)
    raise TypeError(f"column {field.name}: Arrow's type {kind} has no canonical form")


def _held(array: pa.Array) -> Octets:
    """The bytes by which Arrow holds values of one width; zeros for NULL."""
    width = array.type.bit_width // 8
    buffer = array.buffers()[1]
    if not len(array) or buffer is None:
        return np.zeros((len(array), width), np.uint8)
    first = array.offset * width
    found = np.frombuffer(buffer, np.uint8)[first : first + len(array) * width].reshape(-1, width)
    return np.where(_numpy(array.is_valid())[:, None], found, np.uint8(0)) if array.null_count else found


def _octets(array: pa.Array) -> list[bytes]:
    """The bytes of texts and binaries, none for NULL."""
    return [value or b"" for value in array.cast(pa.binary()).to_pylist()]


def _is_variable(kind: pa.DataType) -> bool:
    return kind in (pa.string(), pa.binary())


def _bytewise(values: npt.NDArray[np.generic]) -> Octets:
    return np.ascontiguousarray(values).view(np.uint8).reshape(len(values), values.dtype.itemsize)


def _numpy(array: pa.Array) -> npt.NDArray[np.generic]:
    return np.asarray(array.to_numpy(zero_copy_only=False))
