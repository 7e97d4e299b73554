"""The gates: each expectation, what was observed, and whether it was met."""

from __future__ import annotations

from penstock.reporting.inputs import Record, summed
from penstock.reporting.sections import Inputs
from penstock.state.evidence import GATES
from penstock.state.json_file import record

order = {"report": 70}


def collect(inputs: Inputs) -> list[Record]:
    """One entry for each gate. state: `open`, `warned`, `closed`, or `not reached`."""
    records = inputs.records
    stages = [s for s in GATES if s != "transformed" or records.plan is None or records.plan.transformed]
    gates = []
    for stage in stages:
        verdicts = records.verdicts.get(stage)
        decisions = {v.decision for v in verdicts or ()}
        state = "not reached" if verdicts is None else "closed" if "stop" in decisions else "warned" if "warn" in decisions else "open"
        results = [r for v in verdicts or () for r in v.results]
        gates.append(
            {
                "stage": stage,
                "state": state,
                "asked": len(results),
                "met": sum(r.success for r in results),
                "seconds": summed(v.seconds for v in verdicts or ()),
                "verdicts": [record(v) for v in verdicts or ()],
            }
        )
    return gates
