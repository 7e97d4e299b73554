"""Workers: every item once, each on a connection of its own, and nothing begun after a failure."""

from __future__ import annotations

import threading
import time
from typing import Any, cast

import pytest
import sqlalchemy as sa

from penstock.runtime import parallel


def connections(count: int) -> list[sa.Connection]:
    return [cast(sa.Connection, f"connection {n}") for n in range(count)]


@pytest.mark.parametrize("count", [1, 3])
def test_answers_come_in_the_order_of_the_items(count: int) -> None:
    def work(_: sa.Connection, item: int) -> int:
        time.sleep(0.001 * (9 - item % 10))
        return item * item

    assert parallel.each(range(30), connections(count), work) == [n * n for n in range(30)]


def test_no_connection_serves_two_items_at_once_and_all_serve() -> None:
    busy: set[Any] = set()
    seen: set[Any] = set()
    all_here = threading.Barrier(3, timeout=10)

    def work(connection: sa.Connection, item: int) -> None:
        assert connection not in busy
        busy.add(connection)
        seen.add(connection)
        if item < 3:
            all_here.wait()  # passes only when three work at a time
        busy.remove(connection)

    parallel.each(range(20), connections(3), work)
    assert len(seen) == 3


@pytest.mark.parametrize("count", [1, 2])
def test_nothing_is_begun_after_a_failure_which_is_raised(count: int) -> None:
    begun: list[int] = []

    def work(_: sa.Connection, item: int) -> int:
        begun.append(item)
        if item == 3:
            raise ValueError("the fourth")
        time.sleep(0.01)
        return item

    with pytest.raises(ValueError, match="the fourth"):
        parallel.each(range(100), connections(count), work)
    assert len(begun) < 10
