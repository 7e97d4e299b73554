"""What PostgreSQL's catalogue says of a schema's tables, and of what hangs on them.

Manual: https://www.postgresql.org/docs/current/catalogs.html
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, OID

from penstock.databases import Dependent, SetAside
from penstock.databases._shared import inspection
from penstock.databases._shared.ansi import qualified
from penstock.databases.postgresql import objects, sequences
from penstock.databases.postgresql.types import TYPES
from penstock.model.schema import Table, TableName

# Ordinary and partitioned tables; a partition is part of its root.
_TABLES = """
SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = coalesce(:schema, current_schema()) AND c.relkind IN ('r', 'p') AND NOT c.relispartition
"""

# A column's type, through any domains to their base type; an enum as enum('a','b'), an array of one as enum('a','b')[].
_COLUMNS = """
WITH RECURSIVE resolved AS (
  SELECT oid AS type, typbasetype AS base, typtypmod AS modifier, 1 AS depth FROM pg_type WHERE typtype = 'd'
  UNION ALL
  SELECT r.type, t.typbasetype, t.typtypmod, r.depth + 1 FROM resolved r JOIN pg_type t ON t.oid = r.base AND t.typtype = 'd'
), domains AS (
  SELECT DISTINCT ON (type) type, base, modifier FROM resolved ORDER BY type, depth DESC
)
SELECT c.relname, a.attname,
  CASE WHEN coalesce(l.typtype, t.typtype) = 'e' THEN 'enum(' || coalesce((
      SELECT string_agg('''' || replace(e.enumlabel, '''', '''''') || '''', ',' ORDER BY e.enumsortorder)
      FROM pg_enum e WHERE e.enumtypid = coalesce(l.oid, t.oid)), '') || CASE WHEN l.oid IS NULL THEN ')' ELSE ')[]' END
    ELSE format_type(t.oid, coalesce(d.modifier, a.atttypmod)) END,
  t.oid IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype)
    AND (a.attidentity <> '' OR (a.attgenerated = '' AND pg_get_expr(f.adbin, f.adrelid) LIKE 'nextval(%')),
  CASE WHEN d.type IS NOT NULL OR coalesce(l.typtype, t.typtype) = 'e' THEN (
    SELECT format('%I.%I', s.nspname, own.typname) || CASE WHEN d.type IS NULL AND l.oid IS NOT NULL THEN '[]' ELSE '' END
    FROM pg_type own JOIN pg_namespace s ON s.oid = own.typnamespace
    WHERE own.oid = CASE WHEN d.type IS NULL THEN coalesce(l.oid, a.atttypid) ELSE a.atttypid END) END
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_attrdef f ON f.adrelid = c.oid AND f.adnum = a.attnum
LEFT JOIN domains d ON d.type = a.atttypid
JOIN pg_type t ON t.oid = coalesce(d.base, a.atttypid)
LEFT JOIN pg_type l ON l.oid = t.typelem AND t.typcategory = 'A'
WHERE n.nspname = coalesce(:schema, current_schema()) AND c.relkind IN ('r', 'p') AND NOT c.relispartition
"""

_NOTES = """
SELECT c.relname, found.note FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
CROSS JOIN LATERAL (
  SELECT 'trigger ' || tgname AS note FROM pg_trigger WHERE tgrelid = c.oid AND NOT tgisinternal
  UNION ALL
  SELECT 'policy ' || polname FROM pg_policy WHERE polrelid = c.oid
  UNION ALL
  SELECT 'rule ' || rulename FROM pg_rewrite WHERE ev_class = c.oid
  UNION ALL
  SELECT 'its rows include those of ' || inhrelid::regclass || ', which inherits it'
  FROM pg_inherits WHERE inhparent = c.oid AND c.relkind = 'r'
) found
WHERE n.nspname = coalesce(:schema, current_schema()) AND c.relkind IN ('r', 'p') AND NOT c.relispartition
ORDER BY 1, 2
"""

# What an extension has made, as spatial_ref_sys of postgis: CREATE EXTENSION makes it at the target.
_OF_EXTENSIONS = """
SELECT e.extname, array_agg(c.relname::text ORDER BY c.relname) FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
JOIN pg_class c ON c.oid = d.objid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND c.relkind IN ('r', 'p')
  AND n.nspname = coalesce(:schema, current_schema()) GROUP BY e.extname ORDER BY e.extname
"""

_VIEWS = """
SELECT DISTINCT ON (v.oid) v.relkind = 'm', format('%I.%I', n.nspname, v.relname), d.refobjid, pg_has_role(v.relowner, 'USAGE'),
  'CREATE OR REPLACE VIEW ' || format('%I.%I', n.nspname, v.relname)
    || coalesce(' WITH (' || array_to_string(v.reloptions, ', ') || ')', '') || ' AS ' || rtrim(pg_get_viewdef(v.oid), ';')
