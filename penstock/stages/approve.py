"""Approve: a person's answer becomes a part of the run's evidence."""

from __future__ import annotations

from penstock.errors import NotApproved
from penstock.state import evidence, journal, recorded, run_files
from penstock.state.evidence import Approval, ForBackfill
from penstock.state.run_context import RunContext

APPROVE, REJECT = "Approve", "Reject"


def wanted(context: RunContext) -> bool:
    """Whether the switch waits for an answer: the migration asks for one, and the run has none."""
    area = context.staging
    return context.plan.approval and not area.exists(run_files.APPROVAL) and not area.exists(run_files.SWITCH)


def rejected(context: RunContext) -> int:
    """How many rows are in quarantine, of all tables: what the answer is given in sight of."""
    return evidence.PROOF.read(context.staging).rejected


def answered(context: RunContext, answer: str, by: str, at: str = "", backfill: ForBackfill | None = None) -> Approval:
    """Write an answer down as the run's approval, and return what is written.

    by: who answered; "" when nobody did in time.  at: when; "" is now.  backfill: of an answer for all runs of a backfill, which.
    Raises NotApproved unless the answer is `Approve`.
    """
    given = Approval(answer == APPROVE, answer, by, at or journal.now(), rejected(context), backfill)
    recorded.write(context, evidence.APPROVAL, given)
    if not given.approved:
        why = f"{by} answered {answer}" if by else "nobody answered in time"
        why += f", for {backfill.words}" if backfill else ""
        raise NotApproved("the switch was not approved", why=why, fix="start a new run when it may go ahead; the live tables are unchanged")
    return given
