"""Names of indexes, foreign keys and checks at the target: free where tables share them, and not too long."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from penstock.databases import Database
from penstock.databases._shared import ddl
from penstock.model.plan import TablePlan
from penstock.model.schema import Table


def free(plans: Sequence[TablePlan], to: Database, live: Collection[Table]) -> tuple[TablePlan, ...]:
    """The plans with such names for what their tables have. live: the tables at the target, whose names are taken."""
    freed = {p.name: p for schema in {p.target.name.schema for p in plans} for p in _in_schema(schema, plans, to, live)}
    return tuple(freed[p.name] for p in plans)


def _in_schema(schema: str | None, plans: Sequence[TablePlan], to: Database, live: Collection[Table]) -> list[TablePlan]:
    plans = [p for p in plans if p.target.name.schema == schema]
    shadows, replaced = {p.shadow.name for p in plans}, {p.target.name.name for p in plans}
    others = [t for t in live if t.name.schema == schema and t.name.name not in shadows]

    def there(kind: str) -> list[Table]:
        """The tables at the target whose names of this kind are taken."""
        if kind in to.own_names:
            return []
        # A table that the run replaces gives up its names in the switch, except those that must be free before it.
        return others if kind in to.shared_names else [t for t in others if t.name.name not in replaced]

    taken = {
        "index": {name for t in there("index") for name in _indexes(t)},
        "foreign key": {f.name for t in there("foreign key") for f in t.foreign_keys},
        "check": {c.name for t in there("check") for c in t.checks},
    }

    if "index" not in to.own_names:  # there an index is named like a table: no two of either may have one name
        taken["index"] |= {t.name.name for t in live if t.name.schema == schema} | replaced

    def named(kind: str, name: str) -> str:
        # Where names are not each table's own, two source tables may use one.
        found = ddl.free_name(name, taken[kind], to.max_identifier)
        taken[kind].add(found)
        return found

    freed = []
    for plan in plans:
        table = plan.target
        taken |= {kind: set() for kind in to.own_names}
        primary = replace(table.primary, name=named("index", table.primary.name) if table.primary.name else "")
        exclusions = tuple(replace(x, name=named("index", x.name)) for x in table.exclusions)
        indexes = tuple(replace(i, name=named("index", i.name)) for i in table.indexes)
        foreign = tuple(replace(f, name=named("foreign key", f.name)) for f in table.foreign_keys)
        checks = tuple(replace(c, name=named("check", c.name) if c.name and not c.column else "") for c in table.checks)
        now = dict(zip((i.name for i in table.indexes), (i.name for i in indexes), strict=True))
        made = replace(table, primary=primary, exclusions=exclusions, indexes=indexes, foreign_keys=foreign, checks=checks)
        freed.append(replace(plan, target=replace(made, replica_identity=now.get(made.replica_identity, made.replica_identity))))
    return freed


def _indexes(table: Table) -> list[str]:
    """The names of a table's indexes, those of constraints among them, as far as they are not made of the table's own."""
    return [*(i.name for i in table.indexes), *(x.name for x in table.exclusions), *filter(None, [table.primary.name])]
