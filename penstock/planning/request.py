"""What a run is asked to do: one value from the command line, or from Airflow, to the last stage."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from penstock.errors import SwitchRefused
from penstock.migration.spec import Migration
from penstock.model import intervals
from penstock.model.endpoints import Endpoints
from penstock.model.intervals import Interval
from penstock.model.plan import Depth, Plan
from penstock.state import staging
from penstock.state.run_context import RunContext, reopen
from penstock.state.staging import Staging


@dataclass(frozen=True)
class RunRequest:
    """What a run is asked to do.

    run: its id. A run that was planned before is resumed.
    endpoints: the two databases.
    root: URL of the staging area of all runs; "" for a preflight or a plan that stages nothing.
    suites: the folder of the migration's suites.
    secrets: values that steps need and no file may hold (`mask_key`). None: not known, so preflight does not check them.
    tables: only these source tables; () is all.
    chunk: bytes of a chunk; None is the migration's own.
    interval: the data interval of a run of a partitioned migration.
    repair: compare the live tables with the source, and send only the rows that differ.
    of: of a repair, an earlier run: its quarantine is loaded first, and its tables and interval are repaired where none are named here.
    depth: of the proof.
    stop_before_switch: prove everything, make nothing live.
    """

    migration: Migration
    run: str
    endpoints: Endpoints
    root: str
    suites: Path
    secrets: Mapping[str, str] | None = field(default=None, repr=False)
    tables: tuple[str, ...] = ()
    chunk: int | None = None
    interval: Interval | None = None
    repair: bool = False
    of: str = ""
    depth: Depth = "staged"
    stop_before_switch: bool = False

    @property
    def area(self) -> Staging:
        """The staging area of the run."""
        return staging.of(self.root, self.migration.name, self.run)

    def context(self, plan: Plan) -> RunContext:
        """The run as its stages are given it."""
        return RunContext(plan, self.area, self.endpoints, self.suites, dict(self.secrets or {}))

    def reopened(self, run: str = "") -> RunContext:
        """A run of the migration that was planned before; "" is this one. Raises SwitchRefused when it has no plan in staging."""
        run = run or self.run
        area = staging.of(self.root, self.migration.name, run)
        try:
            return reopen(area, self.endpoints, self.suites, self.secrets)
        except FileNotFoundError:
            fix = "check the id of the run and the staging location"
            raise SwitchRefused(f"the run {run} has no plan in staging", where=self.root, fix=fix) from None

    def repairing(self, earlier: Plan) -> RunRequest:
        """The request of a repair, with the tables and the interval of an earlier run where it names none."""
        interval = self.interval
        if interval is None and earlier.interval and self.migration.partitioned:
            interval = intervals.between(*earlier.interval, "UTC")
        return replace(self, tables=self.tables or tuple(t.name for t in earlier.tables), interval=interval)
