"""Report: what the run leaves to be reviewed, whatever its end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from penstock_operators import coverage, runs
from penstock_operators.migration_operator import MigrationOperator

if TYPE_CHECKING:
    from airflow.sdk import Context


class ReportOperator(MigrationOperator):
    """Write the run's report, HTML and JSON, into its staging area; after failed tasks too. Returns the run's summary."""

    def __init__(self, *, trigger_rule: str = "all_done", **kwargs: Any) -> None:
        super().__init__(trigger_rule=trigger_rule, **kwargs)

    def work(self, context: Context) -> dict[str, Any]:
        from penstock.reporting.summary import summary
        from penstock.stages import report
        from penstock.state import run_files

        migration = runs.declared(self.migration)
        run = runs.current_run(migration, self.staging_root, context)
        staging = runs.area(migration, self.staging_root, run)
        found = report.report(staging, migration.name, run)
        self.log.info("report: %s/%s", staging.url, run_files.REPORT_PAGE)
        return summary(found, staging.url) | {"coverage": coverage.keep(migration, self.staging_root, staging)}
