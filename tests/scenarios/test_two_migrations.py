"""Two migrations into one table: an undo never takes the rows of the other one from the readers, and undone in reverse order both end."""

from __future__ import annotations

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


def live(target: sa.URL, *statements: str) -> str:
    """The one value of the live table, after these statements."""
    engine = databases.of(target, target=True).engine(target)
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(sa.text(statement))
        found = connection.execute(sa.text("SELECT v FROM t")).scalar_one()
    engine.dispose()
    return str(found)


def test_an_undo_is_refused_while_another_migration_s_rows_are_live(
    tmp_path: Path, target: sa.URL, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("one", "two"):
        with closing(sqlite3.connect(tmp_path / f"{name}.sqlite")) as db, db:
            db.executescript(f"CREATE TABLE t (id INTEGER PRIMARY KEY, v VARCHAR(9)); INSERT INTO t VALUES (1, '{name}')")
        url = target.render_as_string(hide_password=False)
        (tmp_path / f"{name}.yaml").write_text(f"name: {name}\nsource: sqlite:///{tmp_path}/{name}.sqlite\ntarget: {url}\n")
    assert live(target, "CREATE TABLE t (id INTEGER PRIMARY KEY, v VARCHAR(9))", "INSERT INTO t VALUES (1, 'old')") == "old"
    assert main(["run", "one.yaml", "--run-id", "A"]) == 0
    capsys.readouterr()
    assert main(["check", "two.yaml"]) == 0
    assert "was made live by another migration: one, in its run A" in " ".join(capsys.readouterr().out.split())
    assert main(["run", "two.yaml", "--run-id", "B"]) == 0 and live(target) == "two"
    capsys.readouterr()
    assert main(["undo", "one.yaml"]) == 4 and live(target) == "two"
    told = capsys.readouterr().err
    assert "the migration two has switched it since, in its run B" in told and "penstock undo two.yaml --run-id B" in told
    assert main(["undo", "two.yaml"]) == 0 and live(target) == "one"
    assert main(["undo", "one.yaml"]) == 0 and live(target) == "old"
