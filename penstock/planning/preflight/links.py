"""Foreign keys at the target: each points at the table and the columns that its own become there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from penstock.databases import Database
from penstock.model.schema import ForeignKey, Table
from penstock.transforms._mapping import Mapped


@dataclass(frozen=True)
class Linked:
    """tables: source name to target table.  left_out: (table, foreign key) of those that have nothing to point at."""

    tables: dict[str, Table]
    left_out: tuple[tuple[str, ForeignKey], ...]


def unreferable(tables: Mapping[str, Table], to: Database) -> tuple[dict[str, Table], dict[str, list[str]]]:
    """The tables without foreign keys that refer to columns which are no key at the target, and by table, which these are, in words.

    tables: at the target, by source name. Only MySQL and MariaDB let a foreign key refer to columns of any index.
    """
    if to.refers_to_any_index or not to.foreign_keys:
        return dict(tables), {}
    keys = {t.name: [{*t.primary_key}, *({*i.columns} for i in t.indexes if i.unique and i.plain)] for t in tables.values()}
    made, lost = {}, dict[str, list[str]]()
    for name, table in tables.items():
        missing = [k for k in table.foreign_keys if {*k.ref_columns} not in keys.get(table.referred(k), [])]
        made[name] = replace(table, foreign_keys=tuple(k for k in table.foreign_keys if k not in missing))
        if missing:
            lost[name] = [
                f"foreign key {k.name} is not carried: {to.label} lets it refer to a primary or unique key only,"
                f" and ({', '.join(k.ref_columns)}) of {k.ref_table} is none"
                for k in missing
            ]
    return made, lost


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
