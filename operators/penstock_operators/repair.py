"""Repair: the live tables compared with the source; the rows that differ are staged, loaded and proved, for the switch."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from penstock_operators import runs
from penstock_operators.migration_operator import MigrationOperator

if TYPE_CHECKING:
    from airflow.sdk import Context


class RepairOperator(MigrationOperator):
    """All stages of a repair up to the switch in one task: few rows move. It does what `penstock run --repair` does.

    The param `run` names an earlier run: its quarantine is loaded first, and its tables and interval are repaired, where `tables`, `from`
    and `to` name none.
    """

    def work(self, context: Context) -> dict[str, Any]:
        from penstock import run as engine
        from penstock.state import evidence, run_log

        migration, params = runs.declared(self.migration), context["params"]
        run = runs.begun_run(migration, self.staging_root, context)
        staging = runs.area(migration, self.staging_root, run)
        context["ti"].xcom_push("staging", staging.url)
        with run_log.stage(staging, "plan"):
            request = replace(
                self.request(run),
                repair=True,
                of=str(params.get("run") or ""),
                tables=tuple(params.get("tables") or ()),
                interval=runs.form_interval(migration, params),
                depth=params.get("proof") or "staged",
            )
            session = engine.planned(request)
        engine.move(session)
        found = evidence.COMPARED.find(staging) or ()
        rows = {"put": sum(c.rows_put for c in found), "leaving": sum(c.rows_leaving for c in found)}
        return {"tables": len(found), "differ": sum(c.differ > 0 for c in found), **rows}
