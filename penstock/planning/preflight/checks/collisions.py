"""Objects at the target that have the names which a run needs."""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa

from penstock import databases
from penstock.errors import Problem
from penstock.planning.preflight.context import Context
from penstock.state import journal

order = 140


def check(context: Context) -> Iterator[Problem]:
    """Views under the name of a live table, and tables under the name of a shadow that this migration did not make."""
    if any(p.blocking and p.area == "privileges" and p.where == "target" for p in context.access):
        return  # the journal could not be read
    target, migration = context.target, context.migration
    views = set(sa.inspect(target.connection).get_view_names(schema=target.schema))
    known = journal.exists(target.connection)
    there = databases.standing(target.connection, (p.shadow for p in context.plans))
    for plan in context.plans:
        where = f"table {plan.name}"
        if plan.target.name.name in views:
            what = f"{plan.target.name} is a view at the target"
            yield Problem(True, where, what, "drop the view or choose another `to`", "collision")
        owner = journal.shadow_owner(target.connection, plan.shadow) if known else None
        if (owner is None or owner[0] != migration.name) and plan.shadow in there:
            what = f"the target already holds {plan.shadow}, which is not a shadow of this migration"
            yield Problem(True, where, what, "rename or drop it, or give this migration another name", "collision")
