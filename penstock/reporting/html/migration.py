"""One migration: its coverage, its history in a picture, and its runs."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from penstock.reporting.html import calendar
from penstock.reporting.html.addresses import Addresses
from penstock.reporting.html.calendar import STATES, Calendar, Coverage
from penstock.reporting.html.environment import render
from penstock.reporting.html.history import MOST, history
from penstock.reporting.html.listing import Migration, Run

LEAST = MOST
"""The number of runs that the page needs for its picture, even where it lists fewer."""


@dataclass(frozen=True)
class Window:
    """The runs that are listed: `show` of them, after the first `skip`."""

    skip: int = 0
    show: int = 50


def page(
    migration: Migration,
    window: Window,
    stored: Mapping[str, Any] | None,
    others: Sequence[Run],
    to: Addresses,
    now: dt.datetime,
) -> str:
    """The page. stored: the coverage as last written, None where there is none.  others: the last undos and repairs."""
    tables = calendar.with_failures(stored, migration.runs) if stored else []
    partitioned = [t for t in tables if any(c["interval"] for c in t["cells"])]
    drawn = Calendar(migration.dag_id, to, stored["drawn"][1] if stored and "drawn" in stored else "UTC")
    values = {
        "whole": [(t["table"], t["cells"][0]) for t in tables if t not in partitioned and t["cells"]],
        "every": _every(partitioned, drawn) if len(partitioned) > 1 else None,
        "partitioned": [calendar.coverage(t["table"], t["cells"], drawn) for t in partitioned],
        "as_of": stored and stored["as_of"],
        "history": history(migration.runs, to) if migration.runs else None,
    }
    trail = [(migration.dag_id, to.migration(migration.dag_id))]
    return render("migration.html.j2", to=to, trail=trail, migration=migration, window=window, others=others, now=now, **values)


def _every(tables: Sequence[Mapping[str, Any]], drawn: Calendar) -> Coverage:
    """All tables together: an interval has the state of its worst table, and names that table."""
    worst: dict[tuple[str, str], Mapping[str, Any]] = {}
    for table in tables:
        for cell in table["cells"]:
            worst_so_far = worst.setdefault(tuple(cell["interval"]), cell)
            if STATES.index(cell["state"]) < STATES.index(worst_so_far["state"]):
                worst[tuple(cell["interval"])] = {**cell, "why": f"{table['table']}: {cell['why']}".removesuffix(": ")}
    cells = [{**worst[span], "rows": None} for span in sorted(worst)]
    return calendar.coverage("all tables", cells, drawn)
