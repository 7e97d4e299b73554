"""Named moments of a run. Logs, progress bars and the kill tests subscribe to the same ones.

An event is emitted right after the fact it names, when what it names has been made durable, unless its
name ends in `.started`. `.kept` names what an earlier try of the stage has done already.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

NAMES: tuple[str, ...] = (
    "plan.started",
    "plan.written",
    "extract.kept",
    "extract.started",
    "extract.batch",
    "extract.chunk",
    "extract.finished",
    "gate.started",
    "gate.decided",
    "transform.kept",
    "transform.started",
    "transform.chunk",
    "transform.finished",
    "quarantine.written",
    "compare.started",
    "compare.chunk",
    "compare.finished",
    "prepare.started",
    "prepare.finished",
    "load.kept",
    "load.started",
    "load.batch",
    "load.tried",
    "load.chunk",
    "load.finished",
    "build.started",
    "build.statement",
    "build.finished",
    "prove.started",
    "prove.chunk",
    "prove.finished",
    "switch.started",
    "switch.statement",
    "switch.finished",
    "removal.started",
    "removal.finished",
    "undo.finished",
    "redrive.loaded",
    "redrive.finished",
    "report.written",
)

Subscriber = Callable[[str, dict[str, Any]], None]
_subscribers: list[Subscriber] = []


def emit(name: str, **facts: Any) -> None:
    """Tell every subscriber that `name` happened. Facts are small and never row values."""
    if name not in NAMES:
        raise ValueError(f"no event called {name!r}")
    for subscriber in _subscribers:
        subscriber(name, facts)


@contextmanager
def subscribed(subscriber: Subscriber) -> Iterator[None]:
    """`subscriber(name, facts)` is called for every event inside the with block."""
    _subscribers.append(subscriber)
    try:
        yield
    finally:
        _subscribers.remove(subscriber)
