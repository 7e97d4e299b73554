"""The arithmetic: medians of runs, ratios to the limit, growth, and whether the targets were met."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from benchmarks import bed
from benchmarks.bed import Path_
from benchmarks.race import Run

LIMIT, PENSTOCK, UNPROVED = "pipe", "penstock", "penstock_unproved"
PIPELINES = ("sling", "dlt", "ingestr")


@dataclass(frozen=True)
class Line:
    """A contestant on a path at a scale: the medians of its runs. `ratio`: its seconds to the limit's."""

    path: Path_
    contestant: str
    scale: float
    rows: int
    times: int
    seconds: float
    cpu_seconds: float
    peak_mb: float
    ratio: float | None = None
    stages: dict[str, float] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        """Rows a second."""
        return self.rows / self.seconds

    def share(self, *prefixes: str) -> float:
        """What part of the run the stages took whose names begin so."""
        return sum(s for name, s in self.stages.items() if name.startswith(prefixes)) / self.seconds


@dataclass(frozen=True)
class Target:
    """A promise about speed, and what was measured; `measured` None: not in this race."""

    promise: str
    limit: float
    measured: float | None
    at_least: bool = False

    @property
    def met(self) -> bool | None:
        if self.measured is None:
            return None
        return self.measured >= self.limit if self.at_least else self.measured <= self.limit


def lines(runs: Iterable[Run]) -> list[Line]:
    """The medians, in the order of the first runs. A contestant that failed once on a path has no line there."""
    groups: dict[tuple[Path_, str, float], list[Run]] = {}
    for run in runs:
        groups.setdefault((run.path, run.contestant, run.scale), []).append(run)
    groups = {which: group for which, group in groups.items() if not any(r.problem for r in group)}
    limits = {(p, s): statistics.median(r.seconds for r in g) for (p, c, s), g in groups.items() if c == LIMIT}
    made = []
    for (path, contestant, scale), group in groups.items():
        seconds = statistics.median(r.seconds for r in group)
        limit = limits.get((path, scale))
        made.append(
            Line(
                path,
                contestant,
                scale,
                group[0].rows,
                len(group),
                seconds,
                statistics.median(r.cpu_seconds for r in group),
                statistics.median(r.peak_mb for r in group),
                seconds / limit if limit else None,
                # Those of the run in the middle: medians of each stage would not add up to it.
                sorted(group, key=lambda r: r.seconds)[(len(group) - 1) // 2].stages,
            )
        )
    return made


def targets(found: Sequence[Line], grown: Sequence[Line] = ()) -> list[Target]:
    """Every target of every path in these lines, whether it could be measured or not."""
    by = {(line.path, line.contestant): line for line in found}
    made: list[Target] = []

    def against(path: Path_, limit: float, words: str, *others: str, contestant: str = PENSTOCK) -> None:
        ours, theirs = by.get((path, contestant)), [by[path, o].seconds for o in others if (path, o) in by]
        who = "proof and gates off" if contestant == UNPROVED else "proof and gates on"
        measured = ours.seconds / min(theirs) if ours and theirs else None
        made.append(Target(f"{bed.label(path)}, {who}: at most {limit:g} × {words}", limit, measured))

    for path in dict.fromkeys(line.path for line in found):
        if path == ("postgresql", "postgresql"):
            against(path, 2.0, "the COPY pipe with its key", LIMIT)
            against(path, 1.4, "pgcopydb", "pgcopydb")
            against(path, 1.0, "pgcopydb", "pgcopydb", contestant=UNPROVED)
        if path == ("mariadb", "postgresql"):
            against(path, 0.5, "pgloader", "pgloader")
            against(path, 2.0, "the pipe with its key", LIMIT)
        against(path, 0.5, "the fastest of sling, dlt and ingestr", *PIPELINES)
        against(path, 0.1, "pandas", "pandas")
        ours = by.get((path, PENSTOCK))
        made.append(Target(f"{bed.label(path)}: the proof is at most 25 % of the run", 0.25, ours.share("prove") if ours else None))
        made.append(Target(f"{bed.label(path)}: the gates are at most 10 % of the run", 0.10, ours.share("gate_") if ours else None))
        made.append(Target(f"{bed.label(path)}: at most 512 MiB", 512, ours.peak_mb if ours else None))
    for path in dict.fromkeys(line.path for line in grown):
        larger = sorted((x for x in grown if (x.path, x.contestant) == (path, PENSTOCK)), key=lambda x: x.scale)
        held = min(x.rate for x in larger) / larger[0].rate if len(larger) > 1 else None
        made.append(Target(f"{bed.label(path)}: rows/s stay within 10 % as it grows", 0.9, held, at_least=True))
        made.append(Target(f"{bed.label(path)}: at most 512 MiB as it grows", 512, max((x.peak_mb for x in larger), default=None)))
    return made
