"""The rows in quarantine, by table, column and reason."""

from __future__ import annotations

from dataclasses import asdict

from penstock.reporting.inputs import Record
from penstock.reporting.sections import Inputs
from penstock.state import quarantine

order = {"report": 60, "run": 50}


def collect(inputs: Inputs) -> list[Record]:
    """One entry for each table that has rows in quarantine; its groups are those of one column and reason."""
    records = inputs.records
    quarantined = [(t, records.quarantine[t.name]) for t in records.tables if records.quarantine.get(t.name)]
    return [{"table": t.name, "groups": [asdict(g) for g in quarantine.summary(manifests, t)]} for t, manifests in quarantined]
