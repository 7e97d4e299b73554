"""The plans of a run under names that nobody else uses, so that its statements can be tried at the target without touching a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count

from penstock.databases import Database
from penstock.model.plan import TablePlan
from penstock.model.schema import ForeignKey, Table, TableName
from penstock.model.scope import Differences
from penstock.planning import beside_live, switch_kinds


@dataclass(frozen=True)
class DryPlan:
    """tables: of the run.  others: the other tables of the migration.

    names: what a name of the dry build stands for: a table's own name, or that of an index, a foreign key or a check.
    """

    tables: tuple[TablePlan, ...]
    others: tuple[TablePlan, ...]
    names: Mapping[str, str] = field(default_factory=dict)

    @property
    def places(self) -> list[TableName]:
        """The places of all tables that a dry build may make, those that refer to others first."""
        tables = (*self.tables, *self.others)
        return list(dict.fromkeys(n for t in tables for n in (*t.shadow_tables, t.target.name, t.kept)))


@dataclass(frozen=True)
class Naming:
    """How the places of a dry build are called.

    token: hex digits of this build.  live: the tables that get their own names, since nobody has them yet.
    renamed: whether indexes, foreign keys and checks whose names must be free in the whole schema get names of the build.
    home: by schema that is not there, the one in whose place its tables are made.
    """

    migration: str
    token: str
    live: frozenset[TableName] = frozenset()
    renamed: bool = False
    home: Mapping[str | None, str | None] = field(default_factory=dict)


def dry(plans: Sequence[TablePlan], every: Sequence[TablePlan], to: Database, naming: Naming) -> DryPlan:
    """The plans of a run, and of the other tables of its migration, under names of a dry build."""
    names: dict[str, str] = {}
    live = {p.target.name: _live(p, to, naming) for p in (*every, *plans)}
    numbers = count(1)

    def renamed(old: str) -> str:
        new = f"penstock_dry_{naming.token}_{next(numbers)}"
        names[new] = old
        return new

    def placed(plan: TablePlan) -> TablePlan:
        place = _place(plan, to, naming)
        shadow = place("")
        names.update({n.name: plan.target.name.name for n in (shadow, live[plan.target.name])})
        scope = replace(plan.scope, delete_keys=place("k")) if isinstance(plan.scope, Differences) and plan.delete_keys else plan.scope
        target = _named(_moved(plan.target, live), to, renamed) if naming.renamed else _moved(plan.target, live)
        return replace(plan, target=target, shadow=shadow, kept=_kept(plan, to, naming), scope=scope)

    tables = tuple(map(placed, plans))
    asked = {p.name for p in plans}
    return DryPlan(tables, tuple(placed(p) for p in every if p.name not in asked), names)


def _live(plan: TablePlan, to: Database, naming: Naming) -> TableName:
    if plan.target.name in naming.live or (plan.live_exists and switch_kinds.of(plan.switch).effect == "partition"):
        return plan.target.name  # of a partition the definition of the live table is copied, which locks nobody out
    return _place(plan, to, naming)("l")


def _place(plan: TablePlan, to: Database, naming: Naming) -> Callable[[str], TableName]:
    """Where a table of the dry build is, by a letter for what it is."""
    name = _at_home(plan.target.name, naming)
    owner = beside_live.owner(naming.migration, plan.target.name, plan.qualified)
    return lambda letter: to.shadow(name, owner, naming.token + letter)


def _kept(plan: TablePlan, to: Database, naming: Naming) -> TableName:
    owner = beside_live.owner(naming.migration, plan.target.name, plan.qualified)
    return to.kept(_at_home(plan.target.name, naming), owner, naming.token)


def _at_home(name: TableName, naming: Naming) -> TableName:
    return replace(name, schema=naming.home.get(name.schema, name.schema))


def _moved(table: Table, live: Mapping[TableName, TableName]) -> Table:
    """The table at its place, with foreign keys to the places of the others."""
    place = live[table.name]

    def pointed(key: ForeignKey) -> ForeignKey:
        other = live[table.referred(key)]
        return replace(key, ref_table=other.name, ref_schema=other.schema if other.schema != place.schema else None)

    known = [k for k in table.foreign_keys if table.referred(k) in live]
    return replace(table, name=place, foreign_keys=tuple(map(pointed, known)))


def _named(table: Table, to: Database, renamed: Callable[[str], str]) -> Table:
    """The table with new names for what must have a name of its own in the whole schema."""
    shared = to.shared_names
    return replace(
        table,
        indexes=tuple(replace(i, name=renamed(i.name)) if "index" in shared else i for i in table.indexes),
        foreign_keys=tuple(replace(k, name=renamed(k.name)) if "foreign key" in shared else k for k in table.foreign_keys),
        checks=tuple(replace(c, name=renamed(c.name)) if "check" in shared and c.name else c for c in table.checks),
    )
