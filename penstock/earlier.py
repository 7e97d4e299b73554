"""The last run of the same migration before this one: what a report compares with, and an estimate is made from.

`last.json`, beside the migration's runs, names the run that was the last to prove its rows or to switch them, so that none has to be
looked for. A run copies it when it is planned: whatever other runs end while it goes on, it is compared with the last that had
ended before it began.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from penstock.staging import Staging

LAST = "last.json"
BEFORE = "before.json"
_ENDS = ("prove", "switch")


def remember(area: Staging) -> None:
    """Note in a run's area which run was the last of its migration, now that this one begins."""
    if not area.exists(BEFORE):
        last = area.beside.read_json(LAST) if area.beside.exists(LAST) else None
        area.write_json(last, BEFORE)


def before(area: Staging) -> dict[str, Any] | None:
    """The run that was the last when this one began: its `run`, when it `ended`, its `rows`, and the `seconds` of its stages."""
    found: dict[str, Any] | None = area.read_json(BEFORE) if area.exists(BEFORE) else None
    return found if found and area.of_run(found["run"]).path != area.path else None


def report_before(area: Staging) -> dict[str, Any] | None:
    """The report.json of the run before; None when there was none, or it can't be read: a report is written all the same."""
    last = before(area)
    try:
        found: dict[str, Any] | None = area.of_run(last["run"]).read_json("report.json") if last else None
    except (OSError, ValueError):
        return None
    return found


def publish(area: Staging, report: dict[str, Any]) -> None:
    """Make this the last run of its migration when it came as far as a proof, unless one that ended later is there already."""
    ends = [_end(s) for s in report["stages"] if s["stage"] in _ENDS and s["state"] == "done"]
    if not ends:
        return
    beside, ended = area.beside, max(ends)
    if beside.exists(LAST) and beside.read_json(LAST)["ended"] > ended:
        return
    seconds = {s["stage"]: s["seconds"] for s in report["stages"] if s["seconds"] is not None}
    beside.write_json({"run": report["run"], "ended": ended, "rows": report["totals"]["rows_read"], "seconds": seconds}, LAST)


def _end(stage: dict[str, Any]) -> str:
    began = dt.datetime.fromisoformat(stage["started"])
    return (began + dt.timedelta(seconds=stage["seconds"])).isoformat(timespec="microseconds")
