"""What a compiled reader gives, as a batch of Arrow's."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa


def batch(schema: pa.Schema, array: object) -> pa.RecordBatch:
    """The rows of `array`, a capsule of Arrow's C interface, which is taken over."""
    return pa.record_batch(_Rows(schema, array))


@dataclass(frozen=True)
class _Rows:
    """An array of rows that was made elsewhere, as Arrow takes it over."""

    schema: pa.Schema
    array: object

    def __arrow_c_array__(self, requested_schema: object = None) -> tuple[object, object]:
        return self.schema.__arrow_c_schema__(), self.array
