"""PostgreSQL's foreign keys while rows and tables change places.

Rows are taken out and put back in one transaction, though others refer to them: a foreign key that only forbids is checked at the end of
the transaction instead of after each statement; one that acts (CASCADE, SET NULL), or forbids at once (RESTRICT), is dropped and made
again, which checks all of its rows.
Manual: https://www.postgresql.org/docs/current/sql-altertable.html (ALTER CONSTRAINT), sql-set-constraints.html
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from penstock.databases import ForeignKeySuspension, Link
from penstock.databases._shared.ansi import qualified
from penstock.model.schema import TableName

# Both ends: a foreign key of one of the tables, or one that refers to it. Ours: of a shadow, or of a table that was set aside.
_REFERENCES = """
SELECT format('ALTER TABLE %I.%I', n.nspname, c.relname), format('%I', k.conname), pg_get_constraintdef(k.oid), k.confdeltype,
  CASE WHEN NOT k.condeferrable THEN 'NOT DEFERRABLE' WHEN k.condeferred THEN 'DEFERRABLE INITIALLY DEFERRED'
    ELSE 'DEFERRABLE INITIALLY IMMEDIATE' END,
  format('COMMENT ON CONSTRAINT %I ON %I.%I IS %L', k.conname, n.nspname, c.relname, d.description), d.description IS NOT NULL,
  n.nspname ~ '^penstock_(old|new)_'
FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_description d ON d.objoid = k.oid AND d.classoid = 'pg_constraint'::regclass AND d.objsubid = 0
WHERE k.contype = 'f' AND k.conparentid = 0 AND (k.confrelid = ANY (:tables) OR k.conrelid = ANY (:tables))
ORDER BY 1, 2
"""

_LINKS = """
SELECT k.conrelid::bigint, k.conname, pg_get_constraintdef(k.oid) FROM pg_constraint k
WHERE k.contype = 'f' AND k.conparentid = 0 AND k.conrelid = ANY (:tables) AND k.confrelid <> ALL (:tables)
ORDER BY k.conrelid::regclass::text, 2
"""


def unbind(connection: sa.Connection, tables: Sequence[TableName]) -> ForeignKeySuspension:
    before, after = [], []
    with _in_full(connection):
        found = connection.execute(_of(_REFERENCES), {"tables": list(_oids(connection, tables))}).all()
    for alter, key, definition, action, deferral, comment, commented, ours in found:
        if ours:
            before.append(f"{alter} DROP CONSTRAINT {key}")
        elif action == "a":
            before.append(f"{alter} ALTER CONSTRAINT {key} DEFERRABLE INITIALLY DEFERRED")
            after.append(f"{alter} ALTER CONSTRAINT {key} {deferral}")
        else:
            before.append(f"{alter} DROP CONSTRAINT {key}")
            after += [f"{alter} ADD CONSTRAINT {key} {definition}", *([comment] if commented else [])]
    return ForeignKeySuspension(tuple(before), ("SET CONSTRAINTS ALL IMMEDIATE", *after) if before else ())


def links(connection: sa.Connection, tables: Sequence[TableName]) -> list[Link]:
    named = _oids(connection, tables)
    with _in_full(connection):
        found = connection.execute(_of(_LINKS), {"tables": list(named)}).all()
    return [Link(named[oid], key, definition) for oid, key, definition in found]


def _oids(connection: sa.Connection, tables: Sequence[TableName]) -> dict[int, TableName]:
    found = {t: connection.execute(sa.text("SELECT to_regclass(:name)::oid::bigint"), {"name": qualified(t)}).scalar_one() for t in tables}
    return {oid: table for table, oid in found.items() if oid is not None}


@contextmanager
def _in_full(connection: sa.Connection) -> Iterator[None]:
    """Inside, the catalogue writes every table's name with its schema."""
    path = connection.execute(sa.text("SELECT current_setting('search_path')")).scalar_one()
    set_path = sa.text("SELECT set_config('search_path', :path, true)")
    connection.execute(set_path, {"path": ""})
    try:
        yield
    finally:
        connection.execute(set_path, {"path": path})


def _of(text: str) -> sa.TextClause:
    return sa.text(text).bindparams(sa.bindparam("tables", type_=ARRAY(sa.BigInteger)))
