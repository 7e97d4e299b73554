"""Coverage as a calendar: one cell for each day, or for each interval where intervals are longer than a day."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from penstock.reporting.html.addresses import Addresses, report_of
from penstock.reporting.html.listing import Run
from penstock.runtime import formatting
from penstock.runtime.formatting import count

STATES = ("failed", "missing", "stale", "waiting", "proven")
"""The worst first: a day has the state of its worst interval."""
_STEP, _LEFT, _TOP = 16, 36, 18
_LONG = dt.timedelta(hours=36)

Record = Mapping[str, Any]


@dataclass(frozen=True)
class Cell:
    """A day, or a longer interval. title: its state in words.  to: the report of the run that the state is of, "" where there is none."""

    x: float
    y: float
    state: str
    title: str
    to: str


@dataclass(frozen=True)
class Year:
    """The picture of a year. months: (x, name).  rows: (y, name).  title: the states in words."""

    year: int
    width: float
    height: float
    months: tuple[tuple[float, str], ...]
    rows: tuple[tuple[float, str], ...]
    cells: tuple[Cell, ...]
    title: str
    size: int = _STEP - 3


@dataclass(frozen=True)
class Coverage:
    """A table, or all tables. counts: intervals by state.  lines: those that aren't proven, as (interval, state, why, address)."""

    name: str
    counts: Mapping[str, int]
    years: tuple[Year, ...]
    lines: tuple[tuple[str, str, str, str], ...]

    @property
    def total(self) -> int:
        return sum(self.counts.values())


def with_failures(stored: Record, runs: Iterable[Run]) -> list[Record]:
    """The tables of a stored coverage, with later runs that failed. The coverage is made from the journal, which has no failed runs."""
    last: dict[tuple[str, str], Run] = {}
    for run in sorted((r for r in runs if r.interval and r.outcome == "failed"), key=_written):
        last[run.interval or ("", "")] = run
    return [{**t, "cells": [_failed(c, last) for c in t["cells"]]} for t in stored["tables"]]


def _written(run: Run) -> str:
    """When a failed run wrote its report; without a report, when it ended."""
    return str(run.summary.get("written") or (run.ended.isoformat() if run.ended else ""))


def _failed(cell: Record, failed: Mapping[tuple[str, str], Run]) -> Record:
    run = failed.get(tuple(cell["interval"])) if cell["interval"] else None  # type: ignore[arg-type]
    if run is None or _written(run) <= cell["at"]:
        return cell
    why = run.summary.get("headline", "it ended without a report")
    return {**cell, "state": "failed", "run": run.summary.get("run", run.run_id), "at": _written(run), "why": why}


@dataclass(frozen=True)
class Calendar:
    """The migration that a calendar shows, the addresses of its runs, and its time zone."""

    dag_id: str
    to: Addresses
    timezone: str = "UTC"

    def words(self, cell: Record) -> str:
        """The interval of a cell, as people read it."""
        return formatting.interval(cell["interval"], self.timezone)

    def day(self, cell: Record) -> dt.date:
        """The day on which the interval of a cell starts."""
        return dt.datetime.fromisoformat(cell["interval"][0]).astimezone(ZoneInfo(self.timezone)).date()

    def address(self, cell: Record) -> str:
        """The address of the report of the cell's run; "" where it has none."""
        return report_of(self.to, self.dag_id, cell["run"]) if cell["run"] else ""


def coverage(name: str, cells: Sequence[Record], drawn: Calendar) -> Coverage:
    """The calendar of the cells of a table, or of all tables together."""
    counts = {s: n for s in STATES if (n := sum(c["state"] == s for c in cells))}
    spans = [(dt.datetime.fromisoformat(c["interval"][0]), dt.datetime.fromisoformat(c["interval"][1])) for c in cells]
    long = sorted(high - low for low, high in spans)[len(spans) // 2] > _LONG if spans else False
    grouped: dict[dt.date, list[Record]] = {}
    for cell in cells:
        grouped.setdefault(drawn.day(cell), []).append(cell)
    years = sorted({day.year for day in grouped})
    draw = _row if long else _days
    lines = [(drawn.words(c), c["state"], c["why"], drawn.address(c)) for c in cells if c["state"] != "proven"]
    pictures = [draw(year, {d: g for d, g in grouped.items() if d.year == year}, drawn) for year in reversed(years)]
    return Coverage(name, counts, tuple(pictures), tuple(lines))


def _days(year: int, grouped: Mapping[dt.date, Sequence[Record]], drawn: Calendar) -> Year:
    """A column for each week, from Monday at the top to Sunday."""
    first = dt.date(year, 1, 1).weekday()

    def at(day: dt.date) -> tuple[float, float]:
        number = (day - dt.date(year, 1, 1)).days + first
        return _LEFT + _STEP * (number // 7), _TOP + _STEP * (number % 7)

    months = tuple((at(dt.date(year, m, 1) + dt.timedelta(days=6))[0], f"{dt.date(year, m, 1):%b}") for m in range(1, 13))
    rows = tuple((_TOP + _STEP * n + 11.0, name) for n, name in ((0, "Mon"), (2, "Wed"), (4, "Fri"), (6, "Sun")))
    cells = tuple(_cell(at(day), str(day), group, drawn) for day, group in sorted(grouped.items()))
    return Year(year, _LEFT + _STEP * 54, _TOP + _STEP * 7, months, rows, cells, _title(year, grouped))


def _row(year: int, grouped: Mapping[dt.date, Sequence[Record]], drawn: Calendar) -> Year:
    """One row: each interval is at the place of its start in the year."""

    def at(day: dt.date) -> float:
        return _LEFT + _STEP * ((day - dt.date(year, 1, 1)).days // 7)

    months = tuple((at(dt.date(year, m, 1)), f"{dt.date(year, m, 1):%b}") for m in range(1, 13))
    cells = tuple(_cell((at(day), _TOP), drawn.words(group[0]), group, drawn) for day, group in sorted(grouped.items()))
    return Year(year, _LEFT + _STEP * 54, _TOP + _STEP, months, (), cells, _title(year, grouped))


def _cell(at: tuple[float, float], words: str, group: Sequence[Record], drawn: Calendar) -> Cell:
    """One cell for the intervals that start on that day, with the state of the worst."""
    by = {s: [c for c in group if c["state"] == s] for s in STATES}
    state = next(s for s in STATES if by[s])
    worst = by[state][0]
    if len(group) == 1:
        title = f"{words}: {state}" + (f", {count(worst['rows'], 'row')}" if worst["rows"] is not None else "")
        title += f": {worst['why']}" if worst["why"] else ""
    else:
        title = f"{words}: " + ", ".join(f"{len(by[s])} {s}" for s in STATES if by[s])
    return Cell(*at, state, title, drawn.address(worst))


def _title(year: int, grouped: Mapping[dt.date, Sequence[Record]]) -> str:
    cells = [c for group in grouped.values() for c in group]
    return f"{year}: " + ", ".join(f"{n} {s}" for s in reversed(STATES) if (n := sum(c["state"] == s for c in cells)))
