"""Verdicts: what a gate decided about a table at a stage, and why. Small, JSON-able, without values of sensitive columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from penstock.errors import GateClosed

Decision = Literal["go", "warn", "stop"]


@dataclass(frozen=True)
class Outcome:
    """What came out of one expectation.

    crashed: it could not be evaluated; `observed` then names the type of the error.
    observed: what was seen, as short text; withheld for sensitive columns.  expected: what was asked for.
    unexpected, elements: how many of how many values broke it; None where it looks at the table as a whole.
    """

    code: str
    type: str
    columns: tuple[str, ...]
    severity: str
    success: bool
    crashed: bool
    expected: str
    observed: str
    unexpected: int | None = None
    elements: int | None = None

    def __str__(self) -> str:
        asked = f"{self.type}({', '.join(self.columns)})"
        if self.crashed:
            return f"{asked}: could not be evaluated: {self.observed} ({self.severity})"
        if self.unexpected is not None and self.elements is not None and not self.observed:
            return f"{asked}: {self.unexpected:,} of {self.elements:,} values {_not(self.expected)} ({self.severity})"
        return f"{asked}: {self.observed or 'failed'}, expected {self.expected} ({self.severity})"


@dataclass(frozen=True)
class Verdict:
    """A gate's decision about one table. suite_sha256: of the suite's file, None when the suite was generated."""

    table: str
    stage: str
    suite: str
    suite_sha256: str | None
    decision: Decision
    seconds: float
    results: tuple[Outcome, ...]

    @property
    def broken(self) -> tuple[Outcome, ...]:
        """The outcomes that were not as expected."""
        return tuple(r for r in self.results if not r.success)


def decide(results: Iterable[Outcome]) -> Decision:
    """stop for a critical failure and for anything that crashed, whatever its severity; warn for a warning; else go."""
    broken = [r for r in results if not r.success]
    if any(r.crashed or r.severity == "critical" for r in broken):
        return "stop"
    return "warn" if any(r.severity == "warning" for r in broken) else "go"


def closed(verdicts: Iterable[Verdict]) -> GateClosed | None:
    """The fault of a gate that stays closed, with a line for each expectation that closed it; None when it opens."""
    stopping = [v for v in verdicts if v.decision == "stop"]
    if not stopping:
        return None
    lines = [f"{v.table}.{v.stage}: {r}" for v in stopping for r in v.broken if r.crashed or r.severity == "critical"]
    names = [v.table for v in stopping]
    shown = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    stage = stopping[0].stage
    return GateClosed(
        f"the gate after {stage} stays closed",
        where=f"table{'s' if len(names) > 1 else ''} {shown}",
        why=f"{len(lines)} critical expectation{'s' if len(lines) != 1 else ''} not met",
        fix="correct the rows at the source, or the suite when it asks for the wrong thing; then start a new run",
        stage=stage,
        failed=tuple(lines),
    )


def expected(kwargs: Mapping[str, Any], type: str) -> str:
    """What an expectation asks for, in words: `in 1..12`, `unique`, `not NULL, in at least 95 % of the rows`."""
    text = _bounds(kwargs) or _named(kwargs) or _by_type(type)
    mostly = kwargs.get("mostly", 1)
    return text + (f", in at least {float(mostly):.6g} of the rows" if isinstance(mostly, (int, float)) and mostly != 1 else "")


def _bounds(kwargs: Mapping[str, Any]) -> str:
    low, high = kwargs.get("min_value"), kwargs.get("max_value")
    if low is not None and high is not None:
        return f"in {low}{'<' if kwargs.get('strict_min') else ''}..{'<' if kwargs.get('strict_max') else ''}{high}"
    if low is not None:
        return f"{'above' if kwargs.get('strict_min') else 'at least'} {low}"
    return "" if high is None else f"{'below' if kwargs.get('strict_max') else 'at most'} {high}"


def _named(kwargs: Mapping[str, Any]) -> str:
    if "value_set" in kwargs:
        return f"one of {_listed(kwargs['value_set'])}"
    if "ref_table" in kwargs:
        return f"in {kwargs['ref_table']}({', '.join(kwargs.get('ref_columns') or kwargs.get('columns') or ())})"
    for name in ("pattern", "regex", "like_pattern"):
        if name in kwargs:
            return f"matching {kwargs[name]}"
    if "value" in kwargs:
        return f"{kwargs['value']:,}" if isinstance(kwargs["value"], int) else str(kwargs["value"])
    return ""


def _by_type(type: str) -> str:
    if "columns_to_match" in type:
        return "the declared columns in their order"
    known = {"unique": "unique", "not_be_null": "not NULL", "be_null": "NULL", "increasing": "increasing", "decreasing": "decreasing"}
    return next((words for part, words in known.items() if part in type), type.removeprefix("expect_").replace("_", " "))


def _listed(values: Any) -> str:
    shown = [str(v) for v in list(values)[:8]]
    return ", ".join(shown) + (f" and {len(values) - 8} more" if len(values) > 8 else "")


def _not(expected: str) -> str:
    if expected.startswith("in ") and ".." in expected.split(",")[0]:
        return "outside " + expected.removeprefix("in ")
    return expected.removeprefix("not ") if expected.startswith("not ") else f"not {expected}"
