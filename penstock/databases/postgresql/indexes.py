"""Indexes in PostgreSQL's catalogue, unique constraints among them.

Manual: https://www.postgresql.org/docs/current/catalog-pg-index.html
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from penstock.databases.postgresql.constraints import HERE
from penstock.model.schema import Index, Part

# One row a part. Bits of indoption: 1 is DESC, 2 is NULLS FIRST.
_INDEXES = f"""
SELECT c.relname, i.relname, x.indisunique, m.amname, pg_get_expr(x.indpred, x.indrelid), p.place > x.indnkeyatts,
  a.attname, pg_get_indexdef(x.indexrelid, p.place::int, false), coalesce(x.indoption[p.place - 1], 0),
  CASE WHEN o.oid IS NULL OR o.opcdefault AND w.attoptions IS NULL THEN NULL
    ELSE CASE WHEN o.opcnamespace = 'pg_catalog'::regnamespace OR d.objid IS NOT NULL THEN quote_ident(o.opcname)
      ELSE format('%I.%I', h.nspname, o.opcname) END
      || coalesce(' (' || array_to_string(w.attoptions, ', ') || ')', '') END,
  CASE WHEN l.oid IS NULL OR x.indcollation[p.place - 1] = coalesce(a.attcollation, 100) THEN NULL
    ELSE l.collname END,
  coalesce((to_jsonb(x) ->> 'indnullsnotdistinct')::boolean, false), k.oid IS NOT NULL,
  CASE WHEN k.condeferred THEN 'deferred' WHEN k.condeferrable THEN 'immediate' ELSE '' END,
  coalesce((to_jsonb(k) ->> 'conperiod')::boolean, false), coalesce(i.reloptions, '{{}}')
FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class c ON c.oid = x.indrelid
JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_am m ON m.oid = i.relam
CROSS JOIN LATERAL generate_series(1, x.indnatts) AS p (place)
LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = x.indkey[p.place - 1]
LEFT JOIN pg_opclass o ON o.oid = x.indclass[p.place - 1] LEFT JOIN pg_namespace h ON h.oid = o.opcnamespace
-- of an extension, which the target may have in another schema
LEFT JOIN pg_depend d ON d.classid = 'pg_opclass'::regclass AND d.objid = o.oid AND d.deptype = 'e'
LEFT JOIN pg_attribute w ON w.attrelid = i.oid AND w.attnum = p.place
LEFT JOIN pg_collation l ON l.oid = x.indcollation[p.place - 1]
LEFT JOIN pg_constraint k ON k.conindid = i.oid AND k.contype = 'u' AND k.conrelid = c.oid
WHERE {HERE} AND NOT x.indisprimary AND (NOT x.indisexclusion OR k.oid IS NOT NULL) AND x.indisvalid
ORDER BY c.relname, NOT x.indisunique, i.relname, p.place
"""


def read(asked: Callable[[str], Sequence[Any]]) -> dict[str, list[Index]]:
    """The indexes of a schema, by table. asked: runs a query on it, with an empty search_path."""
    found: dict[str, dict[str, Index]] = defaultdict(dict)
    for row in asked(_INDEXES):
        table, label, unique, method, where, held, column, text, order, operators, collation, *more = row
        index = found[table].get(label) or _begun(label, unique, where or "", "" if method == "btree" else method, more)
        if held:
            found[table][label] = replace(index, include=(*index.include, column))
            continue
        words = [f'COLLATE "{collation}"' if collation else "", operators or "", *_order(order)]
        part = Part(column or "", "" if column else text, " ".join(w for w in words if w))
        found[table][label] = replace(index, parts=(*index.parts, part))
    return {table: [i.simplified for i in indexes.values()] for table, indexes in found.items()}


def _begun(label: str, unique: bool, where: str, method: str, more: Sequence[Any]) -> Index:
    alike, constraint, times, period, options = more
    return Index(
        label,
        (),
        unique,
        where=where,
        method=method,
        constraint=constraint,
        nulls_not_distinct=alike,
        deferrable=times,
        overlaps=not period,
        options=tuple(options),
    )


def _order(option: int) -> tuple[str, str]:
    falling, first = bool(option & 1), bool(option & 2)
    return "DESC" if falling else "", "" if falling == first else "NULLS FIRST" if first else "NULLS LAST"
