"""Approve: a person looks at the evidence and answers, in Airflow's Required Actions, before the switch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk.exceptions import AirflowSkipException

from operators.migration_operator import current_run, declared, faults_told, opened

if TYPE_CHECKING:
    from airflow.sdk import Context


class ApproveOperator(ApprovalOperator):
    """Ask, wait, and write the answer into the run's evidence. A no, or no answer in time, fails the task and so the run.

    response_timeout: how long to wait. A rejected run must not look like one that switched: it is never green.
    """

    template_fields = (*ApprovalOperator.template_fields, "migration", "staging_root")

    def __init__(self, *, migration: str, staging_root: str = "", **kwargs: Any) -> None:
        super().__init__(**{"subject": "Switch {{ dag.dag_id }}?", "defaults": "Reject"} | kwargs)
        self.migration = migration
        self.staging_root = staging_root

    def execute(self, context: Context) -> Any:
        from penstock.reporting.evidence import evidence
        from penstock.stages import report

        if context["params"].get("stop_before_switch"):
            raise AirflowSkipException("asked to stop before the switch: there is nothing to approve")
        with faults_told():
            session = opened(self.migration, self.staging_root, current_run(declared(self.migration), self.staging_root, context))
            found = report.report(session.staging, session.plan.migration, session.plan.run)
            self.body = evidence(found, session.plan.keep_old_seconds, _address(context))
        return super().execute(context)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> dict[str, Any]:
        from penstock import journal, record
        from penstock.errors import NotApproved

        with faults_told():
            session = opened(self.migration, self.staging_root, current_run(declared(self.migration), self.staging_root, context))
            user = event.get("responded_by_user") or {}
            answer = (event.get("chosen_options") or ["Reject"])[0]
            given = {"approved": answer == self.APPROVE, "answer": answer, "by": user.get("name") or "", "at": journal.now()}
            given["rejected"] = sum(p["rejected"] for p in session.staging.read_json("proof.json"))
            with record.stage(session.staging, "approve"):
                session.staging.write_json(given, "approval.json")
                if not given["approved"]:
                    why = f"{given['by']} answered {answer}" if given["by"] else "nobody answered in time"
                    raise NotApproved(
                        "the switch was not approved", why=why, fix="start a new run when it may go ahead; nothing has changed"
                    )
        return given


def _address(context: Context) -> str:
    """The run's report in Airflow's UI, which may stand under a prefix."""
    from airflow.sdk.configuration import conf

    from penstock.pages.addresses import Addresses

    run = context["dag_run"]
    prefix = urlsplit(conf.get("api", "base_url", fallback="/")).path.rstrip("/")
    return f"{Addresses('', prefix).airflow_run(run.dag_id, run.run_id)}/plugin/migration_report"
