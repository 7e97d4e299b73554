"""The proof: each table's digest at the source, in staging and at the target, and whether its row counts balance."""

from __future__ import annotations

from penstock.reporting.inputs import Record
from penstock.reporting.sections import Inputs
from penstock.state.json_file import record

order = {"report": 80}


def collect(inputs: Inputs) -> Record | None:
    """Whether it holds, and the proof of each table; None before the run has one.

    unchanged: of a repair, the digest of the live rows that were equal already.
    """
    records = inputs.records
    if not records.proof:
        return None
    named, elsewhere = {"standing": "unchanged"}, ("definition", "schema")
    tables = [{named.get(name, name): value for name, value in t.items() if name not in elsewhere} for t in record(records.proof)]
    return {"holds": records.proof.holds, "depth": records.plan and records.plan.depth, "tables": tables}
