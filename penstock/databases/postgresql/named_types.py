"""Types that somebody has created in PostgreSQL, enums and domains: a column of another server can have one that is the same here.

Manual: https://www.postgresql.org/docs/current/catalog-pg-type.html
"""

from __future__ import annotations

import sqlalchemy as sa

from penstock.databases import execute

_TYPES = """
SELECT format('%I.%I', n.nspname, t.typname), CASE t.typtype
  WHEN 'e' THEN (SELECT string_agg(quote_literal(e.enumlabel), ',' ORDER BY e.enumsortorder) FROM pg_enum e WHERE e.enumtypid = t.oid)
  ELSE concat_ws(' ', format_type(t.typbasetype, t.typtypmod), t.typcollation::regcollation, t.typnotnull, t.typdefault,
    (SELECT string_agg(k.conname || ' ' || pg_get_constraintdef(k.oid), ', ' ORDER BY k.conname)
      FROM pg_constraint k WHERE k.contypid = t.oid))
  END
FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
WHERE t.typtype IN ('e', 'd') AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_toast'
"""


def read(connection: sa.Connection) -> dict[str, str]:
    """By name, with its schema, the definition of each."""
    return {name: definition or "" for name, definition in execute(connection, _TYPES).all()}
