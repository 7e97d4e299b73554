"""The runs: every contestant on every path, in turns, each from an empty target, and what each run cost."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import bed, contestants, measure
from benchmarks.bed import Bed, Path_
from benchmarks.tpch import Table


@dataclass(frozen=True)
class Run:
    """One run of one contestant. `problem`: why it does not count; its figures are then nothing."""

    path: Path_
    contestant: str
    scale: float
    rows: int
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_mb: float = 0.0
    stages: dict[str, float] = field(default_factory=dict)
    problem: str = ""


def race(
    stand: Bed,
    paths: Sequence[Path_],
    names: Sequence[str],
    tables: tuple[Table, ...],
    scales: Sequence[float],
    times: int,
    tell: Callable[[Run], None],
) -> list[Run]:
    """Run the contestants `times` times. Within a round everybody runs once, and each round begins with another one.

    A contestant that fails is not asked again on that path at that scale.
    """
    runs: list[Run] = []
    for path in paths:
        entered = [(n, s) for n in names if path in contestants.of(n).paths for s in scales]
        for number in range(times):
            for name, scale in entered[number % len(entered) :] + entered[: number % len(entered)]:
                if any(r.problem for r in runs if (r.path, r.contestant, r.scale) == (path, name, scale)):
                    continue
                runs.append(one(stand, path, name, tables, scale))
                tell(runs[-1])
    return runs


def one(stand: Bed, path: Path_, name: str, tables: tuple[Table, ...], scale: float) -> Run:
    """One run from an empty target, and a look at what arrived."""
    source = stand.source(path[0], tables, scale)
    expected = stand.contents[path[0], scale]
    rows = sum(count for count, _ in expected.values())
    route = contestants.Route(path, source, stand.target(path[1]), tables)
    folder = stand.folder / "run"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    command = contestants.of(name).command(route, folder)
    try:
        cost = measure.run(command.words, folder, command.environment)
        arrived = bed.contents(route.target, tables)
    except Exception as error:
        return Run(path, name, scale, rows, problem=_shown(str(error), route))
    if arrived != expected:
        return Run(path, name, scale, rows, problem=f"{arrived} arrived of {expected}")
    return Run(path, name, scale, rows, cost.seconds, cost.cpu_seconds, cost.peak_mb, stages(folder, cost.seconds))


def stages(folder: Path, seconds: float) -> dict[str, float]:
    """How long each stage of Penstock took, from its staging area, in their order; `start` is the rest: interpreter, imports, report."""
    timings = [json.loads(f.read_text()) for f in folder.glob("staging/*/*/timings/*.json")]
    if not timings:
        return {}
    found: dict[str, float] = {"start": 0.0}
    for timing in sorted(timings, key=lambda t: t["started"]):
        found[timing["stage"]] = found.get(timing["stage"], 0.0) + timing["seconds"]
    return found | {"start": round(max(0.0, seconds - sum(found.values())), 3)}


def _shown(problem: str, route: contestants.Route) -> str:
    """A failure's last words, without the password."""
    for url in (route.source, route.target):
        if url.password:
            problem = problem.replace(str(url.password), "***")
    return problem[-1000:].strip()
