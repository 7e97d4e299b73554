"""Throughput: rows per second over time, for each stage that moves rows, and its picture."""

from __future__ import annotations

import math
from collections.abc import Sequence

from penstock.reporting.inputs import Record
from penstock.reporting.sections import Inputs

order = {"report": 40, "run": 70}

_WIDTH, _LEFT, _FLOOR, _TOP, _GAP, _LEAST = 1080, 70, 120, 14, 14, 96


def collect(inputs: Inputs) -> list[Record]:
    """For each stage that moved rows: its seconds, its mean rows per second, and samples of [seconds since the start, rows per second]."""
    return list(inputs.records.pace)


def view(report: Record) -> Record | None:
    """The coordinates of areas and lines; None where nothing was counted.

    One area follows another, each as wide as its stage took time. The time between stages is left out.
    """
    stages = [s for s in report["pace"] if s["samples"]]
    if not stages:
        return None
    spans = [s["seconds"] for s in stages]
    width_left = _WIDTH - _LEFT - _GAP * len(stages)
    widths = _widths(spans, width_left)
    top = _round_up(max(rate for s in stages for _, rate in s["samples"]) or 1)
    areas, x = [], float(_LEFT)
    for stage, span, width in zip(stages, spans, widths, strict=True):
        rates = [rate for _, rate in stage["samples"]]
        facts = {"stage": stage["stage"], "words": stage["words"], "seconds": span, "peak": max(rates)}
        facts["mean"] = stage.get("mean") or sum(rates) / len(rates)  # a report of an earlier version has none
        areas.append(facts | {"x": round(x, 1), "path": _path(x, width, rates, top)})
        x += width + _GAP
    lines = [(_y(part * top, top), part * top) for part in (0, 0.5, 1)]
    return {"width": _WIDTH, "height": _FLOOR + 38, "left": _LEFT, "floor": _FLOOR, "areas": areas, "lines": lines}


def _widths(spans: Sequence[float], total: float) -> list[float]:
    """The width of each area: in proportion to its time, and at least enough for its name."""
    spare = total - _LEAST * len(spans)
    return [_LEAST + spare * span / (sum(spans) or 1) for span in spans]


def _path(x: float, width: float, rates: Sequence[int], top: float) -> str:
    step = width / len(rates)
    outline = "".join(f"V{_y(rate, top)}H{x + step * (n + 1):.1f}" for n, rate in enumerate(rates))
    return f"M{x:.1f} {_FLOOR}{outline}V{_FLOOR}Z"


def _y(rate: float, top: float) -> float:
    return round(_FLOOR - (_FLOOR - _TOP) * rate / top, 1)


def _round_up(rate: float) -> float:
    """The next of 1, 2, 5, 10, 20, …, for the end of the scale."""
    whole = 10 ** math.floor(math.log10(rate))
    return float(next(n * whole for n in (1, 2, 5, 10) if n * whole >= rate))
