"""The schema: what became of the objects of the source's tables, and whether the target was built as planned."""

from __future__ import annotations

from dataclasses import asdict

from penstock.model.schema_summary import summary
from penstock.reporting.inputs import Record
from penstock.reporting.sections import Inputs

order = {"report": 85}


def collect(inputs: Inputs) -> Record | None:
    """The objects by kind and result, and each difference; None before the run has a plan.

    proved: whether what was built is what was planned; None before the run has a proof of it.
    unannounced: what was not built as planned.  drift: what of live tables that stay is not as the migration would make it.
    """
    records = inputs.records
    if not records.plan:
        return None
    proofs = [t.schema for t in records.proof.tables if t.schema] if records.proof else []
    unannounced = [asdict(d) for proof in proofs for d in proof.unannounced]
    drift = [asdict(d) for proof in proofs for d in proof.drift]
    found = summary(records.plan.tables)
    return {
        "counts": [asdict(c) for c in found.counts],
        "differences": [asdict(d) for d in found.differences],
        "proved": not unannounced if proofs else None,
        "objects": sum(proof.objects for proof in proofs),
        "unannounced": unannounced,
        "drift": drift,
    }
