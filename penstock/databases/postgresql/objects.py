"""What PostgreSQL's catalogue says beyond columns and keys: indexes, checks, expressions, comments, partitions, and what stays behind.

Expressions are read as pg_get_expr writes them under an empty search_path: whatever is not the server's own is named with its schema.
Manual: https://www.postgresql.org/docs/current/functions-info.html, https://www.postgresql.org/docs/current/ddl-partitioning.html
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from penstock.model.schema import Check, Column, Index, Need, Numbering, Part, Partition, Partitioning, Table

_HERE = "n.nspname = coalesce(:schema, current_schema()) AND c.relkind IN ('r', 'p') AND NOT c.relispartition"

_COLUMNS = f"""
SELECT c.relname, a.attname, pg_get_expr(f.adbin, f.adrelid), a.attgenerated, col_description(c.oid, a.attnum),
  CASE WHEN a.attcollation <> t.typcollation AND l.collnamespace = 'pg_catalog'::regnamespace THEN l.collname END,
  a.attidentity, s.seqstart, s.seqincrement, v.last_value,
  CASE WHEN a.attcollation <> t.typcollation AND l.collnamespace <> 'pg_catalog'::regnamespace THEN l.collname END,
  s.seqmax < CASE WHEN s.seqincrement < 0 THEN -1 ELSE 2 ^ (8 * a.attlen - 1) - 1 END
    OR s.seqcycle, CASE WHEN q.oid IS NOT NULL THEN format('%I.%I', m.nspname, q.relname) END
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_attrdef f ON f.adrelid = c.oid AND f.adnum = a.attnum
LEFT JOIN pg_collation l ON l.oid = a.attcollation
LEFT JOIN LATERAL (  -- pg_get_serial_sequence wants a right to the schema
  SELECT d.objid FROM pg_depend d JOIN pg_class k ON k.oid = d.objid AND k.relkind = 'S'
  WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass
    AND d.refobjid = c.oid AND d.refobjsubid = a.attnum AND d.deptype IN ('a', 'i') LIMIT 1
) o ON true
LEFT JOIN pg_sequence s ON s.seqrelid = o.objid
LEFT JOIN pg_class q ON q.oid = s.seqrelid LEFT JOIN pg_namespace m ON m.oid = q.relnamespace
LEFT JOIN pg_sequences v ON v.sequencename = q.relname AND v.schemaname = m.nspname
WHERE {_HERE}
"""

# pg_get_expr, since pg_get_constraintdef would add NO INHERIT and NOT VALID.
_CHECKS = f"""
SELECT c.relname, k.conname, pg_get_expr(k.conbin, k.conrelid), k.convalidated
FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE {_HERE} AND k.contype = 'c' ORDER BY c.relname, k.conname
"""

# One row a part. Bits of indoption: 1 is DESC, 2 is NULLS FIRST.
_INDEXES = f"""
SELECT c.relname, i.relname, x.indisunique, m.amname, pg_get_expr(x.indpred, x.indrelid), p.place > x.indnkeyatts,
  a.attname, pg_get_indexdef(x.indexrelid, p.place::int, false), coalesce(x.indoption[p.place - 1], 0),
  CASE WHEN o.opcdefault AND t.attoptions IS NULL THEN NULL ELSE quote_ident(o.opcname) || coalesce((
      SELECT ' (' || string_agg(quote_ident(split_part(v, '=', 1)) || '=' || quote_literal(substr(v, strpos(v, '=') + 1)), ', ') || ')'
      FROM unnest(t.attoptions) AS v), '') END,
  CASE WHEN l.oid IS NULL OR x.indcollation[p.place - 1] = coalesce(a.attcollation, 100) THEN NULL
    ELSE quote_ident(l.collname) END,
  pg_get_indexdef(x.indexrelid) LIKE '% NULLS NOT DISTINCT%', k.oid IS NOT NULL, coalesce(k.condeferrable, false)
FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class c ON c.oid = x.indrelid
JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_am m ON m.oid = i.relam
CROSS JOIN LATERAL generate_series(1, x.indnatts) AS p (place)
LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = x.indkey[p.place - 1]
LEFT JOIN pg_attribute t ON t.attrelid = x.indexrelid AND t.attnum = p.place
LEFT JOIN pg_opclass o ON o.oid = x.indclass[p.place - 1]
LEFT JOIN pg_collation l ON l.oid = x.indcollation[p.place - 1]
LEFT JOIN pg_constraint k ON k.conindid = i.oid AND k.contype = 'u' AND k.conrelid = c.oid
WHERE {_HERE} AND NOT x.indisprimary AND NOT x.indisexclusion AND x.indisvalid
ORDER BY c.relname, NOT x.indisunique, i.relname, p.place
"""

# Columns whose type, or the type that theirs is made of, an extension has made; indexes with an operator class of one, or a method.
_NEEDS = f"""
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
WHERE {_HERE} GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
"""

_PARTITIONED = f"""
SELECT c.relname, c.oid::bigint, pg_get_partkeydef(c.oid), p.partexprs IS NOT NULL,
  ARRAY(SELECT a.attname::text FROM unnest(p.partattrs::int2[]) AS u (number)
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = u.number),
  ARRAY(SELECT a.attname::text FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped)
FROM pg_partitioned_table p JOIN pg_class c ON c.oid = p.partrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE {_HERE}
"""
_PARTITIONS = """
SELECT h.inhparent::bigint, c.oid::bigint, c.relname, pg_get_expr(c.relpartbound, c.oid), coalesce(pg_get_partkeydef(c.oid), ''), c.relkind
FROM pg_inherits h JOIN pg_class c ON c.oid = h.inhrelid AND c.relispartition ORDER BY c.relname
"""
_INHERITS = f"""
SELECT c.relname, CASE WHEN p.relnamespace <> c.relnamespace THEN a.nspname || '.' ELSE '' END || p.relname
FROM pg_inherits h JOIN pg_class c ON c.oid = h.inhrelid JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_class p ON p.oid = h.inhparent JOIN pg_namespace a ON a.oid = p.relnamespace WHERE {_HERE} ORDER BY h.inhseqno
"""
_COMMENTS = f"""
SELECT c.relname, obj_description(c.oid, 'pg_class') FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE {_HERE} AND obj_description(c.oid, 'pg_class') IS NOT NULL
"""

# What is carried neither to another PostgreSQL nor elsewhere.
_LOST = f"""
WITH leaf AS (
  SELECT r.oid AS root, p.oid, p.relname FROM pg_class r CROSS JOIN LATERAL pg_partition_tree(r.oid) t JOIN pg_class p ON p.oid = t.relid
  WHERE r.relkind = 'p' AND NOT r.relispartition AND t.level > 0)
