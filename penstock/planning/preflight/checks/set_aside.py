"""Tables that the migration leaves out because they belong to the source's database, to an extension, or to another table: warnings."""

from __future__ import annotations

from collections.abc import Iterator

from penstock.errors import Problem
from penstock.planning.preflight.context import Context

order = 75


def check(context: Context) -> Iterator[Problem]:
    """A line for each group of tables."""
    for names, what in context.planned.set_aside.items():
        excluded = any(context.migration.means(pattern, names[0]) for pattern in context.migration.tables.exclude)
        if not excluded:
            yield Problem(
                False,
                "the source",
                f"left out by default: {what}",
                f"no action is needed; to move it as a table, name {names[0]} in `include`",
            )
