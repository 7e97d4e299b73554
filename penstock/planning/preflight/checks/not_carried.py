"""What a table has at the source and will not have at the target: warnings."""

from __future__ import annotations

from collections.abc import Iterator

from penstock.errors import Problem
from penstock.model.schema import TableName
from penstock.planning.preflight.context import Context

order = 60


def check(context: Context) -> Iterator[Problem]:
    """Keys and indexes of dropped columns, and what the target's database can't have."""
    planned = context.planned
    for name, mapped in planned.mapped.items():
        if context.wanted(name):
            yield from (_warning(name, f"not carried: {lost}") for lost in mapped.lost)
            yield from (_warning(name, f"not carried: {note}") for note in planned.tables[name].notes)
    for left in planned.left_out_keys:
        if context.wanted(left.table):
            key = left.key
            other, away = TableName(key.ref_table, key.ref_schema), key.ref_schema and key.ref_schema not in context.source.schemas
            fix = "to move several schemas together, list them in `schemas`" if away else left.fix
            yield Problem(False, f"table {left.table}", f"foreign key {key.name} to {other} is not carried: {left.why}", fix)
    for name, lines in planned.not_carried.items():
        if context.wanted(name):
            yield from (_warning(name, line) for line in lines)


def _warning(table: str, what: str) -> Problem:
    return Problem(False, f"table {table}", what)
