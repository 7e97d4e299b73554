"""The rows of a table that refer to nothing, as SQL: `expect_foreign_key` asks for it, whoever decides it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa


def referring(rows: sa.FromClause, columns: list[str]) -> sa.Subquery:
    """The values that refer to something: those without a NULL."""
    fields: list[sa.ColumnClause[Any]] = [sa.column(named(c)) for c in columns]
    return sa.select(*fields).select_from(rows).where(*(f.is_not(None) for f in fields)).subquery("referring")


def lost(rows: sa.Subquery, kwargs: Mapping[str, Any]) -> list[sa.ColumnElement[bool]]:
    """The conditions that a referring row meets when it refers to nothing. kwargs: the expectation's, placed by the gate."""
    found: list[sa.ColumnElement[bool]] = []
    for place in (p for p in ("ref", "live") if kwargs.get(f"{p}_table")):
        schema = kwargs.get(f"{place}_schema")
        there = sa.table(
            named(kwargs[f"{place}_table"]),
            *(sa.column(named(c)) for c in kwargs["ref_columns"]),
            schema=named(schema) if schema else None,
        ).alias(f"referred_{place}")
        same = (there.c[theirs] == rows.c[ours] for ours, theirs in zip(kwargs["columns"], kwargs["ref_columns"], strict=True))
        found.append(~sa.exists(sa.select(sa.literal(1)).select_from(there).where(*same).correlate(rows)))
    return found


def named(name: str) -> sa.quoted_name:
    """A name as it is, whatever its case and characters."""
    return sa.quoted_name(name, quote=True)
