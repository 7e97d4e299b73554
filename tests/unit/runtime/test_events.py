"""Events: every subscriber of a run gets them, from all of its threads; no other run does, and no subscriber can break a run."""

from __future__ import annotations

import logging
import re
from threading import Barrier, Thread
from typing import Any

import pytest

from penstock.runtime import events, parallel
from tests.support.repository import REPO

Seen = list[tuple[str, dict[str, Any]]]


def recording(seen: Seen) -> events.Subscriber:
    return lambda name, facts: seen.append((name, facts))


def test_two_runs_in_one_process_do_not_get_each_others_events() -> None:
    both, seen = Barrier(2), {"a": Seen(), "b": Seen()}

    def run(table: str) -> None:
        with events.subscribed(recording(seen[table])):
            both.wait(10)  # both are subscribed before either emits
            events.emit("extract.finished", table=table)
            both.wait(10)

    threads = [Thread(target=run, args=[table]) for table in seen]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert {table: [facts["table"] for _, facts in of] for table, of in seen.items()} == {"a": ["a"], "b": ["b"]}


def test_the_worker_threads_of_a_run_have_its_subscribers() -> None:
    seen: Seen = []
    with events.subscribed(recording(seen)):
        parallel.each(range(8), [object(), object()], lambda _, chunk: events.emit("load.started", table="t", chunk=chunk))  # type: ignore[list-item]
    assert sorted(facts["chunk"] for _, facts in seen) == list(range(8))


def test_a_subscriber_gets_nothing_after_its_block() -> None:
    seen: Seen = []
    with events.subscribed(recording(seen)):
        events.emit("prove.started", tables=1)
    events.emit("prove.finished", tables=1, held=1)
    assert [name for name, _ in seen] == ["prove.started"]


def test_a_subscriber_that_fails_is_logged_once_without_values_and_stops_nobody(caplog: pytest.LogCaptureFixture) -> None:
    seen: Seen = []

    def fail(name: str, facts: dict[str, Any]) -> None:
        raise ValueError("Zoë's secret")

    with caplog.at_level(logging.WARNING), events.subscribed(fail), events.subscribed(recording(seen)):
        for chunk in range(3):
            events.emit("load.started", table="t", chunk=chunk)
    assert len(seen) == 3
    assert [r.getMessage() for r in caplog.records] == ["a subscriber to events failed at load.started (ValueError); the run continues"]


def test_what_ends_the_process_passes_through_a_subscriber() -> None:
    def interrupt(name: str, facts: dict[str, Any]) -> None:
        raise KeyboardInterrupt

    with events.subscribed(interrupt), pytest.raises(KeyboardInterrupt):
        events.emit("load.started", table="t", chunk=0)


def test_a_run_that_a_subscriber_starts_is_not_counted_as_the_run_that_it_watches() -> None:
    seen: Seen = []

    def start(name: str, facts: dict[str, Any]) -> None:
        events.emit("extract.finished", table="of another run")

    with events.subscribed(recording(seen)), events.subscribed(start):
        events.emit("prepare.started", tables=1)
    assert [name for name, _ in seen] == ["prepare.started"]


def test_every_event_that_is_emitted_is_declared_and_every_declared_one_is_emitted() -> None:
    sources = [file.read_text() for file in (REPO / "penstock").rglob("*.py")]
    emitted = {name for text in sources for name in re.findall(r"""events\.emit\(\s*"([a-z.]+)\"""", text)}
    assert emitted == set(events.NAMES)


def test_an_unknown_event_is_refused() -> None:
    with pytest.raises(ValueError, match=r"no event called 'load\.done'"):
        events.emit("load.done")
