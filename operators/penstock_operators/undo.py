"""Undo: the tables that were live before the last switch are restored, in one atomic step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from penstock_operators import coverage, runs
from penstock_operators.connections import url
from penstock_operators.migration_operator import MigrationOperator

if TYPE_CHECKING:
    from airflow.sdk import Context


class UndoOperator(MigrationOperator):
    """Undo the migration's last switch; the run's param `run`, when given, says which run that must have been.

    Leaves a report of its own, in an area of its own, and the undone run's report says so too.
    """

    def work(self, context: Context) -> dict[str, Any]:
        from penstock.stages import report
        from penstock.stages.switch import undo
        from penstock.state import run_log, staging

        migration, dag_run = runs.declared(self.migration), context["dag_run"]
        own = staging.of(runs.staging_root(migration, self.staging_root), runs.undo_dag_id(migration), dag_run.run_id)
        # The page of this undo finds its report by this. It is pushed first, so that a refusal has a page too.
        context["ti"].xcom_push("staging", own.url)
        asked = {"by": dag_run.triggering_user_name or "", "note": dag_run.note or ""}
        run, of = str(context["params"].get("run") or ""), None
        try:
            with run_log.stage(own, "undo"):
                run = run or undo.last(url(migration.target), migration.name).run
                session = self.request(run).reopened()
                of = session.staging
                with run_log.stage(of, "undo"):
                    undone = undo.undo(session, asked["by"], dag_run.run_id)
        finally:
            report.report_undo(own, of, migration.name, dag_run.run_id, run, asked)
        covered = coverage.keep(migration, self.staging_root, session.staging)
        if undone.written_since:
            tables = ", ".join(undone.written_since)
            self.log.warning("%s: rows were written after the switch; they are kept in the tables that the undo set aside", tables)
        return {"run": run, "at": undone.at, "written_since": list(undone.written_since), "coverage": covered}
