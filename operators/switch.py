"""Switch: the shadow made live in one atomic step; its check; the end of what earlier switches kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowSkipException

from operators.migration_operator import MigrationOperator

if TYPE_CHECKING:
    from airflow.sdk import Context


class SwitchOperator(MigrationOperator):
    """Make the shadow tables live, on this run's evidence. Skips itself when the run was asked to stop before the switch."""

    def work(self, context: Context) -> dict[str, Any]:
        from penstock import record
        from penstock.stages import switch

        if context["params"].get("stop_before_switch"):
            raise AirflowSkipException("asked to stop before the switch: everything is proved, nothing is live")
        session = self.opened(context)
        with record.stage(session.staging, "switch"):
            done = switch.switch(session)
        return {"tables": len(done.moves), "at": done.at, "keep_until": done.keep_until}


class VerifyOperator(MigrationOperator):
    """After the switch: the live tables are the ones that were proved."""

    def work(self, context: Context) -> dict[str, Any]:
        from penstock import record
        from penstock.stages import switch

        session = self.opened(context)
        with record.stage(session.staging, "verify"):
            return {"live": len(switch.verify(session))}


class FinishOperator(MigrationOperator):
    """Drop the tables that earlier switches kept, where the time to keep them is over."""

    def work(self, context: Context) -> dict[str, Any]:
        from penstock import record
        from penstock.stages import switch

        session = self.opened(context)
        with record.stage(session.staging, "finish"):
            return {"statements": len(switch.finish(session))}
