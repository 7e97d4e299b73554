"""A run that a later run has overtaken says so: in its exit code, its words and its report. It leaves nothing behind."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa

from penstock import databases
from penstock.cli.commands import main


@pytest.fixture(params=["postgresql", "mariadb", "duckdb", "sqlite"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> sa.URL:
    if request.param in ("duckdb", "sqlite"):
        return sa.make_url(f"{request.param}:///{tmp_path}/t.{request.param}")
    return request.getfixturevalue(f"{request.param}_url")


@pytest.fixture
def folder(tmp_path: Path, target: sa.URL, monkeypatch: pytest.MonkeyPatch) -> Path:
    change(tmp_path, "CREATE TABLE t (id INTEGER PRIMARY KEY, v INTEGER)", "INSERT INTO t VALUES (1, 1), (2, 2)")
    change(tmp_path, "CREATE TABLE u (id INTEGER PRIMARY KEY)", "INSERT INTO u VALUES (1)")
    url = target.render_as_string(hide_password=False)
    (tmp_path / "m.yaml").write_text(f"name: m\nsource: sqlite:///{tmp_path}/s.sqlite\ntarget: {url}\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def change(folder: Path, *statements: str) -> None:
    with closing(sqlite3.connect(folder / "s.sqlite")) as db, db:
        for statement in statements:
            db.execute(statement)


def live(target: sa.URL) -> list[int]:
    engine = databases.of(target, target=True).engine(target)
    with engine.connect() as connection:
        found = list(connection.execute(sa.text("SELECT v FROM t ORDER BY id")).scalars())
    engine.dispose()
    return found


def shadows(target: sa.URL) -> list[str]:
    """The names of tables and of schemas that still are of a shadow."""
    engine = databases.of(target, target=True).engine(target)
    with engine.connect() as connection:
        inspector = sa.inspect(connection)
        schemas = [s for s in inspector.get_schema_names() if s.startswith("penstock_new")]
        names = [n for schema in (None, *schemas) for n in inspector.get_table_names(schema=schema)]
    engine.dispose()
    return [n for n in names if n.startswith("penstock_new")] + [n for n in names if schemas and n in ("t", "u") and names.count(n) > 1]


def report(folder: Path, run: str) -> dict[str, str]:
    return dict(json.loads((folder / "staging" / "m" / run / "report.json").read_text()))


def test_a_run_that_is_overtaken_says_so_and_leaves_nothing_behind(
    folder: Path, target: sa.URL, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", "m.yaml", "--run-id", "first"]) == 0
    assert main(["run", "m.yaml", "--run-id", "A", "--stop-before-switch"]) == 0
    change(folder, "UPDATE t SET v = 77")
    assert main(["run", "m.yaml", "--run-id", "B"]) == 0
    capsys.readouterr()
    assert main(["run", "m.yaml", "--run-id", "A"]) == 6
    told = capsys.readouterr().out
    assert "overtaken: No table of this run is live: t, u were left to the run B, which read the source later." in told
    assert report(folder, "A")["outcome"] == "overtaken" and live(target) == [77, 77] and not shadows(target)
    for command in (["undo", "m.yaml"], ["undo", "m.yaml", "--run-id", "A"]):
        assert main(command) == 4
    assert "name its run: B" in capsys.readouterr().err and live(target) == [77, 77]
    assert main(["undo", "m.yaml", "--run-id", "B"]) == 0 and live(target) == [1, 2]
    assert main(["run", "m.yaml", "--run-id", "C"]) == 0 and live(target) == [77, 77]


def test_a_run_that_is_overtaken_in_part_says_what_is_live_and_what_is_not(
    folder: Path, target: sa.URL, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", "m.yaml", "--run-id", "A", "--stop-before-switch"]) == 0
    change(folder, "UPDATE t SET v = 77")
    assert main(["run", "m.yaml", "--run-id", "B", "--tables", "t"]) == 0
    capsys.readouterr()
    assert main(["run", "m.yaml", "--run-id", "A"]) == 7
    told = capsys.readouterr().out
    assert "1 table with 1 row is live" in told and "t was left to the run B, which read the source later." in told
    assert report(folder, "A")["outcome"] == "switched in part" and live(target) == [77, 77] and not shadows(target)
