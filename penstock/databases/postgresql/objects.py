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

from penstock.databases.postgresql import constraints, indexes, needs
from penstock.databases.postgresql.constraints import HERE, Constraints
from penstock.model.schema import Column, Index, Need, Numbering, Partition, Partitioning, PrimaryKey, Table

_OPTIONS = ("n_distinct", "n_distinct_inherited")
"""The options of a column that ALTER TABLE documents."""
_WORDS = {"p": "PLAIN", "e": "EXTERNAL", "m": "MAIN", "x": "EXTENDED"}

_COLUMNS = rf"""
SELECT c.relname, a.attname, pg_get_expr(f.adbin, f.adrelid), a.attgenerated, col_description(c.oid, a.attnum),
  CASE WHEN a.attcollation <> t.typcollation AND l.collnamespace = 'pg_catalog'::regnamespace THEN l.collname END,
  a.attidentity, s.seqstart, s.seqincrement, v.last_value,
  CASE WHEN a.attcollation <> t.typcollation AND l.collnamespace <> 'pg_catalog'::regnamespace THEN l.collname END,
  s.seqmin, s.seqmax, 2 ^ (8 * a.attlen - 1), s.seqcycle, s.seqcache, q.oid IS NOT NULL,
  CASE WHEN a.attstorage <> t.typstorage THEN a.attstorage END, to_jsonb(a) ->> 'attcompression', a.attstattarget,
  ARRAY(SELECT o FROM unnest(a.attoptions) o WHERE o LIKE 'n\_distinct%')  -- a server may keep others there, for itself
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
WHERE {HERE}
"""

_PARTITIONED = f"""
SELECT c.relname, c.oid::bigint, pg_get_partkeydef(c.oid), p.partexprs IS NOT NULL,
  ARRAY(SELECT a.attname::text FROM unnest(p.partattrs::int2[]) AS u (number)
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = u.number),
  ARRAY(SELECT a.attname::text FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped)
FROM pg_partitioned_table p JOIN pg_class c ON c.oid = p.partrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE {HERE}
"""
_PARTITIONS = """
SELECT h.inhparent::bigint, c.oid::bigint, c.relname, pg_get_expr(c.relpartbound, c.oid), coalesce(pg_get_partkeydef(c.oid), ''), c.relkind
FROM pg_inherits h JOIN pg_class c ON c.oid = h.inhrelid AND c.relispartition ORDER BY c.relname
"""
_INHERITS = f"""
SELECT c.relname, CASE WHEN p.relnamespace <> c.relnamespace THEN a.nspname || '.' ELSE '' END || p.relname
FROM pg_inherits h JOIN pg_class c ON c.oid = h.inhrelid JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_class p ON p.oid = h.inhparent JOIN pg_namespace a ON a.oid = p.relnamespace WHERE {HERE} ORDER BY h.inhseqno
"""
_TABLES = f"""
SELECT c.relname, obj_description(c.oid, 'pg_class'), c.relpersistence <> 'u',
  coalesce(c.reloptions, '{{}}') || ARRAY(SELECT 'toast.' || o FROM pg_class t CROSS JOIN LATERAL unnest(t.reloptions) AS o
    WHERE t.oid = c.reltoastrelid),
  CASE c.relreplident WHEN 'f' THEN 'FULL' WHEN 'n' THEN 'NOTHING' WHEN 'i' THEN (
    SELECT i.relname::text FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid WHERE x.indrelid = c.oid AND x.indisreplident) END
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE {HERE}
"""

