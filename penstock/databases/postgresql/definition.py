"""Everything that declares a table in PostgreSQL's catalogue: columns, constraints, indexes, triggers, rules, policies.

Manual: https://www.postgresql.org/docs/current/catalogs.html
"""

from __future__ import annotations

import sqlalchemy as sa

from penstock.databases import execute
from penstock.databases._shared import definition
from penstock.databases._shared.ansi import literal, qualified
from penstock.model.schema import TableName

# The number of a column tells a column that was dropped and added again.
_OBJECTS = """
SELECT 'column', attname, concat_ws(' ', attnum, format_type(atttypid, atttypmod), attnotnull, attidentity, attgenerated, attcollation),
  pg_get_expr(adbin, adrelid)
  FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
  WHERE attrelid = {place} AND attnum > 0 AND NOT attisdropped
UNION ALL SELECT CASE contype WHEN 'c' THEN 'check' ELSE 'key' END, conname, concat_ws(' ', pg_get_constraintdef(oid), convalidated), NULL
  FROM pg_constraint WHERE conrelid = {place}
UNION ALL SELECT CASE WHEN indisunique THEN 'key' ELSE 'index' END, indexrelid::regclass::text,
  concat_ws(' ', pg_get_indexdef(indexrelid), indisvalid, indisprimary), NULL
  FROM pg_index WHERE indrelid = {place}
UNION ALL SELECT 'trigger', tgname, concat_ws(' ', pg_get_triggerdef(oid), tgenabled, tgfoid), NULL
  FROM pg_trigger WHERE tgrelid = {place} AND NOT tgisinternal
UNION ALL SELECT 'rule', rulename, pg_get_ruledef(oid), NULL FROM pg_rewrite WHERE ev_class = {place}
UNION ALL SELECT 'policy', polname, concat_ws(' ', polcmd, polroles::text, pg_get_expr(polqual, polrelid)),
  pg_get_expr(polwithcheck, polrelid)
  FROM pg_policy WHERE polrelid = {place}
UNION ALL SELECT 'row', 'security', concat_ws(' ', relrowsecurity, relforcerowsecurity), NULL FROM pg_class WHERE oid = {place}
"""


def read(connection: sa.Connection, name: TableName) -> dict[str, str]:
    """By object, a mark of its declaration."""
    place = f"{literal(qualified(name))}::regclass"
    return definition.marks(execute(connection, _OBJECTS.replace("{place}", place)).all())
