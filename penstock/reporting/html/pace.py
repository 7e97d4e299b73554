"""The picture of a run's pace: rows a second over time, for each stage that rows went through."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

_WIDTH, _LEFT, _FLOOR, _TOP, _GAP, _LEAST = 1080, 70, 120, 14, 14, 96


def pace(report: dict[str, Any]) -> dict[str, Any] | None:
    """Areas and lines with their places; None where nothing was counted.

    Stages stand beside each other, as wide as they took time: what a run waited for in between is left out.
    """
    stages = [s for s in report.get("pace", ()) if s["samples"]]
    if not stages:
        return None
    spans = [s["seconds"] for s in stages]
    room = _WIDTH - _LEFT - _GAP * len(stages)
    widths = _shared(spans, room)
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


def _shared(spans: Sequence[float], room: float) -> list[float]:
    """The room dealt by the spans, each with enough of it for its name."""
    spare = room - _LEAST * len(spans)
    return [_LEAST + spare * span / (sum(spans) or 1) for span in spans]


def _path(x: float, width: float, rates: Sequence[int], top: float) -> str:
    step = width / len(rates)
    stairs = "".join(f"V{_y(rate, top)}H{x + step * (n + 1):.1f}" for n, rate in enumerate(rates))
    return f"M{x:.1f} {_FLOOR}{stairs}V{_FLOOR}Z"


def _y(rate: float, top: float) -> float:
    return round(_FLOOR - (_FLOOR - _TOP) * rate / top, 1)


def _round_up(rate: float) -> float:
    """The next of 1, 2, 5, 10, 20, …: a scale that people read."""
    whole = 10 ** math.floor(math.log10(rate))
    return float(next(n * whole for n in (1, 2, 5, 10) if n * whole >= rate))
