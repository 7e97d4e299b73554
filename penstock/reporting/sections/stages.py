"""The stages of the run with their times, and the facts of the run: both ends, interval, approval, switch, undo, versions."""

from __future__ import annotations

from penstock.model.pipeline import LIVE
from penstock.reporting.inputs import Record, summed
from penstock.reporting.sections import Inputs
from penstock.state.run_log import STAGES, busy

order = {"report": 30, "run": 60}

_COUNTED = {"extract": "rows_read", "transform": "rows_read", "load": "rows_loaded", "prove": "rows_loaded"}
"""The figure of the tables that is the number of rows of a stage."""
_OPTIONAL = frozenset({"preflight", "compare", "approve", "undo", *(stage.name for stage in LIVE)})


def collect(inputs: Inputs) -> list[Record]:
    """The stages in their order. A stage that isn't part of the run is left out.

    state: `done`, `failed`, or `next` for a stage that the run has not reached.
    """
    records = inputs.records
    transformed = {t.name for t in records.tables if t.steps}
    failed = records.failure and records.failure.stage
    optional = _OPTIONAL | (set() if transformed else {"transform", "gate_transformed"})
    optional |= {"verify"} if records.plan and records.plan.live else set()  # others write into the live tables at once
    stages = []
    for stage, words in STAGES.items():
        parts = records.timings.get(stage, ())
        if not parts and stage != failed and stage in optional:
            continue
        tables = [t for t in inputs.report["tables"] if stage != "transform" or t["table"] in transformed]
        stages.append(
            {
                "stage": stage,
                "words": words,
                "state": "failed" if stage == failed else "done" if parts else "next",
                "rows": summed(t[_COUNTED[stage]] for t in tables) if parts and stage in _COUNTED else None,
                "seconds": round(busy(parts), 3) if parts else None,
                "tasks": len(parts),
                "started": min((p.started for p in parts), default=None),
            }
        )
    return stages
