"""What a run writes down about itself while it goes: how long each stage took, and what made it fail."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from penstock.errors import GateClosed, PenstockError, PreflightFailed, TooManyBadRows
from penstock.model.file_names import folder
from penstock.model.intervals import Interval, written
from penstock.model.pipeline import MOVE, PIPELINE, UNDO
from penstock.state import journal, progress_writer
from penstock.state.staging import Staging

FAILURE = "failure.json"
INTERVAL = "interval.json"
STAGES = {stage.name: stage.label for stage in (*PIPELINE, UNDO)}
"""The stages of a run in their order, and what people call them."""
WORK = frozenset(stage.name for stage in MOVE if stage.on_rows)
"""The stages that work on rows. A rate of rows is over the time in which one of these ran."""


@contextmanager
def stage(area: Staging, name: str, label: str = "") -> Iterator[None]:
    """Time and count what is done inside as (a part of) the stage `name`; when it fails, write the failure down and let it go on.

    A stage that succeeds takes back the failure of its own earlier try.
    """
    began, at = time.monotonic(), journal.now()
    try:
        with progress_writer.counted(area, name, label):
            yield
    except Exception as error:
        area.write_json(describe(name, error) | {"label": label}, FAILURE)
        raise
    timing = {"stage": name, "label": label, "started": at, "seconds": round(time.monotonic() - began, 3)}
    area.write_json(timing, "timings", folder(f"{name}-{label}" if label else name) + ".json")
    if area.exists(FAILURE):
        failed = area.read_json(FAILURE)
        if (failed["stage"], failed["label"]) == (name, label):
            area.remove(FAILURE)


def asked(area: Staging, run: str, interval: Interval | None, timezone: str) -> None:
    """Write down the data interval that a run was asked for, before anything can refuse the run. None writes nothing.

    timezone: of the migration, in which pages show the interval.
    """
    if interval is not None:
        span = [written(interval.low), written(interval.high)]
        area.write_json({"run": run, "interval": span, "timezone": timezone}, INTERVAL)


def describe(name: str, error: BaseException) -> dict[str, object]:
    """A failure as the report shows it. Of errors that are not ours only the type is kept: their text may hold values."""
    record: dict[str, object] = {"stage": name, "at": journal.now(), "type": type(error).__name__, "retryable": False}
    record |= {"what": f"{type(error).__name__} in the stage {name}", "where": "", "why": "see the log", "fix": "", "lines": []}
    if not isinstance(error, PenstockError):
        return record
    lines: list[str] = []
    if isinstance(error, GateClosed):
        lines = list(error.failed)
    if isinstance(error, TooManyBadRows):
        lines = [f"{rows:,} × {reason}" for reason, rows in error.counts]
    if isinstance(error, PreflightFailed):
        lines = [f"{p.where}: {p.what}" + (f" — {p.fix}" if p.fix else "") for p in error.problems if p.blocking]
    told = {part: getattr(error, part) for part in ("what", "where", "why", "fix", "retryable")}
    return record | told | {"lines": lines}


def busy(timings: Iterable[Mapping[str, Any]]) -> float:
    """Seconds in which at least one of the parts was going on: tasks that ran beside each other count once, waiting not at all."""
    total, until = 0.0, float("-inf")
    for began, ended in sorted(map(_span, timings)):
        total += max(0.0, ended - max(began, until))
        until = max(until, ended)
    return total


def _span(timing: Mapping[str, Any]) -> tuple[float, float]:
    began = dt.datetime.fromisoformat(timing["started"]).timestamp()
    return began, began + timing["seconds"]
