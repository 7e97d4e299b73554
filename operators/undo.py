"""Undo: the tables that served before the last switch are put back, in one atomic step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from operators.migration_operator import MigrationOperator, declared, opened, url

if TYPE_CHECKING:
    import sqlalchemy as sa
    from airflow.sdk import Context


class UndoOperator(MigrationOperator):
    """Undo the migration's last switch; the run's param `run`, when given, says which run that must have been."""

    def work(self, context: Context) -> dict[str, Any]:
        from penstock import record
        from penstock.stages import report, switch

        migration = declared(self.migration)
        run = context["params"].get("run") or last_switched(url(migration.target), migration.name)
        session = opened(self.migration, self.staging_root, run)
        context["ti"].xcom_push("staging", session.staging.url)
        try:
            with record.stage(session.staging, "undo"):
                undone = switch.undo(session)
        finally:
            report.report(session.staging, migration.name, run)
        if undone["written_since"]:
            self.log.warning(
                "rows were written since the switch into %s: they are in the tables set aside", ", ".join(undone["written_since"])
            )
        return {"run": run, "at": undone["at"], "written_since": undone["written_since"]}


def last_switched(target_url: sa.URL, migration: str) -> str:
    """The run whose switch the target's journal has last. Raises SwitchRefused when there is none."""
    from penstock import databases, journal
    from penstock.errors import SwitchRefused

    engine = databases.connect(databases.of(target_url, target=True), target_url, "target")
    with engine.connect() as connection:
        found = journal.switches(connection, migration, ["switched"]) if journal.exists(connection) else []
    engine.dispose()
    if not found:
        why = "nothing was switched, or what it kept was dropped"
        raise SwitchRefused(f"{migration} has no switch to undo", why=why, fix="look at penstock_switches in the target")
    return found[0].run
