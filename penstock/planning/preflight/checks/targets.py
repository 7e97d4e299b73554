"""Two source tables that would become one target table."""

from __future__ import annotations

from collections.abc import Iterator

from penstock.errors import Problem
from penstock.model.schema import TableName
from penstock.planning.preflight.context import Context

order = 50


def check(context: Context) -> Iterator[Problem]:
    """The second table of each such pair."""
    taken: dict[TableName, str] = {}
    for name, mapped in context.planned.mapped.items():
        live = mapped.table.name
        if live in taken and context.wanted(name):
            what, fix = f"{taken[live]} and {name} would both become {context.migration.called(live)}", "give one of them another `to`"
            yield Problem(True, f"table {name}", what, fix, "collision")
        taken[live] = name
