"""Rows that are too wide for a task's memory."""

from __future__ import annotations

from collections.abc import Iterator

from penstock.databases._shared.long_values import Widths
from penstock.errors import Problem, Remedy
from penstock.model.plan import TablePlan
from penstock.planning.preflight.context import Context
from penstock.runtime import memory
from penstock.runtime.formatting import size
from penstock.transforms._hidden_columns import is_encrypted

phase = "rows"
order = 40

# Rows that are no wider than this fit into any task.
_PACKED = 8 << 20


def check(context: Context) -> Iterator[Problem]:
    """A row, or the rows that a database holds at a time, that take more than the declared memory."""
    for plan in context.run_plans:
        if found := context.rows.widths.get(plan.name):
            yield from _too_wide(plan, found, context)


def _too_wide(plan: TablePlan, found: Widths, context: Context) -> Iterator[Problem]:
    from_, to, declared = context.source.database, context.target.database, context.migration.memory
    column = max(found.values, key=lambda name: found.values[name])
    copies = (from_.driver_copies[0], to.driver_copies[1])
    alone = memory.of_a_row(found.longest, found.values[column], *copies, is_encrypted(plan)) if found.longest > _PACKED else 0
    read, written = (found.average * min(found.rows, d.vector_rows) if d.vector_rows > 1 else 0 for d in (from_, to))
    together = memory.of_rows(read, written) if max(read, written) > _PACKED else 0
    needed = max(alone, together)
    if needed <= declared:
        return
    facts = f"its longest row has {size(found.longest)}, and the longest value of {column} {size(found.values[column])}"
    if together > alone:
        holder = from_ if read > written else to
        facts += f"; {holder.label} holds {min(found.rows, holder.vector_rows):,} of its rows at a time, {size(max(read, written))}"
    what = f"{facts}: a task needs about {size(needed)} of memory, and the migration allows {size(declared)}"
    enough = f"{-(-needed // (64 << 20)) * 64}MiB"
    remedies = (Remedy("", {"memory": enough}), Remedy(plan.name, {"transform": [{"drop": [column]}]}))
    yield Problem(True, f"table {plan.name}", what, f"write `memory: {enough}`, or drop the column", "size", remedies)
