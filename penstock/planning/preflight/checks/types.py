"""Columns whose type the target's database can't hold in any form."""

from __future__ import annotations

from collections.abc import Iterator

from penstock.errors import Problem, UnsupportedType
from penstock.planning.preflight.context import Context

order = 100


def check(context: Context) -> Iterator[Problem]:
    """Each such column, with what to do."""
    database = context.target.database
    for plan in context.plans:
        for column in plan.target.columns:
            where = f"table {plan.name}, column {column.name}"
            if column.type.name == "unsupported":
                fix = f"add `cast: {{{column.name}: string}}` to carry its text (`json` where that is JSON), or drop it"
                yield Problem(True, where, f"the source type {column.native} has no counterpart", fix, "type")
                continue
            try:
                database.native(column.type)
            except UnsupportedType as error:
                yield Problem(True, where, error.what, error.fix, "type")
