"""The context of a run that is planned: what every stage is given. Holds its plan, its staging area and its two databases."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

from penstock import databases
from penstock.databases import Database
from penstock.model.endpoints import Endpoints
from penstock.model.plan import Plan
from penstock.runtime.memory import Shares
from penstock.state import plan_file
from penstock.state.staging import Staging

if TYPE_CHECKING:
    from penstock.state.lease import Lease


@dataclass(frozen=True)
class RunContext:
    """A run whose plan is written.

    folder: where the migration's suites are.  secrets: values that steps need and no file may hold (`mask_key`).
    lease: what this process holds of the run; every transaction at the target is refused once it is another's.
    """

    plan: Plan
    staging: Staging
    endpoints: Endpoints
    folder: Path
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    lease: Lease | None = None

    def with_staging(self, area: Staging) -> RunContext:
        return replace(self, staging=area)

    def with_readings(self) -> RunContext:
        """The context that keeps to the readings of its tables that count now. They are found with one listing, not with one a table."""
        return self.with_staging(self.staging.of_readings(t.name for t in self.plan.tables))

    def check_lease(self) -> None:
        """Raise LeaseLost when this process held a lease, and another has it now: see `Lease.check`."""
        if self.lease is not None:
            self.lease.check()

    @property
    def source(self) -> Database:
        return databases.of(self.endpoints.source)

    @property
    def target(self) -> Database:
        return databases.of(self.endpoints.target, target=True)

    @property
    def shares(self) -> Shares:
        """Of a task's memory."""
        return Shares(self.plan.memory, self.plan.connections)

    @contextmanager
    def reading(self, items: int = 1) -> Iterator[list[sa.Connection]]:
        """Connections to the source for `items` pieces of work, closed afterwards; nothing is ever committed there."""
        count = min(items, self.plan.connections)
        with self._connected(self.source, self.endpoints.source, "source", count) as connections:
            yield connections

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """A connection to the target; the caller begins and commits."""
        with self._connected(self.target, self.endpoints.target, "target", 1) as connections:
            yield connections[0]

    @contextmanager
    def abreast(self, items: int) -> Iterator[list[sa.Connection]]:
        """Connections to the target for `items` pieces of work: one alone where writers would wait for each other."""
        count = min(items, self.plan.connections) if self.target.parallel_writers else 1
        with self._connected(self.target, self.endpoints.target, "target", count) as connections:
            yield connections

    @contextmanager
    def _connected(self, database: Database, url: sa.URL, role: str, count: int) -> Iterator[list[sa.Connection]]:
        engine = databases.engine(database, url, role)
        with ExitStack() as stack:
            stack.callback(engine.dispose)
            if role == "target" and self.lease is not None:
                self.lease.guard(engine)
            connections = [stack.enter_context(databases.opened(engine, database, role)) for _ in range(max(1, count))]
            for statement in database.limit_memory(self._memory_limit(database)):
                databases.execute(connections[0], statement)
                connections[0].rollback()
            yield connections

    def _memory_limit(self, database: Database) -> int:
        """Memory limit for an embedded database in bytes; 0 is unlimited, used when one vector of rows would not fit."""
        vector = max((t.row_bytes * min(t.rows, database.vector_rows) for t in self.plan.tables if t.longest_row), default=0)
        return self.shares.embedded if vector <= self.shares.embedded // 4 else 0  # the database takes three times what it holds


def reopen(area: Staging, endpoints: Endpoints, folder: Path, secrets: Mapping[str, str] | None = None) -> RunContext:
    """The context of the run that was planned in this staging area. Raises FileNotFoundError when none was."""
    return RunContext(plan_file.read(area), area, endpoints, folder, dict(secrets or {}))
