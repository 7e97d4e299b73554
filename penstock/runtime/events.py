"""Named moments of a run. Logs, progress and the kill tests subscribe to the same ones.

An event is emitted right after the fact it names, when what it names has been made durable, unless its
name ends in `.started`. `.kept` names what an earlier try of the stage has done already.

Subscribers are those of the run: the context variable that holds them is inherited by the threads of `parallel.Pool`, and no other run of
the process sees it. A subscriber that fails is logged and does not stop the run.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from penstock.model.pipeline import LIVE, PIPELINE, UNDO

NAMES: tuple[str, ...] = (
    *dict.fromkeys(name for stage in (*PIPELINE, *LIVE, UNDO) for name in stage.emits),
    "quarantine.written",
    "locks.refused",
    "locks.ended",
    "removal.started",
    "removal.finished",
    "redrive.loaded",
    "redrive.finished",
    "report.written",
)

Subscriber = Callable[[str, dict[str, Any]], None]
log = logging.getLogger(__name__)


@dataclass
class _Subscription:
    call: Subscriber
    failed: bool = False


_subscriptions: ContextVar[tuple[_Subscription, ...]] = ContextVar("penstock_subscriptions", default=())


def emit(name: str, **facts: Any) -> None:
    """Tell every subscriber of this run that `name` happened. Facts are small and never row values."""
    if name not in NAMES:
        raise ValueError(f"no event called {name!r}")
    subscriptions = _subscriptions.get()
    if not subscriptions:
        return
    inside = _subscriptions.set(())  # a subscriber may run another migration, whose events are not this run's
    try:
        for subscription in subscriptions:
            _call(subscription, name, facts)
    finally:
        _subscriptions.reset(inside)


def _call(subscription: _Subscription, name: str, facts: dict[str, Any]) -> None:
    try:
        subscription.call(name, facts)
    except Exception as error:
        if not subscription.failed:  # only the type: the text of an error may hold values
            log.warning("a subscriber to events failed at %s (%s); the run continues", name, type(error).__name__)
        subscription.failed = True


@contextmanager
def subscribed(subscriber: Subscriber) -> Iterator[None]:
    """`subscriber(name, facts)` is called for every event of the with block, from any thread of its run.

    An Exception that it raises is logged, once; any other BaseException, such as KeyboardInterrupt, ends the run.
    """
    before = _subscriptions.set((*_subscriptions.get(), _Subscription(subscriber)))
    try:
        yield
    finally:
        _subscriptions.reset(before)
