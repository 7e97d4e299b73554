"""The report of an undo: the tables that it restored, who requested it, and the tables that were written after the switch."""

from __future__ import annotations

from typing import Any

from penstock.reporting.inputs import Record
from penstock.reporting.upgrade import VERSION
from penstock.runtime.formatting import count, interval
from penstock.state import journal, run_log
from penstock.state.json_file import record
from penstock.state.run_log import Failure
from penstock.state.staging import Staging

_WORDS = {
    "swapped": "the table that was live before is live again",
    "created": "no longer live: nothing was live before the run",
    "rows replaced": "the previous rows of this interval are restored",
    "rows merged": "the rows that the run had inserted or changed are restored",
    "partition exchanged": "the partition that was live before is live again",
    "repaired": "the repaired rows are restored",
}


def unknown(run: str) -> Record:
    """The report of a run that an undo could not write: only its id, "" when the undo found no run."""
    return {"run": run or None, "target": None, "interval": None, "timezone": "UTC", "undo": None, "switch": None}


def collect(own: Staging, migration: str, run: str, of: Record, asked: Record) -> Record:
    """The report of the undo `run`, whose area is `own`, as one JSON-able record.

    of: the report of the run that it undoes, written after the undo.  asked: `by` whom and with which `note`, as far as it is known.
    """
    failure = run_log.FAILURE.find(own)
    done = None if failure else of["undo"]
    timing = run_log.timing("undo").find(own)
    return {
        "report": VERSION,
        "kind": "undo",
        "migration": migration,
        "run": run,
        "of": of["run"],
        "interval": of["interval"],
        "timezone": of["timezone"],
        "written": journal.now(),
        "started": timing.started if timing else failure and failure.at,
        "seconds": timing and timing.seconds,
        "outcome": "undone" if done else "failed" if failure else "unfinished",
        "headline": _headline(failure, done, of),
        "failure": failure and {**record(failure), "stage_words": "undo"},
        "asked": asked,
        "target": of["target"],
        "at": done and done["at"],
        "put_back": [p | {"words": _words(p, of["switch"])} for p in done["put_back"]] if done else [],
        "written_since": done["written_since"] if done else [],
        "statements": done["statements"] if done else [],
    }


def _words(put_back: Record, switch: Record | None) -> str:
    """What the undo did with a table, in words."""
    made: dict[str, Any] = next((t for t in (switch or {}).get("tables", ()) if t["live"] == put_back["live"]), {})
    words = _WORDS.get(made.get("change", ""), _WORDS["swapped" if put_back["from"] else "created"])
    parts = [(made.get("rows_out"), "restored"), (made.get("rows_in"), "deleted")]
    rows = ", ".join(f"{count(n, 'row')} {what}" for n, what in parts if n is not None)
    return f"{words}: {rows}" if rows else words


def _headline(failure: Failure | None, done: Record | None, of: Record) -> str:
    if failure:
        what = failure.what
        return f"{what[:1].upper()}{what[1:]}. The undo was not performed; the live tables are unchanged."
    if not done:
        return "The undo has not finished."
    before = sum(bool(p["from"]) for p in done["put_back"])
    parts = [f"{count(before, 'table')} {'is' if before == 1 else 'are'} restored"] if before else []
    if removed := len(done["put_back"]) - before:
        parts.append(f"{count(removed, 'table')} that it had created {'is' if removed == 1 else 'are'} no longer live")
    words = f" for {interval(of['interval'], of['timezone'])}" if of["interval"] else ""
    text = f"The switch of the run {of['run']}{words} was undone{': ' if parts else ''}{', and '.join(parts)}."
    if since := len(done["written_since"]):
        text += f" Rows were written into {count(since, 'table')} after the switch; they are in the tables that the undo set aside."
    return text
