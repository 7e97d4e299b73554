"""Five schemas modelled on public applications: `init`, `check` and `run` without editing, then every row compared.

What was asked, what was left out and what was lost is expected by name, in one file a pair: a change of any of them fails here.
With PENSTOCK_WRITE_EXPECTED=1 the files are written anew, for the change to be reviewed.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import MySQLdb
import psycopg
import pytest
import sqlalchemy as sa
import yaml
from MySQLdb.constants import CLIENT

from penstock.cli.commands import main
from tests.support.data.plain_values import Make, Plain
from tests.support.data.plain_values import make as make
from tests.support.plain_rows import compare

DDL = Path(__file__).parents[1] / "support" / "data" / "applications"
EXPECTED = DDL / "expected"
PAIRS = (
    ("social_network", "postgresql"),
    ("social_network", "mariadb"),
    ("billing", "postgresql"),
    ("billing", "duckdb"),
    ("wiki", "mariadb"),
    ("wiki", "postgresql"),
    ("store", "mariadb"),
    ("store", "postgresql"),
    ("library", "sqlite"),
    ("library", "postgresql"),
)
EXTENSIONS = {"billing": ("citext", "btree_gist", "btree_gin", "ltree"), "social_network": ("pg_trgm",)}
"""What somebody creates at another PostgreSQL before the migration."""
ENGINES = {"mariadb": "mysql"}


@dataclass(frozen=True)
class Moved:
    """A migration that was proposed, checked and run. told: what it asked, left out and lost, in words."""

    source: sa.URL
    target: sa.URL
    tables: tuple[str, ...]
    told: dict[str, list[str]]


def fill(url: sa.URL, script: str) -> None:
    """Run the statements of a file by the plain driver."""
    if url.get_backend_name() == "mysql":
        place = {"host": url.host, "port": url.port, "user": url.username, "password": url.password, "database": url.database}
        session = MySQLdb.connect(**place, charset="utf8mb4", autocommit=True, client_flag=CLIENT.MULTI_STATEMENTS)
        with session.cursor() as cursor:
            cursor.execute(script.encode())
            while cursor.nextset() is not None:
                pass
        session.close()
    elif url.get_backend_name() == "postgresql":
        address = url.set(drivername="postgresql").render_as_string(hide_password=False)
        with psycopg.connect(address, autocommit=True) as session:
            session.execute(script)
    else:
        with Plain(url) as end:
            end.session.executescript(script)


@pytest.fixture(scope="module")
def sources(make: Make) -> dict[str, sa.URL]:
    """The databases of the applications."""
    found = {}
    for file in sorted(DDL.glob("*.sql")):
        name, engine, _ = file.name.split(".")
        found[name] = make(ENGINES.get(engine, engine), f"{name}_source")
        fill(found[name], file.read_text(encoding="utf-8"))
    return found


def move(name: str, source: sa.URL, target: sa.URL, folder: Path, patch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Moved:
    """Propose, check and run."""
    ends = {"source": source, "target": target}
    for role, url in ends.items():
        patch.setenv(f"AIRFLOW_CONN_{name.upper()}_{role.upper()}", url.render_as_string(hide_password=False))
    file = folder / f"{name}.yaml"
    given = [url.render_as_string(hide_password=False) for url in ends.values()]
    assert main(["init", *given, "--yes", "--name", name, "--out", str(file)]) == 0, capsys.readouterr().err
    capsys.readouterr()
    assert main(["check", str(file), "--json"]) == 0, capsys.readouterr().out
    checked = json.loads(capsys.readouterr().out)
    assert main(["run", str(file), "--staging", str(folder / "staging")]) == 0, capsys.readouterr().err
    capsys.readouterr()
    declared = yaml.safe_load(file.read_text(encoding="utf-8"))
    names = tuple(_tables(ends["target"]))
    return Moved(source, target, names, told(declared["tables"], checked))


def _tables(url: sa.URL) -> Iterator[str]:
    engine = sa.create_engine(url)
    yield from sorted(n for n in sa.inspect(engine).get_table_names() if not n.startswith("penstock_"))
    engine.dispose()


def told(declared: dict[str, Any], checked: dict[str, Any]) -> dict[str, list[str]]:
    """What was asked, left out and lost, in lines."""
    asked = [
        f"{table}.{column} as {json.dumps(to) if isinstance(to, dict) else to}"
        for table, section in declared.items()
        if isinstance(section, dict)
        for step in section.get("transform", ())
        for column, to in step["cast"].items()
    ]
    hidden = [f"{t}: {', '.join(s['sensitive'])}" for t, s in declared.items() if isinstance(s, dict) and "sensitive" in s]
    lost = [f"{p['where'].removeprefix('table ')}: {p['what']}" for p in checked["problems"] if p["area"] == "schema"]
    counts = [
        f"{c['object']}: " + ", ".join(f"{c[n]} {n}" for n in ("carried", "declared", "adapted", "lost"))
        for c in checked.get("schema", {}).get("counts", ())
    ]
    return {
        "tables": [str(checked["tables"])],
        "asked": sorted(asked),
        "left out": sorted(declared.get("exclude", [])),
        "sensitive": sorted(hidden),
        "objects": counts,
        "lost or adapted": sorted(lost),
    }


@pytest.mark.parametrize(("name", "engine"), PAIRS, ids=[f"{name} to {engine}" for name, engine in PAIRS])
def test_an_application_moves_without_editing_and_names_what_it_loses(
    name: str,
    engine: str,
    sources: dict[str, sa.URL],
    make: Make,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    target = make(ENGINES.get(engine, engine), f"{name}_to_{engine}")
    if engine == "postgresql" and sources[name].get_backend_name() == "postgresql":
        fill(target, "".join(f"CREATE EXTENSION {e};" for e in EXTENSIONS.get(name, ())))
    moved = move(name, sources[name], target, tmp_path, monkeypatch, capsys)
    expected, found = EXPECTED / f"{name}-to-{engine}.txt", "\n".join(as_text(moved.told)) + "\n"
    print(f"{name} to {engine}: " + "; ".join(f"{what} {len(lines)}" for what, lines in moved.told.items()))
    if os.environ.get("PENSTOCK_WRITE_EXPECTED"):
        expected.write_text(found, encoding="utf-8")
    assert found == expected.read_text(encoding="utf-8")
    with Plain(moved.source) as there, Plain(moved.target) as here:
        rows = sum(compare(there, here, table) for table in moved.tables)
    assert rows > 5_000
    assert len(moved.tables) >= 25


def as_text(told: dict[str, list[str]]) -> Iterator[str]:
    for what, lines in told.items():
        yield f"{what}:"
        yield from (f"  {line}" for line in lines)
