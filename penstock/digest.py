"""The digest of rows: a count, and the sum modulo 2^128 of a 128-bit hash of each row in canonical form.

A sum does not care about order and, unlike XOR, two equal rows do not cancel. The sums of chunks add up to
the sum of their table. The row hash is MD5 of the row's canonical text, which every database Penstock
speaks to can compute too; it guards against faults, not against forgers.

Canonical form: the columns' texts joined by `|`; NULL is `~`; integers and decimals are their digits with
the column's own scale; a text is its length in bytes, `:`, and itself; binary is its length, `:`, and its
MD5; dates are days and times microseconds since 1970-01-01 UTC; floats are their shortest exact text, with
-0.0 written 0.0 and every NaN written nan. So NULL, '' and '~' all differ. docs/proof.md says it at length.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa

from penstock.schema import BINARIES, TEXTS, Column

_MODULUS = 1 << 128
_LOCAL = threading.local()


@dataclass(frozen=True)
class Digest:
    """Of a set of rows. `Digest()` is that of no rows; `+` is that of both sets together."""

    rows: int = 0
    sum: int = 0

    def __add__(self, other: Digest) -> Digest:
        return Digest(self.rows + other.rows, (self.sum + other.sum) % _MODULUS)

    def __str__(self) -> str:
        return f"{self.rows}:{self.sum:032x}"

    @classmethod
    def parse(cls, text: str) -> Digest:
        """The digest that `str` wrote as `text`."""
        rows, total = text.split(":")
        return cls(int(rows), int(total, 16))


def canonical_text(column: Column, name: str) -> str:
    """The DuckDB SQL for a column's canonical text, `name` being the quoted column in the query."""
    kind = column.type.name
    if kind in TEXTS or kind == "unsupported":
        text = f"strlen({name}) || ':' || {name}"
    elif kind in BINARIES:
        text = f"octet_length({name}) || ':' || md5({name})"
    elif kind == "date":
        text = f"({name} - DATE '1970-01-01')::VARCHAR"
    elif kind in ("time", "timestamp", "timestamptz"):
        text = f"epoch_us({name})::VARCHAR"
    elif kind in ("float32", "float64"):
        text = f"CASE WHEN isnan({name}) THEN 'nan' ELSE ({name}::DOUBLE + 0.0)::VARCHAR END"
    else:
        text = f"{name}::VARCHAR"
    return f"coalesce({text}, '~')"


def of(data: pa.Table | pa.RecordBatch, columns: Sequence[Column]) -> Digest:
    """The digest of Arrow rows whose columns are `columns`, in that order."""
    if not data.num_rows:
        return Digest()
    table = pa.table([readable(c) for c in data.columns], names=[f"c{i}" for i in range(data.num_columns)])
    texts = ", ".join(canonical_text(column, f"c{i}") for i, column in enumerate(columns))
    connection = _duckdb()
    connection.register("batch", table)
    try:
        counted = connection.execute(
            "SELECT count(*), sum((h & 18446744073709551615)::HUGEINT), sum((h >> 64)::HUGEINT)"
            f" FROM (SELECT md5_number(concat_ws('|', {texts})) AS h FROM batch)"
        ).fetchall()
    finally:
        connection.unregister("batch")
    rows, low, high = counted[0]
    return Digest(int(rows), (int(low) + (int(high) << 64)) % _MODULUS)


def readable(array: Any) -> Any:
    """DuckDB holds decimals up to 38 digits; wider ones are hashed by the text that Arrow gives them."""
    return array.cast(pa.string()) if pa.types.is_decimal256(array.type) else array


def _duckdb() -> duckdb.DuckDBPyConnection:
    if not hasattr(_LOCAL, "connection"):
        _LOCAL.connection = duckdb.connect(config={"threads": 2, "memory_limit": "256MB"})
    connection: duckdb.DuckDBPyConnection = _LOCAL.connection
    return connection
