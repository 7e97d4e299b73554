"""Coverage as a calendar: a cell a day, whatever the schedule; where intervals are longer than a day, a cell for each, a row a year."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from penstock.reporting.html.addresses import Addresses
from penstock.reporting.html.listing import Run, report_of
from penstock.runtime import formatting
from penstock.runtime.formatting import count

STATES = ("failed", "missing", "stale", "waiting", "proven")
"""Worst first: a day is as its worst interval."""
_STEP, _LEFT, _TOP = 16, 36, 18
_LONG = dt.timedelta(hours=36)

Record = Mapping[str, Any]


@dataclass(frozen=True)
class Cell:
    """A day, or a longer interval. told: how it stands, in words.  to: the report of the run that says so, "" where none does."""

    x: float
    y: float
    state: str
    told: str
    to: str


@dataclass(frozen=True)
class Year:
    """A year's picture: months as (x, name), and cells."""

    year: int
    width: float
    height: float
    months: tuple[tuple[float, str], ...]
    rows: tuple[tuple[float, str], ...]
    cells: tuple[Cell, ...]
    told: str
    size: int = _STEP - 3


@dataclass(frozen=True)
class Coverage:
    """A table, or all of them. counts: of its intervals, by state.  lines: what isn't proven, as (interval, state, why, address)."""

    name: str
    counts: Mapping[str, int]
    years: tuple[Year, ...]
    lines: tuple[tuple[str, str, str, str], ...]

    @property
    def total(self) -> int:
        return sum(self.counts.values())


def overlaid(kept: Record, runs: Iterable[Run]) -> list[Record]:
    """The tables of a kept coverage, with what later runs failed to do: of that the journal, which it was made from, knows nothing."""
    last: dict[tuple[str, str], Run] = {}
    for run in sorted((r for r in runs if r.interval and r.outcome == "failed"), key=_written):
        last[run.interval or ("", "")] = run
    return [{**t, "cells": [_failed(c, last) for c in t["cells"]]} for t in kept["tables"]]


def _written(run: Run) -> str:
    """When a run said that it failed, or ended without a report."""
    return str(run.summary.get("written") or (run.ended.isoformat() if run.ended else ""))


def _failed(cell: Record, failed: Mapping[tuple[str, str], Run]) -> Record:
    run = failed.get(tuple(cell["interval"])) if cell["interval"] else None  # type: ignore[arg-type]
    if run is None or _written(run) <= cell["at"]:
        return cell
    why = run.summary.get("headline", "it ended without a report")
    return {**cell, "state": "failed", "run": run.summary.get("run", run.run_id), "at": _written(run), "why": why}


@dataclass(frozen=True)
class Place:
    """Whose coverage a calendar shows: a migration's, in its time zone; `to` has the addresses of the runs."""

    dag_id: str
    to: Addresses
    timezone: str = "UTC"

    def words(self, cell: Record) -> str:
        """The interval of a cell as people read it."""
        return formatting.interval(cell["interval"], self.timezone)

    def day(self, cell: Record) -> dt.date:
        """The day on which the interval of a cell begins."""
        return dt.datetime.fromisoformat(cell["interval"][0]).astimezone(ZoneInfo(self.timezone)).date()

    def address(self, cell: Record) -> str:
        """Of the report of the run that a cell is of; "" where it is of none."""
        return report_of(self.to, self.dag_id, cell["run"]) if cell["run"] else ""


def coverage(name: str, cells: Sequence[Record], place: Place) -> Coverage:
    """The calendar of a table's cells, or of all tables' together: then an interval is as its worst table."""
    counts = {s: n for s in STATES if (n := sum(c["state"] == s for c in cells))}
    spans = [(dt.datetime.fromisoformat(c["interval"][0]), dt.datetime.fromisoformat(c["interval"][1])) for c in cells]
    long = sorted(high - low for low, high in spans)[len(spans) // 2] > _LONG if spans else False
    grouped: dict[dt.date, list[Record]] = {}
    for cell in cells:
        grouped.setdefault(place.day(cell), []).append(cell)
    years = sorted({day.year for day in grouped})
    draw = _row if long else _days
    lines = [(place.words(c), c["state"], c["why"], place.address(c)) for c in cells if c["state"] != "proven"]
    drawn = [draw(year, {d: g for d, g in grouped.items() if d.year == year}, place) for year in reversed(years)]
    return Coverage(name, counts, tuple(drawn), tuple(lines))


def _days(year: int, grouped: Mapping[dt.date, Sequence[Record]], place: Place) -> Year:
    """Weeks from left to right, in each Monday to Sunday downwards."""
    first = dt.date(year, 1, 1).weekday()

    def at(day: dt.date) -> tuple[float, float]:
        number = (day - dt.date(year, 1, 1)).days + first
        return _LEFT + _STEP * (number // 7), _TOP + _STEP * (number % 7)

    months = tuple((at(dt.date(year, m, 1) + dt.timedelta(days=6))[0], f"{dt.date(year, m, 1):%b}") for m in range(1, 13))
    rows = tuple((_TOP + _STEP * n + 11.0, name) for n, name in ((0, "Mon"), (2, "Wed"), (4, "Fri"), (6, "Sun")))
    cells = tuple(_cell(at(day), str(day), group, place) for day, group in sorted(grouped.items()))
    return Year(year, _LEFT + _STEP * 54, _TOP + _STEP * 7, months, rows, cells, _told(year, grouped))


def _row(year: int, grouped: Mapping[dt.date, Sequence[Record]], place: Place) -> Year:
    """One row: the place of each interval is where it begins in the year."""

    def at(day: dt.date) -> float:
        return _LEFT + _STEP * ((day - dt.date(year, 1, 1)).days // 7)

    months = tuple((at(dt.date(year, m, 1)), f"{dt.date(year, m, 1):%b}") for m in range(1, 13))
    cells = tuple(_cell((at(day), _TOP), place.words(group[0]), group, place) for day, group in sorted(grouped.items()))
    return Year(year, _LEFT + _STEP * 54, _TOP + _STEP, months, (), cells, _told(year, grouped))


def _cell(at: tuple[float, float], words: str, group: Sequence[Record], place: Place) -> Cell:
    """One cell for what begins on that day, as the worst of it is."""
    by = {s: [c for c in group if c["state"] == s] for s in STATES}
    state = next(s for s in STATES if by[s])
    worst = by[state][0]
    if len(group) == 1:
        told = f"{words}: {state}" + (f", {count(worst['rows'], 'row')}" if worst["rows"] is not None else "")
        told += f": {worst['why']}" if worst["why"] else ""
    else:
        told = f"{words}: " + ", ".join(f"{len(by[s])} {s}" for s in STATES if by[s])
    return Cell(*at, state, told, place.address(worst))


def _told(year: int, grouped: Mapping[dt.date, Sequence[Record]]) -> str:
    cells = [c for group in grouped.values() for c in group]
    return f"{year}: " + ", ".join(f"{n} {s}" for s in reversed(STATES) if (n := sum(c["state"] == s for c in cells)))
