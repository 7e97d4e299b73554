"""A stage of the pipeline as an Airflow task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from penstock_operators.migration_operator import MigrationOperator

if TYPE_CHECKING:
    from airflow.sdk import Context

    from penstock.model.plan import Group, Plan
    from penstock.state.staging import Receipt


class StageOperator(MigrationOperator):
    """The stage `pipeline_stage` of penstock/model/pipeline.py, after the stages that share its task.

    group: of a stage that is fanned out, the part of its work that the task before handed on.
    Returns the groups of the stage that follows, when that is fanned out; else what `summary` makes of what the stage returned.
    """

    pipeline_stage = ""

    def __init__(self, *, pipeline_stage: str = "", group: Mapping[str, Any] | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.pipeline_stage = pipeline_stage or self.pipeline_stage
        self.group = group

    def work(self, context: Context) -> Any:
        from penstock import run
        from penstock.model import pipeline

        session, found = self.opened(context), None
        for stage in pipeline.of(session.plan, pipeline.task(self.pipeline_stage)):
            found = run.perform(session, stage, group_of(self.group) if self.group else None)
        following = handed_on(session.plan, self.pipeline_stage)
        return self.summary(found) if following is None and found is not None else following

    def summary(self, found: Any) -> dict[str, Any] | None:
        """What the stage returned as a small XCom: numbers and names."""
        return None


def handed_on(plan: Plan, stage: str) -> list[dict[str, Any]] | None:
    """The work of the stage that follows `stage` as a task's XCom, one mapped task a group; None when it is not fanned out."""
    from penstock.model import pipeline
    from penstock.model.plan import groups

    following = pipeline.following(stage)
    if following is None or not following.fan_out:
        return None
    return [{"label": g.label, "chunks": [list(c) for c in g.chunks]} for g in groups(plan, following)]


def group_of(handed: Mapping[str, Any]) -> Group:
    """A group that was handed on."""
    from penstock.model.plan import Group

    return Group(str(handed["label"]), tuple((str(table), int(number)) for table, number in handed["chunks"]))


def summed(receipts: Sequence[Receipt]) -> dict[str, Any]:
    """Receipts as one small XCom."""
    return {
        "tables": len({r.table for r in receipts}),
        "chunks": len(receipts),
        "rows": sum(r.rows for r in receipts),
        "rejected": sum(r.rejected for r in receipts),
        "bytes": sum(r.bytes for r in receipts),
        "seconds": round(sum(r.seconds for r in receipts), 3),
    }
