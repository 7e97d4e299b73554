"""Rows held against rows, in a DuckDB file: two tables of any size are compared within bounds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from tempfile import TemporaryDirectory

import duckdb
import numpy as np
import pyarrow as pa

from penstock.model.schema import Column

MEMORY = 256_000_000  # bytes


@contextmanager
def beside(
    columns: Sequence[Column], staged: Iterable[pa.RecordBatch], target: Iterable[pa.RecordBatch]
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database with the tables staged_rows and target_rows: of each row its columns as c0, c1, …, and `place`, its number from 0."""
    kinds = [pa.string() if pa.types.is_decimal256(c.type.arrow) else c.type.arrow for c in columns]
    shape = pa.schema([*(pa.field(f"c{i}", kind) for i, kind in enumerate(kinds)), pa.field("place", pa.int64())])
    bound = {"memory_limit": f"{MEMORY} bytes"}
    with TemporaryDirectory(prefix="penstock-") as folder, duckdb.connect(f"{folder}/rows", config=bound) as made:
        for side, batches in (("staged", staged), ("target", target)):
            made.register("batches", pa.RecordBatchReader.from_batches(shape, _numbered(batches, shape)))
            made.execute(f"CREATE TABLE {side}_rows AS SELECT * FROM batches").fetchall()
            made.unregister("batches")
        yield made


def same(keys: Iterable[int]) -> str:
    """The SQL condition that a staged row `s` and a target row `t` have one key."""
    return " AND ".join(f"s.c{i} IS NOT DISTINCT FROM t.c{i}" for i in keys)


def unequal(columns: Sequence[Column]) -> list[str]:
    """Of each column, the SQL condition that `s` and `t` differ: NULLs, NaNs and zeros are told apart, or not, as the digest does."""
    return [f"s.c{i} IS DISTINCT FROM t.c{i}" for i in range(len(columns))]


def _numbered(batches: Iterable[pa.RecordBatch], shape: pa.Schema) -> Iterator[pa.RecordBatch]:
    before = 0
    for batch in batches:
        places = pa.array(np.arange(before, before + batch.num_rows))
        before += batch.num_rows
        yield pa.RecordBatch.from_arrays([*map(_readable, batch.columns), places], schema=shape)


def _readable(array: pa.Array) -> pa.Array:
    """DuckDB holds decimals up to 38 digits; wider ones are compared by the text that Arrow gives them."""
    return array.cast(pa.string()) if pa.types.is_decimal256(array.type) else array
