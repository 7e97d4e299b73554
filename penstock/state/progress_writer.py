"""The meter: what a stage has counted so far, in one small file of its part, written about once a second while it goes.

    progress/<stage>[-<label>].json

A part that is tried again begins its file anew, and counts at once what its earlier try had finished (the events `*.kept`):
nothing is counted twice. `most` keeps the highest counts of all tries, so that what is made from it never goes down.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from threading import Lock
from typing import Any

from pydantic import TypeAdapter

from penstock.errors import NoSpace, NotWritable, StagingDamaged
from penstock.runtime import events
from penstock.state import journal, run_files
from penstock.state.json_file import JsonFile
from penstock.state.staging import Staging

_EVERY = 1.0
_SAMPLES = 100


@dataclass(frozen=True)
class Most:
    """The highest counts of all tries of a part. over: whether one of them came to its end."""

    rows: int = 0
    done: int = 0
    over: bool = False


@dataclass(frozen=True)
class Part:
    """What a part of a stage has counted. state: running, failed or done.  started: an ISO instant.

    rows: of this try.  kept: those that an earlier try had finished.  done: chunks, tables or statements.
    samples: (seconds since it started, rows by then).  most: None in files of earlier versions.
    """

    stage: str
    label: str
    state: str
    started: str
    seconds: float
    rows: int
    kept: int
    bytes: int
    done: int
    samples: tuple[tuple[float, int], ...]
    most: Most | None = None


_PART: TypeAdapter[Part] = TypeAdapter(Part)


def parts(area: Staging) -> list[Part]:
    """What the parts of all stages of a run have counted."""
    names = (n for n in area.names(run_files.PROGRESS) if n.endswith(".json"))  # beside one that is being written
    return [JsonFile(f"{run_files.PROGRESS}/{name}", _PART).read(area) for name in names]


@contextmanager
def counted(area: Staging, stage: str, label: str = "") -> Iterator[None]:
    """Count what is done inside as (a part of) the stage, by the events that it emits."""
    meter = Meter(area, stage, label)
    meter.write("running")
    try:
        with events.subscribed(meter):
            yield
    except BaseException:
        meter.write("failed")
        raise
    meter.write("done")


class Meter:
    """A subscriber that counts. Events come from several threads."""

    def __init__(self, area: Staging, stage: str, label: str) -> None:
        self._area, self._stage, self._label = area, stage, label
        self._of, self._file = stage.partition("_")[0], JsonFile(run_files.progress(stage, label), _PART)
        self._began, self._started = time.monotonic(), journal.now()
        self._lock = Lock()
        self._written, self._apart = 0.0, _EVERY
        self._open: Counter[tuple[str, int]] = Counter()
        self._finished = self._kept = self._bytes = self._done = 0
        self._samples: list[tuple[float, int]] = []
        self._most = self._earlier()

    def _earlier(self) -> Most:
        """The highest counts of the earlier tries of this part."""
        with suppress(OSError, ValueError, StagingDamaged):
            return self._file.read(self._area).most or Most()
        return Most()

    def __call__(self, name: str, facts: dict[str, Any]) -> None:
        of, _, moment = name.partition(".")
        if of != self._of or (of == "gate" and self._stage != f"gate_{facts['stage']}"):
            return
        with self._lock:
            self._count(moment, facts)
            due = time.monotonic() - self._written >= _EVERY
        if due:
            self.write("running")

    def write(self, state: str) -> None:
        """Write down what is counted. That it can't be written stops no run: it is only looked at."""
        with self._lock, suppress(OSError, NoSpace, NotWritable):
            self._written = time.monotonic()
            self._sample(self._written - self._began)
            self._file.write(self._area, self._counted(state))

    def _count(self, moment: str, facts: dict[str, Any]) -> None:
        chunk = (facts.get("table", ""), facts.get("chunk", 0))
        if moment == "batch":
            self._open[chunk] += facts["rows"]
        elif moment == "chunk":
            del self._open[chunk]
            self._finished += facts["rows"]
        elif moment == "kept":
            self._kept += facts["rows"]
        if moment in ("chunk", "kept", "decided", "statement"):
            self._bytes += facts.get("bytes", 0)
            self._done += facts.get("chunks", 1)

    def _sample(self, at: float) -> None:
        """Keep how many rows there were; of many samples every other, and from then on half as many."""
        if self._samples and at - self._samples[-1][0] < self._apart * 0.9:
            return
        self._samples.append((round(at, 2), self._rows))
        if len(self._samples) > _SAMPLES:
            self._samples = self._samples[::2]
            self._apart *= 2

    @property
    def _rows(self) -> int:
        return self._finished + self._open.total()

    def _counted(self, state: str) -> Part:
        most = self._most
        rows, done = max(most.rows, self._rows + self._kept), max(most.done, self._done)
        self._most = Most(rows, done, most.over or state == "done")
        return Part(
            stage=self._stage,
            label=self._label,
            state=state,
            started=self._started,
            seconds=round(time.monotonic() - self._began, 3),
            rows=self._rows,
            kept=self._kept,
            bytes=self._bytes,
            done=self._done,
            samples=tuple(self._samples),
            most=self._most,
        )
