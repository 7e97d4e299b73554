"""Exchanging a native partition of PostgreSQL: the loaded shadow is attached in the place of one that is detached, in one transaction.

Manual: https://www.postgresql.org/docs/current/sql-altertable.html (ATTACH PARTITION: with a check that says the bounds nothing is
read; indexes like the parent's are taken over, foreign keys are checked), ddl-partitioning.html
"""

from __future__ import annotations

import datetime as dt
import re

import sqlalchemy as sa

from penstock.databases import PartitionSlot, execute
from penstock.databases._shared.ansi import literal, qualified, quoted
from penstock.model.schema import Column, TableName

_PARENT = """
SELECT p.partstrat = 'r' AND p.partnatts = 1 AND p.partexprs IS NULL, a.attname,
  (SELECT min(conname) FROM pg_constraint k WHERE k.confrelid = c.oid AND k.contype = 'f')
FROM pg_class c LEFT JOIN pg_partitioned_table p ON p.partrelid = c.oid
LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = p.partattrs[0]
WHERE c.oid = to_regclass(:name)
"""
_PARTITIONS = """
SELECT n.nspname, c.relname, c.relkind = 'r', pg_get_expr(c.relpartbound, c.oid)
FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE i.inhparent = to_regclass(:name) ORDER BY 1, 2
"""
_BOUNDS = re.compile(r"FOR VALUES FROM \((.*)\) TO \((.*)\)")
_CHECK = '"penstock_bounds"'


def slot(connection: sa.Connection, table: TableName, column: str, low: str, high: str) -> PartitionSlot:
    name = {"name": qualified(table)}
    ranged, by, referring = connection.execute(sa.text(_PARENT), name).one()
    if not ranged or by != column:
        return PartitionSlot(None, f"{table} is not partitioned by range of {column} alone")
    if referring:
        return PartitionSlot(None, f"the foreign key {referring} refers to {table}, and would hold its partitions back")
    rest = None
    for schema, partition, plain, written in connection.execute(sa.text(_PARTITIONS), name).all():
        if written == "DEFAULT":
            rest = TableName(partition, schema)
            continue
        found = _BOUNDS.fullmatch(written)
        ends = [_moment(end) for end in found.groups()] if found else []
        if len(ends) != 2 or None in ends:
            return PartitionSlot(None, f"the bounds of its partition {partition} can't be told: {written}")
        if ends == [_moment(f"'{low}'"), _moment(f"'{high}'")]:
            return PartitionSlot(TableName(partition, schema), "" if plain else f"its partition {partition} is partitioned again")
        if ends[0] < _moment(f"'{high}'") and _moment(f"'{low}'") < ends[1]:  # type: ignore[operator]
            return PartitionSlot(None, f"its partition {partition} is {written.lower()}, and the interval is from {low} to {high}")
    if rest is not None and _has_rows(connection, rest, column, low, high):
        return PartitionSlot(None, f"its default partition {rest.name} has rows of the interval from {low} to {high}")
    return PartitionSlot(None)


def _has_rows(connection: sa.Connection, place: TableName, column: str, low: str, high: str) -> bool:
    inside = f"{quoted(column)} >= {literal(low)} AND {quoted(column)} < {literal(high)}"
    return bool(execute(connection, f"SELECT EXISTS (SELECT 1 FROM {qualified(place)} WHERE {inside})").scalar_one())


def _moment(written: str) -> dt.datetime | None:
    """A bound of a date or time, in UTC where it has a zone; the ends of time for MINVALUE and MAXVALUE; None for any other."""
    ends = {"MINVALUE": dt.datetime.min, "MAXVALUE": dt.datetime.max}
    try:
        return ends.get(written) or dt.datetime.fromisoformat(written.strip("'")).replace(tzinfo=None)
    except ValueError:
        return None


def make(table: TableName, shadow: TableName, column: Column, low: str, high: str) -> list[str]:
    within = " AND ".join(f"{quoted(column.name)} {part}" for part in ("IS NOT NULL", f">= {literal(low)}", f"< {literal(high)}"))
    return [
        f"CREATE TABLE {qualified(shadow)} (LIKE {qualified(table)} INCLUDING ALL EXCLUDING IDENTITY)",
        f"ALTER TABLE {qualified(shadow)} ADD CONSTRAINT {_CHECK} CHECK ({within})",
    ]


def attach(table: TableName, part: TableName, low: str, high: str) -> list[str]:
    return [
        f"ALTER TABLE {qualified(table)} ATTACH PARTITION {qualified(part)} FOR VALUES FROM ({literal(low)}) TO ({literal(high)})",
        f"ALTER TABLE {qualified(part)} DROP CONSTRAINT IF EXISTS {_CHECK}",
    ]


def detach(table: TableName, part: TableName) -> list[str]:
    return [f"ALTER TABLE {qualified(table)} DETACH PARTITION {qualified(part)}"]
