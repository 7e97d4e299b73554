"""Objects of the source that are no part of a table, and that a migration does not carry: views, triggers, functions, grants."""

from __future__ import annotations

from collections.abc import Iterator

from penstock.errors import Problem
from penstock.planning.preflight.context import Context

order = 80


def check(context: Context) -> Iterator[Problem]:
    """A line for each kind of object."""
    source = context.source
    kinds: dict[str, list[str]] = {}
    for kind, name in source.database.left_behind(source.connection, context.migration.source_schema):
        kinds.setdefault(kind, []).append(name)
    for kind, names in kinds.items():
        several = len(names) > 1
        what = f"not carried: {_plural(kind) if several else kind} {', '.join(names)}"
        fix = "carry them over by hand where they are wanted" if several else "carry it over by hand where it is wanted"
        yield Problem(False, "the source", what, fix)


def _plural(kind: str) -> str:
    return kind if kind.endswith("s") else kind + "s"
