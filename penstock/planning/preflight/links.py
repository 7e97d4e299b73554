"""Foreign keys at the target: each points at the table and the columns that its own become there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

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
