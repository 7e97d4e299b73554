"""Places with too little room for what a run writes, or where nothing can be written."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from penstock.errors import Problem
from penstock.planning.preflight import estimate
from penstock.planning.preflight.context import Context
from penstock.planning.preflight.estimate import Needed
from penstock.runtime.formatting import size

phase = "rows"
order = 30


def check(context: Context) -> Iterator[Problem]:
    """Blocking only where a sample was measured: statistics may be old."""
    work = estimate.workload(context)
    return short(estimate.space(work), measured=bool(work.paces))


def short(needs: Sequence[Needed], measured: bool) -> Iterator[Problem]:
    """Which places have too little room. What lies on one disk needs it together."""
    disks: dict[int, list[tuple[str, Path, float]]] = {}
    for needed in needs:
        if needed.path is not None:
            there = estimate.existing(needed.path)
            disks.setdefault(there.stat().st_dev, []).append((needed.place, there, needed.bytes))
            if not os.access(there, os.W_OK):
                fix = f"let this user write into {there}"
                yield Problem(True, needed.place, f"nothing can be written at {needed.path}", fix, "privileges")
    for parts in disks.values():
        places, total = " and ".join(p for p, _, _ in parts), sum(n for _, _, n in parts)
        free = shutil.disk_usage(parts[0][1]).free
        if total * 1.2 > free:
            # half of it is missing even if the guess is twice the truth
            blocking = measured and total > 2 * free
            what = f"about {size(total)} will be needed, and {size(free)} are free"
            yield Problem(blocking, places, what, "make room, or move the tables in several migrations", "space")
