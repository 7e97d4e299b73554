"""What preflight found."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from penstock.errors import Problem
from penstock.model.plan import TablePlan
from penstock.planning.preflight.estimate import Estimate


@dataclass(frozen=True)
class PreflightResult:
    """The tables as the run will move them, the problems, blocking ones first, and how much there is to do.

    estimate: None when a database could not be looked at.
    """

    tables: tuple[TablePlan, ...]
    problems: tuple[Problem, ...]
    estimate: Estimate | None = None

    @property
    def blocking(self) -> tuple[Problem, ...]:
        return tuple(p for p in self.problems if p.blocking)

    def record(self) -> dict[str, Any]:
        """The same as JSON values: see preflight.schema.json."""
        return {
            "tables": len(self.tables),
            "problems": [asdict(p) for p in self.problems],
            "lines": self.estimate.lines() if self.estimate else [],
            "estimate": asdict(self.estimate) if self.estimate else None,
        }
