"""Columns whose type the target's database can't store in any form."""

from __future__ import annotations

from collections.abc import Iterator

from penstock.errors import Problem, Remedy, UnsupportedType
from penstock.model.plan import TablePlan
from penstock.model.schema import Column
from penstock.planning.preflight.context import Context

order = 100


def check(context: Context) -> Iterator[Problem]:
    """Each such column, with what to do."""
    database = context.target.database
    for plan in context.plans:
        for column in plan.target.columns:
            where = f"table {plan.name}, column {column.name}"
            if column.type.name == "unsupported":
                fix = f"add `cast: {{{column.name}: string}}` to carry it as text (`json` if it is JSON), or drop the column"
                yield Problem(True, where, f"the source type {column.native} has no counterpart", fix, "type", _remedies(plan, column))
                continue
            try:
                database.native(column.type)
            except UnsupportedType as error:
                yield Problem(True, where, error.what, error.fix, "type", _remedies(plan, column))


def _remedies(plan: TablePlan, column: Column) -> tuple[Remedy, ...]:
    """The column as text; or without it."""
    return tuple(Remedy(plan.name, {"transform": [step]}) for step in ({"cast": {column.name: "string"}}, {"drop": [column.name]}))
