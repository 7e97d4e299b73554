"""Everything that declares a table in DuckDB's catalogue: columns, constraints, indexes."""

from __future__ import annotations

import sqlalchemy as sa

from penstock.databases import execute
from penstock.databases._shared import definition
from penstock.databases._shared.ansi import literal
from penstock.model.schema import TableName

_OBJECTS = """
SELECT 'column', column_name, column_index::VARCHAR, data_type, is_nullable::VARCHAR, column_default FROM duckdb_columns() WHERE {here}
UNION ALL SELECT lower(constraint_type), constraint_text, '', '', '', '' FROM duckdb_constraints() WHERE {here}
UNION ALL SELECT CASE WHEN is_unique THEN 'key' ELSE 'index' END, index_name, sql, '', '', '' FROM duckdb_indexes() WHERE {here}
"""


def read(connection: sa.Connection, name: TableName) -> dict[str, str]:
    """By object, a mark of its declaration."""
    schema = literal(name.schema) if name.schema else "current_schema()"
    here = f"database_name = current_database() AND schema_name = {schema} AND table_name = {literal(name.name)}"
    return definition.marks(execute(connection, _OBJECTS.replace("{here}", here)).all())
