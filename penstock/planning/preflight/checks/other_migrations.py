"""Live tables that another migration has made: two migrations that write one table undo each other's rows."""

from __future__ import annotations

from collections.abc import Iterator

from penstock.errors import Problem
from penstock.planning.preflight.context import Context
from penstock.state import journal

phase = "scope"
order = 90


def check(context: Context) -> Iterator[Problem]:
    """A line for each such table. A warning only: moving shards into one table is done so."""
    connection = context.target.connection
    last = journal.last_switched(connection) if journal.exists(connection) else {}
    for plan in context.plans:
        made = last.get(plan.target.name)
        if made is not None and made.migration != context.migration.name:
            what = f"{plan.target.name} was made live by another migration: {made.migration}, in its run {made.run}"
            fix = "give one of the two another `to` or `target_schema`, unless both are to write this table"
            yield Problem(False, f"table {plan.name}", what, fix, "collision")
