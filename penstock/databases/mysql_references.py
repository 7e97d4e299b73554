"""Taking rows out of MySQL's and MariaDB's tables and putting them back in one transaction, though others refer to them.

InnoDB looks at each row at once, and can only be told not to look at all; so it is asked afterwards whether a row refers to nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from penstock.databases import Unbound
from penstock.databases.mysql_catalogue import decoded, home_of, qualified, quoted
from penstock.schema import TableName

_REFERENCES = """
SELECT TABLE_SCHEMA, TABLE_NAME, CONSTRAINT_NAME, COLUMN_NAME, REFERENCED_TABLE_SCHEMA, REFERENCED_TABLE_NAME, REFERENCED_COLUMN_NAME
FROM information_schema.KEY_COLUMN_USAGE WHERE REFERENCED_TABLE_NAME IS NOT NULL
ORDER BY TABLE_SCHEMA, TABLE_NAME, CONSTRAINT_NAME, ORDINAL_POSITION
"""


def unbind(connection: sa.Connection, tables: Sequence[TableName]) -> Unbound:
    places = {(home_of(connection, t.schema), t.name) for t in tables}
    keys: dict[tuple[str, ...], list[tuple[str, str]]] = {}
    for row in connection.execute(sa.text(_REFERENCES)):
        schema, table, key, column, other_schema, other, referred = map(decoded, row)
        if places & {(schema, table), (other_schema, other)}:
            keys.setdefault((schema, table, key, other_schema, other), []).append((column, referred))
    orphans = []
    for (schema, table, _, other_schema, other), columns in keys.items():
        given = " AND ".join(f"c.{quoted(mine)} IS NOT NULL" for mine, _ in columns)
        same = " AND ".join(f"p.{quoted(theirs)} = c.{quoted(mine)}" for mine, theirs in columns)
        child, parent = qualified(TableName(table, schema)), qualified(TableName(other, other_schema))
        orphans.append(f"SELECT 1 FROM {child} AS c WHERE {given} AND NOT EXISTS (SELECT 1 FROM {parent} AS p WHERE {same}) LIMIT 1")
    return Unbound(("SET foreign_key_checks = 0",), ("SET foreign_key_checks = 1",), tuple(orphans)) if keys else Unbound()
