"""The checks of preflight. Each module of this folder is one:

    def check(context: Context) -> Iterable[Problem]     what is wrong; nothing when all is well. It changes nothing
    phase = "tables"                                     when it runs, and so what the context holds: see PHASES
    order = 50                                           its place among the checks of its phase

`phase` and `order` are optional. Another distribution adds a check by an entry point in the group `penstock.planning.preflight.checks`:
see docs/contributing/add-a-check.md. A check of another distribution that fails is a blocking problem.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal, get_args

from penstock.errors import PenstockError, Problem
from penstock.planning.preflight.context import Context
from penstock.runtime.registry import Registry

REGISTRY = Registry(__name__, __path__)
Phase = Literal["databases", "tables", "scope", "build", "rows"]
"""When a check runs.

    databases   first, with the two databases and nothing else. A blocking problem ends preflight
    tables      both catalogues are read, and the tables of the migration are planned
    scope       this user has the rights that a run needs, and the plans are limited to the rows that this run moves. Left out when a
                blocking problem of the area `privileges` was found
    build       the statements of the run were tried at the target, unless the tables could not be planned
    rows        sizes are known, and where nothing blocks the run, a sample of the rows. Always runs
"""
PHASES: tuple[Phase, ...] = get_args(Phase)
_LAST = 1000


@dataclass(frozen=True)
class Check:
    """One check."""

    name: str
    phase: Phase
    order: int
    check: Callable[[Context], Iterable[Problem]]


def of(name: str) -> Check:
    """The check called `name`. One of another distribution that can't be loaded is a check that says so."""
    try:
        module = REGISTRY.load(name)
        phase: Phase = getattr(module, "phase", "tables")
        order: int = getattr(module, "order", _LAST)
        if phase not in PHASES:
            raise ValueError(f"its phase {phase!r} is none of {', '.join(PHASES)}")
        return Check(name, phase, order, module.check)
    except Exception as error:
        if name in REGISTRY.own:
            raise
        problem = _failed(name, error)
        return Check(name, "tables", _LAST, lambda context: (problem,))


def run(phase: Phase, context: Context) -> tuple[Problem, ...]:
    """What the checks of a phase find, in their order."""
    checks = sorted((c for c in map(of, REGISTRY.names) if c.phase == phase), key=lambda c: (c.order, c.name))
    return tuple(problem for check in checks for problem in _found(check, context))


def _found(check: Check, context: Context) -> Iterable[Problem]:
    try:
        return tuple(check.check(context))
    except Exception as error:
        if check.name in REGISTRY.own:
            raise
        return (_failed(check.name, error),)


def _failed(name: str, error: Exception) -> Problem:
    """That a check of another distribution failed. Of its error only the type: the text may hold values."""
    what = f"the check failed: {error.what if isinstance(error, PenstockError) else type(error).__name__}"
    return Problem(True, f"check {name}", what, "correct the check, or uninstall the distribution that adds it", "settings")
