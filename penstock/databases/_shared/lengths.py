"""Which columns may have long values, and how wide the rows of a table are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from penstock.databases import execute
from penstock.model.schema import Column

# Of other types no value is longer than a few thousand bytes.
_LONG = frozenset({"string", "binary", "json", "jsonb", "geometry", "xml", "array", "varbits", "native", "unsupported"})
_SHORT = 64 << 10


def may_be_long(column: Column) -> bool:
    """Whether the column may have values of more than `_SHORT` bytes, as far as its type says."""
    return column.type.name in _LONG and (column.type.length is None or column.type.length * 4 > _SHORT)


@dataclass(frozen=True)
class Widths:
    """How many rows there are, and bytes of their texts and binaries.

    longest: of one row; average: of all; values: the longest of each column.
    """

    rows: int
    longest: int
    average: int
    values: Mapping[str, int]


def measure(connection: sa.Connection, rows: str, octets: Mapping[str, str]) -> Widths:
    """The widths of `rows`, which is what stands behind FROM, by the `octets` of its columns that may be long."""
    each = [f"max({sql})" for sql in octets.values()]
    row = " + ".join(f"coalesce({sql}, 0)" for sql in octets.values())
    found: Sequence[int | None] = execute(connection, f"SELECT count(*), max({row}), avg({row}), {', '.join(each)} FROM {rows}").one()
    many, longest, average, *values = (int(n or 0) for n in found)
    return Widths(many, longest, average, dict(zip(octets, values, strict=True)))
