"""A declared consistency that the source's database can't provide."""

from __future__ import annotations

from collections.abc import Iterator

from penstock.errors import Problem
from penstock.planning.preflight.context import Context

order = 10


def check(context: Context) -> Iterator[Problem]:
    """`consistency: run` with a database that has a snapshot for each table only."""
    migration, source = context.migration, context.source.database
    if migration.consistency == "run" and source.snapshot != "run":
        what = f"{source.label} can't read all tables in one snapshot"
        yield Problem(True, f"{migration.path}: consistency", what, "write `consistency: table`", "settings")
