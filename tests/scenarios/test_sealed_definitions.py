"""What was proved is what goes live: a shadow table whose definition changed between the proof and the switch is refused."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from penstock import databases
from penstock.errors import SwitchRefused
from penstock.model.schema import TableName
from penstock.runtime import events
from tests.support.one_run import moved

CHANGES = {
    "swapped names": ("column", ("RENAME COLUMN a TO c", "RENAME COLUMN b TO a", "RENAME COLUMN c TO b")),
    "dropped column": ("column a is gone", ("DROP COLUMN a",)),
    "added column": ("column more was added", ("ADD COLUMN more INTEGER",)),
    "default": ("column b was changed", ("ALTER COLUMN b SET DEFAULT 'other'",)),
    "not null": ("column b was changed", ("ALTER COLUMN b DROP NOT NULL",)),
    "check": ("added", ("ADD CONSTRAINT more CHECK (a <> 'none')",)),
}
ON = {
    "postgresql": set(CHANGES),
    "mariadb": set(CHANGES) - {"not null"},
    "duckdb": {"swapped names", "default", "not null", "added column"},
    "sqlite": {"swapped names", "dropped column", "added column"},
}


@pytest.fixture
def source(tmp_path: Path) -> sa.URL:
    with closing(sqlite3.connect(tmp_path / "s.sqlite")) as db, db:
        db.executescript(
            "CREATE TABLE t (id INTEGER PRIMARY KEY, a VARCHAR(20), b VARCHAR(20) DEFAULT 'x' NOT NULL);"
            "INSERT INTO t VALUES (1, 'p', 'q'), (2, 'r', 's')"
        )
    return sa.make_url(f"sqlite:///{tmp_path}/s.sqlite")


@pytest.fixture(params=ON)
def target(request: pytest.FixtureRequest, tmp_path: Path) -> sa.URL:
    if request.param in ("duckdb", "sqlite"):
        return sa.make_url(f"{request.param}:///{tmp_path}/t.{request.param}")
    return request.getfixturevalue(f"{request.param}_url")


def kind(target: sa.URL) -> str:
    name = databases.of(target, target=True).dialect
    return "mariadb" if name == "mysql" else name


def run(tmp_path: Path, source: sa.URL, target: sa.URL, *statements: str) -> None:
    """A run; after its proof somebody else runs these statements on the target. {t} is the shadow table."""
    database, failed = databases.of(target, target=True), list[Exception]()

    def change(name: str, facts: dict[str, Any]) -> None:
        if name != "prove.finished":
            return
        engine = database.engine(target)
        try:
            with engine.begin() as connection:
                (shadow,) = connection.execute(sa.text("SELECT shadow FROM penstock_shadows")).scalars()
                schema, _, table = shadow.rpartition(".")
                place = databases.qualified(database, TableName(table, schema or None))
                for statement in statements:
                    databases.execute(connection, statement.format(t=place))
        except Exception as error:
            failed.append(error)
        finally:
            engine.dispose()

    with events.subscribed(change):
        moved(tmp_path, source, target, "sealed", "r1", {"include": ["t"]})
    assert not failed, failed


@pytest.mark.parametrize("what", CHANGES)
def test_a_definition_that_changed_after_the_proof_is_refused_by_name(tmp_path: Path, source: sa.URL, target: sa.URL, what: str) -> None:
    if what not in ON[kind(target)]:
        pytest.skip(f"{kind(target)} has no such statement")
    words, changes = CHANGES[what]
    with pytest.raises(SwitchRefused) as refused:
        run(tmp_path, source, target, *(f"ALTER TABLE {{t}} {change}" for change in changes))
    assert "definition" in refused.value.what and words in refused.value.why, refused.value


def test_a_trigger_on_the_shadow_is_refused_by_name(tmp_path: Path, source: sa.URL, target: sa.URL) -> None:
    made = {
        "postgresql": (
            "CREATE FUNCTION change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
            "CREATE TRIGGER theirs BEFORE INSERT ON {t} FOR EACH ROW EXECUTE FUNCTION change()",
        ),
        "mariadb": ("CREATE TRIGGER theirs BEFORE INSERT ON {t} FOR EACH ROW SET NEW.b = 'theirs'",),
        "sqlite": ("CREATE TRIGGER theirs AFTER INSERT ON {t} BEGIN DELETE FROM t; END",),
    }
    if kind(target) not in made:
        pytest.skip("DuckDB has no triggers")
    with pytest.raises(SwitchRefused) as refused:
        run(tmp_path, source, target, *made[kind(target)])
    assert "trigger theirs was added" in refused.value.why


def test_an_index_that_is_added_changes_no_answer_and_is_let_through(tmp_path: Path, source: sa.URL, target: sa.URL) -> None:
    if kind(target) in ("duckdb", "sqlite"):
        pytest.skip("DuckDB switches no table that has such an index; SQLite's statement has another form")
    run(tmp_path, source, target, "CREATE INDEX theirs ON {t} (a)")
