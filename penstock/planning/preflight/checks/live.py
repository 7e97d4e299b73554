"""A live migration between databases that can't be followed, or that changes can't be applied to."""

from __future__ import annotations

from collections.abc import Iterator

from penstock.errors import Problem
from penstock.planning.preflight.context import Context

phase = "databases"
order = 1010


def check(context: Context) -> Iterator[Problem]:
    """`live: true` with a source that has no log of changes which can be read, or a target that takes none."""
    if not context.migration.live:
        return
    where, source, target = f"{context.migration.path}: live", context.source.database, context.target.database
    if source.change_log is None:
        what = f"the changes of {source.label} can't be followed"
        fix = "remove `live: true`; keep tables up with `incremental`, and run with --repair while nobody writes before you switch over"
        yield Problem(True, where, what, fix, "migration")
    elif target.change_target is None:
        what = f"changes can't be applied to {target.label} yet"
        yield Problem(True, where, what, "remove `live: true`, or move to PostgreSQL", "migration")
