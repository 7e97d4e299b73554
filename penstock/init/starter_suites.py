"""Starter suites for the gate after extract, from what the first rows of a table look like. All of them only warn: they are proposals."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from penstock.init.profile import FEW, PATTERNS, ColumnProfile, TableProfile
from penstock.model.schema import Table
from penstock.runtime.formatting import count

_ROWS = 50
"""A table with fewer rows proposes nothing."""


def suite(name: str, table: Table, profile: TableProfile, sensitive: frozenset[str]) -> dict[str, Any] | None:
    """The suite of a table as JSON; None where its rows propose nothing. sensitive: columns of which no value may be written."""
    if profile.rows < _ROWS:
        return None
    references = {c for key in table.foreign_keys for c in key.columns} | {*table.key}
    rows = f"{'all' if profile.whole else 'the first'} {count(profile.rows, 'row')}"
    made = [
        {
            "type": type_,
            "kwargs": {"column": c.column.name, **kwargs},
            "severity": "warning",
            "meta": {"code": f"{name}.{c.column.name}.{what}", "proposed_from": rows, "may_be_all_null": True},
        }
        for c in profile.columns
        for what, type_, kwargs in _rules(c, profile.rows, c.column.name in references, c.column.name in sensitive)
    ]
    return {"name": f"{name}.extracted", "expectations": made} if made else None


def _rules(c: ColumnProfile, rows: int, refers: bool, hidden: bool) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """What the values of a column have in common, as (code, expectation, arguments)."""
    if c.nulls == rows:
        return
    if c.column.nullable:
        mostly = math.floor((1 - c.nulls / rows) * 0.9 * 100) / 100
        if not c.nulls or mostly:
            yield "given", "expect_column_values_to_not_be_null", {"mostly": mostly} if c.nulls else {}
    if refers or c.column.generated:
        return
    kind = c.column.type.name
    if c.pattern and kind == "string":
        yield "form", "expect_column_values_to_match_pattern", {"pattern": PATTERNS[c.pattern]}
    elif kind == "string" and not hidden and 1 < c.distinct <= FEW and c.distinct * 10 <= rows:
        yield "values", "expect_column_values_to_be_in_set", {"value_set": list(c.values)}
    elif not hidden and c.low is not None and (limits := _range(c.low, c.high)):
        yield "range", "expect_column_values_to_be_between", limits


def _range(low: Any, high: Any) -> dict[str, Any]:
    """A range that is wider than the one that was seen: numbers by a half, and of moments only where they begin."""
    if isinstance(low, dt.datetime | dt.date):
        return {"min_value": f"{low.year:04}-01-01"}
    if isinstance(low, int | float | Decimal) and math.isfinite(low) and math.isfinite(high):
        width = max(abs(float(low)), abs(float(high)), float(high) - float(low), 1.0) / 2
        least, most = float(low) - width, float(high) + width
        if math.isfinite(least) and math.isfinite(most):
            return {"min_value": 0 if low >= 0 else _outward(least, down=True), "max_value": _outward(most)}
    return {}


def _outward(value: float, down: bool = False) -> int:
    """The next number with two digits that is not nearer to zero."""
    size = 10 ** max(0, len(str(int(abs(value)))) - 2)
    return int((math.floor if down else math.ceil)(value / size) * size)
