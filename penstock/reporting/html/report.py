"""The reports of a run and of an undo, each as one self-contained HTML file."""

from __future__ import annotations

from penstock.reporting.html.environment import render, rendered
from penstock.reporting.inputs import Record


def document(report: Record) -> str:
    """The report of a run as one file, without scripts and links. Names, values and messages in it may be hostile: they stay text."""
    return render("report.html.j2", report=report, sections=rendered("report", report, None), page=None)


def undo_document(report: Record) -> str:
    """The report of an undo as one file."""
    return render("undo_report.html.j2", report=report, page=None)
