"""A run in one small record, for whoever lists many: it goes where the report itself is too large to go."""

from __future__ import annotations

from typing import Any


def summary(report: dict[str, Any], staging: str) -> dict[str, Any]:
    """The record of a run, of its report.json and the URL of its staging area. Flat, JSON-able, and without names of tables.

    stage: the last one reached, done or failed, as the report calls it.  gates: the state of each by its stage.
    interval: both ends in UTC, None for a run without one.  timezone: in which people read it.
    proof: holds or broken, None before it.  approval: awaited or what was answered, None where none is wanted.
    """
    totals, proof, approval = report["totals"], report["proof"], report["approval"]
    reached = [s["stage"] for s in report["stages"] if s["state"] != "next"]
    figures = ("tables", "rows_read", "rows_loaded", "rows_rejected", "bytes", "seconds", "work_seconds", "rows_per_second")
    return {
        **{name: report[name] for name in ("migration", "run", "outcome", "headline", "started", "written", "interval", "timezone")},
        "stage": reached[-1] if reached else None,
        **{name: totals[name] for name in figures},
        "gates": {g["stage"]: g["state"] for g in report["gates"]},
        "proof": proof and ("holds" if proof["holds"] else "broken"),
        "approval": approval and approval.get("answer", "awaited"),
        "staging": staging,
    }
