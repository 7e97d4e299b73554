"""The small reproductions beside the repository: a source, a migration file, and what must hold, in a folder each."""

from __future__ import annotations

import json
import runpy
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import pytest
import sqlalchemy as sa

from penstock import databases
from penstock.errors import Problem
from penstock.migration.loader import load
from penstock.migration.spec import Migration
from penstock.planning.preflight.result import PreflightResult
from penstock.stages import plan
from penstock.state.run_context import RunContext
from tests.support.data.plain_values import Plain
from tests.support.repository import SHARED
from tests.support.requests import ran, request


def folder(name: str) -> Path:
    """The folder of a case. Skips the test where the cases are missing."""
    found = SHARED / "cases" / name
    if not found.is_dir():
        pytest.skip(f"{found} is missing: the cases are not part of this repository")
    return found


def source_sql(name: str) -> str:
    """The SQL of a case's source."""
    place = folder(name)
    if (script := place / "source.sql").exists():
        return script.read_text()
    with redirect_stdout(StringIO()) as printed:
        runpy.run_path(str(place / "source.py"))
    return printed.getvalue()


def sqlite(folder: Path, script: str) -> sa.URL:
    """A SQLite source in a folder, made by these statements."""
    url = sa.make_url(f"sqlite:///{folder}/source.db")
    run_sql(url, script)
    return url


def rows(url: sa.URL, query: str) -> list[tuple[object, ...]]:
    """What the plain driver reads."""
    with Plain(url) as plain:
        return [tuple(row) for row in plain.run(query)]


def run_sql(url: sa.URL, text: str) -> list[tuple[object, ...]]:
    """Run statements, each ended by a semicolon at the end of a line; the rows of the last."""
    database = databases.of(url)
    engine = database.engine(url)
    rows: list[tuple[object, ...]] = []
    lines = "\n".join(line for line in text.splitlines() if not line.startswith("--"))
    with engine.connect() as connection:
        for statement in filter(str.strip, lines.split(";\n")):
            result = databases.execute(connection, statement.strip().removesuffix(";"))
            rows = [tuple(row) for row in result] if result.returns_rows else []
        connection.commit()
    engine.dispose()
    return rows


@dataclass(frozen=True)
class Ends:
    """A migration of everything between two databases."""

    folder: Path
    source: sa.URL
    target: sa.URL
    name: str = "case"

    def declared(self, more: str = "") -> Migration:
        file = self.folder / "case.yaml"
        places = [f"{end}: {json.dumps(url.render_as_string(hide_password=False))}" for end, url in self._ends]
        file.write_text("\n".join([f"name: {self.name}", *places, more, ""]))
        return load(file)

    @property
    def _ends(self) -> Sequence[tuple[str, sa.URL]]:
        return ("source", self.source), ("target", self.target)

    def check(self, more: str = "", root: str = "", **asked: object) -> PreflightResult:
        """What `penstock check` finds, with a sample. root: the staging area; empty for none."""
        asking = request(self.declared(more), "check", root, self.source, self.target, self.folder / "none", **asked)
        return plan.preflight(asking, estimate=True)

    def run(self, run: str = "r1", more: str = "", **asked: object) -> RunContext:
        """A run to its end."""
        places = (str(self.folder / "staging"), self.source, self.target, self.folder / "none")
        return ran(self.declared(more), run, *places, **asked)


def lines(found: PreflightResult) -> list[str]:
    """What was found, a line each; ! before what blocks."""
    return [_line(p) for p in found.problems]


def _line(problem: Problem) -> str:
    fix = f" [{problem.fix}]" if problem.fix else ""
    return f"{'!' if problem.blocking else ''}{problem.where}: {problem.what}{fix}"
