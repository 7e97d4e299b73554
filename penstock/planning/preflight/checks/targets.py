"""Two source tables that would become one target table."""

from __future__ import annotations

from collections.abc import Iterator

from penstock.errors import Problem
from penstock.planning.preflight.context import Context

order = 50


def check(context: Context) -> Iterator[Problem]:
    """The second table of each such pair."""
    taken: dict[str, str] = {}
    for name, mapped in context.planned.mapped.items():
        live = mapped.table.name.name
        if live in taken and context.wanted(name):
            what, fix = f"{taken[live]} becomes {live} too", "give one of them another `to`"
            yield Problem(True, f"table {name}", what, fix, "collision")
        taken[live] = name
