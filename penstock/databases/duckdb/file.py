"""Whether a DuckDB file can be written, and how large its tables are. That another process holds it, the connection has said."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from penstock.databases import AccessRequest, Size, execute
from penstock.errors import Problem
from penstock.model.schema import Table


def preflight(connection: sa.Connection, use: AccessRequest) -> list[Problem]:
    query = "SELECT readonly FROM duckdb_databases() WHERE database_name = current_database()"
    if use.role == "target" and execute(connection, query).scalar_one():
        fix = "open it without access_mode=read_only"
        return [use.problem(True, "the file is opened read-only", fix, "privileges")]
    return []


def sizes(connection: sa.Connection, tables: Sequence[Table]) -> dict[str, Size]:
    """Rows as DuckDB estimates them, the file's bytes by columns."""
    rows: dict[str, int] = {}
    columns = {t.name.name: len(t.columns) for t in tables}
    for schema in {t.name.schema for t in tables}:
        query = sa.text(
            "SELECT table_name, estimated_size FROM duckdb_tables()"
            " WHERE database_name = current_database() AND schema_name = coalesce(:schema, current_schema())"
        )
        found = connection.execute(query, {"schema": schema})
        rows |= {name: int(size) for name, size in found if name in columns}
    used = "SELECT block_size * used_blocks FROM pragma_database_size() WHERE database_name = current_database()"
    whole, total = int(execute(connection, used).scalar_one()), max(1, sum(n * columns[name] for name, n in rows.items()))
    return {name: Size(n, whole * n * columns[name] // total) for name, n in rows.items()}
