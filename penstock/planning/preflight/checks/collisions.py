"""Objects at the target whose names a run needs."""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa

from penstock import databases
from penstock.errors import Problem
from penstock.model.schema import TableName
from penstock.planning.preflight import endpoints, new_names
from penstock.planning.preflight.context import Context
from penstock.state import journal

order = 140


def check(context: Context) -> Iterator[Problem]:
    """Views under the name of a live table, and tables under the name of a shadow that this migration did not make."""
    if any(p.blocking and p.area == "privileges" and p.where == "target" for p in context.access):
        return  # the journal could not be read
    target, migration = context.target, context.migration
    known, inspector = journal.exists(target.connection), sa.inspect(target.connection)
    missing = endpoints.missing_schemas(migration, target)
    views = {TableName(name, schema) for schema in set(target.schemas) - {*missing} for name in inspector.get_view_names(schema=schema)}
    there = databases.existing_tables(target.connection, (p.shadow for p in context.plans if p.target.name.schema not in missing))
    taken = [v.name for v in views] + [t.name.name for t in context.planned.live] + [p.target.name.name for p in context.plans]
    for plan in context.plans:
        where = f"table {plan.name}"
        if plan.target.name in views:
            what = f"{plan.target.name} is a view at the target"
            new = new_names.free(plan.target.name.name, taken, target.database)
            yield new_names.of_table(plan.name, what, "collision", new, "drop the view, or ")
        owner = journal.shadow_owner(target.connection, plan.shadow) if known else None
        if (owner is None or owner[0] != migration.name) and plan.shadow in there:
            what = f"the target has a table {plan.shadow} already, and this migration has not created it"
            yield Problem(True, where, what, "rename or drop it, or give this migration another name", "collision")
