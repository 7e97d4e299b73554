"""What a table has at the source and will not have at the target: warnings."""

from __future__ import annotations

from collections.abc import Iterator

from penstock.errors import Problem
from penstock.planning.preflight.context import Context

order = 60


def check(context: Context) -> Iterator[Problem]:
    """The differences of each table that are worth a line: all that is lost, and some that are adapted or declared."""
    planned, schemas = context.planned, context.source.schemas
    away = {(name, key.name) for name, key in planned.left_out_keys if key.ref_schema and key.ref_schema not in schemas}
    for plan in context.plans:
        for found in (d for d in plan.differences if d.warned):
            elsewhere = found.object == "foreign key" and (plan.name, found.name) in away
            fix = "to move several schemas together, list them in `schemas`" if elsewhere else ""
            yield Problem(False, f"table {plan.name}", str(found), fix)
