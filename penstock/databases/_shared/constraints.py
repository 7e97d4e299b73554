"""Constraints as SQL text, with all that the standard and PostgreSQL let one say of them."""

from __future__ import annotations

from collections.abc import Sequence

from penstock.databases import Database, qualified, quote
from penstock.model.schema import Check, ForeignKey, Index, PrimaryKey, TableName

_TIMES = {"": "", "immediate": " DEFERRABLE", "deferred": " DEFERRABLE INITIALLY DEFERRED"}


def primary_key(database: Database, columns: Sequence[str], key: PrimaryKey) -> str:
    """A primary key, with its name where it has one."""
    parts = [quote(database, c) for c in columns]
    if key.orders:
        parts = [part + (order if order.startswith("(") else f" {order}").rstrip() for part, order in zip(parts, key.orders, strict=True)]
    body = f"PRIMARY KEY ({_overlapping(parts, key.overlaps)})"
    return _named(database, key.name) + body + _including(database, key.include) + _with(key.options) + _TIMES[key.deferrable]


def unique(database: Database, index: Index) -> str:
    """A unique constraint."""
    columns = index.columns or tuple(p.column for p in index.parts)
    body = (
        f"UNIQUE{' NULLS NOT DISTINCT' * index.nulls_not_distinct} ({_overlapping([quote(database, c) for c in columns], index.overlaps)})"
    )
    return _named(database, index.name) + body + _including(database, index.include) + _with(index.options) + _TIMES[index.deferrable]


def foreign_key(database: Database, key: ForeignKey, place: TableName) -> str:
    """A foreign key to the table at `place`."""
    mine, theirs = ([quote(database, c) for c in columns] for columns in (key.columns, key.ref_columns))
    if key.period:
        mine[-1], theirs[-1] = f"PERIOD {mine[-1]}", f"PERIOD {theirs[-1]}"
    words = [f"{_named(database, key.name)}FOREIGN KEY({', '.join(mine)}) REFERENCES {qualified(database, place)} ({', '.join(theirs)})"]
    words += [f"MATCH {key.match}"] * bool(key.match)
    set_columns = f" ({', '.join(quote(database, c) for c in key.set_columns)})" if key.set_columns else ""
    words += [f"ON DELETE {action(database, key.on_delete)}{set_columns}"] * bool(action(database, key.on_delete))
    words += [f"ON UPDATE {action(database, key.on_update)}"] * bool(action(database, key.on_update))
    return " ".join(words) + _TIMES[key.deferrable] + _unchecked(key)


def check(database: Database, condition: Check) -> str:
    """A check that stands by itself."""
    body = f"CHECK ({condition.expression})"
    return _named(database, condition.name) + body + " NO INHERIT" * (not condition.inherited) + _unchecked(condition)


def action(database: Database, action: str) -> str:
    """What a foreign key does, as its database writes it; empty for what it does anyway."""
    return "" if action in ("NO ACTION", "RESTRICT") and action.lower() not in database.table_features else action


def _unchecked(constraint: Check | ForeignKey) -> str:
    return " NOT ENFORCED" if not constraint.enforced else " NOT VALID" if not constraint.valid else ""


def _overlapping(parts: Sequence[str], overlaps: bool) -> str:
    return ", ".join(parts) + ("" if overlaps else " WITHOUT OVERLAPS")


def _including(database: Database, columns: Sequence[str]) -> str:
    return f" INCLUDE ({', '.join(quote(database, c) for c in columns)})" if columns else ""


def _with(options: Sequence[str]) -> str:
    return f" WITH ({', '.join(options)})" if options else ""


def _named(database: Database, name: str) -> str:
    return f"CONSTRAINT {quote(database, name)} " if name else ""
