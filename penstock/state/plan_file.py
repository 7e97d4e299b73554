"""The plan of a run in its staging area: all of it, or what it says of the run without its tables."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import TypeAdapter

from penstock.errors import StagingDamaged
from penstock.model.plan import Plan
from penstock.state import run_files
from penstock.state.json_file import JsonFile
from penstock.state.staging import Staging


@dataclass(frozen=True)
class Planned:
    """What a plan says of its run. interval: both ends in UTC, None for a run without one.  approval: whether the switch wants one."""

    run: str
    fingerprint: str
    approval: bool
    interval: tuple[str, str] | None = None


PLANNED: JsonFile[Planned] = JsonFile(run_files.PLAN, TypeAdapter(Planned))
"""To be read only. A plan may have thousands of tables; this takes none of them."""


def write(area: Staging, plan: Plan) -> None:
    area.write_text(plan.to_json().decode(), run_files.PLAN)


def read(area: Staging) -> Plan:
    """The plan of a run. Raises FileNotFoundError when it has none yet, and StagingDamaged when the file holds something else."""
    text = area.read_text(run_files.PLAN)
    try:
        return Plan.from_json(text)
    except ValueError as error:  # its text may quote what the file holds
        raise StagingDamaged.of_run(f"{area.url}/{run_files.PLAN}", f"it is no plan: {type(error).__name__}") from None


def as_written(area: Staging, plan: Plan) -> Plan:
    """The plan that the run has: this one, unless another process has planned the run at the same moment and has written its own last."""
    return plan if area.read_text(run_files.PLAN) == plan.to_json().decode() else read(area)


def find(area: Staging) -> Plan | None:
    """The plan of a run; None when it has none yet."""
    return read(area) if area.exists(run_files.PLAN) else None
