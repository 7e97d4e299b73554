"""Undo: the tables that served before the last switch are put back, in one atomic step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from operators import coverage
from operators.migration_operator import MigrationOperator, declared, opened, url

if TYPE_CHECKING:
    from airflow.sdk import Context


class UndoOperator(MigrationOperator):
    """Undo the migration's last switch; the run's param `run`, when given, says which run that must have been."""

    def work(self, context: Context) -> dict[str, Any]:
        from penstock import record
        from penstock.stages import report, undo

        migration = declared(self.migration)
        run = context["params"].get("run") or undo.last(url(migration.target), migration.name).run
        session = opened(self.migration, self.staging_root, run)
        context["ti"].xcom_push("staging", session.staging.url)
        try:
            with record.stage(session.staging, "undo"):
                undone = undo.undo(session)
        finally:
            report.report(session.staging, migration.name, run)
        coverage.keep(migration, self.staging_root, session.staging)
        if undone["written_since"]:
            self.log.warning(
                "rows were written since the switch into %s: they are in the tables set aside", ", ".join(undone["written_since"])
            )
        return {"run": run, "at": undone["at"], "written_since": undone["written_since"]}
