"""Columns whose type the target's database can't store in any form."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from penstock.errors import Kind, Problem, UnsupportedType
from penstock.model.plan import TablePlan
from penstock.model.schema import Column
from penstock.planning.preflight import other_types
from penstock.planning.preflight.context import Context
from penstock.runtime.formatting import yaml

order = 100
_KIND = Kind("columns of a type without a counterpart")


def check(context: Context) -> Iterator[Problem]:
    """Each such column, with what to do."""
    database = context.target.database
    for plan in context.plans:
        for column in plan.target.columns:
            where = f"table {plan.name}, column {column.name}"
            if column.type.name == "unsupported":
                name = yaml(other_types.name(plan, column.name))
                text = f"add `cast: {{{name}: string}}`{other_types.first(plan)} to carry it as text (`json` if it is JSON)"
                what = f"the source type {column.native} has no counterpart" if column.native else "it is declared without a type"
                yield Problem(True, where, what, f"{text}, or `drop: [{name}]`", "type", other_types.casts(plan, column, ["string"]), _KIND)
                continue
            try:
                database.native(column.type)
            except UnsupportedType as error:
                into = other_types.into(column, database)
                yield Problem(True, where, error.what, _choices(plan, column, into), "type", other_types.casts(plan, column, into), _KIND)


def _choices(plan: TablePlan, column: Column, into: Sequence[str]) -> str:
    name = yaml(other_types.name(plan, column.name))
    steps = [*(f"`cast: {{{name}: {yaml(text)}}}`" for text in into), f"`drop: [{name}]`"]
    return f"add {', or '.join(steps)}{other_types.first(plan)}"
