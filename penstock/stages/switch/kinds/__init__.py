"""Ways to make the shadow live, one a file, found by its name. Each answers statements; the switch stage runs them.

apply(plan, target, dependents)    the shadow becomes live, what served is kept
undo(switch, target, dependents)   what was kept serves again, what served is set aside
finish(switch, target)             what was kept or set aside is dropped: the only step without a way back
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, cast

from penstock.databases import Database, Dependent
from penstock.errors import MigrationError
from penstock.model.plan import Plan
from penstock.runtime.registry import Registry
from penstock.state.journal import Switch

PATIENCE = 10  # seconds to wait for readers of the live tables before giving up and letting them be


class Way(Protocol):
    """What a module of this folder offers."""

    def apply(self, plan: Plan, target: Database, dependents: Sequence[Dependent]) -> list[str]: ...

    def undo(self, switch: Switch, target: Database, dependents: Sequence[Dependent]) -> list[str]: ...

    def finish(self, switch: Switch, target: Database) -> list[str]: ...


_REGISTRY = Registry("penstock.stages.switch.kinds", __path__)


def names() -> tuple[str, ...]:
    """The ways there are."""
    return _REGISTRY.names


def of(name: str) -> Way:
    """The way called `name`. Raises MigrationError when there is none."""
    if name not in names():
        raise MigrationError(f"no way to switch called {name!r}", fix=f"there are: {', '.join(names())}")
    return cast(Way, _REGISTRY.load(name))