FROM pg_depend d
JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid
JOIN pg_class v ON v.oid = r.ev_class AND v.relkind IN ('v', 'm') AND v.relpersistence <> 't'
JOIN pg_namespace n ON n.oid = v.relnamespace
WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = ANY (:live)
ORDER BY v.oid, d.refobjid
"""

# What PostgreSQL binds to the table itself and nobody can bind to another by one statement.
_LEFT_BEHIND = """
SELECT 'foreign key', k.conname || ' of ' || k.conrelid::regclass, k.confrelid
FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
WHERE k.contype = 'f' AND k.conparentid = 0 AND k.confrelid = ANY (:live) AND k.conrelid <> ALL (:live)
  AND c.relnamespace NOT IN (SELECT oid FROM pg_namespace WHERE nspname ~ '^penstock_(old|new)_')
UNION ALL
SELECT 'trigger', tgname, tgrelid FROM pg_trigger WHERE NOT tgisinternal AND tgrelid = ANY (:live)
UNION ALL
SELECT 'policy', polname, polrelid FROM pg_policy WHERE polrelid = ANY (:live)
UNION ALL
SELECT 'policy', 'row level security', c.oid FROM pg_class c
WHERE c.relrowsecurity AND c.oid = ANY (:live) AND NOT EXISTS (SELECT FROM pg_policy WHERE polrelid = c.oid)
UNION ALL
SELECT 'rule', rulename, ev_class FROM pg_rewrite WHERE ev_class = ANY (:live)
UNION ALL
SELECT 'publication', p.pubname, r.prrelid FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid
WHERE r.prrelid = ANY (:live)
UNION ALL
SELECT 'inheritance', inhrelid::regclass::text, inhparent FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid
WHERE inhparent = ANY (:live) AND inhrelid <> ALL (:live) AND NOT c.relispartition
UNION ALL
SELECT 'inheritance', inhparent::regclass::text, inhrelid FROM pg_inherits WHERE inhrelid = ANY (:live) AND inhparent <> ALL (:live)
UNION ALL
SELECT DISTINCT 'function', d.objid::regprocedure::text, c.oid FROM pg_class c JOIN pg_type t ON t.oid = c.reltype
JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND (
  (d.refclassid = 'pg_class'::regclass AND d.refobjid = c.oid)
  OR (d.refclassid = 'pg_type'::regclass AND d.refobjid IN (t.oid, t.typarray)))
WHERE c.oid = ANY (:live)
ORDER BY 1, 2
"""

# Of our own shadows and kept tables: nobody needs them, and they would hold back a table that moves away.
_OURS = """
SELECT k.conname || ' of ' || k.conrelid::regclass, k.confrelid,
  format('ALTER TABLE %s DROP CONSTRAINT %I', k.conrelid::regclass, k.conname)
FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE k.contype = 'f' AND k.conparentid = 0 AND k.confrelid = ANY (:live) AND k.conrelid <> ALL (:live)
  AND n.nspname ~ '^penstock_(old|new)_'
