"""Plan: write down what the run will do, and hand the extraction's work on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from penstock_operators.migration_operator import MigrationOperator, area, current_run, declared, handed_on, interval, places

if TYPE_CHECKING:
    from airflow.sdk import Context


class PlanOperator(MigrationOperator):
    """Write the run's plan. Honours the run's params `tables`, `chunk`, `proof` and `dry_run`.

    Answers the groups that extraction is mapped over: none in a dry run, so that everything after is skipped.
    """

    def work(self, context: Context) -> list[dict[str, Any]]:
        from penstock.migration.spec import parse_bytes
        from penstock.model.plan import groups
        from penstock.stages import plan
        from penstock.state import run_log

        migration, params = declared(self.migration), context["params"]
        chunk = params.get("chunk")
        run = current_run(migration, self.staging_root, context)
        with run_log.stage(area(migration, self.staging_root, run), "plan"):
            session = plan.plan(
                migration,
                run,
                *places(migration, self.staging_root),
                parse_bytes(chunk) if chunk else None,
                tuple(params.get("tables") or ()),
                interval(migration, context),
                depth=params.get("proof") or "staged",
            )
        for table in session.plan.tables:
            self.log.info(
                "%s: %s rows in %s chunks, %s", table.name, table.rows, len(table.chunks), "transformed" if table.steps else "as it is"
            )
        if params.get("dry_run"):
            self.log.info("a dry run: the plan is written, nothing moves")
            return []
        return handed_on(groups(session.plan, "extract"))
