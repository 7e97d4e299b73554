"""Tables without a key, and keys by which a table can't be cut into chunks: advice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from penstock.errors import Problem
from penstock.planning.preflight.context import Context
from penstock.runtime.formatting import few
from penstock.transforms._hidden_columns import private_columns

order = 120


def check(context: Context) -> Iterator[Problem]:
    """A line for each kind, with the tables."""
    plans = context.plans
    cut = "cut by where their rows lie" if context.source.database.row_place else "read in one piece each"
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
    yield from (Problem(False, _places(names), what, fix, "key") for names, what, fix in told if names)


def _places(names: Sequence[str]) -> str:
    return f"{'table' if len(names) == 1 else 'tables'} {few(names, 8)}"