ORDER BY 1
"""

_GRANTS = """
SELECT coalesce(r.rolname, 'PUBLIC'), g.oid,
  array_agg(format('GRANT %s%s ON TABLE %s TO %s%s', g.privilege_type, ' (' || quote_ident(g.attname) || ')',
    g.oid::regclass, coalesce(quote_ident(r.rolname), 'PUBLIC'), CASE WHEN g.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
    ORDER BY g.attname, g.privilege_type)
FROM (
  SELECT c.oid, NULL::name AS attname, c.relowner, x.* FROM pg_class c, aclexplode(c.relacl) x WHERE c.oid = ANY (:live)
  UNION ALL
  SELECT c.oid, a.attname, c.relowner, x.* FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND NOT a.attisdropped,
    aclexplode(a.attacl) x WHERE c.oid = ANY (:live)
) g LEFT JOIN pg_roles r ON r.oid = g.grantee
WHERE g.grantee <> g.relowner
GROUP BY 1, 2, r.rolname ORDER BY 1, 2
"""

_OWNERS = """
SELECT r.rolname, c.oid, pg_has_role(c.relowner, 'MEMBER'), format('ALTER TABLE %s OWNER TO %I', c.oid::regclass, r.rolname)
FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner WHERE c.oid = ANY (:live) AND r.rolname <> current_user ORDER BY 2
"""


def inspect(connection: sa.Connection, schema: str | None, only: Sequence[str] | None = None) -> list[Table]:
    """The tables of a schema, as `Database.inspect` promises."""
    for _ in range(_AGAIN):
        # a table that the catalogue has named may be dropped before it is asked about it; one may be made that only some answers have
        with suppress(sa.exc.InternalError, KeyError), connection.begin_nested():
            return _inspect(connection, schema, only)
    return _inspect(connection, schema, only)


_AGAIN = 4


def _inspect(connection: sa.Connection, schema: str | None, only: Sequence[str] | None) -> list[Table]:
    seen = _see(connection, schema)
    wanted = sorted(seen.tables if only is None else seen.tables & set(only))
    more = objects.inspect(connection, schema)
    found = inspection.tables(
        connection,
        schema,
        TYPES.read,
        seen.types,
        wanted,
        seen.identity,
        seen.notes,
        more.constraints.foreign_keys,
        more.indexes,
        _as_bytes,
    )
    following = sequences.next_numbers(connection, schema)
    dressed = (objects.dressed(_with_named_types(_without_money(table), seen.named_types), more) for table in found)
    return [sequences.numbered(table, following) for table in dressed]


def _with_named_types(table: Table, named: Mapping[tuple[str, str], str]) -> Table:
    """`table` with the enums and domains that its columns are declared with."""
    return replace(table, columns=tuple(replace(c, named_type=named.get((table.name.name, c.name), "")) for c in table.columns))


def _without_money(table: Table) -> Table:
    """`table` without defaults that are money: their text is that of a locale."""
    odd = [c for c in table.columns if c.type.name == "money" and c.default and not re.fullmatch(r"=-?[\d.]+", c.default)]
    return replace(table, columns=tuple(replace(c, default=None, expression=str(c.default)) if c in odd else c for c in table.columns))


def _as_bytes(text: str) -> bytes | None:
    """The bytes of a bytea as the catalogue writes it."""
    return bytes.fromhex(text.removeprefix("\\x")) if re.fullmatch(r"\\x(?:[0-9a-f]{2})*", text) else None


@dataclass(frozen=True)
class _Seen:
    """What `inspection.tables` asks for, by its names."""

    tables: frozenset[str]
    types: Mapping[tuple[str, str], str]
    identity: frozenset[tuple[str, str]]
    notes: Mapping[str, Sequence[str]]
    named_types: Mapping[tuple[str, str], str]


def _see(connection: sa.Connection, schema: str | None) -> _Seen:
    """The tables of a schema (None: the connection's own) as the catalogue has them."""
    of_schema = {"schema": schema}
    columns = connection.execute(_in(_COLUMNS), of_schema).all()
    notes: dict[str, list[str]] = defaultdict(list)
    for table, note in connection.execute(_in(_NOTES), of_schema):
        notes[table].append(note)
    return _Seen(
        tables=frozenset(connection.execute(_in(_TABLES), of_schema).scalars()),
        types={(c[0], c[1]): c[2] for c in columns},
        identity=frozenset((c[0], c[1]) for c in columns if c[3]),
        notes=notes,
        named_types={(c[0], c[1]): c[4] for c in columns if c[4]},
    )


def dependents(connection: sa.Connection, tables: Sequence[TableName]) -> list[Dependent]:
    """What hangs on these tables. Statements rebind views and grants to whatever stands at the same names when they run."""
    places: dict[int, TableName] = {}
    for table in tables:
        of = "SELECT to_regclass(:name)::oid::bigint UNION SELECT relid::oid::bigint FROM pg_partition_tree(to_regclass(:name))"
        places |= {oid: table for oid in connection.execute(sa.text(of), {"name": qualified(table)}).scalars() if oid is not None}
    live = {"live": list(places)}
    path = connection.execute(sa.text("SELECT current_setting('search_path')")).scalar_one()
    set_path = sa.text("SELECT set_config('search_path', :path, true)")
    connection.execute(set_path, {"path": ""})  # so that the catalogue writes every name with its schema
    found = []
    for materialized, name, oid, ours, statement in connection.execute(_of(_VIEWS), live):
        kind = "materialized view" if materialized else "view"
        follows = ours and not materialized
        found.append(Dependent(kind, name, places[oid], follows, (statement,) if follows else ()))
    found += [Dependent(kind, name, places[oid], False) for kind, name, oid in connection.execute(_of(_LEFT_BEHIND), live)]
    for name, oid, statement in connection.execute(_of(_OURS), live):
        found.append(Dependent("foreign key", name, places[oid], True, (statement,)))
    for role, oid, grants in connection.execute(_of(_GRANTS), live):
        found.append(Dependent("grant", f"to {role}", places[oid], True, tuple(grants)))
    for role, oid, ours, statement in connection.execute(_of(_OWNERS), live):
        found.append(Dependent("owner", role, places[oid], ours, (statement,) if ours else ()))
    connection.execute(set_path, {"path": path})
    return found


def _in(text: str) -> sa.TextClause:
    return sa.text(text).bindparams(sa.bindparam("schema", type_=sa.Text()))


def _of(text: str) -> sa.TextClause:
    return sa.text(text).bindparams(sa.bindparam("live", type_=ARRAY(OID)))


def set_aside(connection: sa.Connection, schema: str | None) -> list[SetAside]:
    """The tables of extensions."""
    rows = connection.execute(sa.text(_OF_EXTENSIONS), {"schema": schema}).all()
    return [SetAside(tuple(n), f"{', '.join(n)} of the extension {extension}") for extension, n in rows]
