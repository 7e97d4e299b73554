"""What a run will need: how much there is to move, the space it takes, and the time."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from penstock.databases import Size
from penstock.model.plan import TablePlan
from penstock.planning.preflight import endpoints
from penstock.planning.preflight.context import Context
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
class Estimate:
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

    def lines(self) -> list[str]:
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


@dataclass(frozen=True)
class Workload:
    """What an estimate is made from.

    sizes, paces: of the tables, as far as they are known; by source table.
    staging: URL of the staging area, "" when none is known.  target_file: of a target that is a file.
    readers, writers: how many of either work at a time.
    """

    plans: Sequence[TablePlan]
    sizes: Mapping[str, Size]
    paces: Sequence[Pace]
    staging: str
    target_file: Path | None
    readers: int
    writers: int

    @property
    def held(self) -> dict[str, Size]:
        """The size of every table, as the source's statistics have it."""
        return {p.name: self.sizes.get(p.name, Size(None, None)) for p in self.plans}


@dataclass(frozen=True)
class Needed:
    """Bytes that a run needs at a place. path: None where the place is no folder of this machine."""

    place: str
    path: Path | None
    bytes: float


def workload(context: Context) -> Workload:
    """What the context knows for an estimate."""
    migration, target = context.migration, context.target
    file = (target.connection.engine.url.database or "").removeprefix("file:") if target.database.embedded else ""
    return Workload(
        plans=context.plans,
        sizes=context.rows.sizes,
        paces=context.rows.sample.paces if context.rows.sample else (),
        staging=context.request.root,
        target_file=Path(file) if file else None,
        readers=endpoints.connections(migration),
        writers=endpoints.writers(migration, target),
    )


def estimate(work: Workload) -> Estimate:
    """About how much there is to do."""
    known, by_name = work.held, {p.table: p for p in work.paces}
    rows = {name: round(_rows(held, by_name[name])) if name in by_name else held.rows for name, held in known.items()}
    ordered = sorted(known, key=lambda n: -(known[n].bytes or rows[n] or 0))
    counted = [n for n in rows.values() if n is not None]
    weighed = [s.bytes for s in known.values() if s.bytes is not None]
    return Estimate(
        len(work.plans),
        sum(counted) if len(counted) == len(known) else None,
        sum(weighed) if len(weighed) == len(known) else None,
        tuple((n, rows[n], known[n].bytes) for n in ordered[:3]),
        tuple(Space(n.place, round(n.bytes), _free(n.path)) for n in space(work)),
        *_time(_moved(known, work.paces), work),
    )


def space(work: Workload) -> list[Needed]:
    """How much room a run takes in the staging area and at the target."""
    moved, paces = _moved(work.held, work.paces), work.paces
    packed = sum(p.staged for p in paces) / max(1, sum(p.bytes for p in paces)) if any(p.bytes for p in paces) else 1.0
    twice = {p.name for p in work.plans if p.steps}
    staged = sum(b * (2 if n in twice else 1) for n, b in moved.items()) * packed
    root = staging.local_root(work.staging) if work.staging else None
    return [Needed("staging", root, staged), Needed("target", work.target_file, sum(moved.values()))]


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


def _time(moved: Mapping[str, float], work: Workload) -> tuple[tuple[float, float] | None, str]:
    """The shortest and the longest time in seconds, and what that is concluded from."""
    measured = [p for p in work.paces if p.rows and p.bytes]
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
    fixed = _FIXED + _EACH * len(work.plans)
    low = whole * (read / min(work.readers, cores) + (write + back) / min(work.writers, cores)) + fixed / 2
    high = _SLACK * whole * (read + write + back) + fixed * 1.5
    first = max(measured, key=lambda p: p.bytes)
    basis = f"from {count(first.rows, 'row')} of {first.table}, read at {first.rows / max(first.read, 1e-6):,.0f} rows/s"
    if first.write is not None:
        basis += f" and loaded at {first.rows / max(first.write, 1e-6):,.0f}"
    if len(measured) > 1:
        basis += f", and samples of {count(len(measured) - 1, 'other table')}"
    return (round(low, 1), round(high, 1)), basis + ("" if loaded else "; loading could not be measured")


def _free(path: Path | None) -> int | None:
    return shutil.disk_usage(existing(path)).free if path is not None else None


def existing(path: Path) -> Path:
    """`path`, or the nearest folder above it that is there."""
    return next(p for p in (path, *path.absolute().parents) if p.exists())
