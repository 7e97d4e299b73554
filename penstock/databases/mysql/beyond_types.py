"""Columns of MySQL and MariaDB with dates that no other database has: with zeros in them, of the 31st of February; times beyond a day."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from penstock.databases import execute
from penstock.databases.mysql.catalogue import qualified, quoted, version
from penstock.model.schema import Column, TableName


def read(connection: sa.Connection, name: TableName, columns: Sequence[Column], seconds: float) -> frozenset[str]:
    """As `Database.beyond_types` says."""
    fields = ", ".join(f"EXISTS (SELECT 1 FROM {qualified(name)} WHERE {_odd(c)})" for c in columns)
    if version(connection).startswith("MariaDB"):
        query = f"SET STATEMENT max_statement_time = {seconds} FOR SELECT {fields}"
    else:
        query = f"SELECT /*+ MAX_EXECUTION_TIME({int(seconds * 1000)}) */ {fields}"
    try:
        answers = execute(connection, query).one()
    except sa.exc.DBAPIError:  # it takes longer
        return frozenset()
    return frozenset(column.name for column, answer in zip(columns, answers, strict=True) if answer)


def _odd(column: Column) -> str:
    name = quoted(column.name)
    if column.type.name == "time":
        return f"{name} < 0 OR {name} >= '24:00:00'"
    return f"{name} IS NOT NULL AND LAST_DAY({name}) IS NULL"
