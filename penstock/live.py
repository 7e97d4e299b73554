"""A live migration after its run: the source is followed, each process under the lease of the run."""

from __future__ import annotations

from penstock.stages.live import follow as following
from penstock.stages.live.follow import Progress, Told, Until
from penstock.state import lease, run_log
from penstock.state.run_context import RunContext


def follow(context: RunContext, until: Until, told: Told) -> Progress:
    """Apply the source's changes to the shadows: see `penstock.stages.live.follow`. Raises LeaseHeld while another process does."""
    with lease.held(context, lease.WHOLE_RUN, "penstock follow") as context, run_log.stage(context.staging, "follow"):
        return following.follow(context, until, told)
