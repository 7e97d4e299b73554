"""Preflight is a list of checks: when each runs, in which order what they find is shown, and what stops the later ones."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Callable, Iterable
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType
from typing import Any, get_args

import duckdb
import pytest
import sqlalchemy as sa

from penstock.errors import Area, Problem
from penstock.migration.loader import load
from penstock.planning.preflight import checks
from penstock.planning.preflight.context import Context
from penstock.planning.preflight.preflight import preflight
from penstock.planning.preflight.result import PreflightResult, json_schema
from tests.support.requests import request

Add = Callable[..., None]


@pytest.fixture
def add(monkeypatch: pytest.MonkeyPatch) -> Add:
    """Add a check, as an installed package would."""

    def added(name: str, check: Callable[[Context], Iterable[Problem]], **values: Any) -> None:
        module = ModuleType(f"toy_{name}")
        module.__dict__.update(check=check, **values)
        monkeypatch.setitem(sys.modules, module.__name__, module)
        monkeypatch.setitem(checks.REGISTRY.added, name, EntryPoint(name, module.__name__, checks.__name__))

    return added


def warning(what: str, blocking: bool = False) -> Callable[[Context], Iterable[Problem]]:
    return lambda context: [Problem(blocking, "toy", what)]


@pytest.fixture
def found(tmp_path: Path) -> Callable[..., PreflightResult]:
    """What preflight finds for one table `t` in SQLite, moved to a DuckDB file."""

    def look(extra: str = "", target: str = "", estimated: bool = False, tables: tuple[str, ...] = ()) -> PreflightResult:
        with sqlite3.connect(tmp_path / "s.sqlite") as source:
            source.execute("CREATE TABLE IF NOT EXISTS t (id INTEGER PRIMARY KEY, v TEXT)")
        duckdb.connect(str(tmp_path / "t.duckdb")).close()
        urls = [sa.make_url(f"sqlite:///{tmp_path}/s.sqlite"), sa.make_url(f"duckdb:///{tmp_path}/t.duckdb{target}")]
        (tmp_path / "m.yaml").write_text(f"name: m\nsource: {urls[0]}\ntarget: {urls[1]}\n{extra}")
        engines = [sa.create_engine(url) for url in urls]
        with engines[0].connect() as reading, engines[1].connect() as writing:
            asked = request(load(tmp_path / "m.yaml"), "r", "", *urls, tmp_path / "none", tables=tables)
            result = preflight(asked, reading, writing, estimated)
        for engine in engines:
            engine.dispose()
        return result

    return look


@pytest.mark.parametrize("name", checks.REGISTRY.names)
def test_every_check_names_a_phase_and_says_what_it_looks_for(name: str) -> None:
    check = checks.of(name)
    assert check.phase in checks.PHASES and check.check.__doc__ and sys.modules[check.check.__module__].__doc__


def test_no_two_checks_have_the_same_place() -> None:
    places = [(c.phase, c.order) for c in map(checks.of, checks.REGISTRY.own)]
    assert len(set(places)) == len(places)


def test_an_added_check_runs_after_those_of_penstock_unless_it_names_its_place(found: Callable[..., PreflightResult], add: Add) -> None:
    add("last", warning("last"))
    add("first", warning("first"), order=1)
    what = [p.what for p in found().problems]
    assert what[0] == "first" and what[-1] == "last" and len(what) > 2


def test_blocking_problems_come_first_whichever_check_finds_them(found: Callable[..., PreflightResult], add: Add) -> None:
    add("early", warning("early"), phase="databases")
    add("late", warning("late", blocking=True), phase="rows")
    assert [p.what for p in found().problems][:2] == ["late", "early"]


def test_a_blocking_problem_of_a_database_ends_preflight(found: Callable[..., PreflightResult], add: Add) -> None:
    add("later", warning("never"))
    result = found(extra="target_schema: nowhere")
    assert [p.area for p in result.problems] == ["migration"] and not result.tables and result.estimate is None


def test_without_the_rights_to_run_nothing_is_asked_of_the_journal(found: Callable[..., PreflightResult], add: Add) -> None:
    add("scoped", warning("scoped"), phase="scope")
    add("sized", warning("sized"), phase="rows")
    what = [p.what for p in found(target="?access_mode=read_only").problems]
    assert "scoped" not in what and "sized" in what
    assert "scoped" in [p.what for p in found().problems]


def test_a_sample_is_read_only_where_nothing_blocks(found: Callable[..., PreflightResult], add: Add) -> None:
    samples = []
    add("look", lambda context: samples.append(context.rows.sample) or (), phase="rows")
    found(estimated=True)
    add("block", warning("blocked", blocking=True))
    found(estimated=True)
    assert samples[0] is not None and samples[1] is None


def test_a_check_sees_only_the_tables_that_the_run_is_asked_for(found: Callable[..., PreflightResult], add: Add, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "s.sqlite") as source:
        source.execute("CREATE TABLE other (id INTEGER PRIMARY KEY)")
    seen: list[list[str]] = []
    add("see", lambda context: seen.append([p.name for p in context.plans]) or ())
    found(tables=("t",))
    found()
    assert seen == [["t"], ["other", "t"]]


def test_the_schema_knows_every_area_of_a_problem() -> None:
    area = json_schema()["properties"]["problems"]["items"]["properties"]["area"]
    assert sorted(area["enum"]) == sorted(get_args(Area))
