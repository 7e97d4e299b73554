"""Validate: the gates. Expectation suites after each stage, and after the load the proof, row by row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from penstock_operators.migration_operator import MigrationOperator, handed_on

if TYPE_CHECKING:
    from airflow.sdk import Context


class ValidateOperator(MigrationOperator):
    """The gate after a `stage`: fails unless every critical expectation of every table holds.

    After extraction it answers the groups that the transform is mapped over.
    """

    def __init__(self, *, stage: Literal["extracted", "transformed", "loaded"], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.stage = stage

    def work(self, context: Context) -> list[dict[str, Any]] | None:
        from penstock.model.plan import groups
        from penstock.stages import extract
        from penstock.stages.validate import gate
        from penstock.state import run_log

        session = self.opened(context)
        with run_log.stage(session.staging, f"gate_{self.stage}"):
            if self.stage == "extracted":
                extract.finish(session)
            gate.gate(session, self.stage)
        if self.stage == "extracted" and session.plan.transformed:
            return handed_on(groups(session.plan, "transform"))
        return None if self.stage != "extracted" else []


class ProveOperator(MigrationOperator):
    """The proof: what stands in the shadow tables is what was staged, by digest; else fails and names the rows."""

    def work(self, context: Context) -> dict[str, Any]:
        from penstock.stages import prove
        from penstock.state import run_log

        session = self.opened(context)
        with run_log.stage(session.staging, "prove"):
            proof = prove.prove(session)
        return {"tables": len(proof.tables), "chunks": sum(p.chunks for p in proof.tables), "rows": proof.rows}
