"""The question that is asked before a switch, in one line that tells a run apart from the others that wait."""

from __future__ import annotations

from dataclasses import dataclass

from penstock.reporting.inputs import Record
from penstock.runtime.formatting import count


@dataclass(frozen=True)
class Backfill:
    """A backfill of Airflow. first, last: the days on which its first and last interval begin.  runs: how many it has.

    key: no other backfill has it, whatever becomes of Airflow's own numbers.
    """

    key: str
    first: str
    last: str
    runs: int

    @property
    def words(self) -> str:
        return f"all {self.runs:,} runs of the backfill {self.first} to {self.last}" if self.runs > 1 else f"the backfill of {self.first}"


def question(report: Record, which: str, backfill: Backfill | None = None) -> str:
    """`Switch shop for 2026-11-03? 8 tables, 12,431 rows proved`. which: the run, as `for 2026-11-03` or `(run manual__1)`.

    backfill: the one whose runs are all switched by the answer.
    """
    figures = _figures(report)
    if backfill is None:
        return f"Switch {report['migration']} {which}? {figures}"
    return f"Switch {report['migration']} for {backfill.words}? The first to ask is {which.removeprefix('for ')}: {figures}"


def repair_question(migration: str, run: str, put: int, leaving: int, tables: int) -> str:
    """`Switch the repair of shop (run manual__1)? 6 rows of 2 tables to put, 3 to take out`."""
    return f"Switch the repair of {migration} (run {run})? {count(put, 'row')} of {count(tables, 'table')} to put, {leaving:,} to take out"


def _figures(report: Record) -> str:
    proved = sum(p["rows"] for p in (report["proof"] or {"tables": ()})["tables"])
    rejected = report["totals"]["rows_rejected"]
    text = f"{count(len(report['tables']), 'table')}, {count(proved, 'row')} proved"
    return f"{text}, {rejected:,} rejected" if rejected else text
