"""Names in the migration file, or on the command line, that the source does not have."""

from __future__ import annotations

from collections.abc import Iterator

from penstock.errors import Problem
from penstock.planning.preflight.context import Context
from penstock.planning.preflight.selection import chosen, is_pattern, matching
from penstock.runtime.nearest import nearest

order = 20


def check(context: Context) -> Iterator[Problem]:
    """Tables, patterns and key columns that are not there; and a migration that moves nothing."""
    migration, names = context.migration, context.planned.source_names
    unknown = [*_tables(context), *_patterns(context), *_ambiguous(context)]
    yield from unknown
    if not unknown and not chosen(migration, names):
        several = len(context.source.schemas) > 1
        where = f"schemas {', '.join(context.source.schemas)} have" if several else f"schema {context.source.schemas[0]} has"
        what = f"the source's {where} no table that this migration moves"
        yield Problem(True, f"{migration.path}: tables", what, area="migration")
    yield from _keys(context)
    yield from _partitions(context)
    for name in context.request.tables:
        if name not in context.planned.tables and sum(migration.means(name, n) for n in names) < 2:
            fix = nearest(name, context.planned.tables)
            yield Problem(True, f"table {name}", "the migration has no such table", fix, "migration")


def _tables(context: Context) -> Iterator[Problem]:
    migration, names = context.migration, context.planned.source_names
    for name in migration.tables.specs:
        if not matching(migration, names, [name]):
            where = f"{migration.path}: tables.{name}"
            yield Problem(True, where, f"the source has no table {name}", nearest(name, names), "migration")


def _patterns(context: Context) -> Iterator[Problem]:
    migration, names = context.migration, context.planned.source_names
    for pattern in migration.tables.include:
        if pattern != "*" and not matching(migration, names, [pattern]):
            where = f"{migration.path}: tables.include"
            yield Problem(True, where, f"no source table matches {pattern!r}", nearest(pattern, names), "migration")


def _ambiguous(context: Context) -> Iterator[Problem]:
    """Names without a schema that several schemas have, and tables that are named with and without it."""
    migration, names = context.migration, context.planned.source_names
    tables, where = migration.tables, f"{migration.path}: tables"
    said = [(name, f"{where}.{name}") for name in tables.specs]
    said += [(s.partition.follows, f"{where}.{n}.partition.with") for n, s in tables.specs.items() if s.partition and s.partition.follows]
    said += [(name, f"{where}.{field}") for field in ("include", "exclude") for name in getattr(tables, field) if not is_pattern(name)]
    said += [(name, f"table {name}") for name in context.request.tables]
    for name, place in said:
        meant = [n for n in names if migration.means(name, n)]
        if name not in meant and len(meant) > 1:
            what = f"several schemas have a table {name}: {', '.join(n.partition('.')[0] for n in meant)}"
            yield Problem(True, place, what, f"write {' or '.join(meant)}", "migration")
    for name in (n for n in names if migration.bare(n) != n and {n, migration.bare(n)} <= tables.specs.keys()):
        what = f"tables.{migration.bare(name)} is the same table"
        yield Problem(True, f"{where}.{name}", what, "write all of it under one of the two names", "migration")


def _keys(context: Context) -> Iterator[Problem]:
    for name, table in context.planned.tables.items():
        spec, columns = context.migration.spec_of(name), [c.name for c in table.columns]
        for column in spec.key:
            if column not in columns:
                where = f"{context.migration.path}: tables.{name}.key"
                yield Problem(True, where, f"the table has no column {column}", nearest(column, columns), "migration")


def _partitions(context: Context) -> Iterator[Problem]:
    """Tables that are named and were not read: a table is read with its partitions, and a partition not alone."""
    migration = context.migration
    for name in chosen(migration, context.planned.source_names):
        said = [*migration.tables.specs, *migration.tables.include]
        if name not in context.planned.tables and any(migration.means(written, name) for written in said):
            where, what = f"{migration.path}: tables.{name}", f"{name} is a partition: a table is moved with all its partitions"
            yield Problem(True, where, what, "name the partitioned table instead", "migration")
