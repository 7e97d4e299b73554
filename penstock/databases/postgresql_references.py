"""Taking rows out of PostgreSQL's tables and putting them back in one transaction, though others refer to them.

A foreign key that only forbids is checked at the end of it instead of after each statement; one that acts (CASCADE, SET NULL), or
forbids at once (RESTRICT), is dropped and made again, which checks all of its rows.
Manual: https://www.postgresql.org/docs/current/sql-altertable.html (ALTER CONSTRAINT), sql-set-constraints.html
"""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from penstock.databases import Unbound
from penstock.schema import TableName

_REFERENCES = """
SELECT format('ALTER TABLE %I.%I', n.nspname, c.relname), format('%I', k.conname), pg_get_constraintdef(k.oid), k.confdeltype,
  CASE WHEN NOT k.condeferrable THEN 'NOT DEFERRABLE' WHEN k.condeferred THEN 'DEFERRABLE INITIALLY DEFERRED'
    ELSE 'DEFERRABLE INITIALLY IMMEDIATE' END,
  format('COMMENT ON CONSTRAINT %I ON %I.%I IS %L', k.conname, n.nspname, c.relname, d.description), d.description IS NOT NULL
FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_description d ON d.objoid = k.oid AND d.classoid = 'pg_constraint'::regclass AND d.objsubid = 0
WHERE k.contype = 'f' AND k.conparentid = 0 AND k.confrelid = to_regclass(:name)
ORDER BY 1, 2
"""


def unbind(connection: sa.Connection, tables: Sequence[TableName]) -> Unbound:
    before, after = [], []
    path = connection.execute(sa.text("SELECT current_setting('search_path')")).scalar_one()
    set_path = sa.text("SELECT set_config('search_path', :path, true)")
    for table in tables:
        name = ".".join('"' + part.replace('"', '""') + '"' for part in (table.schema, table.name) if part is not None)
        connection.execute(set_path, {"path": "" if table.schema else path})  # so that definitions name every table with its schema
        for alter, key, definition, action, deferral, comment, commented in connection.execute(sa.text(_REFERENCES), {"name": name}):
            if action == "a":
                before.append(f"{alter} ALTER CONSTRAINT {key} DEFERRABLE INITIALLY DEFERRED")
                after.append(f"{alter} ALTER CONSTRAINT {key} {deferral}")
            else:
                before.append(f"{alter} DROP CONSTRAINT {key}")
                after += [f"{alter} ADD CONSTRAINT {key} {definition}", *([comment] if commented else [])]
    connection.execute(set_path, {"path": path})
    return Unbound(tuple(before), ("SET CONSTRAINTS ALL IMMEDIATE", *after) if before else ())
