"""Which tables of the source a migration moves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

import sqlalchemy as sa

from penstock.migration.spec import Migration
from penstock.model.schema import TableName
from penstock.planning.preflight.endpoints import Endpoint
from penstock.state import journal


def source_names(migration: Migration, source: Endpoint) -> tuple[str, ...]:
    """The tables of the source's schemas, as the migration calls them."""
    inspector = sa.inspect(source.connection)
    found = (TableName(name, schema) for schema in source.schemas for name in inspector.get_table_names(schema=schema))
    return tuple(map(migration.called, found))


def in_full(migration: Migration, written: str, names: Iterable[str]) -> str:
    """The name of the one table that `written` means; `written` itself when there is none, or when there are several."""
    meant = [n for n in names if migration.means(written, n)]
    return meant[0] if len(meant) == 1 else written


def set_aside(migration: Migration, source: Endpoint) -> dict[tuple[str, ...], str]:
    """The tables that are left out unless the migration names them, as it calls them, and what they are."""
    found = ((schema, aside) for schema in source.schemas or (None,) for aside in source.database.set_aside(source.connection, schema))
    return {tuple(migration.called(TableName(n, schema)) for n in aside.names): aside.what for schema, aside in found}


def named(migration: Migration, name: str) -> bool:
    """Whether the migration names the table itself, not by a pattern."""
    return any(migration.means(w, name) for w in (*migration.tables.specs, *(p for p in migration.tables.include if not is_pattern(p))))


def chosen(migration: Migration, names: Sequence[str], aside: Iterable[str] = ()) -> list[str]:
    """Those of the source's tables that the migration names, without Penstock's own, and without those of `aside` that it only may mean."""
    aside = set(aside)
    names = [n for n in names if n not in aside or named(migration, n)]
    tables = migration.tables
    included, excluded = (matching(migration, names, patterns) for patterns in (tables.include, tables.exclude))
    meant = {n for n in names if any(migration.means(written, n) for written in tables.specs)}
    own = {n for n in names if migration.bare(n) in journal.NAMES or migration.bare(n).startswith("penstock_")}
    return [n for n in names if n not in own and (n in meant or n in included) and n not in excluded]


def matching(migration: Migration, names: Sequence[str], patterns: Sequence[str]) -> set[str]:
    """The names that one of the patterns means: of the whole name, or of the name without the schema."""
    plain = [p for p in patterns if not is_pattern(p)]
    others = [p for p in patterns if is_pattern(p)]

    def meant(name: str) -> bool:
        alone = any(migration.means(p, name) for p in plain)
        return alone or any(fnmatchcase(name, p) or fnmatchcase(migration.bare(name), p) for p in others)

    return {n for n in names if meant(n)}


def is_pattern(written: str) -> bool:
    """Whether it may mean several tables."""
    return bool(set(written) & set("*?["))
