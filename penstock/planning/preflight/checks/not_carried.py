"""What a table has at the source and will not have at the target: warnings."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from penstock.errors import Problem
from penstock.planning.preflight.context import Context
from penstock.planning.preflight.links import UnlinkedKey

order = 60


def check(context: Context) -> Iterator[Problem]:
    """The differences of each table that are worth a line: all that is lost, and some that are adapted or declared."""
    planned, schemas = context.planned, context.source.schemas
    fixes = {(left.table, left.key.name): _fix(left, schemas) for left in planned.left_out_keys}
    for plan in context.plans:
        for found in (d for d in plan.differences if d.warned):
            fix = fixes.get((plan.name, found.name), "") if found.object == "foreign key" else ""
            yield Problem(False, f"table {plan.name}", str(found), fix, kind=found.kind())


def _fix(left: UnlinkedKey, schemas: Collection[str | None]) -> str:
    away = left.key.ref_schema and left.key.ref_schema not in schemas
    return "to move several schemas together, list them in `schemas`" if away else left.fix
