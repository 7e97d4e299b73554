"""What a run will need: how much there is to move, the space it takes, and the time."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from penstock.databases import Size
from penstock.errors import Problem
from penstock.model.plan import TablePlan
from penstock.planning.preflight.sample import Pace
from penstock.runtime.formatting import count, number, seconds, size
from penstock.state import staging

# A run costs about so many seconds whatever it moves: Great Expectations alone takes some to import.
_FIXED, _EACH = 4.0, 0.15
# Keys, indexes and what a larger table does to caches: how much slower than the sample it may be.
_SLACK = 2.0


@dataclass(frozen=True)
class Space:
    """What a place needs to hold beside what is there. free: None where nobody knows."""

    place: str
    needed: int
    free: int | None


@dataclass(frozen=True)
class Outlook:
    """About how much a run has to move, and what it takes. None is what could not be known without reading everything.

    seconds: the shortest and the longest it is likely to take.  basis: what that is concluded from.
    """

    tables: int
    rows: int | None
    bytes: int | None
    largest: tuple[tuple[str, int | None, int | None], ...]
    space: tuple[Space, ...] = ()
    seconds: tuple[float, float] | None = None
    basis: str = ""

    def told(self) -> list[str]:
        """The same in words, a line each."""
        rows = f"about {count(self.rows, 'row')}" if self.rows is not None else "rows unknown: no statistics"
        lines = [f"sizes: {count(self.tables, 'table')}, {rows}, {size(self.bytes)}"]
        if self.tables > 1 and self.largest:
            named = (f"{name} ({number(rows)} rows, {size(held)})" for name, rows, held in self.largest)
            lines.append(f"the largest: {', '.join(named)}")
        for space in self.space:
            free = f"{size(space.free)} free" if space.free is not None else "what is free there is unknown"
            lines.append(f"space: {space.place} needs about {size(space.needed)}; {free}")
        if self.seconds:
            low, high = self.seconds
            lines.append(f"time: about {seconds(low)} to {seconds(high)}, {self.basis}")
        return lines


def look(
    plans: Sequence[TablePlan],
    sizes: Mapping[str, Size],
    paces: Sequence[Pace],
    root: str,
    target_file: str | None,
    readers: int,
    writers: int,
) -> tuple[Outlook, list[Problem]]:
    """The outlook, and where there is not room enough.

    root: of the staging area, empty when nobody said.  target_file: of a target that is a file.
    readers, writers: how many of either work at a time.
    """
    known = {p.name: sizes.get(p.name, Size(None, None)) for p in plans}
    by_name = {p.table: p for p in paces}
    moved = _moved(known, paces)
    rows = {name: round(_rows(held, by_name[name])) if name in by_name else held.rows for name, held in known.items()}
    ordered = sorted(known, key=lambda n: -(known[n].bytes or rows[n] or 0))
    packed = sum(p.staged for p in paces) / max(1, sum(p.bytes for p in paces)) if any(p.bytes for p in paces) else 1.0
    twice = {p.name for p in plans if p.steps}
    needs = [("staging", staging.local_root(root) if root else None, sum(b * (2 if n in twice else 1) for n, b in moved.items()) * packed)]
    needs.append(("target", Path(target_file) if target_file else None, sum(moved.values())))
    space = tuple(Space(place, round(needed), _free(path)) for place, path, needed in needs)
    counted = [n for n in rows.values() if n is not None]
    weighed = [s.bytes for s in known.values() if s.bytes is not None]
    found = Outlook(
        len(plans),
        sum(counted) if len(counted) == len(known) else None,
        sum(weighed) if len(weighed) == len(known) else None,
        tuple((n, rows[n], known[n].bytes) for n in ordered[:3]),
        space,
        *_time(moved, paces, len(plans), readers, writers),
    )
    return found, _short(needs, bool(paces))


def _moved(known: Mapping[str, Size], paces: Sequence[Pace]) -> dict[str, float]:
    """Bytes of each table in memory: by its sample; without one by what the database says, in the relation that the sampled ones have."""
    moved = {p.table: p.bytes / p.rows * _rows(known[p.table], p) if p.rows else 0.0 for p in paces}
    kept = sum(known[name].bytes or 0 for name in moved)
    relation = sum(moved.values()) / kept if kept and any(moved.values()) else 1.0
    return {name: moved.get(name, (held.bytes or 0) * relation) for name, held in known.items()}


def _rows(held: Size, pace: Pace) -> float:
    """A table's rows; where there are no statistics, as many as its bytes suggest."""
    if pace.whole or (held.rows is None and held.bytes is None):
        return pace.rows
    if held.rows is not None:
        return max(held.rows, pace.rows)
    return max(pace.rows, (held.bytes or 0) * pace.rows / max(1, pace.bytes))


def _time(
    moved: Mapping[str, float], paces: Sequence[Pace], tables: int, readers: int, writers: int
) -> tuple[tuple[float, float] | None, str]:
    measured = [p for p in paces if p.rows and p.bytes]
    if not measured:
        return None, ""
    total = sum(p.bytes for p in measured)
    loaded = [p for p in measured if p.write is not None and p.back is not None]
    read = sum(p.read for p in measured) / total
    if loaded:
        of = sum(p.bytes for p in loaded)
        write, back = sum(p.write or 0 for p in loaded) / of, sum(p.back or 0 for p in loaded) / of
    else:
        write, back = 2 * read, read
    whole = sum(moved.values())
    cores = os.cpu_count() or 1
    fixed = _FIXED + _EACH * tables
    low = whole * (read / min(readers, cores) + (write + back) / min(writers, cores)) + fixed / 2
    high = _SLACK * whole * (read + write + back) + fixed * 1.5
    first = max(measured, key=lambda p: p.bytes)
    basis = f"from {count(first.rows, 'row')} of {first.table}, read at {first.rows / max(first.read, 1e-6):,.0f} rows/s"
    if first.write is not None:
        basis += f" and loaded at {first.rows / max(first.write, 1e-6):,.0f}"
    if len(measured) > 1:
        basis += f", and samples of {count(len(measured) - 1, 'other table')}"
    return (round(low, 1), round(high, 1)), basis + ("" if loaded else "; loading could not be measured")


def _short(needs: Sequence[tuple[str, Path | None, float]], measured: bool) -> list[Problem]:
    """Places with too little room. What lies on one disk needs it together."""
    disks: dict[int, list[tuple[str, Path, float]]] = {}
    problems = []
    for place, path, needed in needs:
        if path is not None:
            there = _existing(path)
            disks.setdefault(there.stat().st_dev, []).append((place, there, needed))
            if not os.access(there, os.W_OK):
                fix = f"let this user write into {there}"
                problems.append(Problem(True, place, f"nothing can be written at {path}", fix, "privileges"))
    for parts in disks.values():
        places, needed = " and ".join(p for p, _, _ in parts), sum(n for _, _, n in parts)
        free = shutil.disk_usage(parts[0][1]).free
        if needed * 1.2 > free:
            # half of it is missing even if the guess is twice the truth
            blocking = measured and needed > 2 * free
            what = f"about {size(needed)} will be needed, and {size(free)} are free"
            problems.append(Problem(blocking, places, what, "make room, or move the tables in several migrations", "space"))
    return problems


def _free(path: Path | None) -> int | None:
    return shutil.disk_usage(_existing(path)).free if path is not None else None


def _existing(path: Path) -> Path:
    """`path`, or the nearest folder above it that is there."""
    return next(p for p in (path, *path.absolute().parents) if p.exists())
