"""Steps of a live migration that can't be applied to single changes."""

from __future__ import annotations

from collections.abc import Iterator

from penstock import transforms
from penstock.errors import Problem
from penstock.planning import live_keys
from penstock.planning.preflight.context import Context

order = 36


def check(context: Context) -> Iterator[Problem]:
    """Steps whose result may differ from one time to the next, and those that make a key of other columns."""
    if not context.migration.live:
        return
    for plan in context.plans:
        for name in dict.fromkeys(name for name, _ in plan.steps if not transforms.of(name).samples):
            what = f"a step `{name}` may give another result each time, so changes would not be applied as the rows were"
            yield Problem(True, f"table {plan.name}", what, "use steps of Penstock's own, or exclude the table", "migration")
        if plan.source.key and live_keys.steps(plan) is None:
            what = "the key at the target does not follow from the key at the source, which is all that a deleted row has"
            fix = "let steps rename or mask the key's columns, and not derive, map or drop them"
            yield Problem(True, f"table {plan.name}", what, fix, "migration")
