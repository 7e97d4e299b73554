"""Rows read through the driver's own cursor: slower than a reader of the database's own, but exact or refused."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from penstock.databases import execute
from penstock.errors import ReadFailed
from penstock.model.schema import Column, arrow_schema
from penstock.runtime.memory import USUAL, Room

BATCH_ROWS = 16_384


def read(connection: sa.Connection, select: str, columns: Sequence[Column], room: Room = USUAL) -> Iterator[pa.RecordBatch]:
    """The rows of a select of `columns`, as `Database.read` promises. Raises ReadFailed."""
    schema = arrow_schema(columns)
    result = execute(connection.execution_options(stream_results=True), select)
    size = 64
    while rows := result.fetchmany(size):
        arrays = [_array(values, column) for values, column in zip(zip(*rows, strict=True), columns, strict=True)]
        batch = pa.RecordBatch.from_arrays(arrays, schema=schema)
        size = max(1, min(BATCH_ROWS, size * 2, room.batch * batch.num_rows // max(batch.nbytes, 1)))
        yield batch


def _array(values: tuple[Any, ...], column: Column) -> pa.Array:
    """One column's values as the driver gave them, or ReadFailed when one is not exactly of the column's type."""
    kind = column.type.arrow
    try:
        if column.type.name in ("uuid", "unsupported"):
            return pa.array([None if v is None else str(v) for v in values], pa.string())
        if column.type.name == "boolean" and set(values) <= {0, 1, None}:
            return pa.array([None if v is None else bool(v) for v in values], pa.bool_())
        if (pa.types.is_temporal(kind) or pa.types.is_decimal(kind)) and any(isinstance(v, str) for v in values):
            return pa.array(values, pa.string()).cast(kind)
        return pa.array(values, kind)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError) as error:
        what, fix = f"a value of {column.name} is not a {column.type}", "declare a cast or drop the column"
        raise ReadFailed(what, where=f"column {column.name}", why=str(error).splitlines()[0], fix=fix, column=column.name) from None
