"""Earlier runs of the same migration: what a report compares with, and an estimate is made from.

Like is compared with like. A run is of a *kind*: what it moves of its tables (whole tables, a partition, an increment). The history of
the migration, a file next to its runs, names the last run of each kind that came to a proof or a switch, and how many rows of each table
the last runs have read, so that none has to be looked for. A run copies it when it is planned: whatever other runs end while it goes on,
it is compared with those that had ended before it began.
"""

from __future__ import annotations

import datetime as dt
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import TypeAdapter

from penstock.errors import PenstockError
from penstock.model.plan import TablePlan
from penstock.state import run_files
from penstock.state.json_file import JsonFile
from penstock.state.staging import Staging

_ENDS = ("prove", "switch")
_KEPT = {"whole": 1, "partition": 8, "increment": 8}
"""How many runs are remembered of a table, by what was moved of it. Of a repair none is: what differs by chance is no measure."""
_MEDIAN = 7


@dataclass(frozen=True)
class LastRun:
    """The last run of a kind: when it ended (an ISO instant), how many rows it read, and the seconds of each of its stages."""

    run: str
    ended: str
    rows: int | None
    seconds: Mapping[str, float]


@dataclass(frozen=True)
class PastRun:
    """How many rows of a table a run has read. interval: both ends in UTC, None for a run without one."""

    run: str
    ended: str
    interval: tuple[str, str] | None
    rows: int


@dataclass(frozen=True)
class History:
    """What earlier runs of a migration were like. runs: the last one of each kind.  tables: by table and what was moved of it."""

    runs: Mapping[str, LastRun] = field(default_factory=dict)
    tables: Mapping[str, Mapping[str, tuple[PastRun, ...]]] = field(default_factory=dict)


LAST: JsonFile[History] = JsonFile(run_files.LAST, TypeAdapter(History))
BEFORE: JsonFile[History | None] = JsonFile(run_files.BEFORE, TypeAdapter(History | None))


def moves(table: TablePlan) -> str:
    """What a run moves of a table: whole, partition, increment; or repair, what differs."""
    return {"differences": "repair", "interval": "partition", "changes": "increment", "whole": "whole"}[table.scope.type]


def kind(moved: Iterable[str]) -> str:
    """The kind of a run, of what it moves of its tables; empty for a repair, which is like no other run."""
    found = set(moved)
    return "" if found <= {"repair"} else "+".join(sorted(found))


def remember(area: Staging) -> None:
    """Note in a run's area which runs were the last of its migration, now that this one begins."""
    if not area.exists(BEFORE.path):
        BEFORE.write(area, LAST.find(area.beside))


def before(area: Staging, kind: str) -> LastRun | None:
    """The run of this kind that was the last when this one began."""
    found = _remembered(area).runs.get(kind)
    return found if found and area.of_run(found.run).path != area.path else None


def report_before(area: Staging, kind: str) -> dict[str, Any] | None:
    """The report.json of the run before; None when there was none, or it can't be read: a report is written all the same."""
    last = before(area, kind)
    try:
        found: dict[str, Any] | None = area.of_run(last.run).read_json(run_files.REPORT) if last else None
    except (OSError, ValueError, PenstockError):
        return None
    return found


def usual(area: Staging, tables: Iterable[TablePlan], interval: Sequence[str] | None) -> dict[str, int]:
    """How many rows earlier runs have read of each table, where as much of it was moved; without those that have no run alike.

    Of a whole table those of the last run. Of an increment the median of the last seven. Of a partition those of the same interval, when it
    was moved before, else the median of the seven last intervals of the same length before it.
    """
    known = _remembered(area).tables
    found = {t.name: _usual(area, known.get(t.name, {}).get(moves(t), ()), moves(t), interval) for t in tables}
    return {name: rows for name, rows in found.items() if rows is not None}


def _usual(area: Staging, known: Sequence[PastRun], moves: str, interval: Sequence[str] | None) -> int | None:
    past = [e for e in known if area.of_run(e.run).path != area.path]
    if moves == "partition" and interval:
        same = [e for e in past if e.interval == tuple(interval)]
        alike = [e for e in past if e.interval and e.interval[1] <= interval[0] and _alike(e.interval, interval)]
        past = same[-1:] or sorted(alike, key=lambda e: e.interval or ("", ""))
    elif moves == "whole":
        past = past[-1:]
    return round(statistics.median(e.rows for e in past[-_MEDIAN:])) if past else None


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
    last = LAST.find(beside) or History()
    runs, tables = dict(last.runs), dict(last.tables)
    if of not in runs or runs[of].ended <= ended:
        seconds = {s["stage"]: s["seconds"] for s in report["stages"] if s["seconds"] is not None}
        runs[of] = LastRun(report["run"], ended, report["totals"]["rows_read"], seconds)
    span = (str(report["interval"][0]), str(report["interval"][1])) if report["interval"] else None
    for table in report["tables"]:
        if table["moves"] in _KEPT and table["rows_read"] is not None:
            known = tables.get(table["table"], {})
            past = _with(known.get(table["moves"], ()), PastRun(report["run"], ended, span, table["rows_read"]))
            tables[table["table"]] = {**known, table["moves"]: past[-_KEPT[table["moves"]] :]}
    LAST.write(beside, History(runs, tables))


def _with(known: Sequence[PastRun], run: PastRun) -> tuple[PastRun, ...]:
    """What is known of a table's runs, by when they ended, with this one in the place of what was known of it."""
    return tuple(sorted([*(e for e in known if e.run != run.run), run], key=lambda e: e.ended))


def _remembered(area: Staging) -> History:
    return BEFORE.find(area) or History()


def _end(stage: dict[str, Any]) -> str:
    began = dt.datetime.fromisoformat(stage["started"])
    return (began + dt.timedelta(seconds=stage["seconds"])).isoformat(timespec="microseconds")
