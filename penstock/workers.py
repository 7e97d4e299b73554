"""Several chunks at a time: as many threads as there are connections, each chunk on a connection of its own.

Threads, since what takes long lets go of Python's lock: waiting for servers, parsing, hashing, Parquet.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from threading import Event
from typing import TypeVar

import sqlalchemy as sa

Item = TypeVar("Item")
Result = TypeVar("Result")


def each(items: Iterable[Item], connections: Sequence[sa.Connection], work: Callable[[sa.Connection, Item], Result]) -> list[Result]:
    """`work(connection, item)` of every item, in the order of the items.

    The first failure is raised when the items under way are done; none is begun after it.
    """
    if len(connections) == 1:
        return [work(connections[0], item) for item in items]
    free: SimpleQueue[sa.Connection] = SimpleQueue()
    for connection in connections:
        free.put(connection)
    failed = Event()

    def one(item: Item) -> Result | None:
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

    with ThreadPoolExecutor(len(connections), "penstock") as pool:
        futures = [pool.submit(one, item) for item in items]
    # what was passed over began after the failure, so the failure comes first
    return [result for future in futures if (result := future.result()) is not None]
