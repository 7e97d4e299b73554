"""What preflight found."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from penstock.errors import Problem
from penstock.model.plan import TablePlan
from penstock.model.schema_summary import SchemaSummary, summary
from penstock.planning.preflight.estimate import Estimate

VERSION = 1
"""Of what `record` makes."""


def json_schema() -> dict[str, Any]:
    """The JSON Schema of what `penstock check --json` prints: a record, and the name of the migration."""
    return dict(json.loads(Path(__file__).with_name("preflight.schema.json").read_text()))


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

    @property
    def schema(self) -> SchemaSummary:
        """What becomes of the objects of the source's schema."""
        return summary(self.tables)

    def record(self) -> dict[str, Any]:
        """The same as JSON values: see preflight.schema.json."""
        return {
            "version": VERSION,
            "tables": len(self.tables),
            "problems": [asdict(p) for p in self.problems],
            "lines": self.estimate.lines() if self.estimate else [],
            "estimate": asdict(self.estimate) if self.estimate else None,
            "schema": asdict(self.schema),
        }
