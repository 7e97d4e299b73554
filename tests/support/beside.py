"""Threads that work beside a block."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager


@contextmanager
def beside(over: threading.Event, works: Iterable[Callable[[], None]]) -> Iterator[None]:
    """While the block runs, each of these works in a thread of its own, until it sees that `over` is set."""
    threads = [threading.Thread(target=work) for work in works]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()
