"""Report: what a run leaves to be reviewed, as JSON and as one HTML page. It reads what was staged and judges nothing itself."""

from __future__ import annotations

from typing import Any

from penstock.reporting import undo
from penstock.reporting.content import collect
from penstock.reporting.html import report as pages
from penstock.reporting.inputs import read
from penstock.runtime import events
from penstock.state import previous_run, run_files
from penstock.state.staging import Staging


def report(area: Staging, migration: str, run: str) -> dict[str, Any]:
    """Write report.json and report.html of a run from what it has staged so far, and answer the first's content."""
    found = collect(read(area), migration, run)
    area.write_json(found, run_files.REPORT)
    previous_run.publish(area, found)
    area.write_text(pages.document(found), run_files.REPORT_PAGE)
    events.emit("report.written", url=f"{area.url}/{run_files.REPORT_PAGE}", outcome=found["outcome"])
    return found


def report_undo(own: Staging, area: Staging | None, migration: str, undo_run: str, run: str, asked: dict[str, Any]) -> dict[str, Any]:
    """The reports after an undo: of the run that it was about, in `area`, and of the undo itself, in `own`. Answers the undo's.

    area: None when the undo was refused before it had the run's plan.  run: "" when it found no run.
    asked: `by` whom and with what `note`, as far as it is known.
    """
    of = report(area, migration, run) if area is not None else undo.unknown(run)
    found = undo.collect(own, migration, undo_run, of, asked)
    own.write_json(found, run_files.REPORT)
    own.write_text(pages.undo_document(found), run_files.REPORT_PAGE)
    events.emit("report.written", url=f"{own.url}/{run_files.REPORT_PAGE}", outcome=found["outcome"])
    return found
