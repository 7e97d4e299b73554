"""The digest of rows: a count, and the sum modulo 2^128 of a 128-bit hash of each row in canonical form.

A sum does not care about order and, unlike XOR, two equal rows do not cancel. The sums of chunks add up to
the sum of their table. The row hash is XXH3 of 128 bits: it guards against faults, not against forgers.

Canonical form of a row, in bytes, little end first:

    which columns have a value   a bit a column, the first one the lowest of the first byte
    the fixed part               integers and floats in their own width, -0.0 as 0.0 and one NaN for all; booleans a byte;
                                 dates (days) 4 bytes, times (microseconds) 8; decimals by their digits without the point,
                                 8 bytes up to 18 digits, 16 up to 38, then 32; of texts and binaries the length in bytes, in 4
    the variable part            the bytes of the texts (UTF-8) and binaries

A NULL is zeros and its bit. Lengths come before what they measure, so no two rows share a form. docs/explanation/proof.md describes it;
penstock/native/digest.c builds it, or plain_digest where that is not compiled.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial

import pyarrow as pa

from penstock.model.schema import Column

try:
    from penstock._native import digest as _hashed

    COMPILED = True
except ImportError:
    from penstock.model.plain_digest import digest as _hashed

    COMPILED = False
"""Whether the compiled part is there. Without it everything is done in Python, with the same result."""

_MODULUS = 1 << 128


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
    """The digest of Arrow rows of `arrow_schema(columns)`. Raises TypeError for rows of other types, whose form would be another."""
    expected = [c.type.arrow for c in columns]
    if data.schema.types != expected:
        raise TypeError(f"rows of {data.schema.types} are not of {expected}")
    batches = data.to_batches() if isinstance(data, pa.Table) else [data]
    return sum(map(_of, batches), Digest())


def total(batches: Iterable[pa.Table | pa.RecordBatch], columns: Sequence[Column]) -> Digest:
    """The digest of all these rows together. No batch is held while the next is made."""
    return sum(map(partial(of, columns=columns), batches), Digest())


def _of(batch: pa.RecordBatch) -> Digest:
    rows, high, low = _hashed(batch)
    return Digest(rows, high << 64 | low)
