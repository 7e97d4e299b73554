"""What the shapes of the tables bring with them: rows that nothing names, names that the target takes for one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from penstock.databases import Database
from penstock.errors import Problem
from penstock.plan import TablePlan
from penstock.units import few


def key_problems(plans: Sequence[TablePlan], from_: Database) -> list[Problem]:
    """Tables whose rows have no name, or one by which they can't be cut."""
    cut = "cut by where their rows lie" if from_.row_place else "read in one piece each"
    keyless = [p.name for p in plans if not p.source.key]
    uncut = [p.name for p in plans if p.source.key and not p.key]
    loose = [f"{p.name}.{c}" for p in plans for c in p.source.key if p.source.column(c).nullable]
    told = [
        (keyless, f"no key: rows are proved as a multiset, {cut}", "declare a `key` in the migration where columns name a row"),
        (uncut, f"a key by which no range can be cut: {cut}", ""),
        (loose, "a key column that may be NULL: such rows are a chunk of their own", "declare it NOT NULL if no row has one"),
    ]
    return [Problem(False, _places(names), what, fix, "key") for names, what, fix in told if names]


def case_problems(plans: Sequence[TablePlan], to: Database, standing: Iterable[str]) -> list[Problem]:
    """Names that differ in case only, where the target takes them for one."""
    problems = []
    if "table" in to.caseless:
        there = {name.lower(): name for name in standing}
        for names in _twins(p.target.name.name for p in plans):
            problems.append(_same("tables", names, to, "give one of them another `to`"))
        for plan in plans:
            name = plan.target.name.name
            if (found := there.get(name.lower(), name)) != name:
                what = f"{to.label} takes {name} for the table {found} that is there"
                problems.append(Problem(True, f"table {plan.name}", what, f"write `to: {found}`, or another", "collision"))
    if "column" in to.caseless:
        for plan in plans:
            for names in _twins(c.name for c in plan.target.columns):
                problems.append(_same(f"table {plan.name}", names, to, "rename one of them"))
    return problems


def _same(where: str, names: Sequence[str], to: Database, fix: str) -> Problem:
    return Problem(True, where, f"{to.label} takes these names for one: {', '.join(names)}", fix, "collision")


def _twins(names: Iterable[str]) -> list[list[str]]:
    by_case: dict[str, list[str]] = {}
    for name in names:
        by_case.setdefault(name.lower(), []).append(name)
    return [twins for twins in by_case.values() if len(set(twins)) > 1]


def _places(names: Sequence[str]) -> str:
    return f"{'table' if len(names) == 1 else 'tables'} {few(names, 8)}"
