"""What Arrow itself has no words for: arrays made elsewhere, and how far dates reach in the numbers by which Arrow holds them."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

_DAY = 86_400_000_000


def batch(schema: pa.Schema, array: object) -> pa.RecordBatch:
    """The rows of `array`, a capsule of Arrow's C interface, which this takes over."""
    return pa.record_batch(_Rows(schema, array))


@dataclass(frozen=True)
class _Rows:
    """An array of rows in a form that Arrow imports."""

    schema: pa.Schema
    array: object

    def __arrow_c_array__(self, requested_schema: object = None) -> tuple[object, object]:
        return self.schema.__arrow_c_schema__(), self.array


def extent(values: pa.Array) -> tuple[int, int] | None:
    """The least and the greatest of dates in days, of times in their own unit, since 1970; None when there are none."""
    least, most = pc.min_max(values.cast(pa.int32() if pa.types.is_date32(values.type) else pa.int64())).values()
    return (least.as_py(), most.as_py()) if least.is_valid else None


def beyond(values: pa.Array, first: int, last: int) -> bool:
    """Whether a date, or a time in microseconds, is before the day `first` or after the day `last`, counted from 1970."""
    found = extent(values)
    if found is None:
        return False
    low, high = (first, last) if pa.types.is_date32(values.type) else (first * _DAY, (last + 1) * _DAY - 1)
    return found[0] < low or found[1] > high
