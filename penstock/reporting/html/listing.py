"""Runs and migrations in lists: what Airflow knows of a run, and the summary that its report task returned."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from penstock.reporting.html.filters import outcome_look
from penstock.runtime import formatting

SUMMARY = frozenset(
    {"run", "outcome", "headline", "stage", "written", "interval", "tables", "rows_read", "rows_loaded", "rows_rejected", "staging"}
)
"""The fields that a summary has at least. A record without them, of another task or an earlier version, is not taken for a summary."""
GATES = ("extracted", "transformed", "loaded")


@dataclass(frozen=True)
class Run:
    """One run. state: Airflow's, queued, running, success or failed.  kind: manual, scheduled, backfill.  started_by: a user.

    task: of a run in progress, the task it has reached.  waiting_task: the task that waits for an approval.
    undone: whether an undo took back what it switched.  summary: as penstock.reporting.summary makes it, {} until its report task ends.
    requested: the data interval that it was started for, both ends in UTC; None for a migration without partitions.
    timezone: the migration's, in which the interval is shown.  of_run: the run that it undoes or repairs, where that is known.
    """

    dag_id: str
    run_id: str
    state: str
    started: dt.datetime | None = None
    ended: dt.datetime | None = None
    kind: str = "manual"
    started_by: str | None = None
    task: str | None = None
    waiting_task: str | None = None
    undone: bool = False
    summary: Mapping[str, Any] = field(default_factory=dict)
    requested: tuple[str, str] | None = None
    timezone: str = "UTC"
    of_run: str = ""

    @property
    def in_progress(self) -> bool:
        return self.state in ("queued", "running")

    @property
    def outcome(self) -> str:
        """The outcome of the run, or its state while it is in progress. Colours stand for these words."""
        if self.waiting_task:
            return "awaiting approval"
        if self.in_progress:
            return self.state
        return "undone" if self.undone else str(self.summary.get("outcome") or ("failed" if self.state == "failed" else "no report"))

    @property
    def look(self) -> str:
        """ok, warn, bad or live: the colour of the outcome."""
        return outcome_look(self.outcome)

    @property
    def last_stage(self) -> str | None:
        """The last stage that the run has reached, in words."""
        stage = self.task if self.in_progress else self.summary.get("stage")
        return str(stage).replace("_", " ") if stage else None

    @property
    def seconds(self) -> float | None:
        """The time in which some stage ran; without a summary, from its start to its end."""
        if self.summary.get("seconds") and not self.in_progress:
            return float(self.summary["seconds"])
        return (self.ended - self.started).total_seconds() if self.started and self.ended else None

    @property
    def rate(self) -> float | None:
        """Rows per second."""
        return None if self.in_progress else self.summary.get("rows_per_second")

    @property
    def interval(self) -> tuple[str, str] | None:
        """Both ends of its data interval: as its report has it, else as it was started for."""
        span = self.summary.get("interval")
        return (str(span[0]), str(span[1])) if span else self.requested

    @property
    def interval_words(self) -> str:
        """The interval as people read it, "" where there is none."""
        return formatting.interval(self.interval, self.summary.get("timezone") or self.timezone) if self.interval else ""

    @property
    def name(self) -> str:
        """What people know the run by: its interval, else the time when it started, else its id."""
        return self.interval_words or (self.started.strftime("%Y-%m-%d %H:%M") if self.started else self.run_id)

    def gate(self, stage: str) -> str | None:
        """open, warned, closed or not reached; None where the run has no such gate, or its state is not known yet."""
        return None if self.in_progress else (self.summary.get("gates") or {}).get(stage)

    @property
    def proof(self) -> str | None:
        """The proof in the words of a gate: open (it holds), closed (broken) or not reached; None where it is not known."""
        if self.in_progress or not self.summary:
            return None
        return {"holds": "open", "broken": "closed"}.get(self.summary.get("proof") or "", "not reached")


@dataclass(frozen=True)
class Migration:
    """A migration and its last runs, newest first.

    description: what it moves, from where to where.  schedule: in words.  broken: its file can't be read, and this is the DAG that says so.
    total: how many runs it has had.  coverage: {as_of, proven, of}, the newest that a run, an undo or a repair has reported.
    active: the runs that have started and not ended, the oldest interval first.  queued: how many runs are queued.
    """

    dag_id: str
    description: str = ""
    schedule: str = ""
    paused: bool = False
    broken: bool = False
    runs: Sequence[Run] = ()
    total: int = 0
    coverage: Mapping[str, Any] | None = None
    active: Sequence[Run] = ()
    queued: int = 0

    @property
    def last(self) -> Run | None:
        return self.runs[0] if self.runs else None

    @property
    def reported(self) -> Run | None:
        """The last run that has a summary: the source of the figures while a newer run is in progress."""
        return next((r for r in self.runs if r.summary and not r.in_progress), None)

    @property
    def waiting(self) -> Sequence[Run]:
        """The active runs that wait for an approval."""
        return [r for r in self.active if r.waiting_task]

    @property
    def running(self) -> Sequence[Run]:
        """The active runs that don't wait for an approval."""
        return [r for r in self.active if not r.waiting_task]

    @property
    def states(self) -> Mapping[str, int]:
        """The states of its active and queued runs, each with the number of runs; without any, the outcome of the last run."""
        now = {"awaiting approval": len(self.waiting), "running": len(self.running), "queued": self.queued}
        return {words: n for words, n in now.items() if n} or ({self.last.outcome: 1} if self.last else {})

    @property
    def urgency(self) -> int:
        """Its position in a list: migrations that wait for an approval first, then failed ones, then active ones."""
        if self.broken:
            return 1
        if self.waiting:
            return 0
        if self.active or self.queued:
            return 2
        return {"bad": 1, "live": 2, "warn": 3}.get(self.last.look, 4) if self.last else 4
