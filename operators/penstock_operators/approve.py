"""Approval: a person reads the evidence and answers in Airflow's Required Actions, before the switch.

While it waits, the task takes no worker slot: Airflow sets its state to `awaiting_input`, with a timeout. The question has no default
answer, so at the timeout Airflow only starts the task again, and the question stays open. The reminder uses this: the first timeout is
the time of the reminder, the second is the rest of `approve_within`.

With `approval: per_backfill` one run of a backfill asks for all of its runs (penstock/state/approvals.py decides which). The others are
rescheduled until the question is answered.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk.exceptions import AirflowRescheduleException, AirflowSkipException, TaskAwaitingInput

from penstock_operators import backfills, notify, runs
from penstock_operators.migration_operator import airflow_faults

if TYPE_CHECKING:
    from airflow.sdk import Context

    from penstock.migration.spec import Migration
    from penstock.reporting.question import Backfill
    from penstock.state.approvals import Asked
    from penstock.state.evidence import ForBackfill
    from penstock.state.run_context import RunContext

_SOONEST, _LATEST = timedelta(seconds=10), timedelta(minutes=2)
"""The pause of a run that waits for the answer to another run's question, at least and at most; else a quarter of the time since then."""
_OVER = {"success", "failed", "skipped", "upstream_failed", "removed"}


@dataclass(frozen=True)
class _Run:
    """What the task knows of its run."""

    migration: Migration
    session: RunContext
    backfill: Backfill | None

    @property
    def rejected(self) -> int:
        from penstock.stages import approve

        return approve.rejected(self.session)

    @property
    def warned(self) -> tuple[str, ...]:
        from penstock.state import approvals, evidence

        return approvals.warned(evidence.all_verdicts(self.session.staging))


class ApproveOperator(ApprovalOperator):
    """Ask, wait, and write the answer into the evidence of the run. A rejection, or no answer in time, fails the task and the run.

    response_timeout: how long to wait. A rejected run fails, so that it can't be taken for one that switched.
    subject: by default it names the run and what is proved.
    """

    template_fields = (*ApprovalOperator.template_fields, "migration", "staging_root")

    def __init__(self, *, migration: str, staging_root: str = "", **kwargs: Any) -> None:
        super().__init__(**{"subject": ""} | kwargs)
        self.migration = migration
        self.staging_root = staging_root

    def execute(self, context: Context) -> Any:
        if context["params"].get("stop_before_switch"):
            raise AirflowSkipException("stop_before_switch is set: there is nothing to approve")
        with airflow_faults():
            run = self._run(context)
            why, given = self._by_the_backfill(context, run) if run.backfill else ("", None)
            if given is not None:
                return given
            # A run that the approval of its backfill does not cover asks for itself only.
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

        with airflow_faults():
            run = self._run(context)
            left = datetime.fromisoformat(until) - datetime.now(UTC) if until else timedelta()
            if event.get("error_type") == "timeout" and left > timedelta(seconds=1):
                end = until[:16].replace("T", " ")
                what = f"the switch is not approved yet; without an answer the run is rejected at {end} UTC"
                notify.asked(context, "expiring", what, _answer_at(context))
                raise TaskAwaitingInput(method_name="execute_complete", timeout=left, kwargs={"until": until})
            user = event.get("responded_by_user") or {}
            answer = (event.get("chosen_options") or [self.REJECT])[0]
            by, at, covering = user.get("name") or "", journal.now(), None
            if run.backfill:
                mine = _question(context, run, run.backfill)
                with run.session.writing() as connection:
                    stands = approvals.ask(connection, mine)
                    if stands.run == mine.run and not stands.answer:
                        given = replace(stands, answer=answer, by=by, at=at, rejected=run.rejected, warned=run.warned)
                        approvals.answer(connection, given)
                        covering = _covering(run.backfill, stands)
            return _written(run.session, answer, by, at, covering)

    def _run(self, context: Context) -> _Run:
        from penstock.runtime import process

        process.tune()
        migration = runs.declared(self.migration)
        run = runs.current_run(migration, self.staging_root, context)
        session = runs.request(migration, self.staging_root, run).reopened()
        backfill = backfills.of(context) if migration.switch.approval == "per_backfill" else None
        return _Run(migration, session, backfill)

    def _by_the_backfill(self, context: Context, run: _Run) -> tuple[str, dict[str, Any] | None]:
        """The answer for all runs of the backfill; else why this run asks for itself, empty when it asks for all of them.

        Raises AirflowRescheduleException while another run's question is open, and NotApproved when it was answered with no.
        """
        from penstock.state import approvals

        assert run.backfill is not None
        mine = _question(context, run, run.backfill)
        with run.session.writing() as connection:
            stands = approvals.ask(connection, mine)
            if not stands.answer and stands.run != mine.run and self._lost(context, stands):
                self.log.warning("the task of the run %s has ended without an answer: this run asks in its place", stands.run)
                stands = mine if approvals.take_over(connection, stands, mine) else approvals.ask(connection, mine)
        if not stands.answer:
            if stands.run == mine.run:
                return "", None
            self.log.info("the run %s asks for all runs of the backfill: waiting for the answer", stands.run)
            raise AirflowRescheduleException(datetime.now(UTC) + _pause(stands))  # type: ignore[no-untyped-call]
        if why := approvals.beyond(stands, run.rejected, run.warned) if stands.answer == self.APPROVE else "":
            return why, None
        return "", _written(run.session, stands.answer, stands.by, stands.at, _covering(run.backfill, stands))

    def _lost(self, context: Context, stands: Asked) -> bool:
        """Whether the task that asked has ended without an answer."""
        ti: Any = context["ti"]
        found = ti.get_task_states(dag_id=context["dag_run"].dag_id, task_ids=[self.task_id], run_ids=[stands.run])
        state = (found.get(stands.run) or {}).get(self.task_id, "removed" if stands.run not in found else None)
        return str(getattr(state, "value", state)) in _OVER

    def _describe(self, context: Context, run: _Run, backfill: Backfill | None, why: str) -> None:
        """Write the report, and make the subject and the body of the question from it."""
        from penstock.reporting.approval import evidence, inert
        from penstock.reporting.question import question
        from penstock.stages import report

        session = run.session
        found = report.report(session.staging, session.plan.migration, session.plan.run)
        if not self.subject:
            which = _which(context, run)
            repairs = context["dag_run"].dag_id == runs.repair_dag_id(run.migration)
            self.subject = _repairs(run, context) if repairs else question(found, which, backfill)
            self.subject += " (not covered by the approval of the backfill)" if why else ""
        body = evidence(found, session.plan.keep_old_seconds, notify.report_path(context["dag_run"].dag_id, context["dag_run"].run_id))
        scope = f"**The approval of the backfill does not cover this run**: {inert(why)}." if why else ""
        if backfill is not None:
            scope = (
                f"**The answer is for {backfill.words}.** The evidence below is that of this run. Every other run needs its own gates "
                "and proof; a run with more rejected rows, or with other warnings, asks for itself."
            )
        self.body = "\n\n".join(filter(None, (scope, body)))


