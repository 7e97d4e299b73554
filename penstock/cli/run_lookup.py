"""Which run a command means: a new one, the last one, the one to resume. Found in the staging area alone."""

from __future__ import annotations

import datetime as dt
from typing import Any

from penstock.migration.spec import Migration
from penstock.planning.request import RunRequest
from penstock.state import run_log, staged_rows, staging
from penstock.state.staging import Staging

REQUEST = "request.json"
"""What a run was asked, apart from its file. Without --run-id, a run is resumed only by a command that asks the same."""


def record(request: RunRequest) -> dict[str, Any]:
    """The content of REQUEST."""
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
    if area.exists("timings", "plan.json"):
        return str(area.read_json("timings", "plan.json")["started"])
    return str(area.read_json(run_log.FAILURE)["at"]) if area.exists(run_log.FAILURE) else ""


def unfinished(root: str, migration: Migration, request: dict[str, Any]) -> str | None:
    """The last run that was planned, when it was asked the same and can be resumed.

    Only the last: an older one would make rows live that are older than those of a later run.
    """
    planned = [a for a in areas(root, migration.name) if a.exists("plan.json")]
    if not planned or planned[-1].exists("switch.json") or staged_rows.removed(planned[-1]):
        return None
    last, plan = planned[-1], planned[-1].read_json("plan.json")
    refused = last.exists("approval.json") and not last.read_json("approval.json")["approved"]
    same = plan["fingerprint"] == migration.fingerprint and last.exists(REQUEST) and last.read_json(REQUEST) == request
    return str(plan["run"]) if same and not refused else None
