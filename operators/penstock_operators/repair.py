"""Repair: the live tables compared with the source; what differs is staged, loaded and proved, for the switch to put in place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from penstock_operators.migration_operator import MigrationOperator, area, begun_run, declared, opened, places

if TYPE_CHECKING:
    from airflow.sdk import Context

    from penstock.migration.spec import Migration
    from penstock.model.intervals import Interval
    from penstock.state.run_context import Session


class RepairOperator(MigrationOperator):
    """Everything of a repair up to the switch, in one task: what has to move is little.

    The param `run` says which tables and interval, where `tables`, `from` and `to` don't; what is left in its quarantine is loaded, too.
    """

    def work(self, context: Context) -> dict[str, Any]:
        from penstock import run as engine
        from penstock.stages import plan
        from penstock.state import evidence, run_log

        migration, params = declared(self.migration), context["params"]
        run = begun_run(migration, self.staging_root, context)
        staging = area(migration, self.staging_root, run)
        context["ti"].xcom_push("staging", staging.url)
        with run_log.stage(staging, "plan"):
            of = opened(self.migration, self.staging_root, str(params["run"])) if params.get("run") else None
            if of is not None:
                self._redrive(of, migration)
            session = plan.plan(
                migration,
                run,
                *places(migration, self.staging_root),
                only=tuple(params.get("tables") or ([t.name for t in of.plan.tables] if of else [])),
                interval=_interval(migration, params, of),
                repair=True,
                depth=params.get("proof") or "staged",
            )
        engine.move(session)
        found = evidence.COMPARED.find(staging) or ()
        told = {"put": sum(c.rows_put for c in found), "leaving": sum(c.rows_leaving for c in found)}
        return {"tables": len(found), "differ": sum(c.differ > 0 for c in found), **told}

    def _redrive(self, of: Session, migration: Migration) -> None:
        """Load what is left in a run's quarantine; once other tables are live, their rows come from the source, or not at all."""
        from penstock.errors import SwitchRefused
        from penstock.stages import redrive

        if redrive.left(of):
            try:
                for table in redrive.redrive(of, migration):
                    self.log.info("%s: %s rows of the quarantine are live, %s are left", table.table, table.loaded, table.left)
            except SwitchRefused as refused:
                self.log.warning("the quarantine of %s stays as it is: %s", of.plan.run, refused.why)


def _interval(migration: Migration, params: Mapping[str, Any], of: Session | None) -> Interval | None:
    """Of a partitioned migration, what is asked for; None: all that is covered. Raises MigrationError."""
    from penstock.errors import MigrationError
    from penstock.model import intervals

    if not migration.partitioned:
        return None
    ends = [params.get(end) for end in ("from", "to")]
    if any(ends) and not all(ends):
        raise MigrationError("an interval has two ends", where=str(migration.path), fix="give both `from` and `to`, or neither")
    if all(ends):
        return intervals.between(str(ends[0]), str(ends[1]), migration.timezone)
    return intervals.between(*of.plan.interval, "UTC") if of and of.plan.interval else None
