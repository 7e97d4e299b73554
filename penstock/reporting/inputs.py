"""The records that a run has staged about itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from penstock.model.file_names import folder
from penstock.model.plan import Plan, TablePlan
from penstock.state import preflight_record, previous_run, progress, quarantine
from penstock.state.quarantine import Manifest
from penstock.state.run_log import FAILURE, INTERVAL
from penstock.state.staging import COMPARED, Receipt, Staging

GATES = ("extracted", "transformed", "loaded")

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
    failure: Record | None
    timings: Mapping[str, Sequence[Record]]
    receipts: Mapping[tuple[str, str], Sequence[Receipt]]
    quarantine: Mapping[str, Sequence[Manifest]]
    verdicts: Mapping[str, Sequence[Record]]
    compared: Sequence[Record]
    proof: Sequence[Record] | None
    approval: Record | None
    switch: Record | None
    undo: Record | None
    redriven: Record | None
    pace: Sequence[Record]
    before: Record | None
    usual: Mapping[str, int]
    asked: Record | None = None

    @property
    def interval(self) -> Sequence[str] | None:
        """Both ends of the run's data interval, in UTC; of a run that was refused before its plan, the requested one."""
        if self.plan is not None:
            return self.plan.interval
        return self.asked["interval"] if self.asked else None

    @property
    def timezone(self) -> str:
        """The migration's time zone."""
        return self.plan.timezone if self.plan is not None else self.asked["timezone"] if self.asked else "UTC"

    @property
    def tables(self) -> Sequence[TablePlan]:
        return self.plan.tables if self.plan else ()


def read(area: Staging) -> Records:
    """The records of a run, those that exist."""
    plan = Plan.from_json(area.read_text("plan.json")) if area.exists("plan.json") else None
    timings: dict[str, list[Record]] = {}
    for name in area.names("timings"):
        timing = area.read_json("timings", name)
        timings.setdefault(timing["stage"], []).append(timing)

    def there(*parts: str) -> Any:
        return area.read_json(*parts) if area.exists(*parts) else None

    def receipts(stage: str, table: TablePlan) -> list[Receipt]:
        chunks = [n for n in area.names(stage, folder(table.name)) if n.endswith(".json")]
        return [Receipt(**area.read_json(stage, folder(table.name), n)) for n in chunks]

    tables = plan.tables if plan else ()
    return Records(
        plan=plan,
        preflight=preflight_record.read(area),
        failure=there(FAILURE),
        timings=timings,
        receipts={(stage, t.name): receipts(stage, t) for t in tables for stage in ("extracted", "transformed")},
        quarantine={t.name: quarantine.manifests(area, t.name) for t in tables if t.quarantines},
        verdicts={stage: verdicts for stage in GATES if (verdicts := there("verdicts", f"{stage}.json")) is not None},
        compared=there(COMPARED) or (),
        proof=there("proof.json"),
        approval=there("approval.json"),
        switch=there("switch.json"),
        undo=there("undo.json"),
        redriven=there("redriven.json"),
        pace=progress.pace(area),
        before=previous_run.report_before(area, previous_run.kind(previous_run.moves(t) for t in tables)),
        usual=previous_run.usual(area, tables, plan.interval if plan else None),
        asked=there(INTERVAL),
    )


def summed(values: Iterable[float | None]) -> Any:
    """The sum of the values that are not None; None when there are none."""
    there = [v for v in values if v is not None]
    total = sum(there)
    return (round(total, 3) if isinstance(total, float) else total) if there else None
