"""Plan: write down what the run will do, and hand the extraction's work on."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from penstock_operators import runs
from penstock_operators.migration_operator import MigrationOperator
from penstock_operators.stage import handed_on

if TYPE_CHECKING:
    from airflow.sdk import Context


class PlanOperator(MigrationOperator):
    """Write the run's plan. The run's params `tables`, `chunk`, `proof` and `dry_run` count.

    Returns the groups that extraction is mapped over: none in a dry run, so that everything after is skipped.
    """

    def work(self, context: Context) -> list[dict[str, Any]] | None:
        from penstock.migration.spec import parse_bytes
        from penstock.stages import plan
        from penstock.state import run_log

        migration, params = runs.declared(self.migration), context["params"]
        chunk, run = params.get("chunk"), runs.current_run(migration, self.staging_root, context)
        with run_log.stage(runs.area(migration, self.staging_root, run), "plan"):
            session = plan.plan(
                replace(
                    self.request(run),
                    tables=tuple(params.get("tables") or ()),
                    chunk=parse_bytes(chunk) if chunk else None,
                    interval=runs.interval(migration, context),
                    depth=params.get("proof") or "staged",
                )
            )
        for table in session.plan.tables:
            steps = "transformed" if table.steps else "not transformed"
            self.log.info("%s: %s rows in %s chunks, %s", table.name, table.rows, len(table.chunks), steps)
        if params.get("dry_run"):
            self.log.info("dry run: the plan is written, nothing moves")
            return []
        return handed_on(session.plan, "plan")
