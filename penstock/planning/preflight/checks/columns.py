"""Tables without columns: their rows can't be staged."""

from __future__ import annotations

from collections.abc import Iterator

from penstock.errors import Problem
from penstock.planning.preflight import excluded
from penstock.planning.preflight.context import Context

order = 125


def check(context: Context) -> Iterator[Problem]:
    """Each such table: without columns at the source, or because steps drop them all."""
    for plan in context.plans:
        if not plan.source.columns or not plan.target.columns:
            why = "its steps drop all columns" if plan.source.columns else "it has no columns"
            yield Problem(True, f"table {plan.name}", f"{why}, so its rows can't be staged", excluded.fix(plan.name), "schema")
