"""Columns with values that are not of their type: `init` carries them by the step that loses nothing, and names the others."""

from __future__ import annotations

import os
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from penstock.init.draft import Draft
from penstock.init.propose import Proposal, propose
from penstock.model.endpoints import Endpoints


def proposed(folder: Path, declared: str, values: list[Any], target: str = "duckdb") -> Proposal:
    file = folder / "source.sqlite"
    with closing(sqlite3.connect(file)) as session, session:
        session.execute(f"CREATE TABLE t (id INTEGER PRIMARY KEY, c {declared})")
        session.executemany("INSERT INTO t (c) VALUES (?)", [(v,) for v in values])
    ends = Endpoints(sa.make_url(f"sqlite:///{file}"), sa.make_url(f"{target}:///{folder}/target.{target}"))
    made = propose(Draft("m", f"sqlite:///{file}", str(ends.target)), ends)
    assert not made.unsolved
    return made


@pytest.mark.parametrize(
    ("declared", "values", "cast"),
    [
        ("BOOLEAN", ["t", "f", None], {"to": "boolean", "from": "words"}),
        ("TIMESTAMP", ["2024-01-01 00:00:00+00:00", "2024-06-01 00:00:00+02:00"], {"to": "timestamptz", "from": "text"}),
        ("TIMESTAMP", ["2024-01-01 00:00:00+00:00", "2024-06-01 00:00:00"], {"to": "timestamp", "from": "offset"}),
        ("INTEGER", [1, "", "n/a"], "string"),
    ],
)
def test_the_step_loses_no_value(tmp_path: Path, declared: str, values: list[Any], cast: Any) -> None:
    made = proposed(tmp_path, declared, values)
    assert made.draft.document()["tables"] == {"include": ["*"], "t": {"transform": [{"cast": {"c": cast}}]}}


def test_a_step_that_makes_null_of_values_is_only_an_alternative(tmp_path: Path) -> None:
    [decision] = proposed(tmp_path, "INTEGER", [1, "", 2]).decided
    assert decision.chosen.fields == {"transform": [{"cast": {"c": "string"}}]}
    assert {"transform": [{"cast": {"c": {"to": "int64", "from": "empty"}}}]} in [c.fields for c in decision.choices[1:]]


def test_what_only_a_sample_can_tell_is_left_as_unsolved(tmp_path: Path) -> None:
    place = tmp_path / "small"
    place.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", place], capture_output=True).returncode:
        pytest.skip("this user can't mount a disk")
    try:
        source = tmp_path / "source.sqlite"
        with closing(sqlite3.connect(source)) as session, session:
            session.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, c BLOB)")
            session.executemany("INSERT INTO t (c) VALUES (?)", [(os.urandom(500_000),) for _ in range(10)])
        ends = Endpoints(sa.make_url(f"sqlite:///{source}"), sa.make_url(f"duckdb:///{place}/target.duckdb"))
        made = propose(Draft("m", str(ends.source), str(ends.target)), ends)
        assert [p.area for p in made.unsolved] == ["space"]
    finally:
        subprocess.run(["umount", "-l", place], check=True)


def test_another_sqlite_keeps_the_texts(tmp_path: Path) -> None:
    made = proposed(tmp_path, "BOOLEAN", ["t", "f"], "sqlite")
    assert made.draft.document()["tables"] == {"include": ["*"], "t": {"transform": [{"cast": {"c": "string"}}]}}
