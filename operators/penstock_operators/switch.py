"""Switch: the shadow made live in one atomic step; its check; the end of what earlier switches kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from airflow.sdk import Asset, AssetAlias
from airflow.sdk.exceptions import AirflowSkipException

from penstock_operators.migration_operator import MigrationOperator
from penstock_operators.stage import StageOperator

if TYPE_CHECKING:
    from airflow.sdk import Context

    from penstock.state.journal import Switch
    from penstock.state.run_context import RunContext


def asset(migration: str, table: str) -> Asset:
    """What other DAGs are scheduled on: a table that a migration has proved and made live."""
    return Asset(name=f"{migration}.{table}", uri=f"penstock://{quote(migration)}/{quote(table, safe='')}")


class SwitchOperator(MigrationOperator):
    """Make the shadow tables live, on this run's evidence. Skips itself when the run was asked to stop before the switch.

    With an outlet AssetAlias called like the migration it emits an event of each table: its rows, digest, run and interval.
    """

    def work(self, context: Context) -> dict[str, Any]:
        from penstock import run
        from penstock.model import pipeline

        if context["params"].get("stop_before_switch"):
            raise AirflowSkipException("asked to stop before the switch: everything is proved, nothing is live")
        session = self.opened(context)
        done: Switch = run.perform(session, pipeline.named("switch"))
        if AssetAlias(session.plan.migration) in context["outlet_events"]:
            self._tell(context, session, done)
        return {"tables": len(done.moves) + len(done.replaced), "at": done.at, "keep_until": done.keep_until}

    def _tell(self, context: Context, session: RunContext, done: Switch) -> None:
        plan, events = session.plan, context["outlet_events"][AssetAlias(session.plan.migration)]
        for proof in done.evidence.proof.tables:
            if proof.table not in done.evidence.left:
                interval = list(plan.interval) if plan.interval else None
                told: dict[str, Any] = {"rows": proof.rows, "digest": proof.target, "run": plan.run, "interval": interval}
                events.add(asset(plan.migration, proof.table), told)


class VerifyOperator(StageOperator):
    """After the switch: the live tables are the ones that were proved."""

    pipeline_stage = "verify"

    def summary(self, found: Any) -> dict[str, Any]:
        return {"live": len(found)}


class FinishOperator(StageOperator):
    """Drop the tables that earlier switches kept, when they have expired, and remove the staged rows of this run."""

    pipeline_stage = "finish"

    def summary(self, found: Any) -> dict[str, Any]:
        return {"statements": len(found)}
