"""Preflight: refuse, before a row moves, everything that can't be, all at once."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from penstock_operators import notify
from penstock_operators.migration_operator import (
    MigrationOperator,
    area,
    begun_run,
    declared,
    interval,
    secrets,
    staging_root,
    suites_folder,
    url,
)

if TYPE_CHECKING:
    from airflow.sdk import Context


class PreflightOperator(MigrationOperator):
    """Look at both databases and at the suites; fail with every problem there is, and change nothing."""

    def work(self, context: Context) -> dict[str, Any]:
        from penstock.stages import plan
        from penstock.state import run_log

        migration = declared(self.migration)
        run = begun_run(migration, self.staging_root, context)
        staging = area(migration, self.staging_root, run)
        # The report's tab finds the run's report by this, from the first task on.
        context["ti"].xcom_push("staging", staging.url)
        with run_log.stage(staging, "preflight"):
            asked = interval(migration, context)
            run_log.asked(staging, run, asked, migration.timezone)
            found = plan.preflight(
                migration,
                run,
                url(migration.source),
                url(migration.target),
                suites_folder(migration),
                tuple(context["params"].get("tables") or ()),
                staging_root(migration, self.staging_root),
                estimate=not migration.in_parts,  # of whole tables; a run of an interval would be held up by it each time
                interval=asked,
                secrets=secrets(),
            )
            found = replace(found, problems=(*found.problems, *notify.problems(migration)))
            plan.keep(staging, found)
            for problem in found.problems:
                told = (problem.area, problem.where, problem.what, f" — {problem.fix}" if problem.fix else "")
                (self.log.error if problem.blocking else self.log.warning)("%s: %s: %s%s", *told)
            for line in found.estimate.lines() if found.estimate else ():
                self.log.info(line)
            plan.refuse(found, migration)
        return {"tables": len(found.tables), "advice": len(found.problems)}
