"""The tables of docs/reference/schema.md, from what planning says of the parts of the matrix test: `python -m tests.support.objects_page`.

It starts a PostgreSQL and a MariaDB server of its own.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

import sqlalchemy as sa

from penstock.migration.loader import load
from penstock.model.schema_difference import RESULTS, Result, SchemaDifference
from penstock.stages import plan
from tests.support.data.object_cases import CASES, DATABASES, NUMBERS, Case
from tests.support.data.plain_values import Plain
from tests.support.repository import REPO
from tests.support.requests import request

PAGE = REPO / "docs" / "reference" / "schema.md"
LABELS = {"postgresql": "PostgreSQL", "mysql": "MariaDB", "sqlite": "SQLite", "duckdb": "DuckDB"}
BEGIN = "<!-- begin of what python -m tests.support.objects_page writes -->\n"
END = "<!-- end -->\n"


def of(case: Case, differences: Iterable[SchemaDifference]) -> list[SchemaDifference]:
    """The differences of a part."""
    own = [d for d in differences if d.table == case.table and d.object.removeprefix("unique ") == case.object]
    wanted = ("", case.property, "identity") if case.property in NUMBERS else ("", case.property)
    return [d for d in own if not case.property or d.property in wanted]


def result(found: Iterable[SchemaDifference]) -> Result:
    """What became of a part with these differences."""
    return max((d.result for d in found), key=RESULTS.index, default="carried")


def stated(case: Case, source: str, target: str) -> str:
    """What the page says of a part."""
    section = PAGE.read_text().partition(f"### From {LABELS[source]}\n")[2].partition("\n### ")[0]
    row = next(line for line in section.splitlines() if line.startswith(f"| {case.part} |"))
    return row.split("|")[2 + DATABASES.index(target)].strip().strip("*")


def differences(source: sa.URL, target: sa.URL) -> tuple[SchemaDifference, ...]:
    """What planning finds between two databases."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "m.yaml"
        file.write_text("name: m\nsource: a\ntarget: b\n")
        return plan.preflight(request(load(file), "r", "", source, target, Path(folder))).schema.differences


def page(make: Callable[[str, str], sa.URL]) -> str:
    """The page with its tables. make: an empty database of a kind, under a name."""
    parts = []
    for source, cases in CASES.items():
        url = make(source, f"page_{source}")
        with Plain(url) as plain:
            for statement in (s for c in cases for s in c.make):
                plain.run(statement)
        found = {target: differences(url, make(target, f"page_{source}_{target}")) for target in DATABASES}
        lines = [f"### From {LABELS[source]}\n", f"| part | {' | '.join(LABELS.values())} |", f"| --- |{' --- |' * len(LABELS)}"]
        lines += [f"| {c.part} | {' | '.join(_cell(of(c, found[t])) for t in DATABASES)} |" for c in cases]
        parts.append("\n".join(lines) + "\n")
    before, _, rest = PAGE.read_text().partition(BEGIN)
    return before + BEGIN + "\n" + "\n".join(parts) + "\n" + END + rest.partition(END)[2]


def _cell(found: list[SchemaDifference]) -> str:
    word = result(found)
    return "**lost**" if word == "lost" else word


def _written() -> None:
    from tests.fire.place import Servers

    with Servers.started() as servers, tempfile.TemporaryDirectory() as folder:

        def make(kind: str, name: str) -> sa.URL:
            if kind in ("sqlite", "duckdb"):
                return sa.make_url(f"{kind}:///{folder}/{name}.db")
            url = servers.postgresql if kind == "postgresql" else servers.mariadb
            with Plain(url.set(database="postgres" if kind == "postgresql" else "mysql")) as server:
                server.run(f"CREATE DATABASE {name}" + (" CHARACTER SET utf8mb4" if kind == "mysql" else ""))
            return url.set(database=name)

        PAGE.write_text(page(make))


if __name__ == "__main__":
    _written()
