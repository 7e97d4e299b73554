"""Several chunks at a time: as many threads as there are connections, each chunk on a connection of its own.

Threads, since what takes long lets go of Python's lock: waiting for servers, parsing, hashing, Parquet.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from queue import LifoQueue
from threading import Condition, Event
from typing import Any, TypeVar

import sqlalchemy as sa

Item = TypeVar("Item")
Result = TypeVar("Result")


class Pool(ThreadPoolExecutor):
    """Threads that see the context variables of who submits their work: the subscribers to the run's events."""

    def submit(self, fn: Callable[..., Result], /, *args: Any, **kwargs: Any) -> Future[Result]:
        return super().submit(copy_context().run, fn, *args, **kwargs)


def each(
    items: Iterable[Item],
    connections: Sequence[sa.Connection],
    work: Callable[[sa.Connection, Item], Result],
    weight: Callable[[Item], int] = lambda item: 0,
    room: int = 0,
) -> list[Result]:
    """`work(connection, item)` of every item, in the order of the items.

    Items under way weigh no more than `room` together; one that weighs more is done alone. The first failure is raised when the items
    under way are done; none is begun after it.
    """
    if len(connections) == 1:
        return [work(connections[0], item) for item in items]
    free: LifoQueue[sa.Connection] = LifoQueue()  # what is done alone meets the same one again, and the buffers that it has
    for connection in connections:
        free.put(connection)
    failed, scales = Event(), _Scales(room)

    def one(item: Item) -> Result | None:
        with scales.holding(weight(item)):
            if failed.is_set():
                return None
            connection = free.get()
            try:
                return work(connection, item)
            except BaseException:
                failed.set()
                raise
            finally:
                free.put(connection)

    with Pool(len(connections), "penstock") as pool:
        futures = [pool.submit(one, item) for item in items]
    # what was passed over began after the failure, so the failure comes first
    return [result for future in futures if (result := future.result()) is not None]


class _Scales:
    """Lets through what weighs no more than `room` together, and anything alone."""

    def __init__(self, room: int) -> None:
        self.room, self.held = room, 0
        self.changed = Condition()

    @contextmanager
    def holding(self, weight: int) -> Iterator[None]:
        with self.changed:
            self.changed.wait_for(lambda: not self.held or self.held + weight <= self.room)
            self.held += weight
        try:
            yield
        finally:
            with self.changed:
                self.held -= weight
                self.changed.notify_all()
