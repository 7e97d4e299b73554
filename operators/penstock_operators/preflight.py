"""Preflight: before a row moves, find every problem at once."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from penstock_operators import notify, runs
from penstock_operators.migration_operator import MigrationOperator

if TYPE_CHECKING:
    from airflow.sdk import Context


class PreflightOperator(MigrationOperator):
    """Look at both databases and at the suites; fail with every problem there is, and change nothing."""

    def work(self, context: Context) -> dict[str, Any]:
        from penstock.stages import plan
        from penstock.state import run_log

        migration = runs.declared(self.migration)
        run = runs.begun_run(migration, self.staging_root, context)
        staging = runs.area(migration, self.staging_root, run)
        # The report's tab finds the run's report by this, from the first task on.
        context["ti"].xcom_push("staging", staging.url)
        with run_log.stage(staging, "preflight"):
            asked = runs.interval(migration, context)
            run_log.asked(staging, run, asked, migration.timezone)
            request = replace(self.request(run), tables=tuple(context["params"].get("tables") or ()), interval=asked)
            plan.end_gone(request)
            # The estimate is of whole tables; it would delay each run of an interval.
            found = plan.preflight(request, estimate=not migration.in_parts)
            found = replace(found, problems=(*found.problems, *notify.problems(migration)))
            plan.keep(staging, found)
            for problem in found.problems:
                words = (problem.area, problem.where, problem.what, f" — {problem.fix}" if problem.fix else "")
                (self.log.error if problem.blocking else self.log.warning)("%s: %s: %s%s", *words)
            for line in found.estimate.lines() if found.estimate else ():
                self.log.info(line)
            plan.refuse(found, migration)
        return {"tables": len(found.tables), "warnings": len(found.problems)}
