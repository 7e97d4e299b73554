"""A database of another distribution works as source and as target, without a change in Penstock. Its code is that of the page for contributors."""

from __future__ import annotations

import os
import re
import sqlite3
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.support.repository import REPO

PAGE = REPO / "docs" / "contributing" / "add-a-database.md"
MOVE = """
import sys
from pathlib import Path

from penstock.migration import connections
from tests.support.one_run import moved

folder = Path(sys.argv[1])
ends = [connections.resolve(f"toy:///{folder}/{end}.db") for end in ("source", "target")]
moved(folder, *ends, "m", sys.argv[2], {"include": ["*"]})
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that looks like site-packages after `pip install toy-penstock`, with a source file in it."""
    blocks = dict(re.findall(r"```(python|toml)\n(.*?)```", PAGE.read_text(), re.DOTALL))
    package, metadata = tmp_path / "toy_penstock", tmp_path / "toy_penstock-1.0.dist-info"
    for made in (package, metadata):
        made.mkdir()
    (package / "__init__.py").write_text(blocks["python"])
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: toy-penstock\nVersion: 1.0\n")
    groups = tomllib.loads(blocks["toml"])["project"]["entry-points"]
    lines = [line for group, entries in groups.items() for line in (f"[{group}]", *(f"{name} = {at}" for name, at in entries.items()))]
    (metadata / "entry_points.txt").write_text("\n".join(lines))
    with sqlite3.connect(tmp_path / "source.db") as source:
        source.execute("CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT, price REAL)")
        source.execute("CREATE TABLE word (word TEXT PRIMARY KEY)")
        source.executemany("INSERT INTO item VALUES (?, ?, ?)", [(n, f"näme {n} 😀", n / 7) for n in range(2000)])
        source.executemany("INSERT INTO word VALUES (?)", [("a",), ("Ä",), ("it's",)])
    return tmp_path


def python(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(folder), *sys.path])
    return subprocess.run([sys.executable, *arguments], env=os.environ | {"PYTHONPATH": path}, cwd=REPO, capture_output=True, text=True)


def rows(folder: Path, end: str) -> dict[str, list[tuple[object, ...]]]:
    with sqlite3.connect(folder / f"{end}.db") as file:
        return {table: sorted(file.execute(f"SELECT * FROM {table}")) for table in ("item", "word")}


def test_a_database_of_another_distribution_is_source_and_target_of_a_whole_run(folder: Path) -> None:
    done = python(folder, "-c", MOVE, str(folder), "first")
    assert done.returncode == 0, done.stderr
    assert rows(folder, "target") == rows(folder, "source")
    with sqlite3.connect(folder / "source.db") as source:
        source.execute("DELETE FROM item WHERE id > 1000")
        source.execute("INSERT INTO word VALUES ('new')")
    done = python(folder, "-c", MOVE, str(folder), "second")
    assert done.returncode == 0, done.stderr
    assert rows(folder, "target") == rows(folder, "source"), "the second run switches over the tables of the first"


def test_a_value_that_the_outside_database_can_not_hold_stops_before_a_row_moves(folder: Path) -> None:
    with sqlite3.connect(folder / "source.db") as source:
        source.execute("CREATE TABLE odd (id INTEGER PRIMARY KEY, at TIMESTAMP)")
    done = python(folder, "-c", MOVE, str(folder), "first")
    assert "PreflightFailed" in done.stderr and "odd" in done.stderr


def test_a_module_without_a_database_is_refused_with_what_to_write(folder: Path) -> None:
    (folder / "toy_penstock" / "__init__.py").write_text("")
    done = python(folder, "-c", MOVE, str(folder), "first")
    assert "the module toy_penstock of the database toy has no DATABASE" in done.stderr
    assert "fix: write into it: DATABASE = YourDatabase()" in done.stderr


def test_a_database_that_lacks_a_member_is_refused_by_its_name(folder: Path) -> None:
    written = (folder / "toy_penstock" / "__init__.py").read_text()
    (folder / "toy_penstock" / "__init__.py").write_text(written.replace("def dependents(", "def renamed("))
    done = python(folder, "-c", MOVE, str(folder), "first")
    assert "abstract" in done.stderr and "dependents" in done.stderr
