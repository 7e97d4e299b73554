"""A live migration between two databases of the private PostgreSQL, with a source that the tests write to."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import sqlalchemy as sa

from penstock import live
from penstock.migration.loader import load
from penstock.migration.spec import Migration
from penstock.stages.live.follow import Progress, Until
from penstock.state.run_context import RunContext
from tests.support.requests import ran, request

CURRENT = Until(seconds=30, current=True)


def address(url: sa.URL) -> str:
    return url.set(drivername="postgresql").render_as_string(hide_password=False)


@dataclass
class Live:
    """source, target: connections that commit each statement.  tables: as the migration's file has them.  more: other fields of it."""

    folder: Path
    source_url: sa.URL
    target_url: sa.URL
    source: psycopg.Connection
    target: psycopg.Connection
    tables: dict[str, Any] = field(default_factory=dict)
    more: dict[str, Any] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)

    def migration(self) -> Migration:
        ends = {"source": address(self.source_url), "target": address(self.target_url)}
        file = self.folder / "shop.yaml"
        file.write_text(json.dumps({"name": "shop", "live": True, "dry_build": False, **ends, "tables": self.tables, **self.more}))
        return load(file)

    def loaded(self, run: str = "r1") -> RunContext:
        """The run up to its proof."""
        return ran(self.migration(), run, self.root, self.source_url, self.target_url, self.folder / "none", self.secrets)

    @property
    def root(self) -> str:
        return str(self.folder / "staging")

    def request(self, run: str = "r1", **more: Any) -> Any:
        return request(self.migration(), run, self.root, self.source_url, self.target_url, self.folder / "none", self.secrets, **more)

    def follow(self, run: str = "r1", until: Until = CURRENT) -> Progress:
        return live.follow(self.request(run).reopened(), until, lambda progress: None)

    def do(self, *statements: str) -> None:
        """At the source, each in a transaction of its own; several in one text are one transaction."""
        for statement in statements:
            self.source.execute(statement)

    def shadow(self, select: str) -> list[tuple[Any, ...]]:
        """Of the shadows, which a reader of the live tables does not see."""
        self.target.execute("SET search_path = penstock_new_shop")
        found = self.target.execute(select).fetchall()
        self.target.execute("RESET search_path")
        return found

    def same(self, *tables: str) -> bool:
        """Whether the shadows have the rows of the source's tables."""
        return all(
            sorted(map(repr, self.source.execute(f"SELECT * FROM {t}").fetchall())) == sorted(map(repr, self.shadow(f"SELECT * FROM {t}")))
            for t in tables
        )


def opened(folder: Path, server: sa.URL, name: str) -> Iterator[Live]:
    """A live migration between two new databases called after `name`."""
    with psycopg.connect(address(server), autocommit=True) as admin:
        ends = [server.set(database=f"{name}_{end}") for end in ("source", "target")]
        for end in ends:
            admin.execute(f"CREATE DATABASE {end.database}")
        with psycopg.connect(address(ends[0]), autocommit=True) as source, psycopg.connect(address(ends[1]), autocommit=True) as target:
            yield Live(folder, *ends, source, target)
        slots = "SELECT slot_name FROM pg_replication_slots WHERE database = %s"
        for (slot,) in admin.execute(slots, [ends[0].database]).fetchall():
            admin.execute("SELECT pg_terminate_backend(active_pid, 5000) FROM pg_replication_slots WHERE slot_name = %s", [slot])
            admin.execute("SELECT pg_drop_replication_slot(%s)", [slot])
        for end in ends:
            admin.execute(f"DROP DATABASE {end.database} WITH (FORCE)")
