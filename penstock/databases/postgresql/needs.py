"""The extensions that tables of PostgreSQL use, by column and by index."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from penstock.databases.postgresql.constraints import HERE
from penstock.model.schema import Need

# Columns whose type, or the type that theirs is made of, an extension has made; indexes with an operator class of one, or a method.
_QUERY = f"""
SELECT c.relname, found.kind, found.name, min(e.extname::text) FROM (
  SELECT a.attrelid AS owner, 'column' AS kind, a.attname::text AS name, 'pg_type'::regclass AS class,
    unnest(ARRAY[t.oid, t.typelem]) AS oid
  FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid WHERE a.attnum > 0 AND NOT a.attisdropped
  UNION ALL SELECT x.indrelid, 'index', i.relname, 'pg_opclass'::regclass, unnest(x.indclass::oid[])
  FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid
  UNION ALL SELECT x.indrelid, 'index', i.relname, 'pg_am'::regclass, i.relam
  FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid
) found
JOIN pg_depend d ON d.classid = found.class AND d.objid = found.oid AND d.deptype = 'e' AND d.refclassid = 'pg_extension'::regclass
JOIN pg_extension e ON e.oid = d.refobjid
JOIN pg_class c ON c.oid = found.owner JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE {HERE} GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
"""


def read(asked: Callable[[str], Sequence[Any]]) -> dict[str, tuple[Need, ...]]:
    """What each table of a schema uses. asked: runs a query on it."""
    found: dict[str, tuple[Need, ...]] = {}
    for table, kind, name, extension in asked(_QUERY):
        found[table] = (*found.get(table, ()), Need(kind, name, extension))
    return found
