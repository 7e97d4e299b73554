"""Tables with more columns than the target's database allows."""

from __future__ import annotations

from collections.abc import Iterator

from penstock.errors import Problem
from penstock.planning.preflight.context import Context

order = 125


def check(context: Context) -> Iterator[Problem]:
    """The number of columns, where the database has a limit."""
    to = context.target.database
    for plan in context.plans:
        count = len(plan.target.columns)
        if to.max_columns and count > to.max_columns:
            what = f"it has {count:,} columns, and {to.label} allows {to.max_columns:,}"
            yield Problem(True, f"table {plan.name}", what, "`drop` some of them, or split the table at the source by a view", "size")
