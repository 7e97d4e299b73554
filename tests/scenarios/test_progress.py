"""Progress: what a run has counted is what it has done, however often a part of it was killed and tried again."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from threading import Lock, Thread
from typing import Any

import pytest
import sqlalchemy as sa

from penstock import run
from penstock.runtime import events
from penstock.state import progress, progress_writer, run_log
from penstock.state.staging import Staging, of
from tests.support.data.shop import Shop, fill

ROWS = 2197
_STEPS = "  customer: {transform: [{mask: {email: sha256}}]}"


class Killed(BaseException):
    """As when the process is gone: nothing is written down of it."""


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every event is written down, as if each took a second."""
    monkeypatch.setattr(progress_writer, "_EVERY", 0.0)


@contextmanager
def killed_at(event: str, nth: int) -> Iterator[None]:
    seen = 0

    def kill(name: str, _: dict[str, Any]) -> None:
        nonlocal seen
        seen += name == event
        if name == event and seen == nth:
            raise Killed

    with events.subscribed(kill), pytest.raises(Killed):
        yield


def area(shop: Shop, run_id: str = "r1") -> Staging:
    return of(str(shop.folder / "staging"), "shop", run_id)


def moved(shop: Shop, run_id: str = "r1") -> None:
    migration = shop.write(_STEPS, "chunk: 16KiB")
    shop.run(run_id, migration, secrets={"mask_key": "k" * 32})


def stage(found: progress.Progress, name: str) -> progress.Stage:
    return next(s for s in found.stages if s.stage == name)


def test_a_run_that_is_over_has_counted_every_row_once(shop: Shop) -> None:
    moved(shop)
    found = progress.read(area(shop))
    assert {s.stage: s.rows for s in found.stages if s.stage in progress.MOVING} == {
        "extract": ROWS,
        "transform": 300,
        "load": ROWS,
        "prove": ROWS,
    }
    assert {s.state for s in found.stages} == {"done"}
    assert (found.fraction, found.remaining, found.stage) == (1.0, 0.0, "finish")


@pytest.mark.parametrize("event", ["extract.batch", "extract.chunk", "transform.chunk", "load.batch", "load.chunk", "prove.chunk"])
@pytest.mark.parametrize("nth", [1, 2])
def test_what_was_killed_and_tried_again_is_counted_once(shop: Shop, often: None, event: str, nth: int) -> None:
    with killed_at(event, nth):
        moved(shop)
    stopped = progress.read(area(shop))
    assert sum(s.rows for s in stopped.stages if s.stage == "extract") <= ROWS
    assert stopped.fraction < 1
    moved(shop)
    found = progress.read(area(shop))
    assert [stage(found, s).rows for s in progress.MOVING] == [ROWS, 300, ROWS, ROWS]
    assert found.fraction == 1.0


def test_chunks_that_are_loaded_already_are_no_speed(shop: Shop, often: None) -> None:
    with killed_at("load.chunk", 2):
        moved(shop)
    moved(shop)
    again = area(shop).read_json("progress", "load.json")
    assert again["kept"] > 0 and again["rows"] == ROWS - again["kept"]
    assert again["samples"][-1][1] <= again["rows"]


def test_while_it_goes_on_the_running_stage_is_told_with_an_estimate(shop: Shop, often: None) -> None:
    seen: list[progress.Progress] = []

    def look(name: str, _: dict[str, Any]) -> None:
        if name == "load.chunk":
            seen.append(progress.read(area(shop)))

    with events.subscribed(look):
        moved(shop)
    now = seen[-1]
    assert now.stage == "load" and stage(now, "load").state == "running" and stage(now, "prove").state == "next"
    assert 0 < now.fraction < 1 and now.remaining is not None and now.remaining > 0
    assert stage(now, "load").rows_expected is not None
    fractions = [s.fraction for s in (stage(p, "load") for p in seen)]
    assert fractions == sorted(fractions)


def test_before_anything_was_read_no_time_is_foretold(shop: Shop) -> None:
    seen: list[progress.Progress] = []
    with events.subscribed(lambda name, _: seen.append(progress.read(area(shop))) if name == "extract.started" else None):
        moved(shop)
    assert seen[0].remaining is None and seen[0].fraction < 0.5


def test_a_run_before_tells_how_long_each_stage_takes(shop: Shop) -> None:
    moved(shop)
    first: dict[str, Any] = area(shop).beside.read_json("last.json")
    whole = first["runs"]["whole"]
    seconds = dict.fromkeys(whole["seconds"], 100.0)
    area(shop).beside.write_json(first | {"runs": {"whole": whole | {"seconds": seconds}}}, "last.json")
    seen: list[progress.Progress] = []
    with events.subscribed(lambda name, _: seen.append(progress.read(area(shop, "r2"))) if name == "extract.started" else None):
        moved(shop, "r2")
    assert seen[0].remaining is not None
    to_come = [s.stage for s in seen[0].stages if s.state in ("next", "running")]
    assert 100 * (len(to_come) - 1) < seen[0].remaining <= 100 * len(to_come)


def test_an_area_without_progress_reads_as_nothing_done(tmp_path: Any) -> None:
    found = progress.read(of(str(tmp_path), "shop", "r1"))
    assert (found.stage, found.fraction, found.remaining, found.stages) == (None, 0.0, None, ())
    assert json.dumps(found.record())