# What is carried neither to another PostgreSQL nor elsewhere.
_LOST = f"""
WITH leaf AS (
  SELECT r.oid AS root, p.oid, p.relname FROM pg_class r CROSS JOIN LATERAL pg_partition_tree(r.oid) t JOIN pg_class p ON p.oid = t.relid
  WHERE r.relkind = 'p' AND NOT r.relispartition AND t.level > 0)
SELECT c.relname, found.note FROM (
  SELECT c.oid AS owner, 'that ' || m.amname || ' stores it' AS note FROM pg_class c JOIN pg_am m ON m.oid = c.relam
    WHERE c.relkind IN ('r', 'p') AND m.amname <> 'heap'
  UNION ALL SELECT oid, 'row level security' FROM pg_class WHERE relrowsecurity
  UNION ALL SELECT leaf.root, 'storage parameter ' || unnest(p.reloptions) || ' of its partition ' || leaf.relname
    FROM leaf JOIN pg_class p ON p.oid = leaf.oid
  UNION ALL SELECT x.indrelid, 'index ' || i.relname || ', which is not valid' FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid
    WHERE NOT x.indisvalid
  UNION ALL SELECT x.indrelid, 'comment on index ' || i.relname FROM pg_description d JOIN pg_index x ON x.indexrelid = d.objoid
    JOIN pg_class i ON i.oid = x.indexrelid WHERE d.classoid = 'pg_class'::regclass
  UNION ALL SELECT k.conrelid, 'comment on constraint ' || k.conname FROM pg_description d JOIN pg_constraint k ON k.oid = d.objoid
    WHERE d.classoid = 'pg_constraint'::regclass
  UNION ALL SELECT leaf.root, 'index ' || i.relname || ' of its partition ' || leaf.relname
    FROM leaf JOIN pg_index x ON x.indrelid = leaf.oid JOIN pg_class i ON i.oid = x.indexrelid WHERE NOT i.relispartition
  UNION ALL SELECT leaf.root, 'constraint ' || k.conname || ' of its partition ' || leaf.relname
    FROM leaf JOIN pg_constraint k ON k.conrelid = leaf.oid
    WHERE k.conislocal AND k.contype IN ('c', 'f') AND k.conparentid = 0 AND k.coninhcount = 0
) found JOIN pg_class c ON c.oid = found.owner JOIN pg_namespace n ON n.oid = c.relnamespace WHERE {HERE} ORDER BY 1, 2
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
    constraints: Constraints
    indexes: Mapping[str, Sequence[Index]]
    tables: Mapping[str, Sequence[Any]]
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
        return Objects(
            columns={(row[0], row[1]): row[2:] for row in asked(_COLUMNS)},
            constraints=constraints.read(asked),
            indexes=indexes.read(asked),
            tables={row[0]: row[1:] for row in asked(_TABLES)},
            partitionings=_partitionings(asked(_PARTITIONED), connection.execute(sa.text(_PARTITIONS)).all(), notes),
            inherits=inherits,
            notes=notes,
            needs=needs.read(asked),
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
    yield schema or here
    connection.execute(set_path, {"path": path})  # after an error the transaction, and so the setting, is rolled back


def dressed(table: Table, objects: Objects) -> Table:
    """`table` with its constraints, expressions, comments, options, partitions and how it is numbered."""
    name, more = table.name.name, objects.constraints
    notes = [*table.notes, *objects.notes.get(name, ())]
    comment, logged, options, identity = objects.tables[name]
    columns = tuple(_column(c, objects.columns[name, c.name], notes) for c in table.columns)
    unchecked = more.unchecked_nulls
    return replace(
        table,
        columns=tuple(
            replace(c, nullable=True, unchecked_null=unchecked[name, c.name]) if (name, c.name) in unchecked else c for c in columns
        ),
        notes=tuple(notes),
        dialect="postgresql",
        checks=tuple(more.checks.get(name, ())),
        comment=comment or "",
        partitioning=objects.partitionings.get(name),
        inherits=objects.inherits.get(name, ()),
        needs=objects.needs.get(name, ()),
        primary=more.primary.get(name, PrimaryKey()),
        exclusions=tuple(more.exclusions.get(name, ())),
        options=tuple(options),
        logged=logged,
        replica_identity=identity or "",
    )


def _column(column: Column, row: Sequence[Any], notes: list[str]) -> Column:
    expression, generated, comment, collation, identity, *numbered, own_collation, low, high, limit, cycle, cache, owned = row[:15]
    if own_collation:
        notes.append(f"collation {own_collation} of {column.name}")
    made = replace(column, comment=comment or "", collation=collation or "", storage=_storage(*row[15:]))
    if generated:
        return replace(made, default=None, expression="", generated=expression, stored=generated == "s")
    if column.expression:
        return replace(made, expression=expression)
    if not column.identity:
        return made
    start, step, last = numbered
    if not owned:
        notes.append(f"{column.name} takes its numbers from a sequence that is not its own ({expression}): it gets numbers of its own")
        return made
    lowest, highest = (1, int(limit) - 1) if step > 0 else (-int(limit), -1)
    numbering = Numbering(
        start,
        step,
        last + step if last is not None else None,
        identity == "a",
        minimum=None if low == lowest else low,
        maximum=None if high >= highest else high,
        cycle=cycle,
        cache=cache,
    )
    return replace(made, numbering=None if numbering == Numbering() else numbering)


def _storage(storage: str | None, compression: str | None, statistics: int | None, options: Sequence[str] | None) -> tuple[str, ...]:
    """What ALTER TABLE ... ALTER COLUMN ... SET takes to store a column so."""
    words = [f"STORAGE {_WORDS[storage]}"] if storage else []
    words += [f"COMPRESSION {'lz4' if compression == 'l' else 'pglz'}"] if compression else []
    words += [f"STATISTICS {statistics}"] if statistics is not None and statistics >= 0 else []
    # A server may keep other words there for itself, such as pg_attver, which differ from table to table.
    known = [o for o in options or () if o.partition("=")[0] in _OPTIONS]
    return (*words, *([f"({', '.join(known)})"] if known else []))


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
