"""The results as text: padded Markdown tables, to be read in a terminal and pasted into a page."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks import bed, contestants
from benchmarks.medians import PENSTOCK, UNPROVED, Line, Target


def table(found: Sequence[Line]) -> str:
    """Every contestant on every path, the fastest first."""
    rows = [["path", "contestant", "seconds", "rows/s", "peak MB", "CPU s", "to the pipe"]]
    for path in dict.fromkeys(line.path for line in found):
        for line in sorted((x for x in found if x.path == path), key=lambda x: x.seconds):
            ratio = f"{line.ratio:.2f}" if line.ratio else "–"
            figures = [f"{line.seconds:.1f}", f"{line.rate:,.0f}", f"{line.peak_mb:,.0f}", f"{line.cpu_seconds:.1f}", ratio]
            rows.append([bed.label(path), name(line.contestant), *figures])
    return markdown(rows, right=range(2, 7))


def stages(found: Sequence[Line]) -> str:
    """Where Penstock's time goes: seconds of each stage, and what part of the run that is."""
    ours = [line for line in found if line.stages]
    columns = list(dict.fromkeys(stage for line in ours for stage in line.stages))
    head = [f"{bed.label(x.path)}{', off' if x.contestant == UNPROVED else ''}" for x in ours]
    rows = [["stage", *head]]
    for stage in columns:
        cells = [f"{x.stages[stage]:.1f} ({x.stages[stage] / x.seconds:.0%})" if stage in x.stages else "–" for x in ours]
        rows.append([stage, *cells])
    return markdown(rows, right=range(1, len(ours) + 1)) if ours else ""


def growth(grown: Sequence[Line]) -> str:
    """How each contestant's rows a second hold as the data grow."""
    scales = sorted({line.scale for line in grown})
    rows = [["path", "contestant", *(f"scale {s:g}: seconds, rows/s, peak MB" for s in scales), "rows/s kept"]]
    for path, contestant in dict.fromkeys((line.path, line.contestant) for line in grown):
        by = {x.scale: x for x in grown if (x.path, x.contestant) == (path, contestant)}
        cells = [f"{by[s].seconds:.1f}, {by[s].rate:,.0f}, {by[s].peak_mb:,.0f}" if s in by else "–" for s in scales]
        whole = scales[0] in by and scales[-1] in by
        rows.append([bed.label(path), name(contestant), *cells, f"{by[scales[-1]].rate / by[scales[0]].rate:.0%}" if whole else "–"])
    return markdown(rows, right=range(2, len(scales) + 3))


def targets(wanted: Sequence[Target]) -> str:
    """Each target, what was measured, and whether it was met."""
    rows = [["target", "measured", "met"]]
    for target in wanted:
        measured = "–" if target.measured is None else f"{target.measured:,.0f}" if target.limit >= 100 else f"{target.measured:.2f}"
        rows.append([target.promise, measured, {True: "yes", False: "no", None: "not measured"}[target.met]])
    return markdown(rows, right=range(1, 2))


def name(contestant: str) -> str:
    """A contestant's label, ours in bold."""
    label = contestants.of(contestant).label
    return f"**{label}**" if contestant in (PENSTOCK, UNPROVED) else label


def markdown(rows: Sequence[Sequence[str]], right: range) -> str:
    """A Markdown table whose columns are aligned in plain text too; the columns in `right` are numbers."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]

    def line(row: Sequence[str]) -> str:
        return "| " + " | ".join(c.rjust(w) if i in right else c.ljust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True))) + " |"

    rule = "| " + " | ".join("-" * (w - 1) + ":" if i in right else "-" * w for i, w in enumerate(widths)) + " |"
    return "\n".join([line(rows[0]), rule, *(line(row) for row in rows[1:])])
