"""A migration's runs as one picture: a column a run, how long each took and how fast, and a strip of cells for each gate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from penstock.reporting.html.addresses import Addresses
from penstock.reporting.html.listing import GATES, Run
from penstock.runtime import formatting

MOST = 60
"""So many runs stand in the picture."""
_LEFT, _RIGHT, _STEP, _BARS, _CELL, _ROW = 108, 64, 17, 84, 12, 18
WORDS = {"open": "open", "warned": "open, with warnings", "closed": "closed", "not reached": "not reached"}


@dataclass(frozen=True)
class Mark:
    """A bar or a cell. look: the outcome's, or the gate's state as a class.  told: what it is, in words.  to: the page that says more."""

    x: float
    y: float
    height: float
    look: str
    told: str
    to: str


@dataclass(frozen=True)
class Strip:
    """One gate over the runs. y: the middle of its cells."""

    words: str
    y: float
    cells: tuple[Mark, ...]


@dataclass(frozen=True)
class History:
    """rates: stretches of runs that have one after another, each as points of a line.  slowest, fastest: what the two scales end at."""

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
    """The picture of the last `MOST` of these runs. runs: newest first, as they are listed; in the picture the newest is at the right."""
    shown = list(reversed(runs[:MOST]))
    slowest = max((r.seconds or 0 for r in shown), default=0)
    fastest = max((r.rate or 0 for r in shown), default=0)
    xs = [_LEFT + _STEP * n + _STEP / 2 for n in range(len(shown))]
    floor = _BARS + 14.0
    bars, points, strips = [], [], []
    for x, run in zip(xs, shown, strict=True):
        height = _BARS * (run.seconds or 0) / slowest if slowest else 0
        told = f"{when(run)}: {run.outcome}, {formatting.seconds(run.seconds)}"
        bars.append(Mark(x - _CELL / 2, floor - max(height, 2), max(height, 2), run.look, told, to.report(run.dag_id, run.run_id)))
        if run.rate:
            y = floor - _BARS * run.rate / fastest
            points.append(Mark(x, y, 0, "", f"{when(run)}: {run.rate:,.0f} rows a second", to.report(run.dag_id, run.run_id)))
    y = floor + 26
    for stage, words in [*((s, f"gate: {w}") for s, w in GATES.items()), ("proof", "proof")]:
        cells = [(x, r, r.proof if stage == "proof" else r.gate(stage)) for x, r in zip(xs, shown, strict=True)]
        if all(state is None for _, _, state in cells):
            continue
        marks = tuple(
            Mark(x, y, _CELL, state.replace(" ", "-"), f"{when(run)}: {words} {WORDS.get(state, state)}", _evidence(to, run, stage))
            for x, run, state in cells
            if state is not None
        )
        strips.append(Strip(words, y, marks))
        y += _ROW
    lines = tuple(" ".join(f"{p.x:.1f},{p.y:.1f}" for p in stretch) for stretch in _stretches(points))
    width = _LEFT + _STEP * max(len(shown), 20) + _RIGHT
    return History(width, y - 4, floor, tuple(bars), lines, tuple(points), slowest, fastest, tuple(strips))


def when(run: Run) -> str:
    """A run by what people know it by: its interval, or when it began."""
    if run.interval:
        return run.interval_words
    return run.began.strftime("%Y-%m-%d %H:%M") if run.began else run.run_id


def _evidence(to: Addresses, run: Run, stage: str) -> str:
    return f"{to.report(run.dag_id, run.run_id)}#proof" if stage == "proof" else to.gate(run.dag_id, run.run_id, stage)


def _stretches(points: Sequence[Mark]) -> list[list[Mark]]:
    """Points that stand in columns beside each other: a run without a rate is a gap."""
    found = [[p] for p in points[:1]]
    for before, point in pairwise(points):
        if point.x - before.x > _STEP * 1.5:
            found.append([])
        found[-1].append(point)
    return found


@dataclass(frozen=True)
class Spark:
    """A trend as small as a word: bars of time by outcome, and a line of rows a second. told: the same in words."""

    bars: tuple[Mark, ...]
    line: str
    told: str
    width: int = 124
    height: int = 26


def spark(runs: Sequence[Run], most: int = 20) -> Spark:
    """The trend over the last runs, newest first as they are listed; the newest is at the right."""
    shown = list(reversed(runs[:most]))
    slowest = max((r.seconds or 0 for r in shown), default=0) or 1
    fastest = max((r.rate or 0 for r in shown), default=0) or 1
    step = Spark.width / most
    first = most - len(shown)
    bars, line = [], []
    for n, run in enumerate(shown, first):
        height = max(2.0, (Spark.height - 4) * (run.seconds or 0) / slowest)
        bars.append(Mark(round(step * n + 0.6, 1), round(Spark.height - height, 1), round(height, 1), run.look, "", ""))
        if run.rate:
            line.append(f"{step * n + step / 2:.1f},{Spark.height - 2 - (Spark.height - 6) * run.rate / fastest:.1f}")
    bad = sum(r.look == "bad" for r in shown)
    told = f"the last {formatting.count(len(shown), 'run')}: " + (f"{bad} failed" if bad else "none failed")
    times = [r.seconds for r in shown if r.seconds]
    told += f", {formatting.seconds(min(times))} to {formatting.seconds(max(times))}" if times else ""
    return Spark(tuple(bars), " ".join(line) if len(line) > 1 else "", told)
