"""A live migration after its run: the source is followed, proved and switched, each process under the lease of the run."""

from __future__ import annotations

import logging
import time
from dataclasses import replace

import sqlalchemy as sa

from penstock.errors import ConnectionFailed, MigrationError, PenstockError, SwitchRefused
from penstock.model import pipeline
from penstock.run import Approve, ask, perform
from penstock.stages.live import align, freeze, kept
from penstock.stages.live import follow as following
from penstock.stages.live.follow import Progress, Told, Until
from penstock.stages.live.kept import KeptProof
from penstock.stages.switch import switch as switching
from penstock.state import journal, lease, patience, run_log, streams
from penstock.state.evidence import Proof
from penstock.state.run_context import RunContext

_PATIENCE = 60.0  # seconds without a sign of life from either end
_PAUSE = 2.0
log = logging.getLogger(__name__)


def follow(context: RunContext, until: Until, told: Told) -> Progress:
    """Apply the source's changes to the shadows: see `penstock.stages.live.follow`. Raises LeaseHeld while another process does.

    A lost connection is made again, unless nothing can be reached for a minute.
    """
    _require_live(context)
    with lease.held(context, lease.WHOLE_RUN, "penstock follow") as context, run_log.stage(context.staging, "follow"):
        began = reached = time.monotonic()

        def heard(progress: Progress) -> None:
            nonlocal reached
            reached = time.monotonic()
            told(progress)

        while True:
            left = None if until.seconds is None else max(0.0, until.seconds - (time.monotonic() - began))
            try:
                return following.follow(context, replace(until, seconds=left), heard)
            except ConnectionFailed as lost:
                if time.monotonic() - reached > _PATIENCE:
                    raise
                log.warning("%s: trying again", lost.what)
                time.sleep(_PAUSE)


def prove(context: RunContext) -> Proof:
    """Apply the source's changes up to a position, and compare both sides as of it. Raises GateClosed, LeaseHeld."""
    _require_live(context)
    with lease.held(context, lease.WHOLE_RUN, "penstock follow --prove") as context, run_log.stage(context.staging, "align"):
        return align.align(context)


def prove_kept(context: RunContext) -> KeptProof:
    """Compare the shadows with the digests that the stream has carried forward, without asking the source. Raises GateClosed, LeaseHeld."""
    _require_live(context)
    with lease.held(context, lease.WHOLE_RUN, "penstock follow --prove kept") as context, run_log.stage(context.staging, "follow"):
        return kept.prove(context)


def switch(context: RunContext, approve: Approve | None, within: float) -> None:
    """Make a followed run live: close the source, apply its last changes, prove, let the numbers go on, and switch.

    within: how many seconds the source may be closed before the switch. Whatever fails before the switch opens the source again, and the
    run is followed as before. After a switch the source stays closed. Killed anywhere: the same command goes on, or `cancel` opens it.
    Raises the PenstockError that stopped it, LeaseHeld while another process works on the run.
    """
    _require_live(context)
    with lease.held(context, lease.WHOLE_RUN, "penstock switch") as context:
        if not switching.happened(context):
            with run_log.stage(context.staging, "follow"):
                following.follow(context, Until(current=True))
            perform(context, pipeline.named("gate_loaded"))
            if context.plan.approval:  # while the source is still open, and at each try anew: the rows are others
                ask(context, approve)
            _close(context, within)
        for name in ("switch", "finish"):  # it is not verified afterwards: the application may write into the live tables at once
            perform(context, pipeline.named(name))
        streams.ended(context)


def _close(context: RunContext, within: float) -> None:
    """Close the source, prove, and switch. Opens the source again unless the tables were switched."""
    began = time.monotonic()
    try:
        with run_log.stage(context.staging, "freeze"):
            freeze.freeze(context, within)
        with run_log.stage(context.staging, "align"):
            align.align(context, max(1.0, within - (time.monotonic() - began)))
        freeze.renumber(context)
        if time.monotonic() - began > within:
            what, why = f"the source was closed for more than {within:.0f} seconds", "the last changes and the proof took so long"
            raise SwitchRefused(what, context.plan.source, why, "allow more time with --within, or switch when less is written")
        perform(context, pipeline.named("switch"))
    except BaseException:
        try:
            if not switching.happened(context):
                freeze.go_on(context)
        except (PenstockError, sa.exc.DBAPIError):  # it must not replace what made it fail
            log.warning("the source may still be closed: `penstock switch --cancel` opens it")
        raise


def cancel(context: RunContext) -> None:
    """Open the source again. A run that was not switched is followed as before. Raises SwitchRefused when its tables are live."""
    _require_live(context)
    with lease.held(context, lease.WHOLE_RUN, "penstock switch --cancel") as context:
        if not switching.happened(context):
            freeze.go_on(context)
            return
        if patience.at_target(context, lambda connection: _live(context, connection)):
            what = f"the run {context.plan.run} is live, so its source stays closed: what is written there would be lost"
            raise SwitchRefused(what, context.plan.target, fix="undo the switch first: `penstock undo`; then cancel again")
        freeze.unfreeze(context)


def end(context: RunContext) -> None:
    """Give a run up that was not switched: its source is opened, and what that keeps for the run is dropped. Raises SwitchRefused."""
    _require_live(context)
    with lease.held(context, lease.WHOLE_RUN, "penstock follow --end") as context:
        if not switching.happened(context):
            freeze.go_on(context)
        streams.ended(context)


def _live(context: RunContext, connection: sa.Connection) -> bool:
    """Whether the run's switch stands."""
    plan = context.plan
    with connection.begin():
        return any(s.token == plan.token for s in journal.switches(connection, plan.migration, ["switching", "switched", "finished"]))


def _require_live(context: RunContext) -> None:
    if not context.plan.live:
        what = f"the run {context.plan.run} of {context.plan.migration} is not live"
        raise MigrationError(what, fix="write `live: true` into the migration file, and start a run")
