"""How long the report of a run of many tables takes to put together, to show and to download, and how large its pages are.

python -m tools.report_times [TABLES] [COLUMNS] [TIMES]      so many tables (1000) of so many columns (10), each so many times (5)
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

REPO = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPO))


def main(tables: int, columns: int, times: int) -> None:
    from penstock.reporting.content import collect
    from penstock.reporting.html import report as documents
    from penstock.reporting.html import run as pages
    from penstock.reporting.html.addresses import Addresses
    from penstock.reporting.inputs import read
    from penstock.reporting.one_table import one_table
    from penstock.stages import report
    from penstock.state import progress
    from tests.support.data.many_tables import staged

    with tempfile.TemporaryDirectory(prefix="penstock-report-") as folder:
        report.report(staged(Path(folder), "r1", tables, columns), "many", "r1")
        area = staged(Path(folder), "r2", tables, columns, rows=1010)
        found = report.report(area, "many", "r2")
        page = pages.RunPage(Addresses("/penstock"), "many", "manual__2026-01-01T00:00:00+00:00")
        name = f"table_{tables // 2:04}"

        def asked() -> dict[str, Any]:
            told: dict[str, Any] = area.read_json("report.json")
            return told

        print(
            f"{tables:,} tables of {columns} columns, a run compared with the last; report.json {area.size('report.json') / 1024:,.0f} KiB"
        )
        timed(times, "put together", lambda: collect(read(area), "many", "r2"))
        timed(times, "report.html, the download", lambda: documents.document(found))
        timed(times, "the tab, from report.json", lambda: pages.report(asked(), progress.read(area), page))
        timed(times, "the page of one table", lambda: pages.table(one_table(area, told := asked(), name) or {}, told, page))
        timed(times, "the page of one gate", lambda: pages.gate(asked(), "extracted", page))
        timed(times, "progress", lambda: pages.progress_of(progress.read(area), page))


def timed(times: int, words: str, work: Callable[[], object]) -> None:
    took, made = [], None
    for _ in range(times):
        began = time.perf_counter()
        made = work()
        took.append(time.perf_counter() - began)
    size = f"  {len(made.encode()) / 1024:,.0f} KiB" if isinstance(made, str) else ""
    print(f"  {words:<28} median {median(took):.3f} s  ({min(took):.3f} to {max(took):.3f}, n={times}){size}")


if __name__ == "__main__":
    main(*(int(a) for a in (*sys.argv[1:], *(1000, 10, 5)[len(sys.argv) - 1 :])))
