"""Columns that hold values which only their own kind of database has: zero dates, times beyond a day, infinite dates, NaN in a decimal.

No canonical type has these values. Between two servers of one kind they are carried as the text that both write.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace

from penstock.migration.spec import Migration
from penstock.model.schema import Column, Table, Type
from penstock.planning.preflight.endpoints import Endpoint
from penstock.transforms._mapping import trace

SECONDS, SECONDS_IN_ALL = 1.0, 10.0
"""How long the rows of a table, and of all, are looked at. Where that is too short, a value that is found later is refused by name."""


def as_own_text(tables: Mapping[str, Table], migration: Migration, source: Endpoint) -> dict[str, Table]:
    """Tables of the source, whose columns with such values have the type of their own text.

    A column that a step reads, or by which rows are chosen, keeps its type.
    """
    until = time.monotonic() + SECONDS_IN_ALL
    return {name: _as_own_text(table, migration, source, until) for name, table in tables.items()}


def _as_own_text(table: Table, migration: Migration, source: Endpoint, until: float) -> Table:
    database, spec = source.database, migration.spec_of(migration.called(table.name))
    chosen = {spec.partition.by if spec.partition else None, spec.incremental.by if spec.incremental else None}
    busy = {*trace((c.name for c in table.columns), spec.transform).read, *chosen}
    asked = [c for c in table.given if c.name not in busy and c.type.name in database.types_with_invalid_values]
    seconds = min(SECONDS, until - time.monotonic())
    found = database.beyond_types(source.connection, table.name, asked, seconds) if asked and seconds > 0.01 else frozenset()

    def own(column: Column) -> Column:
        text = Type("native", labels=(database.type_table.database, column.native))
        return replace(column, type=text) if column.name in found else column

    return replace(table, columns=tuple(map(own, table.columns)))