def _written(session: RunContext, answer: str, by: str, at: str, backfill: ForBackfill | None) -> dict[str, Any]:
    """Write the answer into the run's evidence, and answer it for an XCom. Raises NotApproved when it is a no."""
    from penstock.stages import approve
    from penstock.state import json_file, run_log

    with run_log.stage(session.staging, "approve"):
        return dict(json_file.record(approve.answered(session, answer, by, at, backfill)))


def _question(context: Context, run: _Run, backfill: Backfill) -> Asked:
    from penstock.state import journal
    from penstock.state.approvals import Asked

    return Asked(run.migration.name, backfill.key, context["dag_run"].run_id, journal.now())


def _covering(backfill: Backfill, stands: Asked) -> ForBackfill:
    """For the evidence: the backfill that the answer was given for, and the run that asked."""
    from penstock.state.evidence import ForBackfill

    return ForBackfill(backfill.words, backfill.runs, stands.run)


def _pause(stands: Asked) -> timedelta:
    waited = datetime.now(UTC) - datetime.fromisoformat(stands.asked_at)
    return min(max(_SOONEST, waited / 4), _LATEST)


def _first_wait(migration: Migration, within: timedelta | None) -> timedelta | None:
    """The time until the reminder, where a notifier sends it; else until the end."""
    wanted = any("expiring" in spec.events for spec in migration.notify)
    return within - migration.switch.reminder if within and wanted and within > migration.switch.reminder else within


def _which(context: Context, run: _Run) -> str:
    """What identifies this run: its interval, and its id where another run can have the same interval."""
    dag_run = context["dag_run"]
    interval = notify.span(run.migration, context)
    by_hand = str(getattr(dag_run.run_type, "value", dag_run.run_type)) not in ("scheduled", "backfill")
    return " ".join(filter(None, (f"for {interval}" if interval else "", f"(run {dag_run.run_id})" if by_hand or not interval else "")))


def _repairs(run: _Run, context: Context) -> str:
    from penstock.reporting.question import repair_question
    from penstock.state import evidence

    found = evidence.COMPARED.find(run.session.staging) or ()
    rows_in, rows_out = sum(c.rows_put for c in found), sum(c.rows_leaving for c in found)
    return repair_question(run.migration.name, context["dag_run"].run_id, rows_in, rows_out, sum(c.differ > 0 for c in found))


def _answer_at(context: Context) -> str:
    run = context["dag_run"]
    return f"answer under Required Actions: {notify.run_address(run.dag_id, run.run_id)}/tasks/{context['task'].task_id}/required_actions"
