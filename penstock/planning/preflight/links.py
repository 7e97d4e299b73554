"""Foreign keys at the target: each points at the table and the columns that its own become there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from penstock.model.schema import ForeignKey, Table
from penstock.transforms._mapping import Mapped


@dataclass(frozen=True)
class Linked:
    """tables: source name to target table.  left_out: (table, foreign key) of those that have nothing to point at."""

    tables: dict[str, Table]
    left_out: tuple[tuple[str, ForeignKey], ...]


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