SELECT c.relname, found.note FROM (
  SELECT oid AS owner, 'that it is unlogged' AS note FROM pg_class WHERE relpersistence = 'u'
  UNION ALL SELECT oid, 'storage parameter ' || unnest(reloptions) FROM pg_class
  UNION ALL SELECT x.indrelid, 'comment on index ' || i.relname FROM pg_description d JOIN pg_index x ON x.indexrelid = d.objoid
    JOIN pg_class i ON i.oid = x.indexrelid WHERE d.classoid = 'pg_class'::regclass
  UNION ALL SELECT k.conrelid, 'comment on constraint ' || k.conname FROM pg_description d JOIN pg_constraint k ON k.oid = d.objoid
    WHERE d.classoid = 'pg_constraint'::regclass
  UNION ALL SELECT leaf.root, 'index ' || i.relname || ' of its partition ' || leaf.relname
    FROM leaf JOIN pg_index x ON x.indrelid = leaf.oid JOIN pg_class i ON i.oid = x.indexrelid WHERE NOT i.relispartition
  UNION ALL SELECT leaf.root, 'constraint ' || k.conname || ' of its partition ' || leaf.relname
    FROM leaf JOIN pg_constraint k ON k.conrelid = leaf.oid
    WHERE k.conislocal AND k.contype IN ('c', 'f') AND k.conparentid = 0 AND k.coninhcount = 0
) found JOIN pg_class c ON c.oid = found.owner JOIN pg_namespace n ON n.oid = c.relnamespace WHERE {_HERE} ORDER BY 1, 2
"""

# Of the schema itself, but for what an extension made and what belongs to a table or a type.
_BEHIND = """
WITH home AS (SELECT oid FROM pg_namespace WHERE nspname = coalesce(:schema, current_schema()))
SELECT found.kind, found.name FROM (
  SELECT 'pg_class'::regclass::oid AS class, oid, CASE relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view'
    WHEN 'S' THEN 'sequence' ELSE 'foreign table' END AS kind, relname::text AS name, false AS owned
  FROM pg_class c WHERE relnamespace IN (SELECT oid FROM home) AND relkind IN ('v', 'm', 'S', 'f') AND NOT (relkind = 'S' AND EXISTS (
    SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = c.oid AND deptype IN ('a', 'i') AND refobjsubid > 0))
  UNION ALL
  SELECT 'pg_proc'::regclass, oid, CASE prokind WHEN 'p' THEN 'procedure' WHEN 'a' THEN 'aggregate' ELSE 'function' END,
    proname || '(' || pg_get_function_identity_arguments(oid) || ')', false
  FROM pg_proc WHERE pronamespace IN (SELECT oid FROM home)
  UNION ALL
  SELECT 'pg_type'::regclass, oid, CASE typtype WHEN 'd' THEN 'domain' WHEN 'r' THEN 'range type' ELSE 'type' END, typname, false
  FROM pg_type t WHERE typnamespace IN (SELECT oid FROM home) AND (typtype IN ('d', 'e', 'r')
    OR typtype = 'c' AND EXISTS (SELECT FROM pg_class WHERE oid = typrelid AND relkind = 'c'))
  UNION ALL
  SELECT 'pg_statistic_ext'::regclass, oid, 'extended statistics', stxname, false FROM pg_statistic_ext
  WHERE stxnamespace IN (SELECT oid FROM home)
  UNION ALL
  SELECT 'pg_event_trigger'::regclass, oid, 'event trigger', evtname, false FROM pg_event_trigger
  UNION ALL
  SELECT 'pg_publication'::regclass, oid, 'publication', pubname, false FROM pg_publication
) found
WHERE NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = found.class AND d.objid = found.oid AND d.deptype = 'e')
UNION ALL
SELECT 'grant', format('on %s to %s: %s', c.relname, coalesce(r.rolname, 'PUBLIC'), string_agg(DISTINCT x.privilege_type, ', '))
FROM pg_class c JOIN home ON home.oid = c.relnamespace CROSS JOIN LATERAL aclexplode(c.relacl) x LEFT JOIN pg_roles r ON r.oid = x.grantee
WHERE x.grantee <> c.relowner AND c.relkind IN ('r', 'p', 'v', 'm') GROUP BY c.relname, r.rolname
ORDER BY 1, 2
"""


@dataclass(frozen=True)
class Objects:
    """What `dressed` adds to tables."""

    columns: Mapping[tuple[str, str], Sequence[Any]]
    checks: Mapping[str, Sequence[Sequence[Any]]]
    indexes: Mapping[str, Sequence[Index]]
    comments: Mapping[str, str]
    partitionings: Mapping[str, Partitioning]
    inherits: Mapping[str, tuple[str, ...]]
    notes: Mapping[str, Sequence[str]]
    needs: Mapping[str, tuple[Need, ...]]


def inspect(connection: sa.Connection, schema: str | None) -> Objects:
    """Everything of a schema's tables (None: the connection's own) that is more than columns and keys."""
    home = {"schema": schema or connection.execute(sa.text("SELECT current_schema()")).scalar_one()}
    notes: dict[str, list[str]] = defaultdict(list)
    with _bare(connection):

        def asked(query: str) -> Sequence[Any]:
            return connection.execute(sa.text(query), home).all()

        for table, note in asked(_LOST):
            notes[table].append(note)
        inherits: dict[str, tuple[str, ...]] = {}
        for table, parent in asked(_INHERITS):
            inherits[table] = (*inherits.get(table, ()), parent)
        checks: dict[str, list[Any]] = defaultdict(list)
        needs: dict[str, tuple[Need, ...]] = {}
        for table, kind, name, extension in asked(_NEEDS):
            needs[table] = (*needs.get(table, ()), Need(kind, name, extension))
        for table, *row in asked(_CHECKS):
            checks[table].append(row)
        return Objects(
            columns={(row[0], row[1]): row[2:] for row in asked(_COLUMNS)},
            checks=checks,
            indexes=_indexes(asked(_INDEXES), notes),
            comments=dict(tuple(row) for row in asked(_COMMENTS)),
            partitionings=_partitionings(asked(_PARTITIONED), connection.execute(sa.text(_PARTITIONS)).all(), notes),
            inherits=inherits,
            notes=notes,
            needs=needs,
        )


def left_behind(connection: sa.Connection, schema: str | None) -> list[tuple[str, str]]:
    with _bare(connection, schema) as home:
        return [(kind, name) for kind, name in connection.execute(sa.text(_BEHIND), {"schema": home})]


@contextmanager
def _bare(connection: sa.Connection, schema: str | None = None) -> Iterator[str]:
    """A search_path of nothing, so that the catalogue writes every name with its schema. Gives the schema's own name."""
    path, here = connection.execute(sa.text("SELECT current_setting('search_path'), current_schema()")).one()
    set_path = sa.text("SELECT set_config('search_path', :path, false)")
    connection.execute(set_path, {"path": ""})
    try:
        yield schema or here
    finally:
        connection.execute(set_path, {"path": path})


