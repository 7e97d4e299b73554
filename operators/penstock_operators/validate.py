"""Validate: the gates. Expectation suites after each stage, and after the load the proof, row by row."""

from __future__ import annotations

from typing import Any, Literal

from penstock_operators.stage import StageOperator


class ValidateOperator(StageOperator):
    """The gate after a `stage`: fails unless every critical expectation of every table holds.

    After extraction it returns the groups that the transform is mapped over.
    """

    def __init__(self, *, stage: Literal["extracted", "transformed", "loaded"], **kwargs: Any) -> None:
        super().__init__(pipeline_stage=f"gate_{stage}", **kwargs)
        self.stage = stage


class ProveOperator(StageOperator):
    """The proof: the rows in the shadow tables are those that were staged, by digest. Otherwise it fails and names the rows."""

    pipeline_stage = "prove"

    def summary(self, found: Any) -> dict[str, Any]:
        return {"tables": len(found.tables), "chunks": sum(p.chunks for p in found.tables), "rows": found.rows}
