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
    left_out: tuple[tuple[str, str], ...]


def link(mapped: Mapping[str, Mapped]) -> Linked:
    """Point every foreign key at the target's name of the table it refers to.

    A key that refers to a table outside the migration, or to a column that does not arrive as it was, is left out.
    """
    tables, left_out = {}, []
    for name, found in mapped.items():
        keys: list[ForeignKey] = []
        for key in found.table.foreign_keys:
            other = mapped.get(key.ref_table)
            if other is None or not all(c in other.untouched for c in key.ref_columns):
                left_out.append((name, f"{key.name} to {key.ref_table}"))
                continue
            columns = tuple(other.untouched[c] for c in key.ref_columns)
            keys.append(replace(key, ref_table=other.table.name.name, ref_columns=columns))
        tables[name] = replace(found.table, foreign_keys=tuple(keys))
    return Linked(tables, tuple(left_out))
