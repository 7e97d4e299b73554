"""What the target refuses of the statements that the run will execute: see penstock/planning/preflight/dry_build.py."""

from __future__ import annotations

from collections.abc import Iterable

from penstock.errors import Problem
from penstock.planning.preflight.context import Context

phase = "build"


def check(context: Context) -> Iterable[Problem]:
    """What was refused; or that nothing was tried, on request."""
    if context.migration.dry_build:
        return context.dry_build.problems if context.dry_build else ()
    what = "the dry build is switched off (`dry_build: false`): whether the target takes the tables, keys and indexes is not known"
    return [Problem(False, "target", what, "remove `dry_build: false`")]
