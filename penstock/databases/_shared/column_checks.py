"""What a target's columns can't hold, found before the load: whole columns at once, each check in one pass.

A database says for each column which of these checks hold there (`Database.column_checks`). A check must be certain: what it
finds goes to quarantine unasked. What no check finds and the target refuses all the same is isolated at the load.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import pyarrow as pa
import pyarrow.compute as pc

from penstock.databases import Database, Refusal
from penstock.databases._shared import arrow
from penstock.model.schema import Table

_DAY = 86_400_000_000
_UUID = "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"


@dataclass(frozen=True)
class Sieve:
    """The checks of a table's columns, by the columns' numbers."""

    checks: tuple[tuple[int, str, Refusal], ...]

    def refused(self, batch: pa.RecordBatch) -> list[tuple[int, str, str]]:
        """(place, column, reason) of each row that the target can't hold, by its first bad column, in the order of the rows."""
        found: dict[int, tuple[int, str, str]] = {}
        for number, column, check in self.checks:
            mask = check.found(batch.column(number))
            if mask is not None:
                for place in pc.indices_nonzero(mask).to_pylist():
                    found.setdefault(place, (place, column, check.reason))
        return [found[place] for place in sorted(found)]


def of(database: Database, table: Table) -> Sieve:
    """What `table`, as it stands or will stand at the target, can't hold."""
    checks = []
    for number, column in enumerate(table.columns):
        if not column.nullable or column.identity or column.name in table.primary_key:
            checks.append((number, column.name, Refusal("NULL in a column that takes none", _null)))
        checks += [(number, column.name, check) for check in database.column_checks(column)]
    return Sieve(tuple(checks))


def _null(values: pa.Array) -> pa.Array | None:
    return values.is_null() if values.null_count else None


def nul(where: str) -> Refusal:
    """A text with a NUL character."""
    return Refusal(f"a NUL character, which a text of {where} can't have", _nul)


def _nul(values: pa.Array) -> pa.Array | None:
    _, offsets, data = values.buffers()
    if data is None or not len(values):
        return None
    # the bytes are looked at first: Arrow's own search takes eight times as long
    ends = memoryview(offsets).cast("i")
    first, last = ends[values.offset], ends[values.offset + len(values)]
    return _if_any(pc.match_substring(values, "\0")) if b"\0" in data.slice(first, last - first).to_pybytes() else None


def longer(length: int) -> Refusal:
    """A text of more characters."""
    return Refusal(f"longer than {length} characters", partial(_longer, length))


def _longer(length: int, values: pa.Array) -> pa.Array | None:
    if (pc.max(pc.binary_length(values)).as_py() or 0) <= length:  # no more bytes than that, so no more characters
        return None
    return _if_any(pc.greater(pc.utf8_length(values), length))


def outside(first: int, last: int, reason: str) -> Refusal:
    """A date or moment before the day `first` or after the day `last`, counted from 1970."""
    return Refusal(reason, partial(_outside, first, last))


def _outside(first: int, last: int, values: pa.Array) -> pa.Array | None:
    if not arrow.beyond(values, first, last):
        return None
    days = pa.types.is_date32(values.type)
    low, high = (first, last) if days else (first * _DAY, (last + 1) * _DAY - 1)
    numbers = values.cast(pa.int32() if days else pa.int64())
    return pc.fill_null(pc.or_(pc.less(numbers, low), pc.greater(numbers, high)), False)


def above(most: int) -> Refusal:
    """A whole number above `most`."""
    return Refusal(f"above {most}", lambda values: _if_any(pc.greater(values, pa.scalar(most, values.type))))


def not_a_number(reason: str) -> Refusal:
    return Refusal(reason, lambda values: _if_any(pc.is_nan(values)))


def not_finite(reason: str) -> Refusal:
    return Refusal(reason, lambda values: _if_any(pc.invert(pc.is_finite(values))))


def unlike_uuid() -> Refusal:
    """A text that is no UUID as databases write one."""
    return Refusal("not a UUID in small letters", lambda values: _if_any(pc.invert(pc.match_substring_regex(values, _UUID))))


def unlabelled(labels: Sequence[str], many: bool = False) -> Refusal:
    """A text that is none of these labels; with `many`, a list of them with commas between."""
    return Refusal("not one of the column's labels", partial(_unlabelled, pa.array(labels, pa.string()), many))


def _unlabelled(labels: pa.Array, many: bool, values: pa.Array) -> pa.Array | None:
    if not many:
        return _if_any(pc.and_(pc.invert(pc.is_in(values, labels)), values.is_valid()))
    known = pc.unique(values.drop_null())
    odd = [v for v in known.to_pylist() if v and not set(v.split(",")) <= set(labels.to_pylist())]
    return _if_any(pc.is_in(values, pa.array(odd, pa.string()))) if odd else None


def _if_any(mask: pa.Array) -> pa.Array | None:
    return pc.fill_null(mask, False) if pc.any(mask).as_py() else None
