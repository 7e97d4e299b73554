"""One migration: its coverage, its history in a picture, and its runs."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from penstock.reporting import html
from penstock.reporting.html import calendar
from penstock.reporting.html.addresses import Addresses
from penstock.reporting.html.calendar import STATES, Coverage, Place
from penstock.reporting.html.history import MOST, history
from penstock.reporting.html.listing import Migration, Run

LEAST = MOST
"""So many runs the page wants, even where fewer are listed: for the picture."""


@dataclass(frozen=True)
class Window:
    """Which of all runs are listed: `show` of them after the first `skip`."""

    skip: int = 0
    show: int = 50


def page(
    migration: Migration,
    window: Window,
    kept: Mapping[str, Any] | None,
    others: Sequence[Run],
    to: Addresses,
    now: dt.datetime,
) -> str:
    """The page. kept: the coverage as last written down, None where there is none.  others: the last undos and repairs."""
    tables = calendar.overlaid(kept, migration.runs) if kept else []
    parted = [t for t in tables if any(c["interval"] for c in t["cells"])]
    place = calendar.Place(migration.dag_id, to, kept["drawn"][1] if kept and "drawn" in kept else "UTC")
    values = {
        "whole": [(t["table"], t["cells"][0]) for t in tables if t not in parted and t["cells"]],
        "every": _every(parted, place) if len(parted) > 1 else None,
        "parted": [calendar.coverage(t["table"], t["cells"], place) for t in parted],
        "as_of": kept and kept["as_of"],
        "history": history(migration.runs, to) if migration.runs else None,
    }
    trail = [(migration.dag_id, to.migration(migration.dag_id))]
    return html.render("migration.html.j2", to=to, trail=trail, migration=migration, window=window, others=others, now=now, **values)


def _every(tables: Sequence[Mapping[str, Any]], place: Place) -> Coverage:
    """All tables together: an interval is as its worst table, and names it."""
    worst: dict[tuple[str, str], Mapping[str, Any]] = {}
    for table in tables:
        for cell in table["cells"]:
            known = worst.setdefault(tuple(cell["interval"]), cell)
            if STATES.index(cell["state"]) < STATES.index(known["state"]):
                worst[tuple(cell["interval"])] = {**cell, "why": f"{table['table']}: {cell['why']}".removesuffix(": ")}
    cells = [{**worst[span], "rows": None} for span in sorted(worst)]
    return calendar.coverage("all tables", cells, place)
