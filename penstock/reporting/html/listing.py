"""Runs and migrations as lists show them: what Airflow knows of a run, and what its report task summed up of it."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from penstock.reporting.html import outcome_look
from penstock.reporting.html.addresses import Addresses
from penstock.runtime import formatting

SUMMED = frozenset(
    {"run", "outcome", "headline", "stage", "written", "interval", "tables", "rows_read", "rows_loaded", "rows_rejected", "staging"}
)
"""What a summary has at least; one that a task of another kind has left, or an earlier version, isn't taken for one."""
GATES = {"extracted": "extracted", "transformed": "transformed", "loaded": "loaded"}


@dataclass(frozen=True)
class Run:
    """One run. state: Airflow's, queued, running, success or failed.  kind: manual, scheduled, backfill.  by: who started it.

    stage: of a run that goes on, the task it has reached.  awaits: the task that waits for a person's answer.
    undone: whether an undo took back what it switched.  summary: as penstock.summary has it, {} until its report task has run.
    asked: the data interval that it was started for, both ends in UTC; None for a migration without partitions.
    timezone: the migration's, in which the interval is shown.  of: the run that it undoes or repairs, where that is known.
    """

    dag_id: str
    run_id: str
    state: str
    began: dt.datetime | None = None
    ended: dt.datetime | None = None
    kind: str = "manual"
    by: str | None = None
    stage: str | None = None
    awaits: str | None = None
    undone: bool = False
    summary: Mapping[str, Any] = field(default_factory=dict)
    asked: tuple[str, str] | None = None
    timezone: str = "UTC"
    of: str = ""

    @property
    def going_on(self) -> bool:
        return self.state in ("queued", "running")

    @property
    def outcome(self) -> str:
        """Where the data stands, or what the run is at: in words, which are what its colour means."""
        if self.awaits:
            return "awaits approval"
        if self.going_on:
            return self.state
        return "undone" if self.undone else str(self.summary.get("outcome") or ("failed" if self.state == "failed" else "no report"))

    @property
    def look(self) -> str:
        """ok, warn, bad or live."""
        return outcome_look(self.outcome)

    @property
    def reached(self) -> str | None:
        """The last stage, in words."""
        stage = self.stage if self.going_on else self.summary.get("stage")
        return str(stage).replace("_", " ") if stage else None

    @property
    def seconds(self) -> float | None:
        """How long it was busy; without a summary, from its beginning to its end."""
        if self.summary.get("seconds") and not self.going_on:
            return float(self.summary["seconds"])
        return (self.ended - self.began).total_seconds() if self.began and self.ended else None

    @property
    def rate(self) -> float | None:
        return None if self.going_on else self.summary.get("rows_per_second")

    @property
    def interval(self) -> tuple[str, str] | None:
        """Both ends of its data interval: as its report has it, else as it was started for."""
        span = self.summary.get("interval")
        return (str(span[0]), str(span[1])) if span else self.asked

    @property
    def interval_words(self) -> str:
        """The interval as people read it, "" where there is none."""
        return formatting.interval(self.interval, self.summary.get("timezone") or self.timezone) if self.interval else ""

    def gate(self, stage: str) -> str | None:
        """open, warned, closed or not reached; None where the run has no such gate, or nothing is known of it yet."""
        return None if self.going_on else (self.summary.get("gates") or {}).get(stage)

    @property
    def proof(self) -> str | None:
        """holds, broken or not reached, as a gate has it: open, closed; None where nothing is known."""
        if self.going_on or not self.summary:
            return None
        return {"holds": "open", "broken": "closed"}.get(self.summary.get("proof") or "", "not reached")


@dataclass(frozen=True)
class Migration:
    """A migration and its last runs, newest first.

    told: what it moves, from where to where.  schedule: in words.  broken: its file can't be read, and this is its DAG for that.
    total: how many runs it has had.  coverage: {as_of, proven, of}, the newest that a run, an undo or a repair has reported.
    going: the runs that have begun and not ended, the oldest interval first.  queued: how many wait to begin.
    """

    dag_id: str
    told: str = ""
    schedule: str = ""
    paused: bool = False
    broken: bool = False
    runs: Sequence[Run] = ()
    total: int = 0
    coverage: Mapping[str, Any] | None = None
    going: Sequence[Run] = ()
    queued: int = 0

    @property
    def last(self) -> Run | None:
        return self.runs[0] if self.runs else None

    @property
    def report(self) -> Run | None:
        """The last run that has a summary: where figures come from while a newer one goes on."""
        return next((r for r in self.runs if r.summary and not r.going_on), None)

    @property
    def waiting(self) -> Sequence[Run]:
        """The runs that wait for a person's answer."""
        return [r for r in self.going if r.awaits]

    @property
    def working(self) -> Sequence[Run]:
        """The runs that go on and wait for nobody."""
        return [r for r in self.going if not r.awaits]

    @property
    def states(self) -> Mapping[str, int]:
        """What its runs are at now, with how many; the outcome of the last run where none goes on."""
        now = {"awaits approval": len(self.waiting), "running": len(self.working), "queued": self.queued}
        return {words: n for words, n in now.items() if n} or ({self.last.outcome: 1} if self.last else {})

    @property
    def urgency(self) -> int:
        """Where it stands in a list: what waits for a person first, then what failed, then what goes on."""
        if self.broken:
            return 1
        if self.waiting:
            return 0
        if self.going or self.queued:
            return 2
        return {"bad": 1, "live": 2, "warn": 3}.get(self.last.look, 4) if self.last else 4


def airflow_run(run: str) -> str:
    """Airflow's id of a run, from the engine's: a cleared DAG run that begins anew has `~2` behind it."""
    return re.sub(r"~\d+$", "", run)


_REPAIR = "repair__"


def report_of(to: Addresses, migration: str, run: str) -> str:
    """The address of the report of a run, from its migration and the engine's id of it: a repair is a run of a DAG of its own."""
    run = airflow_run(run)
    return to.report(f"{migration}__repair", run.removeprefix(_REPAIR)) if run.startswith(_REPAIR) else to.report(migration, run)
