"""A notification of an event of a run: its subject, its text, HTML and JSON. It never contains values of rows."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import Any

from penstock.migration.notifications import Event
from penstock.state.run_log import Failure

WORDS: dict[Event, str] = {
    "failed": "failed",
    "refused": "refused",
    "waiting": "waiting for approval",
    "expiring": "approval expires soon",
    "switched": "switched",
    "overtaken": "overtaken by a later run",
    "undone": "undone",
    "deadline": "deadline missed",
}
_REFUSALS = frozenset({"PreflightFailed", "MigrationError", "UnknownConnection", "SwitchRefused", "NotApproved"})
"""The types of errors by which the engine refuses to continue, as opposed to errors of databases and networks."""
_LISTED = 5


@dataclass(frozen=True)
class Notice:
    """An event of a run.

    dag, run: its ids in Airflow.  interval: in short, empty for a run without one.  what, where, fix: as in an error of Penstock.
    problems: the problems that preflight found, one line each.  report: the address of the run's report.
    """

    event: Event
    migration: str
    dag: str
    run: str
    interval: str
    what: str
    where: str = ""
    fix: str = ""
    problems: tuple[str, ...] = ()
    report: str = ""

    @property
    def subject(self) -> str:
        """One line: the migration, the run and the event."""
        return _line(f"{self.dag} {self.interval or f'({self.run})'}: {WORDS[self.event]}")

    @property
    def lines(self) -> list[tuple[str, str]]:
        """The body as (label, text); the first line has no label."""
        shown = [("", line) for line in self.problems[:_LISTED]]
        if len(self.problems) > _LISTED:
            shown.append(("", f"and {len(self.problems) - _LISTED:,} more: see the report"))
        labelled = [("where", self.where), ("fix", self.fix), ("run", self.run), ("report", self.report)]
        return [(label, _line(text)) for label, text in [("", self.what), *shown, *labelled] if text]

    @property
    def text(self) -> str:
        """Subject and body as plain text."""
        return "\n".join([self.subject, *(f"{label}: {text}" if label else text for label, text in self.lines)])

    @property
    def html(self) -> str:
        """The body as HTML."""
        body = "<br>\n".join(f"<b>{label}</b>: {html.escape(text)}" if label else html.escape(text) for label, text in self.lines)
        return f"<p>{body}</p>"

    def record(self) -> dict[str, Any]:
        """Everything, JSON-able: notifiers get it as `penstock` in their context.

        slack: the text, with the three characters escaped that Slack reads as markup.
        """
        parts = ("event", "migration", "dag", "run", "interval", "what", "where", "fix", "report", "subject", "text", "html")
        slack = self.text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        return {part: getattr(self, part) for part in parts} | {"problems": list(self.problems), "slack": slack}


def event_of(fault: Failure) -> Event:
    """`refused` or `failed`, by the type of the error."""
    return "refused" if fault.type in _REFUSALS else "failed"


def words_of(fault: Failure) -> dict[str, Any]:
    """The parts of an error that are sent. `why` is not: it can quote a value. The key of a row is removed from `where`."""
    where = fault.where.partition(", row ")[0]
    return {"what": fault.what, "where": where, "fix": fault.fix, "problems": fault.lines if fault.type == "PreflightFailed" else ()}


def _line(text: str) -> str:
    return " ".join(text.split())
