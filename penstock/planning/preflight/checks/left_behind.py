"""Objects of the source that are no part of a table, and that a migration does not carry: views, triggers, functions, grants."""

from __future__ import annotations

from collections.abc import Iterator

from penstock.errors import Problem
from penstock.model.schema import TableName
from penstock.planning.preflight.context import Context
from penstock.planning.preflight.endpoints import named_types

order = 80


def check(context: Context) -> Iterator[Problem]:
    """A line for each kind of object."""
    source, migration = context.source, context.migration
    kinds: dict[str, list[str]] = {}
    there = {name.replace('"', "") for name in named_types(source, context.target)}
    for schema in migration.schemas or (migration.source_schema,):
        for kind, name in source.database.left_behind(source.connection, schema):
            if kind in ("type", "domain") and f"{schema or source.schemas[0]}.{name}" in there:
                continue
            named = name if schema is None or name.startswith(f"{schema}.") else migration.called(TableName(name, schema))
            kinds.setdefault(kind, []).append(named)
    for kind, names in kinds.items():
        several = len(names) > 1
        what = f"not carried: {_plural(kind) if several else kind} {', '.join(names)}"
        fix = f"create {'them' if several else 'it'} at the target by hand, if needed"
        yield Problem(False, "the source", what, fix)


def _plural(kind: str) -> str:
    return kind if kind.endswith("s") else kind + "s"
