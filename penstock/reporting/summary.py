"""A run in one small record, for lists of many runs and for XCom, where a whole report is too large."""

from __future__ import annotations

from typing import Any


def summary(report: dict[str, Any], staging: str) -> dict[str, Any]:
    """The summary of a report.  staging: the URL of the staging area. JSON-able, and without names of tables.

    stage: the last stage that is done or failed.  gates: the state of each gate, by its stage.
    interval: both ends in UTC, None for a run without one.  timezone: the migration's.
    proof: holds or broken, None before the proof.  approval: awaited, or the answer; None where no approval is required.
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
