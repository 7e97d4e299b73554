"""Report: what a run leaves to be reviewed, as JSON and as one HTML page. It reads what was staged and judges nothing itself."""

from __future__ import annotations

from typing import Any

from penstock import earlier, events
from penstock.pages import report as pages
from penstock.reporting.content import collect
from penstock.reporting.records import read
from penstock.staging import Staging


def report(area: Staging, migration: str, run: str) -> dict[str, Any]:
    """Write report.json and report.html of a run from what it has staged so far, and answer the first's content."""
    found = collect(read(area), migration, run)
    area.write_json(found, "report.json")
    earlier.publish(area, found)
    area.write_text(pages.document(found), "report.html")
    events.emit("report.written", url=f"{area.url}/report.html", outcome=found["outcome"])
    return found
