"""Objects that depend on the live tables which are swapped, and that would stay with the old table."""

from __future__ import annotations

from collections.abc import Iterator

from penstock.errors import Problem
from penstock.planning.preflight.context import Context

phase = "scope"
order = 30


def check(context: Context) -> Iterator[Problem]:
    """Each such object, with its table."""
    whole = [p for p in context.run_plans if context.request.interval is not None or context.migration.partition_of(p.name) is None]
    live = [p.target.name for p in whole if p.live_exists and not p.replaces]
    if not live:
        return
    for dependent in context.target.database.dependents(context.target.connection, live):
        if not dependent.follows and dependent.kind != "owner":  # an owner is a privilege, of which the target has spoken
            what = f"{dependent.kind} {dependent.name} hangs on {dependent.table} and would not follow the switch"
            fix = f"drop the {dependent.kind} and make it again after the switch"
            yield Problem(True, f"table {dependent.table}", what, fix, "collision")