def dressed(table: Table, objects: Objects) -> Table:
    """`table` with its checks, expressions, comments, partitions and how it is numbered."""
    name = table.name.name
    notes = [*table.notes, *objects.notes.get(name, ())]
    checks = []
    for label, expression, valid in objects.checks.get(name, ()):
        if valid:
            checks.append(Check(label, expression))
        else:
            notes.append(f"constraint {label} is not valid: rows may break it")
    return replace(
        table,
        columns=tuple(_column(c, objects.columns[name, c.name], notes) for c in table.columns),
        notes=tuple(notes),
        dialect="postgresql",
        checks=tuple(checks),
        comment=objects.comments.get(name, ""),
        partitioning=objects.partitionings.get(name),
        inherits=objects.inherits.get(name, ()),
        needs=objects.needs.get(name, ()),
    )


def _column(column: Column, row: Sequence[Any], notes: list[str]) -> Column:
    expression, generated, comment, collation, identity, start, step, last, own_collation, odd, owned = row
    if own_collation:
        notes.append(f"collation {own_collation} of {column.name}")
    made = replace(column, comment=comment or "", collation=collation or "")
    if generated:
        return replace(made, default=None, expression="", generated=expression, stored=generated == "s")
    if column.expression:
        return replace(made, expression=expression)
    if not column.identity:
        return made
    if not owned:
        notes.append(f"{column.name} takes its numbers from a sequence that is not its own ({expression}): it gets numbers of its own")
    if odd:
        notes.append(f"the limits of the numbers of {column.name}, or that they begin again")
    numbering = Numbering(start or 1, step or 1, last + step if last is not None else None, identity == "a")
    return replace(made, numbering=None if numbering == Numbering() else numbering)


def _indexes(rows: Sequence[Any], notes: dict[str, list[str]]) -> dict[str, list[Index]]:
    found: dict[str, dict[str, Index]] = defaultdict(dict)
    for table, label, unique, method, where, held, column, text, order, operators, collation, alike, constraint, late in rows:
        index = found[table].get(label) or Index(label, (), unique, where=where or "", method="" if method == "btree" else method)
        index = replace(index, options="NULLS NOT DISTINCT" if alike else "", constraint=constraint)
        if held:
            found[table][label] = replace(index, include=(*index.include, column))
            continue
        words = [f"COLLATE {collation}" if collation else "", operators or "", *_order(order)]
        part = Part(column or "", "" if column else text, " ".join(w for w in words if w))
        found[table][label] = replace(index, parts=(*index.parts, part))
        if late and not index.parts:
            notes[table].append(f"unique constraint {label} is deferrable")
    return {table: [i.simplified for i in indexes.values()] for table, indexes in found.items()}


def _order(option: int) -> tuple[str, str]:
    falling, first = bool(option & 1), bool(option & 2)
    return "DESC" if falling else "", "" if falling == first else "NULLS FIRST" if first else "NULLS LAST"


def _partitionings(tables: Sequence[Any], partitions: Sequence[Any], notes: dict[str, list[str]]) -> dict[str, Partitioning]:
    children: dict[int, list[Any]] = defaultdict(list)
    for parent, *row in partitions:
        children[parent].append(row)

    def below(parent: int) -> tuple[Partition, ...]:
        return tuple(Partition(name, bounds, by, below(oid)) for oid, name, bounds, by, _ in children[parent])

    def foreign(parent: int) -> bool:
        return any(kind == "f" or foreign(oid) for oid, _, _, _, kind in children[parent])

    found = {}
    for table, oid, by, computed, columns, every in tables:
        if foreign(oid):
            notes[table].append("its partitions: some are foreign tables")
            continue
        # where partitions are cut by an expression, or again, any column may be looked at
        wider = computed or any(row[3] for row in children[oid])
        found[table] = Partitioning(by, tuple(every if wider else columns), below(oid))
    return found
