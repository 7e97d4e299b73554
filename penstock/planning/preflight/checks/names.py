"""Names that a target can't hold: too long, of characters that it refuses, or the same to it as another one."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence

from penstock.databases import Database
from penstock.errors import Problem
from penstock.model.plan import TablePlan
from penstock.model.schema import Table
from penstock.planning.preflight.context import Context

order = 130

_FIX = "give the table another `to`, the column a `rename`"


def check(context: Context) -> Iterator[Problem]:
    """The names of tables, columns and partitions, among each other and among the names of the tables that are there."""
    plans, to, live = context.plans, context.target.database, context.planned.live
    for plan in plans:
        names = [plan.target.name.name, *(c.name for c in plan.target.columns)]
        yield from (Problem(True, f"table {plan.name}", what, _FIX, "name") for name in names for what in _refused(name, to))
        for one, other in _twins(names[1:], to):
            what = f"the columns {one!r} and {other!r} have the same name to {to.label}"
            yield Problem(True, f"table {plan.name}", what, "give one of them a `rename`", "collision")
    yield from _tables(plans, to, live) if to.folds_tables else ()
    yield from _partitions(plans, live)


def _tables(plans: Sequence[TablePlan], to: Database, live: Iterable[Table]) -> Iterator[Problem]:
    """Tables that have the same name to a database which takes capitals and small letters for the same."""
    for one, other in _twins([p.target.name.name for p in plans], to):
        what = f"{one!r} and {other!r} are the same name to {to.label}"
        yield Problem(True, f"table {other}", what, "give one of them another `to`", "collision")
    there = {to.folded(t.name.name): t.name.name for t in live}
    for plan in plans:
        name = plan.target.name.name
        if (other := there.get(to.folded(name), name)) != name:
            what = f"{to.label} takes {name!r} for the table {other!r} that is there"
            yield Problem(True, f"table {plan.name}", what, f"write `to: {other}`, or another", "collision")


def _refused(name: str, to: Database) -> list[str]:
    told = []
    if len(name.encode()) > to.max_identifier:
        told.append(f"the name {name!r} is longer than the {to.max_identifier} bytes {to.label} takes")
    if to.refused_names and re.search(to.refused_names, name):
        told.append(f"the name {name!r} has characters that {to.label} takes in no name, or not there")
    return told


def _twins(names: Iterable[str], to: Database) -> list[tuple[str, str]]:
    """Pairs of names that the target takes for one."""
    seen: dict[str, str] = {}
    return [(seen[to.folded(n)], n) for n in names if seen.setdefault(to.folded(n), n) != n]


def _partitions(plans: Sequence[TablePlan], standing: Collection[Table]) -> Iterator[Problem]:
    """Partitions keep their names: nothing else may stand there when the switch moves them in."""
    live = {p.target.name.name for p in plans}
    taken = {t.name.name: t.name.name for t in standing if t.name.name not in live} | {p.target.name.name: p.name for p in plans}
    taken |= {n: t.name.name for t in standing if t.name.name not in live and t.partitioning for n in t.partitioning.names}
    for plan in plans:
        for name in plan.target.partitioning.names if plan.target.partitioning else ():
            if name in taken:
                what = f"its partition {name} would meet {name}{f' of {taken[name]}' if taken[name] != name else ''} at the target"
                yield Problem(True, f"table {plan.name}", what, "rename one of them, or drop what stands there", "collision")
