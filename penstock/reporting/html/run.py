"""The pages of one run: its report as a tab, one table of it, one gate of it, and how far it is while it goes on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from penstock.reporting import html
from penstock.reporting.html.addresses import Addresses
from penstock.reporting.html.decisions import Decision
from penstock.reporting.html.pace import pace
from penstock.reporting.html.report import flow
from penstock.runtime import formatting
from penstock.state.json_file import record
from penstock.state.progress import Progress, Stage
from penstock.state.run_log import STAGES, Failure

_LISTED = 100
"""Tables on one page of a gate."""

Record = dict[str, Any]


@dataclass(frozen=True)
class Shown:
    """The DAG run that a page is about. attempt: which of `attempts` the report is of; a run cleared after its switch has several.

    going_on: whether it is queued or running.  queued: whether it is queued.  awaits: the task that waits for a person's answer.
    interval: of the run, as people read it; "" where it has none.  of: the run that an undo or a repair is about, "" where nobody said.
    began: when Airflow started it, an ISO instant.  failed: its tasks that have failed.
    by, note: who started it and why, as Airflow knows it: its tasks are not given the note.
    """

    to: Addresses
    dag_id: str
    run_id: str
    going_on: bool = False
    awaits: str | None = None
    attempt: int = 1
    attempts: int = 1
    queued: bool = False
    interval: str = ""
    of: str = ""
    began: str | None = None
    failed: tuple[str, ...] = ()
    by: str = ""
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
    def words(self) -> str:
        """What it is, for a title: `undo for 2026-11-03`."""
        return f"{self.kind} for {self.interval}" if self.interval else f"{self.kind} {self.run_id}"

    @property
    def trail(self) -> list[tuple[str, str]]:
        return [(self.migration, self.to.migration(self.migration)), (self.words, self.report)]

    @property
    def report(self) -> str:
        return self._of_attempt(self.to.report(self.dag_id, self.run_id))

    @property
    def state(self) -> str:
        """What the page depends on beside the report: when this changes, the page is loaded again."""
        return "awaits" if self.awaits else "queued" if self.queued else "going" if self.going_on else "over"

    @property
    def progress(self) -> str:
        return f"{self.to.run(self.dag_id, self.run_id)}/progress?seen={self.state}"

    def table(self, name: str) -> str:
        return self._of_attempt(self.to.table(self.dag_id, self.run_id, name))

    def gate(self, stage: str, page: int = 1) -> str:
        address = self.to.gate(self.dag_id, self.run_id, stage)
        return self._of_attempt(f"{address}?page={page}" if page > 1 else address)

    def download(self, ending: str) -> str:
        return self._of_attempt(f"{self.to.report(self.dag_id, self.run_id)}.{ending}")

    def at(self, attempt: int) -> str:
        """The report of another attempt."""
        address = self.to.report(self.dag_id, self.run_id)
        return address if attempt == self.attempts else f"{address}?attempt={attempt}"

    def _of_attempt(self, address: str) -> str:
        return address if self.attempt == self.attempts else f"{address}{'&' if '?' in address else '?'}attempt={self.attempt}"


def report(found: Record, progress: Progress, shown: Shown, decisions: Sequence[Decision] = ()) -> str:
    """The report as a tab. `found`: report.json."""
    values: Record = {"shown": shown, "to": shown.to, "trail": shown.trail, "progress": progress, "decisions": decisions, "report": found}
    return html.render("run.html.j2", **values, flow=flow(found), pace=pace(found), looked=to_look_at(found))


def unreported(failure: Failure | None, progress: Progress, shown: Shown) -> str:
    """The tab of a run without a report: how far it is while it goes on; once it is over, what failed.

    failure: as the run log has written it down, None when nothing has.
    """
    told = failure and {**record(failure), "stage_words": STAGES.get(failure.stage, failure.stage)}
    values: Record = {"shown": shown, "to": shown.to, "trail": shown.trail, "progress": progress}
    return html.render("going.html.j2", **values, report={"failure": told})


def undo(found: Record, progress: Progress, shown: Shown) -> str:
    """The report of an undo as a tab; while the undo goes on, how far it is, for the report is then of an earlier try."""
    if shown.going_on:
        return unreported(None, progress, shown)
    return html.render("undo.html.j2", report=found, shown=shown, to=shown.to, trail=shown.trail)


def going(progress: Progress, shown: Shown) -> str:
    """How far the run is, as a piece of a page."""
    return html.render("progress.html.j2", shown=shown, to=shown.to, progress=progress)


def table(found: Record, report: Record, shown: Shown) -> str:
    """The page of one table, as `penstock.reporting.one_table` has it."""
    trail = [*shown.trail, (found["table"]["table"], shown.table(found["table"]["table"]))]
    return html.render("table.html.j2", of=found, report=report, shown=shown, to=shown.to, trail=trail)


def gate(report: Record, stage: str, shown: Shown, page: int = 1) -> str | None:
    """The page of one gate, some tables at a time, those with failures first. None when the run has no such gate."""
    found = next((g for g in report["gates"] if g["stage"] == stage), None)
    if found is None:
        return None
    order = ("stop", "warn", "go")
    verdicts = sorted(found["verdicts"], key=lambda v: (order.index(v["decision"]), all(r["success"] for r in v["results"])))
    last = max(1, -(-len(verdicts) // _LISTED))
    page = min(max(page, 1), last)
    trail = [*shown.trail, (f"gate: what was {stage}", shown.gate(stage))]
    listed = verdicts[(page - 1) * _LISTED : page * _LISTED]
    values: Record = {"gate": found, "verdicts": listed, "page": page, "last": last}
    return html.render("gate.html.j2", **values, report=report, shown=shown, to=shown.to, trail=trail)


def to_look_at(report: Record) -> list[tuple[Record, list[str]]]:
    """The tables that a reviewer should look at, each with why: what failed first, then what was rejected, then what changed."""
    since = report.get("since") or {"rows": (), "columns": (), "tables_added": ()}
    moved = {r["table"]: r for r in since["rows"] if r["ratio"] is None or abs(r["ratio"]) >= 0.5}
    changed = {c["table"] for c in since["columns"]}
    found = []
    for table in report["tables"]:
        name = table["table"]
        why = [
            "the proof is broken" if table["proof"] == "broken" else "",
            {"stop": "a gate is closed", "warn": "a gate warned"}.get(table["gates"] or "", ""),
            f"{formatting.count(table['rows_rejected'], 'row')} rejected" if table["rows_rejected"] else "",
            "left alone" if table["left"] else "",
            "columns changed" if name in changed else "",
            "not in the last run" if name in since["tables_added"] else "",
            f"rows: {_change(moved[name])}" if name in moved else "",
        ]
        if any(why):
            found.append((table, list(filter(None, why))))
    weight = {"broken": 0, "stop": 1, "warn": 2}
    return sorted(found, key=lambda f: min(weight.get(f[0]["proof"] or "", 3), weight.get(f[0]["gates"] or "", 3)))


def _change(row: Mapping[str, Any]) -> str:
    return f"{formatting.number(row['before'])} then" if row["ratio"] is None else f"{100 * row['ratio']:+.0f} %"


def told(stage: Stage) -> str:
    """What a stage that goes on has done so far, in words."""
    unit = "table" if stage.stage.startswith("gate") else "chunk"
    parts = [
        f"{formatting.number(stage.rows)} of {formatting.count(stage.rows_expected, 'row')}" if stage.rows_expected else "",
        f"{stage.done:,} of {formatting.count(stage.of, unit)}" if stage.of else "",
        f"{formatting.number(stage.rows_per_second)} rows/s" if stage.rows_per_second else "",
    ]
    return " · ".join(filter(None, parts))


def points_of(chunk: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The digests of a chunk as (points, digest), equal ones on one line, those that were never taken left out."""
    found: dict[str, list[str]] = {}
    for point in ("source", "staged", "target"):
        if chunk[point]:
            found.setdefault(chunk[point], []).append(point)
    return [(" = ".join(points), digest) for digest, points in found.items()]
