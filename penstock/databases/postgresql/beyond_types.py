"""Columns of PostgreSQL with values that few other databases have: infinite dates, those before the year 1 or beyond 9999, 24:00, NaN."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from penstock.databases import execute
from penstock.databases._shared.ansi import qualified, quoted
from penstock.model.schema import Column, TableName


def read(connection: sa.Connection, name: TableName, columns: Sequence[Column], seconds: float) -> frozenset[str]:
    """As `Database.beyond_types` says."""
    fields = ", ".join(f"EXISTS (SELECT FROM {qualified(name)} WHERE {_odd(c)})" for c in columns)
    nested = connection.begin_nested()
    try:
        execute(connection, f"SET LOCAL statement_timeout = {int(seconds * 1000)}")
        answers = execute(connection, f"SELECT {fields}").one()
    except sa.exc.DBAPIError:  # it takes longer, or may not be read, which a check reports
        return frozenset()
    finally:
        nested.rollback()  # and with it the limit
    return frozenset(column.name for column, answer in zip(columns, answers, strict=True) if answer)


def _odd(column: Column) -> str:
    name = quoted(column.name)
    if column.type.name == "time":
        return f"{name} = '24:00'"
    if column.type.name == "decimal":
        return f"{name} = 'NaN'"
    return f"NOT isfinite({name}) OR {name} < '0001-01-01' OR {name} >= '10000-01-01'"
