"""What templates call: figures, outcomes and digests as people read them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from penstock.runtime import formatting
from penstock.state.progress import Stage

_LOOKS = {"switched": "ok", "switched in part": "ok", "proved, not switched": "ok", "failed": "bad", "running": "live", "queued": "live"}
_REORDERING = {code: f"\\u{code:04x}" for code in (0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))}
_DECISIONS = ("stop", "warn", "go")


def in_order(value: Any) -> Any:
    """A text with the characters that would turn the order of others around (U+202E) written as escapes; any other value as it is."""
    return value.translate(_REORDERING) if isinstance(value, str) and not value.isascii() else value


def outcome_look(outcome: str) -> str:
    """ok, bad, live or warn: the colour of an outcome. A page shows the words as well, for readers who can't see the colour."""
    return _LOOKS.get(outcome, "warn")


def interval_of(report: Mapping[str, Any]) -> str:
    """The data interval of a report as people read it, "" where it has none. Reports of early versions name no time zone."""
    return formatting.interval(report["interval"], report.get("timezone") or "UTC") if report.get("interval") else ""


def failed_first(verdicts: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The verdicts of a gate, those that closed it first, then those with warnings."""
    return sorted(verdicts, key=lambda v: _DECISIONS.index(v["decision"]))


def ledger(proof: Mapping[str, Any]) -> list[tuple[str, str, bool]]:
    """The digests at source, staging and target as (points, digest, whether it is as expected), equal ones on one line.

    Where the load rejected rows, the target differs from staging; together with the quarantined rows it must be equal.
    """
    lines = [("source", proof["source"], True)]
    rejected = not proof.get("quarantined", "0:").startswith("0:")  # runs of early versions have no digest of them
    for point, before in (("staged", "source"), ("target", "staged")):
        if proof[point] == proof[before]:
            lines[-1] = (f"{lines[-1][0]} = {point}", proof[point], True)
        else:
            lines.append((point, proof[point], point == "staged" or (rejected and proof["holds"])))
    return [*lines, ("+ quarantined", proof["quarantined"], proof["holds"])] if rejected else lines


def digests_of(chunk: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The digests of a chunk as (points, digest), equal ones on one line; digests that were never taken are left out."""
    found: dict[str, list[str]] = {}
    for point in ("source", "staged", "target"):
        if chunk[point]:
            found.setdefault(chunk[point], []).append(point)
    return [(" = ".join(points), digest) for digest, points in found.items()]


def done_so_far(stage: Stage) -> str:
    """What a running stage has done so far, in words."""
    unit = "table" if stage.stage.startswith("gate") else "chunk"
    parts = [
        f"{formatting.number(stage.rows)} of {formatting.count(stage.rows_expected, 'row')}" if stage.rows_expected else "",
        f"{stage.done:,} of {formatting.count(stage.of, unit)}" if stage.of else "",
        f"{formatting.number(stage.rows_per_second)} rows/s" if stage.rows_per_second else "",
    ]
    return " · ".join(filter(None, parts))
