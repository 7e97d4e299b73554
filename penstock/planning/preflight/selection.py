"""Which tables of the source a migration moves."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

import sqlalchemy as sa

from penstock.migration.spec import Migration
from penstock.planning.preflight.endpoints import Endpoint
from penstock.state import journal


def source_names(source: Endpoint) -> tuple[str, ...]:
    """The tables of the source's schema."""
    return tuple(sa.inspect(source.connection).get_table_names(schema=source.schema))


def chosen(migration: Migration, names: Sequence[str]) -> list[str]:
    """Those of the source's tables that the migration names, without Penstock's own."""
    included, excluded = matching(names, migration.tables.include), matching(names, migration.tables.exclude)
    own = {n for n in names if n in journal.NAMES or n.startswith("penstock_")}
    return [n for n in names if n not in own and (n in migration.tables.specs or n in included) and n not in excluded]


def matching(names: Sequence[str], patterns: Sequence[str]) -> set[str]:
    """The names that one of the patterns means."""
    plain = {p for p in patterns if not set(p) & set("*?[")}
    others = [p for p in patterns if p not in plain]
    return {n for n in names if n in plain or any(fnmatchcase(n, p) for p in others)}
