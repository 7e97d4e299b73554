"""Steps that can't be applied to their table."""

from __future__ import annotations

from collections.abc import Iterator

from penstock.errors import Problem
from penstock.planning.preflight.context import Context

order = 40


def check(context: Context) -> Iterator[Problem]:
    """Steps whose columns or types don't fit."""
    for name, error in context.planned.faults.items():
        if context.wanted(name):
            yield Problem(True, error.where or f"table {name}", error.what, error.fix, "migration")
