"""Names in the migration file, or on the command line, that the source doesn't have."""

from __future__ import annotations

from collections.abc import Iterator

from penstock.errors import Problem
from penstock.planning.preflight.context import Context
from penstock.planning.preflight.selection import chosen, matching
from penstock.runtime.nearest import nearest

order = 20


def check(context: Context) -> Iterator[Problem]:
    """Tables, patterns and key columns that are not there; and a migration that moves nothing."""
    migration, names = context.migration, context.planned.source_names
    unknown = [*_tables(context), *_patterns(context)]
    yield from unknown
    if not unknown and not chosen(migration, names):
        what = f"the source schema {context.source.schema} has no tables to move"
        yield Problem(True, f"{migration.path}: tables", what, area="migration")
    yield from _keys(context)
    yield from _partitions(context)
    for name in context.request.tables:
        if name not in context.planned.tables:
            fix = nearest(name, context.planned.tables)
            yield Problem(True, f"table {name}", "this migration has no such table", fix, "migration")


def _tables(context: Context) -> Iterator[Problem]:
    migration, names = context.migration, context.planned.source_names
    for name in migration.tables.specs:
        if name not in names:
            where = f"{migration.path}: tables.{name}"
            yield Problem(True, where, f"the source has no table {name}", nearest(name, names), "migration")


def _patterns(context: Context) -> Iterator[Problem]:
    migration, names = context.migration, context.planned.source_names
    for pattern in migration.tables.include:
        if pattern != "*" and not matching(names, [pattern]):
            where = f"{migration.path}: tables.include"
            yield Problem(True, where, f"no source table matches {pattern!r}", nearest(pattern, names), "migration")


def _keys(context: Context) -> Iterator[Problem]:
    for name, table in context.planned.tables.items():
        spec, columns = context.migration.tables.specs.get(name), [c.name for c in table.columns]
        for column in spec.key if spec else ():
            if column not in columns:
                where = f"{context.migration.path}: tables.{name}.key"
                yield Problem(True, where, f"the table has no column {column}", nearest(column, columns), "migration")


def _partitions(context: Context) -> Iterator[Problem]:
    """Tables that are named and were not read: a table is read with its partitions, and a partition not alone."""
    migration = context.migration
    for name in chosen(migration, context.planned.source_names):
        if name not in context.planned.tables and (name in migration.tables.specs or name in migration.tables.include):
            where, what = f"{migration.path}: tables.{name}", f"{name} is a partition: a table is moved with all of its partitions"
            yield Problem(True, where, what, "name the table that it is a part of", "migration")