def test_a_stage_whose_other_parts_wait_for_a_slot_is_not_done(shop: Shop) -> None:
    moved(shop)
    place = area(shop)
    load = place.read_json("progress", "load.json")
    fewer = {"done": load["done"] - 1, "rows": load["rows"] - 1}
    place.write_json(load | fewer | {"most": fewer | {"over": True}}, "progress", "load.json")
    found = stage(progress.read(place), "load")
    assert (found.state, found.done) == ("running", load["done"] - 1) and 0.9 < found.fraction < 1


def test_a_failed_stage_says_so_until_it_is_tried_again(shop: Shop) -> None:
    place = area(shop)
    with pytest.raises(ValueError), run_log.stage(place, "load", "customer"):
        raise ValueError
    assert stage(progress.read(place), "load").state == "failed"
    with run_log.stage(place, "load", "customer"):
        assert stage(progress.read(place), "load").state == "running"
    assert stage(progress.read(place), "load").state == "done"


def test_a_stage_of_many_hours_leaves_a_few_kilobytes(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = count(0, 0.5)
    monkeypatch.setattr(progress_writer.time, "monotonic", lambda: next(clock))
    place = area(shop)
    with progress_writer.counted(place, "load", "customer 0…99"):
        for n in range(20_000):
            events.emit("load.batch", table="customer", chunk=n % 100, rows=65_536, bytes=1 << 20)
    (name,) = place.names("progress")
    assert place.size("progress", name) < 4096
    kept = place.read_json("progress", name)
    assert kept["rows"] == 20_000 * 65_536 and len(kept["samples"]) > 30
    times = [at for at, _ in kept["samples"]]
    assert times == sorted(times)


def test_the_rate_of_parts_beside_each_other_is_their_sum(tmp_path: Any) -> None:
    place = of(str(tmp_path), "shop", "r1")
    at = dt.datetime(2026, 11, 26, 12, 0, tzinfo=dt.UTC)
    for label, late in (("a", 0), ("b", 5)):
        part = {"stage": "load", "label": label, "state": "done", "started": (at + dt.timedelta(seconds=late)).isoformat(), "seconds": 10.0}
        part |= {"rows": 1000, "kept": 0, "bytes": 0, "done": 1, "samples": [[0.0, 0], [10.0, 1000]]}
        place.write_json(part, "progress", f"load-{label}.json")
    (load,) = progress.pace(place)
    rates = dict(load["samples"])
    assert rates[5.0] == 100 and rates[10.0] == 200 and rates[15.0] == 100
    assert progress.read(place).stages[0].seconds == 15.0


def test_that_progress_can_not_be_written_stops_no_run(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    write = Staging.write_text

    def full(self: Staging, text: str, *parts: str) -> None:
        if parts[0].startswith("progress/"):
            raise OSError("no space left")
        write(self, text, *parts)

    monkeypatch.setattr(Staging, "write_text", full)
    moved(shop)
    assert area(shop).exists("switch.json") and not area(shop).names("progress")
    assert run.report.report(area(shop), "shop", "r1")["outcome"] == "switched"


@pytest.mark.parametrize("event", ["extract.batch", "transform.chunk", "load.batch", "load.chunk", "prove.chunk"])
@pytest.mark.parametrize("earlier", [False, True], ids=["first run", "with a run before"])
def test_progress_never_goes_down_whatever_is_killed_and_tried_again(shop: Shop, often: None, event: str, earlier: bool) -> None:
    if earlier:
        moved(shop, "r0")
    place, seen, one_at_a_time = area(shop), list[float](), Lock()

    def look(*_: Any) -> None:
        with one_at_a_time:
            seen.append(progress.read(place).fraction)

    with run_log.stage(place, "preflight"):  # as the DAG's first task, before there is a plan
        look()
    look()
    with events.subscribed(look):
        for nth in (1, 2):
            with killed_at(event, nth):
                moved(shop)
        moved(shop)
    look()
    assert seen == sorted(seen) and seen[-1] == 1.0 and len(set(seen)) > 10


def test_the_rate_of_a_stage_leaves_out_what_its_parts_waited_for_a_slot(tmp_path: Any) -> None:
    place = of(str(tmp_path), "shop", "r1")
    at = dt.datetime(2026, 11, 26, 12, 0, tzinfo=dt.UTC)
    for label, late in (("a", 0), ("b", 3600)):
        part = {"stage": "load", "label": label, "state": "done", "started": (at + dt.timedelta(seconds=late)).isoformat(), "seconds": 10.0}
        part |= {"rows": 1000, "kept": 0, "bytes": 0, "done": 1, "samples": [[0.0, 0], [10.0, 1000]]}
        place.write_json(part, "progress", f"load-{label}.json")
    (load,) = progress.pace(place)
    assert (load["seconds"], load["mean"]) == (20.0, 100)


def test_two_runs_in_one_process_count_their_own_rows(tmp_path: Any, often: None) -> None:
    places: dict[str, Staging] = {}

    def whole(name: str, customers: int) -> None:
        folder = tmp_path / name
        folder.mkdir()
        fill(folder / "shop.sqlite", customers)
        own = Shop(folder, sa.make_url(f"sqlite:///{folder}/shop.sqlite"), sa.make_url(f"duckdb:///{folder}/shop.duckdb"))
        places[name] = own.run().staging

    threads = [Thread(target=whole, args=[name, customers]) for name, customers in (("small", 100), ("large", 300))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    rows = {name: {s: stage(progress.read(place), s).rows for s in ("extract", "load", "prove")} for name, place in places.items()}
    assert rows == {"small": dict.fromkeys(("extract", "load", "prove"), 797), "large": dict.fromkeys(("extract", "load", "prove"), ROWS)}
