"""Approve: a person looks at the evidence and answers, in Airflow's Required Actions, before the switch.

While it waits the task holds no worker slot. Airflow parks it in the state `awaiting_input` with a timeout. The question has no default
answer, so that at the end of the timeout Airflow only starts the task again, and the question stays open. That serves the reminder: the
first timeout is that of the reminder, then the task is parked again for what is left of `approve_within`.

With `approval: per_backfill` one run of a backfill asks, as penstock/state/approvals.py decides. The others are rescheduled until it is
answered.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk.exceptions import AirflowRescheduleException, AirflowSkipException, TaskAwaitingInput

from penstock_operators import backfills, notify
from penstock_operators.migration_operator import current_run, declared, faults_told, opened, repair_dag_id

if TYPE_CHECKING:
    from airflow.sdk import Context

    from penstock.migration.spec import Migration
    from penstock.reporting.question import Backfill
    from penstock.state.approvals import Asked
    from penstock.state.evidence import Approval, ForBackfill
    from penstock.state.run_context import Session

_SOONEST, _LATEST = timedelta(seconds=10), timedelta(minutes=2)
"""How long a run that waits for the answer to another run's question sleeps before it looks again: a quarter of what it has waited."""
_OVER = {"success", "failed", "skipped", "upstream_failed", "removed"}


@dataclass(frozen=True)
class _Run:
    """What the task knows of its run."""

    migration: Migration
    session: Session
    backfill: Backfill | None

    @property
    def rejected(self) -> int:
        from penstock.state import evidence

        return evidence.PROOF.read(self.session.staging).rejected

    @property
    def warned(self) -> tuple[str, ...]:
        from penstock.state import approvals, evidence

        return approvals.warned(evidence.all_verdicts(self.session.staging))


class ApproveOperator(ApprovalOperator):
    """Ask, wait, and write the answer into the run's evidence. A no, or no answer in time, fails the task and so the run.

    response_timeout: how long to wait. A rejected run must not look like one that switched: it is never green.
    subject: one that names the run and what it has proved, when not given.
    """

    template_fields = (*ApprovalOperator.template_fields, "migration", "staging_root")

    def __init__(self, *, migration: str, staging_root: str = "", **kwargs: Any) -> None:
        super().__init__(**{"subject": ""} | kwargs)
        self.migration = migration
        self.staging_root = staging_root

    def execute(self, context: Context) -> Any:
        if context["params"].get("stop_before_switch"):
            raise AirflowSkipException("asked to stop before the switch: there is nothing to approve")
        with faults_told():
            run = self._run(context)
            why, given = self._by_the_backfill(context, run) if run.backfill else ("", None)
            if given is not None:
                return given
            # A run that asks for itself though its backfill was approved speaks for no other.
            self._describe(context, run, run.backfill if not why else None, why)
        notify.asked(context, "waiting", self.subject, _answer_at(context))
        until = datetime.now(UTC) + self.response_timeout if self.response_timeout else None
        self.response_timeout = _first_wait(run.migration, self.response_timeout)
        try:
            return super().execute(context)
        except TaskAwaitingInput as parked:
            parked.kwargs = {"until": until.isoformat() if until else ""}
            raise

    def execute_complete(self, context: Context, event: dict[str, Any], until: str = "") -> dict[str, Any]:
        from penstock.state import approvals, journal
        from penstock.state.evidence import Approval

        with faults_told():
            run = self._run(context)
            left = datetime.fromisoformat(until) - datetime.now(UTC) if until else timedelta()
            if event.get("error_type") == "timeout" and left > timedelta(seconds=1):
                end = until[:16].replace("T", " ")
                notify.asked(context, "expiring", f"the approval is not given yet; at {end} UTC the run is refused", _answer_at(context))
                raise TaskAwaitingInput(method_name="execute_complete", timeout=left, kwargs={"until": until})
            user = event.get("responded_by_user") or {}
            answer = (event.get("chosen_options") or [self.REJECT])[0]
            given = Approval(answer == self.APPROVE, answer, user.get("name") or "", journal.now(), run.rejected)
            if run.backfill:
                mine = _question(context, run, run.backfill)
                with run.session.writing() as connection:
                    stands = approvals.ask(connection, mine)
                    if stands.run == mine.run and not stands.answer:
                        said = {"answer": given.answer, "by": given.by, "at": given.at}
                        approvals.answer(connection, replace(stands, **said, rejected=given.rejected, warned=run.warned))
                        given = replace(given, backfill=_covering(run.backfill, stands))
            return _written(run.session, given)

    def _run(self, context: Context) -> _Run:
        migration = declared(self.migration)
        session = opened(self.migration, self.staging_root, current_run(migration, self.staging_root, context))
        backfill = backfills.of(context) if migration.switch.approval == "per_backfill" else None
        return _Run(migration, session, backfill)

    def _by_the_backfill(self, context: Context, run: _Run) -> tuple[str, dict[str, Any] | None]:
        """What is given for all runs of the backfill; else why this run asks for itself, empty when it asks for all of them.

        Raises AirflowRescheduleException while another run's question is open, and NotApproved when it was answered with no.
        """
        from penstock.state import approvals
        from penstock.state.evidence import Approval

        assert run.backfill is not None
        mine = _question(context, run, run.backfill)
        with run.session.writing() as connection:
            stands = approvals.ask(connection, mine)
            if not stands.answer and stands.run != mine.run and self._lost(context, stands):
                self.log.warning("the run %s asks no longer: this one asks in its place", stands.run)
                stands = mine if approvals.take_over(connection, stands, mine) else approvals.ask(connection, mine)
        if not stands.answer:
            if stands.run == mine.run:
                return "", None
            self.log.info("the run %s asks for all runs of the backfill: waiting for the answer", stands.run)
            raise AirflowRescheduleException(datetime.now(UTC) + _pause(stands))  # type: ignore[no-untyped-call]
        if why := approvals.beyond(stands, run.rejected, run.warned) if stands.answer == self.APPROVE else "":
            return why, None
        answer = (stands.answer == self.APPROVE, stands.answer, stands.by, stands.at)
        return "", _written(run.session, Approval(*answer, run.rejected, _covering(run.backfill, stands)))

    def _lost(self, context: Context, stands: Asked) -> bool:
        """Whether the task that asks has ended without an answer."""
        ti: Any = context["ti"]
        found = ti.get_task_states(dag_id=context["dag_run"].dag_id, task_ids=[self.task_id], run_ids=[stands.run])
        state = (found.get(stands.run) or {}).get(self.task_id, "removed" if stands.run not in found else None)
        return str(getattr(state, "value", state)) in _OVER

    def _describe(self, context: Context, run: _Run, backfill: Backfill | None, why: str) -> None:
        """Write the report, and make subject and body of it."""
        from penstock.reporting.approval import evidence, inert
        from penstock.reporting.question import question
        from penstock.stages import report

        session = run.session
        found = report.report(session.staging, session.plan.migration, session.plan.run)
        if not self.subject:
            which = _which(context, run)
            repairs = context["dag_run"].dag_id == repair_dag_id(run.migration)
            self.subject = _repairs(run, context) if repairs else question(found, which, backfill)
            self.subject += " (not covered by the backfill's approval)" if why else ""
        body = evidence(found, session.plan.keep_old_seconds, notify.report_path(context["dag_run"].dag_id, context["dag_run"].run_id))
        ahead = f"**The approval of the backfill does not cover this run**: {inert(why)}." if why else ""
        if backfill is not None:
            ahead = (
                f"**The answer counts for {backfill.words}.** What follows is this run's evidence. Every other run is switched on its own "
                "gates and proof; one with more rejected rows, or with other warnings, asks for itself."
            )
        self.body = "\n\n".join(filter(None, (ahead, body)))


