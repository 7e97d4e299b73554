"""Foreign keys at the target: each points at the table and the columns that its own become there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from penstock.databases import Database
from penstock.model.schema import ForeignKey, Table, TableName
from penstock.model.schema_difference import SchemaDifference
from penstock.transforms._mapping import Mapped


@dataclass(frozen=True)
class Linked:
    """tables: source name to target table.  left_out: (table, foreign key) of those that have nothing to point at."""

    tables: dict[str, Table]
    left_out: tuple[tuple[str, ForeignKey], ...]

    def left_out_of(self, table: str) -> list[SchemaDifference]:
        """The foreign keys of a source table that are left out, as differences."""
        return [_left_out(name, key) for name, key in self.left_out if name == table]


def _left_out(table: str, key: ForeignKey) -> SchemaDifference:
    other, reason = str(TableName(key.ref_table, key.ref_schema)), "the columns that it refers to are not moved, or a step changes them"
    line = f"foreign key {key.name} to {other} is not carried: {reason}"
    return SchemaDifference(table, "foreign key", key.name, "", f"to {other}", "", "lost", reason, line, warned=True)


def unreferable(tables: Mapping[str, Table], to: Database) -> tuple[dict[str, Table], dict[str, list[SchemaDifference]]]:
    """The tables without foreign keys that refer to columns which are no key at the target, and by table, which these are.

    tables: at the target, by source name. Only MySQL and MariaDB let a foreign key refer to columns of any index.
    """
    if to.refers_to_any_index or not to.foreign_keys:
        return dict(tables), {}
    keys = {t.name: [{*t.primary_key}, *({*i.columns} for i in t.indexes if i.unique and i.plain)] for t in tables.values()}
    made, lost = {}, dict[str, list[SchemaDifference]]()
    for name, table in tables.items():
        missing = [k for k in table.foreign_keys if {*k.ref_columns} not in keys.get(table.referred(k), [])]
        made[name] = replace(table, foreign_keys=tuple(k for k in table.foreign_keys if k not in missing))
        if missing:
            lost[name] = [_unreferable(name, k, to) for k in missing]
    return made, lost


def _unreferable(table: str, key: ForeignKey, to: Database) -> SchemaDifference:
    columns = ", ".join(key.ref_columns)
    reason = f"{to.label} lets it refer to a primary or unique key only, and ({columns}) of {key.ref_table} is none"
    line = f"foreign key {key.name} is not carried: {reason}"
    return SchemaDifference(table, "foreign key", key.name, "", f"to {key.ref_table}", "", "lost", reason, line, warned=True)


def link(sources: Mapping[str, Table], mapped: Mapping[str, Mapped]) -> Linked:
    """Point every foreign key at the target's name of the table it refers to.

    sources: the source tables, by the same names as `mapped`.
    A key that refers to a table outside the migration, or to a column that does not arrive as it was, is left out.
    """
    tables, left_out = {}, []
    by_place = {sources[name].name: found for name, found in mapped.items()}
    for name, found in mapped.items():
        keys: list[ForeignKey] = []
        for key in found.table.foreign_keys:
            other = by_place.get(sources[name].referred(key))
            if other is None or not all(c in other.untouched for c in key.ref_columns):
                left_out.append((name, key))
                continue
            columns, at = tuple(other.untouched[c] for c in key.ref_columns), other.table.name
            away = at.schema if at.schema != found.table.name.schema else None
            keys.append(replace(key, ref_table=at.name, ref_schema=away, ref_columns=columns))
        tables[name] = replace(found.table, foreign_keys=tuple(keys))
    return Linked(tables, tuple(left_out))
