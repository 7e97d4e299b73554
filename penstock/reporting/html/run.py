"""The pages of one run: its report, one table, one gate, and its progress while it is queued or running."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from penstock.reporting.html.addresses import Addresses
from penstock.reporting.html.decisions import Decision
from penstock.reporting.html.environment import render, rendered
from penstock.reporting.inputs import Record
from penstock.state.json_file import record
from penstock.state.progress import Progress
from penstock.state.run_log import STAGES, Failure

_LISTED = 100
"""Tables on one page of a gate."""


@dataclass(frozen=True)
class RunPage:
    """The DAG run that a page shows, and the addresses of its pages.

    attempt: the one of `attempts` that the report is of. A run that was cleared after its switch has several.
    in_progress: queued or running.  queued: not started yet.  waiting_task: the task that waits for an approval.
    interval: of the run, as people read it; "" where it has none.  of_run: the run that an undo or a repair is about, "" if unknown.
    started: when Airflow started it, an ISO instant.  failed_tasks: its tasks that have failed.
    started_by, note: who started it and why, as Airflow knows it. Tasks are not given the note.
    """

    to: Addresses
    dag_id: str
    run_id: str
    in_progress: bool = False
    waiting_task: str | None = None
    attempt: int = 1
    attempts: int = 1
    queued: bool = False
    interval: str = ""
    of_run: str = ""
    started: str | None = None
    failed_tasks: tuple[str, ...] = ()
    started_by: str = ""
    note: str = ""

    @property
    def kind(self) -> str:
        """run, undo or repair."""
        kind = self.dag_id.rpartition("__")[2]
        return kind if kind in ("undo", "repair") else "run"

    @property
    def migration(self) -> str:
        return self.dag_id if self.kind == "run" else self.dag_id.removesuffix(f"__{self.kind}")

    @property
    def title(self) -> str:
        """What it is: `undo for 2026-11-03`."""
        return f"{self.kind} for {self.interval}" if self.interval else f"{self.kind} {self.run_id}"

    @property
    def trail(self) -> list[tuple[str, str]]:
        """The pages above and this one, each with its address."""
        return [(self.migration, self.to.migration(self.migration)), (self.title, self.report)]

    @property
    def report(self) -> str:
        return self._of_attempt(self.to.report(self.dag_id, self.run_id))

    @property
    def state(self) -> str:
        """The state of the run that the page shows. When it changes, the page is loaded again."""
        return "waiting" if self.waiting_task else "queued" if self.queued else "running" if self.in_progress else "ended"

    @property
    def progress(self) -> str:
        return f"{self.to.run(self.dag_id, self.run_id)}/progress?seen={self.state}"

    def table(self, name: str) -> str:
        return self._of_attempt(self.to.table(self.dag_id, self.run_id, name))

    def gate(self, stage: str, number: int = 1) -> str:
        """The address of a gate. number: of the page, for a gate with many tables."""
        address = self.to.gate(self.dag_id, self.run_id, stage)
        return self._of_attempt(f"{address}?page={number}" if number > 1 else address)

    def download(self, ending: str) -> str:
        return self._of_attempt(f"{self.to.report(self.dag_id, self.run_id)}.{ending}")

    def at(self, attempt: int) -> str:
        """The report of another attempt."""
        address = self.to.report(self.dag_id, self.run_id)
        return address if attempt == self.attempts else f"{address}?attempt={attempt}"

    def _of_attempt(self, address: str) -> str:
        return address if self.attempt == self.attempts else f"{address}{'&' if '?' in address else '?'}attempt={self.attempt}"


def report(found: Record, progress: Progress, page: RunPage, decisions: Sequence[Decision] = ()) -> str:
    """The report of a run as a page. found: report.json, as this version has it."""
    values: Record = {"progress": progress, "decisions": decisions, "report": found, "sections": rendered("run", found, page)}
    return _page("run.html.j2", page, **values)


def unreported(failure: Failure | None, progress: Progress, page: RunPage) -> str:
    """The page of a run without a report: its progress while it is queued or running, then what failed.

    failure: as `penstock.state.run_log` has written it; None when nothing was written.
    """
    failed = failure and {**record(failure), "stage_words": STAGES.get(failure.stage, failure.stage)}
    return _page("in_progress.html.j2", page, progress=progress, report={"failure": failed})


def undo(found: Record, progress: Progress, page: RunPage) -> str:
    """The report of an undo as a page; its progress while the undo is running, because the report is then of an earlier attempt."""
    return unreported(None, progress, page) if page.in_progress else _page("undo.html.j2", page, report=found)


def progress_of(progress: Progress, page: RunPage) -> str:
    """The progress of the run, as a part of a page."""
    return render("progress.html.j2", page=page, to=page.to, progress=progress)


def table(found: Record, report: Record, page: RunPage) -> str:
    """The page of one table.  found: as `penstock.reporting.one_table` makes it."""
    name = found["table"]["table"]
    return _page("table.html.j2", page, (name, page.table(name)), of=found, report=report)


def gate(report: Record, stage: str, page: RunPage, number: int = 1) -> str | None:
    """The page of one gate: some tables at a time, those with failures first. None when the run has no such gate.

    number: of the page.
    """
    found = next((g for g in report["gates"] if g["stage"] == stage), None)
    if found is None:
        return None
    order = ("stop", "warn", "go")
    verdicts = sorted(found["verdicts"], key=lambda v: (order.index(v["decision"]), all(r["success"] for r in v["results"])))
    last = max(1, -(-len(verdicts) // _LISTED))
    number = min(max(number, 1), last)
    listed = verdicts[(number - 1) * _LISTED : number * _LISTED]
    values: Record = {"gate": found, "verdicts": listed, "number": number, "last": last, "report": report}
    return _page("gate.html.j2", page, (f"gate: {stage} rows", page.gate(stage)), **values)


def _page(template: str, page: RunPage, *below: tuple[str, str], **values: Any) -> str:
    """below: the pages under the run's own, as the trail shows them."""
    return render(template, page=page, to=page.to, trail=[*page.trail, *below], **values)
