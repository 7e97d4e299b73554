"""Rights that this user lacks, and settings of the databases that would break a run: each database knows its own."""

from __future__ import annotations

from collections.abc import Iterable

from penstock.errors import Problem
from penstock.planning.preflight.context import Context

order = 30


def check(context: Context) -> Iterable[Problem]:
    """What both databases say: penstock/databases."""
    return context.access
