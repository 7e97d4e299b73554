"""The question before a switch, in one line that identifies the run among others that wait for an approval."""

from __future__ import annotations

from dataclasses import dataclass

from penstock.reporting.inputs import Record
from penstock.runtime.formatting import count


@dataclass(frozen=True)
class Backfill:
    """A backfill of Airflow. first, last: the days on which its first and last interval start.  runs: how many it has.

    key: unique among all backfills, also when Airflow reuses an id.
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

    backfill: the backfill whose runs the answer is for.
    """
    figures = _figures(report)
    if backfill is None:
        return f"Switch {report['migration']} {which}? {figures}"
    return f"Switch {report['migration']} for {backfill.words}? This question comes from the run {which.removeprefix('for ')}: {figures}"


def repair_question(migration: str, run: str, rows_in: int, rows_out: int, tables: int) -> str:
    """`Switch the repair of shop (run manual__1)? 2 tables: 6 rows to insert or update, 3 to delete or overwrite`."""
    rows = f"{count(rows_in, 'row')} to insert or update, {rows_out:,} to delete or overwrite"
    return f"Switch the repair of {migration} (run {run})? {count(tables, 'table')}: {rows}"


def _figures(report: Record) -> str:
    proved = sum(p["rows"] for p in (report["proof"] or {"tables": ()})["tables"])
    rejected = report["totals"]["rows_rejected"]
    text = f"{count(len(report['tables']), 'table')}, {count(proved, 'row')} proved"
    return f"{text}, {rejected:,} rejected" if rejected else text
