"""What a run writes down about itself while it goes: how long each stage took, and what made it fail."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Protocol

from pydantic import TypeAdapter

from penstock.errors import GateClosed, LeaseHeld, NoSpace, NotWritable, PenstockError, PreflightFailed, TooManyBadRows
from penstock.model.intervals import Interval, written
from penstock.model.pipeline import LIVE, MOVE, PLAN, SWITCH, UNDO
from penstock.state import journal, place_faults, progress_writer, run_files, unforeseen
from penstock.state.json_file import JsonFile
from penstock.state.staging import Staging

STAGES = {stage.name: stage.label for stage in (*PLAN, *MOVE, *LIVE, *SWITCH, UNDO)}
"""The stages of a run in their order, and what people call them."""
WORK = frozenset(stage.name for stage in MOVE if stage.on_rows)
"""The stages that work on rows. A rate of rows is over the time in which one of these ran."""


@dataclass(frozen=True)
class Timing:
    """How long a stage, or the part of it called `label`, took. started: an ISO instant."""

    stage: str
    label: str
    started: str
    seconds: float


@dataclass(frozen=True)
class Failure:
    """What made a stage, or the part of it called `label`, fail, as the report shows it. at: an ISO instant.

    type: of the fault.  what, where, why, fix, retryable: as faults have them.  lines: more of it, such as a line for each problem.
    """

    stage: str
    at: str
    type: str
    retryable: bool
    what: str
    where: str
    why: str
    fix: str
    lines: tuple[str, ...]
    label: str = ""


@dataclass(frozen=True)
class Asked:
    """The data interval that a run was asked for: both ends in UTC. timezone: of the migration, in which pages show it."""

    run: str
    interval: tuple[str, str]
    timezone: str


FAILURE: JsonFile[Failure] = JsonFile(run_files.FAILURE, TypeAdapter(Failure))
ASKED: JsonFile[Asked] = JsonFile(run_files.INTERVAL, TypeAdapter(Asked))
_TIMING: TypeAdapter[Timing] = TypeAdapter(Timing)


def timing(stage: str, label: str = "") -> JsonFile[Timing]:
    """How long a part of a stage took."""
    return JsonFile(run_files.timing(stage, label), _TIMING)


def timings(area: Staging) -> dict[str, list[Timing]]:
    """How long the parts of each stage of a run took."""
    found: dict[str, list[Timing]] = {}
    for name in (n for n in area.names(run_files.TIMINGS) if n.endswith(".json")):
        took = JsonFile(f"{run_files.TIMINGS}/{name}", _TIMING).read(area)
        found.setdefault(took.stage, []).append(took)
    return found


@contextmanager
def stage(area: Staging, name: str, label: str = "") -> Iterator[None]:
    """Time and count what is done inside as (a part of) the stage `name`; when it fails, write the failure down and let it go on.

    A stage that succeeds takes back the failure of its own earlier try. Raises NoSpace, too, for what a full disk has stopped.
    """
    began, at = time.monotonic(), journal.now()
    try:
        with progress_writer.counted(area, name, label):
            yield
    except LeaseHeld:
        raise  # this is no failure of the run: another process is at work on it
    except Exception as caught:
        error = place_faults.fault(caught) or unforeseen.fault(caught, name) or caught
        with suppress(NoSpace, NotWritable):  # it must not replace what made the stage fail
            FAILURE.write(area, replace(describe(name, error), label=label))
        if error is caught:
            raise
        raise error from None
    timing(name, label).write(area, Timing(name, label, at, round(time.monotonic() - began, 3)))
    failed = FAILURE.find(area)
    if failed and (failed.stage, failed.label) == (name, label):
        area.remove(FAILURE.path)


def asked(area: Staging, run: str, interval: Interval | None, timezone: str) -> None:
    """Write down the data interval that a run was asked for, before anything can refuse the run. None writes nothing.

    timezone: of the migration, in which pages show the interval.
    """
    if interval is not None:
        ASKED.write(area, Asked(run, (written(interval.low), written(interval.high)), timezone))


def describe(name: str, error: BaseException) -> Failure:
    """A failure as the report shows it. Of errors that are not ours only the type is kept: their text may hold values."""
    kind = type(error).__name__
    if not isinstance(error, PenstockError):
        return Failure(name, journal.now(), kind, False, f"{kind} in the stage {name}", where="", why="see the log", fix="", lines=())
    lines: list[str] = []
    if isinstance(error, GateClosed):
        lines = list(error.failed)
    if isinstance(error, TooManyBadRows):
        lines = [f"{rows:,} × {reason}" for reason, rows in error.counts]
    if isinstance(error, PreflightFailed):
        lines = [f"{p.where}: {p.what}" + (f" — {p.fix}" if p.fix else "") for p in error.problems if p.blocking]
    said = {part: str(getattr(error, part)) for part in ("what", "where", "why", "fix")}
    return Failure(name, journal.now(), kind, error.retryable, lines=tuple(lines), **said)


class Timed(Protocol):
    """What began at an ISO instant and took so many seconds."""

    @property
    def started(self) -> str: ...

    @property
    def seconds(self) -> float: ...


def busy(timings: Iterable[Timed]) -> float:
    """Seconds in which at least one of the parts was going on: tasks that ran beside each other count once, waiting not at all."""
    total, until = 0.0, float("-inf")
    for began, ended in sorted(map(_span, timings)):
        total += max(0.0, ended - max(began, until))
        until = max(until, ended)
    return total


def _span(timing: Timed) -> tuple[float, float]:
    began = dt.datetime.fromisoformat(timing.started).timestamp()
    return began, began + timing.seconds
