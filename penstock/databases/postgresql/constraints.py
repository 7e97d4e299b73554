"""Constraints in PostgreSQL's catalogue: primary and foreign keys, checks, exclusions, NOT NULL.

What newer servers have is asked of the row as JSON, which has no field of that name on older ones.
Manual: https://www.postgresql.org/docs/current/catalog-pg-constraint.html
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from penstock.model.schema import Check, Deferrable, Exclusion, ForeignKey, PrimaryKey

HERE = "n.nspname = coalesce(:schema, current_schema()) AND c.relkind IN ('r', 'p') AND NOT c.relispartition"
_TIMES = "CASE WHEN k.condeferred THEN 'deferred' WHEN k.condeferrable THEN 'immediate' ELSE '' END"
_ENFORCED = "coalesce((to_jsonb(k) ->> 'conenforced')::boolean, true)"
_PERIOD = "coalesce((to_jsonb(k) ->> 'conperiod')::boolean, false)"

# SQLAlchemy splits pg_get_constraintdef at commas, which names may have.
_FOREIGN_KEYS = f"""
SELECT c.relname, k.conname, r.relname, k.confdeltype, k.confupdtype, CASE WHEN r.relnamespace <> c.relnamespace THEN away.nspname END,
  ARRAY(SELECT a.attname::text FROM unnest(k.conkey) WITH ORDINALITY AS u (number, place)
    JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.number ORDER BY u.place),
  ARRAY(SELECT a.attname::text FROM unnest(k.confkey) WITH ORDINALITY AS u (number, place)
    JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.number ORDER BY u.place),
  CASE k.confmatchtype WHEN 'f' THEN 'FULL' ELSE '' END, {_TIMES}, k.convalidated, {_ENFORCED}, {_PERIOD},
  ARRAY(SELECT a.attname::text
    FROM jsonb_array_elements_text(coalesce(nullif(to_jsonb(k) -> 'confdelsetcols', 'null'), '[]')) WITH ORDINALITY AS u (number, place)
    JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.number::int ORDER BY u.place)
FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_class r ON r.oid = k.confrelid
JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_namespace away ON away.oid = r.relnamespace
WHERE {HERE} AND k.contype = 'f' AND k.conparentid = 0
ORDER BY c.relname, k.conname
"""
_ACTIONS = {"a": "", "r": "RESTRICT", "c": "CASCADE", "n": "SET NULL", "d": "SET DEFAULT"}

_PRIMARY_KEYS = f"""
SELECT c.relname, k.conname, {_TIMES}, {_PERIOD},
  ARRAY(SELECT a.attname::text FROM pg_index x CROSS JOIN LATERAL unnest(x.indkey::int2[]) WITH ORDINALITY AS u (number, place)
    JOIN pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = u.number
    WHERE x.indexrelid = k.conindid AND u.place > x.indnkeyatts ORDER BY u.place),
  (SELECT coalesce(i.reloptions, '{{}}') FROM pg_class i WHERE i.oid = k.conindid)
FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE {HERE} AND k.contype = 'p'
"""

# pg_get_expr, since pg_get_constraintdef would add NO INHERIT and NOT VALID.
_CHECKS = f"""
SELECT c.relname, k.conname, pg_get_expr(k.conbin, k.conrelid), k.convalidated, {_ENFORCED}, NOT k.connoinherit
FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE {HERE} AND k.contype = 'c' ORDER BY c.relname, k.conname
"""
_EXCLUSIONS = f"""
SELECT c.relname, k.conname, pg_get_constraintdef(k.oid)
FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE {HERE} AND k.contype = 'x' ORDER BY c.relname, k.conname
"""
_UNCHECKED_NULLS = f"""
SELECT c.relname, a.attname, k.conname
FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.conkey[1]
WHERE {HERE} AND k.contype = 'n' AND NOT k.convalidated
"""


@dataclass(frozen=True)
class Constraints:
    """The constraints of a schema, by table. unchecked_nulls: by table and column, the names of those NOT NULL that are NOT VALID."""

    primary: Mapping[str, PrimaryKey] = field(default_factory=dict)
    foreign_keys: Mapping[str, Sequence[ForeignKey]] = field(default_factory=dict)
    checks: Mapping[str, Sequence[Check]] = field(default_factory=dict)
    exclusions: Mapping[str, Sequence[Exclusion]] = field(default_factory=dict)
    unchecked_nulls: Mapping[tuple[str, str], str] = field(default_factory=dict)


def read(asked: Callable[[str], Sequence[Any]]) -> Constraints:
    """The constraints of a schema. asked: runs a query on it, with an empty search_path."""
    checks: dict[str, list[Check]] = defaultdict(list)
    for table, name, expression, valid, enforced, inherited in asked(_CHECKS):
        checks[table].append(Check(name, expression, valid=valid, enforced=enforced, inherited=inherited))
    exclusions: dict[str, list[Exclusion]] = defaultdict(list)
    for table, name, definition in asked(_EXCLUSIONS):
        exclusions[table].append(Exclusion(name, definition))
    return Constraints(
        primary={row[0]: _primary(*row) for row in asked(_PRIMARY_KEYS)},
        foreign_keys=_foreign_keys(asked(_FOREIGN_KEYS)),
        checks=checks,
        exclusions=exclusions,
        unchecked_nulls={(table, column): name for table, column, name in asked(_UNCHECKED_NULLS)},
    )


def _primary(table: str, name: str, times: Deferrable, period: bool, include: Sequence[str], options: Sequence[str]) -> PrimaryKey:
    return PrimaryKey("" if name == f"{table}_pkey" else name, tuple(include), times, not period, options=tuple(options))


def _foreign_keys(rows: Sequence[Any]) -> dict[str, list[ForeignKey]]:
    found: dict[str, list[ForeignKey]] = defaultdict(list)
    for table, name, other, deleted, updated, away, mine, theirs, match, times, valid, enforced, period, setting in rows:
        found[table].append(
            ForeignKey(
                name,
                tuple(mine),
                other,
                tuple(theirs),
                _ACTIONS[deleted],
                _ACTIONS[updated],
                away,
                match=match,
                deferrable=times,
                set_columns=tuple(setting),
                valid=valid,
                enforced=enforced,
                period=period,
            )
        )
    return found
