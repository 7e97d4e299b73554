"""The records that a run has staged about itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from penstock.model.plan import Plan, TablePlan
from penstock.state import evidence, plan_file, preflight_record, previous_run, progress, quarantine, run_log, switch_evidence
from penstock.state.evidence import GATES, Approval, Comparison, Proof, RedriveRecord, Verdict
from penstock.state.quarantine import Manifest
from penstock.state.run_log import Asked, Failure, Timing
from penstock.state.staging import Receipt, Staging
from penstock.state.switch_evidence import SwitchRecord, UndoRecord

Record = dict[str, Any]


@dataclass(frozen=True)
class Records:
    """Everything that a run has staged about itself; None or empty for stages that it did not reach.

    before: the report of the last run of the migration before this one that moved the same kind of parts.
    usual: how many rows of each table earlier runs of this kind have read.
    asked: the data interval that was requested.
    """

    plan: Plan | None
    preflight: Record | None
    failure: Failure | None
    timings: Mapping[str, Sequence[Timing]]
    receipts: Mapping[tuple[str, str], Sequence[Receipt]]
    quarantine: Mapping[str, Sequence[Manifest]]
    verdicts: Mapping[str, Sequence[Verdict]]
    compared: Sequence[Comparison]
    proof: Proof | None
    approval: Approval | None
    switch: SwitchRecord | None
    undo: UndoRecord | None
    redriven: RedriveRecord | None
    pace: Sequence[Record]
    before: Record | None
    usual: Mapping[str, int]
    asked: Asked | None = None

    @property
    def interval(self) -> Sequence[str] | None:
        """Both ends of the run's data interval, in UTC; of a run that was refused before its plan, the requested one."""
        if self.plan is not None:
            return self.plan.interval
        return self.asked.interval if self.asked else None

    @property
    def timezone(self) -> str:
        """The migration's time zone."""
        return self.plan.timezone if self.plan is not None else self.asked.timezone if self.asked else "UTC"

    @property
    def tables(self) -> Sequence[TablePlan]:
        return self.plan.tables if self.plan else ()


def read(area: Staging) -> Records:
    """The records of a run, those that exist."""
    plan = plan_file.find(area)
    tables = plan.tables if plan else ()
    area = area.of_readings(t.name for t in tables)
    decided = {stage: evidence.verdicts(stage).find(area) for stage in GATES}
    return Records(
        plan=plan,
        preflight=preflight_record.read(area),
        failure=run_log.FAILURE.find(area),
        timings=run_log.timings(area),
        receipts={(stage, t.name): area.receipts(stage, t.name) for t in tables for stage in ("extracted", "transformed")},
        quarantine={t.name: quarantine.manifests(area, t.name) for t in tables if t.quarantines},
        verdicts={stage: verdicts for stage, verdicts in decided.items() if verdicts is not None},
        compared=evidence.COMPARED.find(area) or (),
        proof=evidence.PROOF.find(area),
        approval=evidence.APPROVAL.find(area),
        switch=switch_evidence.SWITCH.find(area),
        undo=switch_evidence.UNDO.find(area),
        redriven=evidence.REDRIVEN.find(area),
        pace=progress.pace(area),
        before=previous_run.report_before(area, previous_run.kind(previous_run.moves(t) for t in tables)),
        usual=previous_run.usual(area, tables, plan.interval if plan else None),
        asked=run_log.ASKED.find(area),
    )


def summed(values: Iterable[float | None]) -> Any:
    """The sum of the values that are not None; None when there are none."""
    there = [v for v in values if v is not None]
    total = sum(there)
    return (round(total, 3) if isinstance(total, float) else total) if there else None
