"""Which run a command means: a new one, the last one, the one to resume. Found in the staging area alone."""

from __future__ import annotations

import datetime as dt
from typing import Any

from penstock.migration.spec import Migration
from penstock.planning.request import RunRequest
from penstock.state import evidence, plan_file, run_files, run_log, staged_rows, staging
from penstock.state.staging import Staging


def record(request: RunRequest) -> dict[str, Any]:
    """What a run was asked, apart from its file. Without --run-id, a run is resumed only by a command that asks the same."""
    found = {"tables": sorted(request.tables), "chunk": request.chunk, "interval": str(request.interval or "")}
    found |= {"repair": request.repair, "proof": request.depth}
    return found | ({"of": request.of} if request.of else {})


def new(root: str, migration: str) -> str:
    """A run id that no run has: the time by this machine's clock."""
    wanted, taken = f"{dt.datetime.now():%Y-%m-%dT%H-%M-%S}", staging.runs(root, migration)
    return next(i for n in range(1, len(taken) + 2) if (i := wanted if n == 1 else f"{wanted}-{n}") not in taken)


def areas(root: str, migration: str) -> list[Staging]:
    """The staging areas of a migration's runs, in the order in which they were last planned."""
    return sorted((staging.of(root, migration, run) for run in staging.runs(root, migration)), key=_planned)


def _planned(area: Staging) -> str:
    if planned := run_log.timing("plan").find(area):
        return planned.started
    failed = run_log.FAILURE.find(area)
    return failed.at if failed else ""


def _ended(area: Staging) -> bool:
    """Whether a run can't go on. One that died after its switch can: it has still to verify its live tables and make its report."""
    if staged_rows.removed(area):
        return True
    return area.exists(run_files.SWITCH) and (run_log.FAILURE.find(area) is not None or run_log.timing("finish").find(area) is not None)


def unfinished(root: str, migration: Migration, request: dict[str, Any]) -> str | None:
    """The last run that was planned, when it was asked the same and can be resumed.

    Only the last: an older one would make rows live that are older than those of a later run.
    """
    planned = [a for a in areas(root, migration.name) if a.exists(run_files.PLAN)]
    if not planned or _ended(planned[-1]):
        return None
    last, plan = planned[-1], plan_file.PLANNED.read(planned[-1])
    answer = evidence.APPROVAL.find(last)
    same = plan.fingerprint == migration.fingerprint and last.exists(run_files.REQUEST) and last.read_json(run_files.REQUEST) == request
    return plan.run if same and (answer is None or answer.approved) else None
