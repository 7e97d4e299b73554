"""The last runs of a migration as one picture: a column for each run with its time and its rate, and a row of cells for each gate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from penstock.reporting.html.addresses import Addresses
from penstock.reporting.html.listing import GATES, Run
from penstock.runtime import formatting

MOST = 60
"""The number of runs in the picture."""
_LEFT, _RIGHT, _STEP, _BARS, _CELL, _ROW = 108, 64, 17, 84, 12, 18
WORDS = {"open": "open", "warned": "open, with warnings", "closed": "closed", "not reached": "not reached"}


@dataclass(frozen=True)
class Mark:
    """A bar, a point or a cell. look: the colour of the outcome, or the state of the gate.  title: in words.  to: an address."""

    x: float
    y: float
    height: float
    look: str
    title: str
    to: str


@dataclass(frozen=True)
class Strip:
    """One gate over the runs. y: the middle of its cells."""

    words: str
    y: float
    cells: tuple[Mark, ...]


@dataclass(frozen=True)
class History:
    """rates: lines of points, one for each stretch of runs with a rate.  slowest, fastest: the ends of the two scales."""

    width: float
    height: float
    floor: float
    bars: tuple[Mark, ...]
    rates: tuple[str, ...]
    points: tuple[Mark, ...]
    slowest: float
    fastest: float
    strips: tuple[Strip, ...]
    left: float = _LEFT
    cell: float = _CELL


def history(runs: Sequence[Run], to: Addresses) -> History:
    """The picture of the last `MOST` of these runs. runs: newest first; in the picture the newest is at the right."""
    shown = list(reversed(runs[:MOST]))
    slowest = max((r.seconds or 0 for r in shown), default=0)
    fastest = max((r.rate or 0 for r in shown), default=0)
    xs = [_LEFT + _STEP * n + _STEP / 2 for n in range(len(shown))]
    floor = _BARS + 14.0
    bars, points, strips = [], [], []
    for x, run in zip(xs, shown, strict=True):
        height = _BARS * (run.seconds or 0) / slowest if slowest else 0
        title = f"{run.name}: {run.outcome}, {formatting.seconds(run.seconds)}"
        bars.append(Mark(x - _CELL / 2, floor - max(height, 2), max(height, 2), run.look, title, to.report(run.dag_id, run.run_id)))
        if run.rate:
            y = floor - _BARS * run.rate / fastest
            points.append(Mark(x, y, 0, "", f"{run.name}: {run.rate:,.0f} rows/s", to.report(run.dag_id, run.run_id)))
    y = floor + 26
    for stage, words in [*((s, f"gate: {s}") for s in GATES), ("proof", "proof")]:
        cells = [(x, r, r.proof if stage == "proof" else r.gate(stage)) for x, r in zip(xs, shown, strict=True)]
        if all(state is None for _, _, state in cells):
            continue
        marks = tuple(
            Mark(x, y, _CELL, state.replace(" ", "-"), f"{run.name}: {words} {WORDS.get(state, state)}", _evidence(to, run, stage))
            for x, run, state in cells
            if state is not None
        )
        strips.append(Strip(words, y, marks))
        y += _ROW
    lines = tuple(" ".join(f"{p.x:.1f},{p.y:.1f}" for p in stretch) for stretch in _stretches(points))
    width = _LEFT + _STEP * max(len(shown), 20) + _RIGHT
    return History(width, y - 4, floor, tuple(bars), lines, tuple(points), slowest, fastest, tuple(strips))


def _evidence(to: Addresses, run: Run, stage: str) -> str:
    return f"{to.report(run.dag_id, run.run_id)}#proof" if stage == "proof" else to.gate(run.dag_id, run.run_id, stage)


def _stretches(points: Sequence[Mark]) -> list[list[Mark]]:
    """Points in adjacent columns: a run without a rate is a gap."""
    found = [[p] for p in points[:1]]
    for before, point in pairwise(points):
        if point.x - before.x > _STEP * 1.5:
            found.append([])
        found[-1].append(point)
    return found


@dataclass(frozen=True)
class Trend:
    """A trend in the size of a word: a bar for each run, its time and outcome, and a line of rows per second. title: in words."""

    bars: tuple[Mark, ...]
    line: str
    title: str
    width: int = 124
    height: int = 26


def trend(runs: Sequence[Run], most: int = 20) -> Trend:
    """The trend over the last runs. runs: newest first; in the picture the newest is at the right."""
    shown = list(reversed(runs[:most]))
    slowest = max((r.seconds or 0 for r in shown), default=0) or 1
    fastest = max((r.rate or 0 for r in shown), default=0) or 1
    step = Trend.width / most
    first = most - len(shown)
    bars, line = [], []
    for n, run in enumerate(shown, first):
        height = max(2.0, (Trend.height - 4) * (run.seconds or 0) / slowest)
        bars.append(Mark(round(step * n + 0.6, 1), round(Trend.height - height, 1), round(height, 1), run.look, "", ""))
        if run.rate:
            line.append(f"{step * n + step / 2:.1f},{Trend.height - 2 - (Trend.height - 6) * run.rate / fastest:.1f}")
    bad = sum(r.look == "bad" for r in shown)
    title = f"the last {formatting.count(len(shown), 'run')}: " + (f"{bad} failed" if bad else "none failed")
    times = [r.seconds for r in shown if r.seconds]
    title += f", {formatting.seconds(min(times))} to {formatting.seconds(max(times))}" if times else ""
    return Trend(tuple(bars), " ".join(line) if len(line) > 1 else "", title)
