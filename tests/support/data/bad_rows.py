"""A migration of one table with bad rows, and what became of them, read by the plain drivers."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import sqlalchemy as sa

from penstock import databases
from penstock.migration.loader import load
from penstock.migration.spec import Migration
from penstock.model.plan import Plan
from penstock.stages.plan import plan
from penstock.state.run_context import RunContext
from tests.support.requests import ran


@dataclass(frozen=True)
class Move:
    """From one database to another; files are kept in `folder`."""

    folder: Path
    source: sa.URL
    target: sa.URL

    def write(self, tables: dict[str, object] | None = None, **fields: object) -> Migration:
        """The migration file, anew."""
        ends = {end: url.render_as_string(hide_password=False) for end, url in (("source", self.source), ("target", self.target))}
        said = {"name": "bad", **ends, "bad_rows": {"action": "quarantine", "at_most": 1000}, **fields, "tables": tables or {}}
        file = self.folder / "bad.yaml"
        file.write_text(json.dumps(said))
        return load(file)

    def run(self, migration: Migration, run_id: str = "r1", **options: Any) -> RunContext:
        return ran(migration, run_id, self.root, self.source, self.target, self.folder / "none", **options)

    def planned(self, migration: Migration, run_id: str = "r1") -> RunContext:
        """A run that is planned and no more."""
        return plan(migration, run_id, self.root, self.source, self.target, self.folder / "none")

    @property
    def root(self) -> str:
        return str(self.folder / "staging")

    def quarantined(self, table: str = "t", run_id: str = "r1") -> list[dict[str, Any]]:
        """All rows of a table's quarantine files, as pyarrow reads them, in the order of stages, chunks and places."""
        files = sorted((self.folder / "staging" / "bad" / run_id / "quarantine" / table).glob("*.parquet"))
        return [row for file in files for row in pq.read_table(file).to_pylist()]

    def report(self, run_id: str = "r1") -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / "staging" / "bad" / run_id / "report.json").read_text())
        return found

    def proof(self, table: str = "t", run_id: str = "r1") -> dict[str, Any]:
        records = json.loads((self.folder / "staging" / "bad" / run_id / "proof.json").read_text())
        return next(dict(r) for r in records if r["table"] == table)

    def rows(self, query: str = "SELECT * FROM t ORDER BY 1", end: str = "target") -> list[tuple[Any, ...]]:
        url = self.target if end == "target" else self.source
        engine = databases.of(url).engine(url)
        with engine.connect() as connection:
            found = [tuple(r) for r in databases.execute(connection, query)]
        engine.dispose()
        return found

    def tell(self, *statements: str, end: str = "source") -> None:
        """Run statements at an end."""
        url = self.target if end == "target" else self.source
        engine = databases.of(url).engine(url)
        with engine.begin() as connection:
            for statement in statements:
                databases.execute(connection, statement)
        engine.dispose()


def sqlite(folder: Path, ddl: str, rows: Iterable[Sequence[object]], table: str = "t", to: str = "duckdb") -> Move:
    """A move from SQLite, where `ddl` makes the table that these rows fill, to a new file of the database `to`."""
    file = folder / "source.sqlite"
    with sqlite3.connect(file) as db:
        db.executescript(ddl)
        rows = list(rows)
        if rows:
            db.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(rows[0]))})", rows)
    db.close()
    return Move(folder, sa.make_url(f"sqlite:///{file}"), sa.make_url(f"{to}:///{folder}/target.{to}"))


def planned(move: Move, run_id: str = "r1") -> Plan:
    return Plan.from_json((move.folder / "staging" / "bad" / run_id / "plan.json").read_text())
