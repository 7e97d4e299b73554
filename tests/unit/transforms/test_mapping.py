"""Which columns are read as the database's own text, and what preflight tells of those that another type holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pytest
import sqlalchemy as sa

from penstock.migration.loader import load
from penstock.stages import plan
from penstock.transforms._mapping import trace
from tests.support.requests import request


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([("cast", {"a": "string", "b": "int64"})], {"a"}),
        ([("cast", {"a": "string(40)", "b": "json"})], {"a", "b"}),
        ([("rename", {"a": "x"}), ("cast", {"x": "string"})], {"a"}),
        ([("rename", {"a": "b", "b": "a"}), ("cast", {"a": "string"})], {"b"}),
        ([("map", {"a": {1: 2}}), ("cast", {"a": "string", "b": "string"})], {"b"}),
        ([("cast", {"a": "int64"}), ("cast", {"a": "string"})], set()),
        ([("filter", "a > 1"), ("cast", {"a": "string"})], set()),
        ([("derive", {"c": "a"}), ("cast", {"a": "string"})], set()),
        ([("cast", {"a": "string"}), ("filter", "b > 1"), ("cast", {"b": "string"})], {"a"}),
        ([("drop", ["a"]), ("cast", {"b": "string"})], {"a", "b"}),
        ([("drop", "a")], {"a"}),
    ],
)
def test_a_column_is_read_as_text_only_when_no_step_looks_at_it_before_its_cast(steps: list[tuple[str, Any]], expected: set[str]) -> None:
    assert trace(["a", "b"], steps).as_text == expected


def test_each_declared_counterpart_is_told_in_one_line(tmp_path: Path) -> None:
    source, target = sa.make_url(f"duckdb:///{tmp_path}/a.db"), sa.make_url(f"sqlite:///{tmp_path}/b.db")
    with duckdb.connect(str(source.database)) as plain:
        plain.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, i INTERVAL, h HUGEINT, l INTEGER[], u UUID, s VARCHAR)")
    (tmp_path / "m.yaml").write_text(f"name: m\nsource: {source}\ntarget: {target}\n")
    found = plan.preflight(request(load(tmp_path / "m.yaml"), "r", "", source, target, tmp_path / "expectations"))
    assert not found.blocking
    assert [p.what for p in found.problems] == [
        "i is carried as TEXT: SQLite has no interval",
        "h is carried as DECIMAL_TEXT(39,0): SQLite has no int128",
        "l is carried as TEXT, as PostgreSQL writes it: SQLite has no array(int32)",
    ]
