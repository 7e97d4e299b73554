"""Names that the target's database does not allow: too long, with characters that it refuses, or the same as another name."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence

from penstock.databases import Database
from penstock.errors import Problem
from penstock.model.plan import TablePlan
from penstock.model.schema import Table, TableName
from penstock.planning.preflight import new_names
from penstock.planning.preflight.context import Context

order = 130


def check(context: Context) -> Iterator[Problem]:
    """The names of tables, columns and partitions, among each other and among the names of the tables that are there."""
    plans, to, live = context.plans, context.target.database, context.planned.live
    named = [t.name.name for t in live] + [p.target.name.name for p in context.planned.plans]
    for plan in plans:
        name, columns = plan.target.name.name, [c.name for c in plan.target.columns]
        for what in _refused(name, to):
            yield new_names.of_table(plan.name, what, "name", new_names.free(name, named, to))
        for column in columns:
            for what in _refused(column, to):
                yield new_names.of_column(plan, what, "name", column, new_names.free(column, columns, to))
        for one, other in _twins(columns, to):
            what = f"{to.label} does not distinguish the column names {one!r} and {other!r}"
            yield new_names.of_column(plan, what, "collision", other, new_names.free(other, columns, to))
    yield from _tables(plans, to, live) if to.folds_tables else ()
    yield from _partitions(plans, live)


def _tables(plans: Sequence[TablePlan], to: Database, live: Iterable[Table]) -> Iterator[Problem]:
    """Table names that differ only in case, at a database that ignores case."""
    for schema in dict.fromkeys(p.target.name.schema for p in plans):
        yield from _tables_of_schema([p for p in plans if p.target.name.schema == schema], to, [t for t in live if t.name.schema == schema])


def _tables_of_schema(plans: Sequence[TablePlan], to: Database, live: Sequence[Table]) -> Iterator[Problem]:
    by_target = {p.target.name.name: p for p in plans}
    taken = [*by_target, *(t.name.name for t in live)]
    for one, other in _twins(by_target, to):
        what = f"{to.label} does not distinguish the table names {one!r} and {other!r}"
        yield new_names.of_table(by_target[other].name, what, "collision", new_names.free(other, taken, to))
    there = {to.folded(t.name.name): t.name.name for t in live}
    for plan in plans:
        name = plan.target.name.name
        if (other := there.get(to.folded(name), name)) != name:
            what = f"{to.label} does not distinguish {name!r} from the existing table {other!r}"
            yield new_names.of_table(plan.name, what, "collision", other)


def _refused(name: str, to: Database) -> list[str]:
    faults = []
    if len(name.encode()) > to.max_identifier:
        faults.append(f"the name {name!r} is longer than the {to.max_identifier} bytes that {to.label} allows")
    if to.refused_names and re.search(to.refused_names, name):
        faults.append(f"the name {name!r} has characters that {to.label} does not allow, or not in this position")
    return faults


def _twins(names: Iterable[str], to: Database) -> list[tuple[str, str]]:
    """Pairs of names that the target does not distinguish."""
    seen: dict[str, str] = {}
    return [(seen[to.folded(n)], n) for n in names if seen.setdefault(to.folded(n), n) != n]


def _partitions(plans: Sequence[TablePlan], standing: Collection[Table]) -> Iterator[Problem]:
    """Partitions keep their names: no other table may have one of them when the switch moves them in."""
    live = {p.target.name for p in plans}
    others = [t for t in standing if t.name not in live]
    taken = {t.name: t.name.name for t in others} | {p.target.name: p.name for p in plans}
    taken |= {TableName(n, t.name.schema): t.name.name for t in others if t.partitioning for n in t.partitioning.names}
    for plan in plans:
        for name in plan.target.partitioning.names if plan.target.partitioning else ():
            if by := taken.get(TableName(name, plan.target.name.schema)):
                what = f"the name of its partition {name} is taken at the target{f', by {by}' if by != name else ''}"
                yield Problem(True, f"table {plan.name}", what, "rename one of them, or drop the one at the target", "collision")
