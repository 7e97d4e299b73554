"""What the keys of the tables bring with them: rows that nothing names, tables that can't be cut."""

from __future__ import annotations

from collections.abc import Sequence

from penstock.databases import Database
from penstock.errors import Problem
from penstock.model.plan import TablePlan
from penstock.runtime.formatting import few
from penstock.transforms._hidden_columns import private_columns


def problems(plans: Sequence[TablePlan], from_: Database) -> list[Problem]:
    """Tables whose rows have no name, or one by which they can't be cut."""
    cut = "cut by where their rows lie" if from_.row_place else "read in one piece each"
    keyless = [p.name for p in plans if not p.source.key]
    private = [p.name for p in plans if set(p.source.key) & private_columns(p)]
    uncut = [p.name for p in plans if p.source.key and not p.key and p.name not in private]
    loose = [f"{p.name}.{c}" for p in plans for c in p.source.key if p.source.column(c).nullable]
    told = [
        (keyless, f"no key: rows are proved as a multiset, {cut}", "declare a `key` in the migration where columns name a row"),
        (private, f"a key whose values are sensitive, masked or dropped, so no bound of a chunk may show one: {cut}", ""),
        (uncut, f"a key by which no range can be cut: {cut}", ""),
        (loose, "a key column that may be NULL: such rows are a chunk of their own", "declare it NOT NULL if no row has one"),
    ]
    return [Problem(False, _places(names), what, fix, "key") for names, what, fix in told if names]


def _places(names: Sequence[str]) -> str:
    return f"{'table' if len(names) == 1 else 'tables'} {few(names, 8)}"
