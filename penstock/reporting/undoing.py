"""An undo's own report: what was put back, who asked for it, and what was written since the switch that it took back."""

from __future__ import annotations

from penstock import journal
from penstock.record import FAILURE
from penstock.reporting.content import VERSION
from penstock.reporting.records import Record
from penstock.staging import Staging
from penstock.units import count


def collect(own: Staging, migration: str, run: str, of: Record, asked: Record) -> Record:
    """The report of the undo `run`, whose area is `own`, as one JSON-able record.

    of: the report of the run whose switch it takes back, written after it.  asked: `by` whom and with what `note`, as far as it is known.
    """
    failure = own.read_json(FAILURE) if own.exists(FAILURE) else None
    done = None if failure else of["undo"]
    timing = own.read_json("timings", "undo.json") if own.exists("timings", "undo.json") else None
    return {
        "report": VERSION,
        "kind": "undo",
        "migration": migration,
        "run": run,
        "of": of["run"],
        "written": journal.now(),
        "started": timing["started"] if timing else failure and failure["at"],
        "seconds": timing and timing["seconds"],
        "outcome": "undone" if done else "failed",
        "headline": _headline(failure, done, of["run"]),
        "failure": failure and {**failure, "stage_words": "undo"},
        "asked": asked,
        "target": of["target"],
        "at": done and done["at"],
        "put_back": done["put_back"] if done else [],
        "written_since": done["written_since"] if done else [],
        "statements": done["statements"] if done else [],
    }


def _headline(failure: Record | None, done: Record | None, of: str) -> str:
    if failure:
        what = str(failure["what"])
        return f"{what[:1].upper()}{what[1:]}. Nothing was put back: what served before this undo serves on."
    if not done:
        return "Nothing has been done yet."
    served = [p for p in done["put_back"] if p["from"]]
    text = f"{count(len(served), 'table')} {'serves' if len(served) == 1 else 'serve'} again as before the switch of the run {of}."
    if since := len(done["written_since"]):
        text += f" Rows were written since into {count(since, 'table')}: they are in what was set aside."
    return text
