"""Everything that declares a table in SQLite's schema table: its CREATE TABLE, indexes, triggers."""

from __future__ import annotations

import sqlalchemy as sa

from penstock.databases import execute
from penstock.databases._shared import definition
from penstock.databases._shared.ansi import literal, quoted
from penstock.model.schema import TableName


def read(connection: sa.Connection, name: TableName) -> dict[str, str]:
    """By object, a mark of its declaration."""
    schema, own = name.schema or "main", literal(name.name)
    columns = f"SELECT 'column', name, cid, type, \"notnull\", dflt_value, pk, hidden FROM pragma_table_xinfo({own}, {literal(schema)})"
    kind = "CASE WHEN type = 'index' AND sql LIKE 'CREATE UNIQUE %' THEN 'key' ELSE type END"
    others = f"SELECT {kind}, name, sql FROM {quoted(schema)}.sqlite_master WHERE tbl_name = {own}"
    return definition.marks(tuple(row) for query in (columns, others) for row in execute(connection, query).all())
