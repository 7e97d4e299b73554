"""An opened run: what every stage is handed. Holds its plan, its staging area and a way to either database."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import sqlalchemy as sa

from penstock import databases
from penstock.databases import Database
from penstock.model.plan import Plan
from penstock.runtime.memory import Shares
from penstock.state import plan_file, staging
from penstock.state.staging import Staging


@dataclass(frozen=True)
class Session:
    """A run whose plan is written.

    folder: where the migration's suites are.  secrets: values that steps need and no file may hold (`mask_key`).
    """

    plan: Plan
    staging: Staging
    source_url: sa.URL
    target_url: sa.URL
    folder: Path
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def source(self) -> Database:
        return databases.of(self.source_url)

    @property
    def target(self) -> Database:
        return databases.of(self.target_url, target=True)

    @property
    def shares(self) -> Shares:
        """Of a task's memory."""
        return Shares(self.plan.memory, self.plan.connections)

    def _room(self, database: Database) -> int:
        """Bytes of this process for the database; 0 is as many as it takes: where it must have rows at a time that have no room."""
        held = max((t.row_bytes * min(t.rows, database.vector) for t in self.plan.tables if t.longest), default=0)
        return self.shares.embedded if held <= self.shares.embedded // 4 else 0  # it takes three times what it holds

    @contextmanager
    def reading(self, items: int = 1) -> Iterator[list[sa.Connection]]:
        """Connections to the source for `items` pieces of work, closed afterwards; nothing is ever committed there."""
        with _connected(self.source, self.source_url, "source", min(items, self.plan.connections), self._room(self.source)) as connections:
            yield connections

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """A connection to the target; the caller begins and commits."""
        with _connected(self.target, self.target_url, "target", 1, self._room(self.target)) as connections:
            yield connections[0]

    @contextmanager
    def abreast(self, items: int) -> Iterator[list[sa.Connection]]:
        """Connections to the target for `items` pieces of work: one alone where writers would wait for each other."""
        count = min(items, self.plan.connections) if self.target.parallel_writers else 1
        with _connected(self.target, self.target_url, "target", count, self._room(self.target)) as connections:
            yield connections


@contextmanager
def _connected(database: Database, url: sa.URL, role: str, count: int, room: int) -> Iterator[list[sa.Connection]]:
    engine = databases.connect(database, url, role)
    with ExitStack() as stack:
        stack.callback(engine.dispose)
        connections = [stack.enter_context(engine.connect()) for _ in range(max(1, count))]
        for statement in database.bound(room):
            databases.execute(connections[0], statement)
            connections[0].rollback()
        yield connections


def reopen(
    root: str, migration: str, run: str, source_url: sa.URL, target_url: sa.URL, folder: Path, secrets: Mapping[str, str] | None = None
) -> Session:
    """The session of a run that was planned before, from what staging holds. Raises FileNotFoundError when it wasn't."""
    area = staging.of(root, migration, run)
    return Session(plan_file.read(area), area, source_url, target_url, folder, dict(secrets or {}))
