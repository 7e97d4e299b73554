"""Verdicts: how a gate decides about a table at a stage, and says why, without values of sensitive columns."""

from __future__ import annotations

import re
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from penstock.errors import GateClosed
from penstock.migration import suites
from penstock.migration.suites import Suite
from penstock.state.evidence import Decision, Outcome, Verdict

_OBSERVED = 200


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


def outcome(suite: Suite, number: int, result: Any, rows: int, hidden: Collection[str]) -> Outcome:
    """The outcome of an expectation from Great Expectations' result object; None when there is none.

    rows: what the suite's parameter said.  hidden: columns whose values are never shown.
    """
    expectation = suite.expectations[number]
    kind = str(expectation["type"])
    columns = suites.columns_of(expectation)
    error = "it was never evaluated" if result is None else _error(result.exception_info or {})
    numbers: Mapping[str, Any] = {} if error else result.result or {}
    unexpected, elements = (None if (n := numbers.get(k)) is None else int(n) for k in ("unexpected_count", "element_count"))
    success = not error and bool(result.success)
    observed = error or _observed(numbers, kind, columns, frozenset(hidden))
    if kind.startswith("expect_column_") and not error and rows == 0:
        success, observed = True, "there are no rows"  # and the row count holds the table to it
    elif success and elements and numbers.get("missing_count") == elements and not _may_be_null(expectation):
        success, observed = False, f"all {elements:,} values are NULL"
    return Outcome(
        code=suites.code_of(expectation, number),
        type=kind,
        columns=() if kind.startswith("expect_table") else columns,
        severity=str(expectation.get("severity", "critical")),
        success=success,
        crashed=bool(error),
        expected=str(expectation.get("description") or _expected(kind, expectation.get("kwargs", {}), rows)),
        observed=observed,
        unexpected=unexpected,
        elements=elements,
    )


def _may_be_null(expectation: Mapping[str, Any]) -> bool:
    return "be_null" in expectation["type"] or bool((expectation.get("meta") or {}).get("may_be_all_null"))


def _observed(numbers: Mapping[str, Any], kind: str, columns: Sequence[str], hidden: frozenset[str]) -> str:
    """What was seen, in short. Where a rule names no column of a table with sensitive ones, only a number can be shown."""
    value = numbers.get("observed_value")
    if value is None:
        return ""
    about_columns = kind.startswith("expect_table_column")
    if not about_columns and (hidden.intersection(columns) or (hidden and not columns and not isinstance(value, int))):
        return "(sensitive)"
    text = f"{value:,}" if isinstance(value, int) else ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return text if len(text) <= _OBSERVED else text[: _OBSERVED - 1] + "…"


def _error(info: Mapping[str, Any]) -> str:
    """The type of the error that was met, empty when none was. Messages, statements and tracebacks hold values: they stay here."""
    parts = [info, *(v for v in info.values() if isinstance(v, Mapping))]
    raised = [p for p in parts if p.get("raised_exception")]
    if not raised:
        return ""
    named = re.findall(r"^([A-Za-z_][\w.]*)(?=:|$)", "\n".join(str(p.get("exception_traceback", "")) for p in raised), re.MULTILINE)
    return next((name.rpartition(".")[2] for name in named if _is_exception(name)), "an error")


def _is_exception(name: str) -> bool:
    module, _, kind = name.rpartition(".")
    found = getattr(sys.modules.get(module or "builtins"), kind, None)
    return isinstance(found, type) and issubclass(found, BaseException)


def _expected(kind: str, kwargs: Mapping[str, Any], rows: int) -> str:
    """What an expectation asks for, in words: `in 1..12`, `unique`, `not NULL in 95 % of the rows at least`."""
    kwargs = {k: rows if v == {"$PARAMETER": suites.PARAMETER} else v for k, v in kwargs.items()}
    text = _bounds(kwargs) or _named(kwargs) or _by_type(kind)
    text = f"of length {text.removeprefix('in ')}" if "value_lengths" in kind else text
    return f"{text} in {kwargs['mostly'] * 100:.6g} % of the rows at least" if kwargs.get("mostly", 1) != 1 else text


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
    known = {
        "columns_to_match": "the declared columns",
        "unexpected_rows": "no such rows",
        "unique": "unique",
        "not_be_null": "not NULL",
        "be_null": "NULL",
        "increasing": "increasing",
        "decreasing": "decreasing",
    }
    return next((words for part, words in known.items() if part in type), type.removeprefix("expect_").replace("_", " "))


def _listed(values: Any) -> str:
    shown = [str(v) for v in list(values)[:8]]
    return ", ".join(shown) + (f" and {len(values) - 8} more" if len(values) > 8 else "")
