"""Tables that can't be limited to the rows that this run moves: its interval, the changed rows, or the rows that differ."""

from __future__ import annotations

from collections.abc import Iterable

from penstock.errors import Problem
from penstock.planning.preflight.context import Context

phase = "scope"
order = 10


def check(context: Context) -> Iterable[Problem]:
    """What penstock/planning/scope.py found."""
    return context.scope_problems