def _written(session: Session, given: Approval) -> dict[str, Any]:
    """Write the answer into the run's evidence, and answer it for an XCom. Raises NotApproved when it is a no."""
    from penstock.errors import NotApproved
    from penstock.state import evidence, json_file, run_log

    with run_log.stage(session.staging, "approve"):
        evidence.APPROVAL.write(session.staging, given)
        if not given.approved:
            why = f"{given.by} answered {given.answer}" if given.by else "nobody answered in time"
            why += f", for {given.backfill.words}" if given.backfill else ""
            raise NotApproved("the switch was not approved", why=why, fix="start a new run when it may go ahead; nothing has changed")
    return dict(json_file.record(given))


def _question(context: Context, run: _Run, backfill: Backfill) -> Asked:
    from penstock.state import journal
    from penstock.state.approvals import Asked

    return Asked(run.migration.name, backfill.key, context["dag_run"].run_id, journal.now())


def _covering(backfill: Backfill, stands: Asked) -> ForBackfill:
    """For the evidence: that the answer was given for a backfill, and which run asked."""
    from penstock.state.evidence import ForBackfill

    return ForBackfill(backfill.words, backfill.runs, stands.run)


def _pause(stands: Asked) -> timedelta:
    waited = datetime.now(UTC) - datetime.fromisoformat(stands.asked_at)
    return min(max(_SOONEST, waited / 4), _LATEST)


def _first_wait(migration: Migration, within: timedelta | None) -> timedelta | None:
    """Until the reminder, where somebody wants it; else until the end."""
    wanted = any("expiring" in spec.events for spec in migration.notify)
    return within - migration.switch.reminder if within and wanted and within > migration.switch.reminder else within


def _which(context: Context, run: _Run) -> str:
    """What tells this run apart: its interval, and where that may be another run's too, its id."""
    dag_run = context["dag_run"]
    interval = notify.span(run.migration, context)
    by_hand = str(getattr(dag_run.run_type, "value", dag_run.run_type)) not in ("scheduled", "backfill")
    return " ".join(filter(None, (f"for {interval}" if interval else "", f"(run {dag_run.run_id})" if by_hand or not interval else "")))


def _repairs(run: _Run, context: Context) -> str:
    from penstock.reporting.question import repair_question
    from penstock.state import evidence

    found = evidence.COMPARED.find(run.session.staging) or ()
    put, leaving = sum(c.rows_put for c in found), sum(c.rows_leaving for c in found)
    return repair_question(run.migration.name, context["dag_run"].run_id, put, leaving, sum(c.differ > 0 for c in found))


def _answer_at(context: Context) -> str:
    run = context["dag_run"]
    return f"answer under Required Actions: {notify.run_address(run.dag_id, run.run_id)}/tasks/{context['task'].task_id}/required_actions"
