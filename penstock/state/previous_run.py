"""Earlier runs of the same migration: what a report compares with, and an estimate is made from.

Like is compared with like. A run is of a *kind*: what it moves of its tables (whole tables, a partition, an increment). `last.json`, beside
the migration's runs, names the last run of each kind that came to a proof or a switch, and how many rows of each table the last runs have
read, so that none has to be looked for. A run copies it when it is planned: whatever other runs end while it goes on, it is compared with
those that had ended before it began.
"""

from __future__ import annotations

import datetime as dt
import statistics
from collections.abc import Iterable, Sequence
from typing import Any

from penstock.model.plan import TablePlan
from penstock.state.staging import Staging

LAST = "last.json"
BEFORE = "before.json"
_ENDS = ("prove", "switch")
_KEPT = {"whole": 1, "partition": 8, "increment": 8}
"""How many runs are remembered of a table, by what was moved of it. Of a repair none is: what differs by chance is no measure."""
_MEDIAN = 7


def moves(table: TablePlan) -> str:
    """What a run moves of a table: whole, partition, increment; or repair, what differs."""
    return {"differences": "repair", "interval": "partition", "changes": "increment", "whole": "whole"}[table.scope.type]


def kind(moved: Iterable[str]) -> str:
    """The kind of a run, of what it moves of its tables; empty for a repair, which is like no other run."""
    found = set(moved)
    return "" if found <= {"repair"} else "+".join(sorted(found))


def remember(area: Staging) -> None:
    """Note in a run's area which runs were the last of its migration, now that this one begins."""
    if not area.exists(BEFORE):
        last = area.beside.read_json(LAST) if area.beside.exists(LAST) else None
        area.write_json(last, BEFORE)


def before(area: Staging, kind: str) -> dict[str, Any] | None:
    """The run of this kind that was the last when this one began: its `run`, when it `ended`, its `rows`, the `seconds` of its stages."""
    found: dict[str, Any] | None = _remembered(area).get("runs", {}).get(kind)
    return found if found and area.of_run(found["run"]).path != area.path else None


def report_before(area: Staging, kind: str) -> dict[str, Any] | None:
    """The report.json of the run before; None when there was none, or it can't be read: a report is written all the same."""
    last = before(area, kind)
    try:
        found: dict[str, Any] | None = area.of_run(last["run"]).read_json("report.json") if last else None
    except (OSError, ValueError):
        return None
    return found


def usual(area: Staging, tables: Iterable[TablePlan], interval: Sequence[str] | None) -> dict[str, int]:
    """How many rows earlier runs have read of each table, where as much of it was moved; without those that have no run alike.

    Of a whole table those of the last run. Of an increment the median of the last seven. Of a partition those of the same interval, when it
    was moved before, else the median of the seven last intervals of the same length before it.
    """
    known = _remembered(area).get("tables", {})
    found = {t.name: _usual(area, known.get(t.name, {}).get(moves(t), ()), moves(t), interval) for t in tables}
    return {name: rows for name, rows in found.items() if rows is not None}


def _usual(area: Staging, known: Sequence[dict[str, Any]], moves: str, interval: Sequence[str] | None) -> int | None:
    past = [e for e in known if area.of_run(e["run"]).path != area.path]
    if moves == "partition" and interval:
        same = [e for e in past if e["interval"] == list(interval)]
        alike = [e for e in past if e["interval"] and e["interval"][1] <= interval[0] and _alike(e["interval"], interval)]
        past = same[-1:] or sorted(alike, key=lambda e: str(e["interval"][0]))
    elif moves == "whole":
        past = past[-1:]
    return round(statistics.median(e["rows"] for e in past[-_MEDIAN:])) if past else None


def _alike(one: Sequence[str], other: Sequence[str]) -> bool:
    """Whether two intervals are about as long: days have 23 to 25 hours, months 28 to 31 days."""
    spans = sorted((dt.datetime.fromisoformat(high) - dt.datetime.fromisoformat(low)) for low, high in (one, other))
    return spans[1] <= spans[0] * 1.15


def publish(area: Staging, report: dict[str, Any]) -> None:
    """Make this the last run of its kind when it came as far as a proof, unless one that ended later is there already."""
    ends = [_end(s) for s in report["stages"] if s["stage"] in _ENDS and s["state"] == "done"]
    of = kind(t["moves"] for t in report["tables"])
    if not ends or not of:
        return
    beside, ended = area.beside, max(ends)
    last = beside.read_json(LAST) if beside.exists(LAST) else {}
    runs, tables = dict(last.get("runs", {})), dict(last.get("tables", {}))
    if of not in runs or runs[of]["ended"] <= ended:
        seconds = {s["stage"]: s["seconds"] for s in report["stages"] if s["seconds"] is not None}
        runs[of] = {"run": report["run"], "ended": ended, "rows": report["totals"]["rows_read"], "seconds": seconds}
    for table in report["tables"]:
        if table["moves"] in _KEPT and table["rows_read"] is not None:
            entry = {"run": report["run"], "ended": ended, "interval": report["interval"], "rows": table["rows_read"]}
            known = dict(tables.get(table["table"], {}))
            tables[table["table"]] = known | {table["moves"]: _with(known.get(table["moves"], []), entry)[-_KEPT[table["moves"]] :]}
    beside.write_json({"runs": runs, "tables": tables}, LAST)


def _with(known: list[dict[str, Any]], entry: dict[str, Any]) -> list[dict[str, Any]]:
    """What is known of a table's runs, by when they ended, with this one in the place of what was known of it."""
    return sorted([*(e for e in known if e["run"] != entry["run"]), entry], key=lambda e: str(e["ended"]))


def _remembered(area: Staging) -> dict[str, Any]:
    found: dict[str, Any] = (area.read_json(BEFORE) if area.exists(BEFORE) else None) or {}
    return found


def _end(stage: dict[str, Any]) -> str:
    began = dt.datetime.fromisoformat(stage["started"])
    return (began + dt.timedelta(seconds=stage["seconds"])).isoformat(timespec="microseconds")
