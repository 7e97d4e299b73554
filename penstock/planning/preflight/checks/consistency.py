"""A consistency that the source can't give."""

from __future__ import annotations

from collections.abc import Iterator

from penstock.errors import Problem
from penstock.planning.preflight.context import Context

order = 10


def check(context: Context) -> Iterator[Problem]:
    """One snapshot of all tables, from a database that gives one for each table."""
    migration, source = context.migration, context.source.database
    if migration.consistency == "run" and source.snapshot != "run":
        what = f"{source.label} can only give a snapshot per table"
        yield Problem(True, f"{migration.path}: consistency", what, "use consistency: table", "settings")
