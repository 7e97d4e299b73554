"""Two source tables that would become one target table."""

from __future__ import annotations

from collections.abc import Iterator

from penstock.errors import Problem
from penstock.model.schema import TableName
from penstock.planning.preflight import new_names
from penstock.planning.preflight.context import Context

order = 50


def check(context: Context) -> Iterator[Problem]:
    """The second table of each such pair."""
    taken: dict[TableName, str] = {}
    for name, mapped in context.planned.mapped.items():
        live = mapped.table.name
        if live in taken and context.wanted(name):
            what = f"{taken[live]} and {name} would both become {context.migration.called(live)}"
            names = [m.table.name.name for m in context.planned.mapped.values()]
            yield new_names.of_table(name, what, "collision", new_names.free(live.name, names, context.target.database))
        taken[live] = name
