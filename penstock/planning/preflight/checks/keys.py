"""Tables without a key, and keys that can't be divided into ranges, which are the chunks of a run: warnings."""

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
    chunks = "chunks are cut by the physical place of rows" if context.source.database.row_place else "each table is read as one chunk"
    keyless = [p.name for p in plans if not p.source.key]
    private = [p.name for p in plans if set(p.source.key) & private_columns(p)]
    uncut = [p.name for p in plans if p.source.key and not p.key and p.name not in private]
    loose = [f"{p.name}.{c}" for p in plans for c in p.source.key if p.source.column(c).nullable]
    warnings = [
        (keyless, f"no key: rows are compared as a multiset, and {chunks}", "declare a `key` if some columns identify a row"),
        (private, f"the key is sensitive, masked or dropped, so its values can't be the bounds of chunks: {chunks}", ""),
        (uncut, f"a key of this type can't be divided into ranges: {chunks}", ""),
        (loose, "a key column can be NULL: rows with NULL in it are a chunk of their own", "declare it NOT NULL if it never is"),
    ]
    yield from (Problem(False, _places(names), what, fix, "key") for names, what, fix in warnings if names)


def _places(names: Sequence[str]) -> str:
    return f"{'table' if len(names) == 1 else 'tables'} {few(names, 8)}"
