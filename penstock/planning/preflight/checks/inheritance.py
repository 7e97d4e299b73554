"""Tables that inherit from another one, both in the migration: their rows would be moved twice."""

from __future__ import annotations

from collections.abc import Iterator

from penstock.errors import Problem
from penstock.planning.preflight.context import Context

order = 70


def check(context: Context) -> Iterator[Problem]:
    """Each such pair."""
    for name, table in context.tables.items():
        for parent in table.inherits:
            if parent in context.tables:
                what = f"its rows are {parent}'s too, which it inherits, and both are in this migration: they would be moved twice"
                yield Problem(True, f"table {name}", what, f"exclude {name}, or exclude {parent} and carry over its own rows")
