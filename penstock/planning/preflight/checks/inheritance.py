"""Tables that inherit from another one, both in the migration: their rows would be moved twice."""

from __future__ import annotations

from collections.abc import Iterator

from penstock.errors import Problem
from penstock.model.schema import TableName
from penstock.planning.preflight.context import Context

order = 70


def check(context: Context) -> Iterator[Problem]:
    """Each such pair."""
    for name, table in context.tables.items():
        for written in table.inherits:
            parent = context.migration.called(TableName(written, table.name.schema)) if "." not in written else written
            if parent in context.tables:
                what = f"it inherits from {parent}, which is in this migration as well: its rows would be moved twice"
                yield Problem(True, f"table {name}", what, f"exclude {name}; or exclude {parent}, and copy its own rows by hand")
