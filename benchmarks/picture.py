"""The results as one picture: a bar a contestant, Penstock's in its stages. SVG by hand: nothing to install."""

from __future__ import annotations

from collections.abc import Sequence
from xml.sax.saxutils import escape

from benchmarks import bed, contestants
from benchmarks.medians import PENSTOCK, UNPROVED, Line

_WIDTH, _LEFT, _BARS, _ROW, _HEAD = 900, 230, 480, 22, 40
# Stages that are the same kind of work share a colour; what is not named here is grey.
_COLOURS = {
    "extract": "#2563eb",
    "transform": "#60a5fa",
    "load": "#0d9488",
    "build": "#5eead4",
    "prove": "#d97706",
    "gate": "#dc2626",
    "other": "#94a3b8",
}
_PEER, _LIMIT = "#cbd5e1", "#475569"


def svg(found: Sequence[Line], title: str) -> str:
    """One panel a path with a scale of its own. A bar of more than five times Penstock's is cut, so that the others can be seen."""
    parts, y = [_text(16, 28, title, "bold 16px")], 48
    for x, (kind, colour) in zip(range(16, _WIDTH, 110), _COLOURS.items(), strict=False):
        parts += [_bar(x, y, 12, 12, colour, kind), _text(x + 18, y + 11, kind)]
    y += 24
    for path in dict.fromkeys(line.path for line in found):
        here = sorted((x for x in found if x.path == path), key=lambda x: x.seconds)
        ours = [x.seconds for x in here if x.contestant == PENSTOCK]
        longest = min([max(x.seconds for x in here), *(5 * s for s in ours)])
        parts.append(_text(16, y + 26, bed.label(path), "bold 14px"))
        y += _HEAD
        for line in here:
            parts += _line(line, y, longest)
            y += _ROW
    rows = "\n".join(parts)
    box = f'viewBox="0 0 {_WIDTH} {y + 16}" role="img" font-family="system-ui, sans-serif"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {box}>\n<rect width="100%" height="100%" fill="white"/>\n{rows}\n</svg>\n'


def _line(line: Line, y: int, longest: float) -> list[str]:
    scale, end = _BARS / longest, _LEFT + min(line.seconds, longest) * _BARS / longest
    label = contestants.of(line.contestant).label
    weight = "bold 12px" if line.contestant in (PENSTOCK, UNPROVED) else "12px"
    parts, x = [_text(16, y + 13, label, weight)], float(_LEFT)
    if line.stages:
        for kind, seconds in kinds(line).items():
            parts.append(_bar(x, y + 1, seconds * scale, _ROW - 6, _COLOURS[kind], f"{kind}: {seconds:.1f} s"))
            x += seconds * scale
    else:
        colour = _LIMIT if line.contestant == "pipe" else _PEER
        parts.append(_bar(x, y + 1, end - x, _ROW - 6, colour, f"{line.seconds:.1f} s"))
        if line.seconds > longest:
            parts.append(_bar(end - 12, y + 1, 4, _ROW - 6, "white", "cut"))
    told = f"{line.seconds:.1f} s · {line.rate / 1000:,.0f}k rows/s · {line.peak_mb:,.0f} MB"
    return [*parts, _text(end + 6, y + 13, told)]


def kinds(line: Line) -> dict[str, float]:
    """Seconds of each kind of work, in the order of the legend; together the run's seconds."""
    found = dict.fromkeys(_COLOURS, 0.0)
    for stage, seconds in line.stages.items():
        kind = "gate" if stage.startswith("gate_") else stage
        found[kind if kind in found else "other"] += seconds
    found["other"] = max(0.0, line.seconds - sum(s for kind, s in found.items() if kind != "other"))
    return found


def _bar(x: float, y: float, width: float, height: float, colour: str, told: str) -> str:
    return f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="{height}" fill="{colour}"><title>{escape(told)}</title></rect>'


def _text(x: float, y: float, text: str, style: str = "12px") -> str:
    *weight, size = style.split()
    bold = ' font-weight="bold"' if weight else ""
    return f'<text x="{x:.1f}" y="{y}" font-size="{size}"{bold} fill="#0f172a">{escape(text)}</text>'
