"""A switch kind of another distribution: found by its entry point, declared in a migration file, and a whole run switches by it.

The code is the example of docs/contributing/add-a-switch-kind.md, installed in a temporary folder. The engine runs in a process of its own,
as somebody would run it who has installed both.
"""

from __future__ import annotations

import json
import os
import re
import sqlite3
import subprocess
import sys
import tomllib
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.repository import REPO

PAGE = (REPO / "docs" / "contributing" / "add-a-switch-kind.md").read_text()


def block(language: str) -> str:
    (found,) = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return str(found)


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A folder with a distribution that adds `refill`, a source, and a migration that declares it."""
    site = tmp_path / "site"
    info = site / "refill_kind-1.0.dist-info"
    info.mkdir(parents=True)
    (site / "refill_kind.py").write_text(block("python"))
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: refill-kind\nVersion: 1.0\n")
    groups = tomllib.loads(block("toml"))["project"]["entry-points"]
    lines = [line for group, names in groups.items() for line in (f"[{group}]", *(f"{k} = {v}" for k, v in names.items()))]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n")
    write(tmp_path, "refill")
    return tmp_path


def write(folder: Path, how: str) -> None:
    ends = "\n".join(f"{end}: sqlite:///{folder}/{end}.sqlite" for end in ("source", "target"))
    (folder / "shop.yaml").write_text(f"name: shop\n{ends}\nswitch: {{how: {how}}}\n")


def tell(file: Path, script: str) -> None:
    with closing(sqlite3.connect(file)) as db:
        db.executescript(script)


def names(folder: Path, table: str = "customer") -> list[str]:
    with closing(sqlite3.connect(folder / "target.sqlite")) as db:
        return [name for (name,) in db.execute(f"SELECT name FROM {table} ORDER BY id")]


def penstock(folder: Path, *arguments: str, ok: bool = True) -> str:
    path = os.pathsep.join([str(folder / "site"), os.environ.get("PYTHONPATH", ""), str(REPO)])
    command = [sys.executable, "-m", "penstock.cli", arguments[0], "shop.yaml", *arguments[1:]]
    done = subprocess.run(command, cwd=folder, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True)
    assert (done.returncode == 0) == ok, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.parametrize(("how", "change"), [("refill", "refilled"), ("replace_rows", "rows replaced")])
def test_a_kind_that_is_declared_switches_a_whole_run_and_is_undone(shop: Path, how: str, change: str) -> None:
    write(shop, how)
    tell(shop / "source.sqlite", "CREATE TABLE customer (id INTEGER PRIMARY KEY, name TEXT); INSERT INTO customer VALUES (1, 'Ada')")
    penstock(shop, "run", "--run-id", "first")
    assert names(shop) == ["Ada"]
    # A trigger of the live table: a swap would leave it on the old table, so it shows that this one was not swapped.
    tell(
        shop / "target.sqlite",
        "CREATE TABLE seen (n INT); CREATE TRIGGER watch AFTER INSERT ON customer BEGIN INSERT INTO seen VALUES (1); END",
    )
    tell(shop / "source.sqlite", "UPDATE customer SET name = 'Grace'; INSERT INTO customer VALUES (2, 'Edsger')")

    penstock(shop, "run", "--run-id", "second")
    assert names(shop) == ["Grace", "Edsger"]
    with closing(sqlite3.connect(shop / "target.sqlite")) as db:
        assert db.execute("SELECT count(*) FROM seen").fetchone() == (2,)
    (table,) = json.loads((shop / "staging" / "shop" / "second" / "report.json").read_text())["switch"]["tables"]
    assert (table["change"], table["rows_in"], table["rows_out"]) == (change, 2, 1)

    tell(shop / "target.sqlite", "INSERT INTO customer VALUES (3, 'written since')")
    penstock(shop, "undo")
    assert names(shop) == ["Ada"]
    with closing(sqlite3.connect(shop / "target.sqlite")) as db:
        aside = [n for (n,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'penstock_old_undone%'")]
    assert names(shop, aside[0]) == ["Grace", "Edsger", "written since"]


def test_its_statements_are_in_the_plan_before_anything_runs(shop: Path) -> None:
    tell(shop / "source.sqlite", "CREATE TABLE customer (id INTEGER PRIMARY KEY, name TEXT); INSERT INTO customer VALUES (1, 'Ada')")
    penstock(shop, "run", "--run-id", "first")
    statements = json.loads(penstock(shop, "plan", "--json"))["statements"]
    assert [s for s in statements["switch"] if s.startswith("DELETE")] == ['DELETE FROM "main"."customer"']
    assert any(s.startswith("CREATE TABLE") for s in statements["make room"])


def test_a_kind_is_refused_where_it_is_not_for_that_scope(shop: Path) -> None:
    tell(shop / "source.sqlite", "CREATE TABLE customer (id INTEGER PRIMARY KEY, name TEXT)")
    write(shop, "attach_partition")
    told = penstock(shop, "run", ok=False)
    assert "switch.how: the switch kind attach_partition can't switch a whole table" in told and "refill, replace_rows, swap" in told


def test_an_unknown_kind_is_refused_with_the_nearest_name(shop: Path) -> None:
    write(shop, "refil")
    assert "switch.how: no switch kind called 'refil' — did you mean 'refill'?" in penstock(shop, "run", ok=False)
