"""Progress: how far a run is, how fast, and about how long it will still take. Read from what its stages count while they run.

The fraction never goes down during a run: preflight and plan have a fixed share, the weights of the other stages are fixed when
the run is planned, and each stage counts by the highest counts of all tries of its parts.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
from pydantic import TypeAdapter

from penstock.model import pipeline
from penstock.model.pipeline import PIPELINE, PLAN, UNDO
from penstock.model.plan import Plan, TablePlan
from penstock.state import previous_run, progress_writer, run_files
from penstock.state.json_file import JsonFile
from penstock.state.previous_run import LastRun
from penstock.state.progress_writer import Most, Part
from penstock.state.run_log import busy
from penstock.state.staging import Staging

MOVING = tuple(stage.name for stage in PIPELINE if stage.row_cost)
"""The stages that rows go through: their time grows with the rows."""

_POINTS = 60
_FIXED = 1.0
_BEFORE = {stage.name: 0.01 for stage in PLAN}
"""The share of the stages before it is known how much there is to do."""


@dataclass(frozen=True)
class Sizes:
    """How much a stage has to do."""

    tables: int
    rows: int
    chunks: int


@dataclass(frozen=True)
class Expected:
    """What the planned run has to do: its stages, and how much each has to do. all: all tables.  last: the last run of its kind.

    weights: what share of the work each stage is; None in files of earlier versions.
    """

    stages: tuple[str, ...]
    all: Sizes
    last: LastRun | None
    sizes: Mapping[str, Sizes] = field(default_factory=dict)
    weights: Mapping[str, float] | None = None


EXPECTED: JsonFile[Expected] = JsonFile(run_files.EXPECTED, TypeAdapter(Expected))


@dataclass(frozen=True)
class Stage:
    """How far one stage is. state: done, running, failed, or next.  done: chunks, tables or statements so far.  of: how many there will be.

    fraction: how much of it is done; what an earlier try had done counts.  seconds: in which some part of it ran.
    rows_per_second: of what it did so far; of the last seconds while it goes.  samples: (seconds since the run began, rows a second).
    """

    stage: str
    words: str
    state: str
    fraction: float
    rows: int
    rows_expected: int | None
    bytes: int
    done: int
    of: int | None
    seconds: float
    rows_per_second: int | None
    samples: tuple[tuple[float, int], ...]


@dataclass(frozen=True)
class Progress:
    """How far a run is. stage: the one that is running, else the last that ran; None before the first.

    fraction: how much of the work is done.  remaining: seconds; None while there is nothing to estimate them from.
    updated: when something was last counted.
    """

    stage: str | None
    fraction: float
    remaining: float | None
    updated: str | None
    stages: tuple[Stage, ...]

    def record(self) -> dict[str, Any]:
        """The same, JSON-able."""
        return asdict(self)


NOTHING = Progress(None, 0.0, None, None, ())
"""Of a run that has not written anything yet."""


def expect(area: Staging, plan: Plan) -> None:
    """Write down what the planned run has to do, for `read`."""
    last = previous_run.before(area, previous_run.kind(previous_run.moves(t) for t in plan.tables))
    stages = [stage for stage in pipeline.of(plan) if stage.name != "preflight"]  # Airflow's alone
    names, sizes = tuple(stage.name for stage in stages), {stage.name: _sizes(stage.tables(plan)) for stage in stages}
    expected = Expected(names, _sizes(plan.tables), last, sizes)
    EXPECTED.write(area, replace(expected, weights=_weights(expected)))


def read(area: Staging) -> Progress:
    """How far the run in `area` is."""
    parts: dict[str, list[Part]] = {}
    for part in progress_writer.parts(area):
        parts.setdefault(part.stage, []).append(part)
    expected = EXPECTED.find(area)
    planned = expected.stages if expected else ()
    began = min((_epoch(p) for of in parts.values() for p in of), default=0.0)
    stages: list[Stage] = []
    for stage in (*PIPELINE, UNDO):
        if stage.name in planned or stage.name in parts:
            stages.append(_stage(stage, parts.get(stage.name, ()), expected, stages, began))
    going = [s for s in stages if s.state != "next"]
    running = [s for s in going if s.state == "running"]
    updated = max((_epoch(p) + p.seconds for of in parts.values() for p in of), default=None)
    return Progress(
        stage=(running or going)[-1].stage if going else None,
        fraction=_fraction(stages, expected),
        remaining=_left(stages, expected) if expected else None,
        updated=dt.datetime.fromtimestamp(updated, dt.UTC).isoformat(timespec="seconds") if updated else None,
        stages=tuple(stages),
    )


def pace(area: Staging) -> list[dict[str, Any]]:
    """The rows a second of each stage that moved any.

    seconds: in which some part of it ran.  mean: rows a second of these.  samples: (seconds since the run began, rows a second).
    """
    moved = (s for s in read(area).stages if s.samples)
    return [
        {"stage": s.stage, "words": s.words, "seconds": s.seconds, "mean": s.rows_per_second, "samples": [list(p) for p in s.samples]}
        for s in moved
    ]


def _sizes(tables: Sequence[TablePlan]) -> Sizes:
    return Sizes(len(tables), sum(t.rows for t in tables), sum(len(t.chunks) for t in tables))


def _stage(of_run: pipeline.Stage, parts: Sequence[Part], expected: Expected | None, before: Sequence[Stage], began: float) -> Stage:
    name, moves = of_run.name, bool(of_run.row_cost)
    sizes = expected and expected.sizes.get(name, expected.all)
    rows = sum(p.rows + p.kept for p in parts)
    wanted = _wanted(name, sizes, before) if sizes and moves else None
    of = sizes.tables if sizes and "decided" in of_run.events else sizes.chunks if sizes and of_run.fan_out else None
    done = sum(p.done for p in parts)
    states = {p.state for p in parts}
    state = next((s for s in ("running", "failed") if s in states), "done" if states else "next")
    if state == "done" and of is not None and done < of:
        state = "running"  # parts that have not begun: tasks wait for a slot
    seconds = busy(parts)
    samples = _rates(parts, began) if moves else ()
    moved = sum(p.rows for p in parts)
    speed = samples[-1][1] if samples and state == "running" else round(moved / seconds) if moved and seconds else None
    counted = sum(p.bytes for p in parts)
    fraction = _done_of(parts, wanted, of)
    return Stage(name, of_run.label, state, round(fraction, 4), rows, wanted, counted, done, of, round(seconds, 3), speed, samples)


def _done_of(parts: Sequence[Part], wanted: int | None, of: int | None) -> float:
    """How much of a stage its parts have done, by the most that any try of each has counted."""
    most = [p.most or Most(p.rows + p.kept, p.done, p.state == "done") for p in parts]
    if not most:
        return 0.0
    rows, done = sum(m.rows for m in most), sum(m.done for m in most)
    if done >= of if of else all(m.over for m in most):
        return 1.0
    return min(0.99, rows / wanted if wanted else done / of if of else 0.0)


def _wanted(name: str, sizes: Sizes, before: Sequence[Stage]) -> int:
    """How many rows the stage will see: what the one before gave where it is over, else what the plan says."""
    rows = {s.stage: s.rows for s in before if s.state == "done"}
    given = {"prove": rows.get("load")}.get(name)
    if name == "load" and "extract" in rows and not any(s.stage == "transform" for s in before):
        given = rows["extract"]
    return given if given is not None else sizes.rows


def _rates(parts: Iterable[Part], began: float) -> tuple[tuple[float, int], ...]:
    """Rows a second over time, of all parts together, at a few dozen points."""
    counted = [p for p in parts if p.rows]
    if not counted:
        return ()
    low, high = min(map(_epoch, counted)), max(_epoch(p) + p.seconds for p in counted)
    bins = max(1, min(_POINTS, int(high - low)))
    edges = np.linspace(low, max(high, low + 0.001), bins + 1)
    total = np.zeros(bins + 1)
    for part in counted:
        at, rows = zip(*part.samples, (part.seconds, part.rows), strict=True)
        total += np.interp(edges, _epoch(part) + np.array(at), rows)
    rates = np.maximum(0, np.diff(total) / np.diff(edges))
    return tuple((round(float(e) - began, 2), round(float(r))) for e, r in zip(edges[1:], rates, strict=True))


def _left(stages: Sequence[Stage], expected: Expected) -> float | None:
    """Seconds until the last stage is over; None while there is nothing to estimate them from."""
    times = _times(stages, expected)
    left = 0.0
    for stage in stages:
        if stage.state == "done" or stage.stage == "approve":
            continue
        whole = times.get(stage.stage)
        if stage.state == "running" and stage.fraction > 0.02:
            left += stage.seconds * (1 - stage.fraction) / stage.fraction
        elif whole is None:
            return None
        else:
            left += max(0.0, whole - (stage.seconds if stage.state == "running" else 0.0))
    return round(left, 1)


def _times(stages: Sequence[Stage], expected: Expected) -> dict[str, float]:
    """How long each stage will take: as in the run before, by the rows; else by what a row takes in this one."""
    last, rows = expected.last, expected.all.rows
    known = dict(last.seconds) if last else {}
    larger = rows / last.rows if last and last.rows else 1.0
    times = {s: t * larger if s in MOVING else t for s, t in known.items()}
    read = next((s for s in stages if s.stage == "extract" and s.rows and s.seconds), None)
    for stage in stages:
        if stage.stage not in MOVING:
            times.setdefault(stage.stage, _FIXED)
        elif read is not None:
            times.setdefault(stage.stage, read.seconds / read.rows * (stage.rows_expected or 0) * pipeline.named(stage.stage).row_cost)
    return times


def _weights(expected: Expected) -> dict[str, float]:
    """What share of the work each stage is: by its time in the run before, else by a guess. Fixed from the plan on."""
    last, rows = expected.last, expected.all.rows
    known = last.seconds if last else {}
    larger = rows / last.rows if last and last.rows else 1.0
    unit = known.get("extract", 0.0) * larger or 10 * _FIXED
    weights = {}
    for name in (s for s in expected.stages if s not in _BEFORE and s != "approve"):
        guess = unit * pipeline.named(name).row_cost if name in MOVING else _FIXED
        weights[name] = known[name] * (larger if name in MOVING else 1.0) if name in known else guess
    return weights


def _fraction(stages: Sequence[Stage], expected: Expected | None) -> float:
    """How much of the run is done; 0 to 1."""
    done = {s.stage: s.fraction for s in stages}
    if expected is None:
        alone = [f for name, f in done.items() if name not in _BEFORE]  # an undo, which has no plan
        return round(sum(share * done.get(name, 0.0) for name, share in _BEFORE.items()) if not alone else min(alone), 4)
    weights = expected.weights or _weights(expected)
    if all(done.get(name) == 1.0 for name in weights):
        return 1.0
    begun = sum(_BEFORE.values())
    whole = sum(weights.values()) or 1.0
    return round(min(0.99, begun + (1 - begun) * sum(w * done.get(name, 0.0) for name, w in weights.items()) / whole), 4)


def _epoch(part: Part) -> float:
    return dt.datetime.fromisoformat(part.started).timestamp()
