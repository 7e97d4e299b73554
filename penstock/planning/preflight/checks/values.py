"""Values in a sample of the rows that can't be read exactly, or that the target refuses: warnings."""

from __future__ import annotations

from collections.abc import Iterable

from penstock.errors import Problem
from penstock.planning.preflight.context import Context

phase = "rows"
order = 20


def check(context: Context) -> Iterable[Problem]:
    """What failed in the sample."""
    return context.rows.sample.problems if context.rows.sample else ()
