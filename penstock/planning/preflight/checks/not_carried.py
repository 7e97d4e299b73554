"""What a table has at the source and will not have at the target: advice, so that nothing is lost in silence."""

from __future__ import annotations

from collections.abc import Iterator

from penstock.errors import Problem
from penstock.planning.preflight.context import Context

order = 60


def check(context: Context) -> Iterator[Problem]:
    """Keys and indexes of dropped columns, and what the target's database can't have."""
    planned = context.planned
    for name, mapped in planned.mapped.items():
        if context.wanted(name):
            yield from (_advice(name, f"left out: {lost}") for lost in mapped.lost)
            yield from (_advice(name, f"not carried: {note}") for note in planned.tables[name].notes)
    for name, key in planned.left_out_keys:
        if context.wanted(name):
            yield _advice(name, f"foreign key {key} is left out: what it refers to is not in this migration")
    for name, lines in planned.not_carried.items():
        if context.wanted(name):
            yield from (_advice(name, line) for line in lines)


def _advice(table: str, what: str) -> Problem:
    return Problem(False, f"table {table}", what)
