"""A task stays within the memory that its migration declares, whatever its rows are; what can't is refused before it begins."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

from benchmarks import memory as measured
from penstock.errors import PreflightFailed
from penstock.migration.loader import load
from penstock.runtime import parallel as workers
from penstock.runtime.memory import Shares
from penstock.stages import plan
from penstock.state import staging
from tests.support.one_run import moved
from tests.support.requests import ran, request

STAGES = ("plan", "extract", "gate_extracted", "prepare", "load", "build", "prove")


@pytest.mark.parametrize(
    ("shape", "rows", "limit", "back", "sensitive"),
    [
        ("megabytes", 160, 128, False, ""),
        ("tens", 12, 192, False, "b"),
        ("tens", 12, 192, True, ""),
        ("huge", 2, 512, False, ""),
        ("huge", 2, 576, True, "b"),
    ],
)
def test_no_stage_takes_more_than_is_declared(
    postgresql_url: sa.URL, mariadb_url: sa.URL, tmp_path: Path, shape: str, rows: int, limit: int, back: bool, sensitive: str
) -> None:
    source, target = (mariadb_url, postgresql_url) if back else (postgresql_url, mariadb_url)
    measured.fill(source, shape, rows)
    found = measured.measure(source, target, tmp_path, f"{limit}MiB", STAGES, sensitive)
    assert {stage: taken >> 20 for stage, taken in found.items() if taken > limit << 20} == {}


def test_a_database_in_the_process_and_what_is_read_into_it_stay_within_the_limit(tmp_path: Path) -> None:
    source, target = (sa.make_url(f"{kind}:///{tmp_path}/t.{kind}") for kind in ("sqlite", "duckdb"))
    measured.fill(source, "narrow", 400_000)
    found = measured.measure(source, target, tmp_path, "256MiB", STAGES)
    assert {stage: taken >> 20 for stage, taken in found.items() if taken > 256 << 20} == {}


def test_a_row_that_is_staged_as_it_is_comes_back_whole(tmp_path: Path) -> None:
    schema = pa.schema([("a", pa.int64()), ("a.b", pa.string()), ("b", pa.binary()), ("n", pa.string())])
    made = pa.record_batch([[1, 2], ["ä" * 20_000_000, ""], [b"\0" * 10_000_000, None], [None, None]], schema=schema)
    area = staging.of(str(tmp_path), "m", "r")
    with area.parquet(schema, "rows.parquet", plain=True) as staged:
        staged.writer.write_batch(made)
        staged.writer.write_batch(made.slice(1))
    assert list(area.batches("rows.parquet")) == [made, made.slice(1)]
    assert pq.read_table(area.local("rows.parquet")) == pa.Table.from_batches([made, made.slice(1)])


def long_values(folder: Path) -> tuple[sa.URL, sa.URL]:
    with sqlite3.connect(folder / "s.sqlite") as made:
        made.executescript(
            "CREATE TABLE t (id INTEGER PRIMARY KEY, short TEXT, picture BLOB); INSERT INTO t VALUES (1, 'x', zeroblob(40000000))"
        )
    made.close()
    return sa.make_url(f"sqlite:///{folder}/s.sqlite"), sa.make_url(f"duckdb:///{folder}/t.duckdb")


def declared(folder: Path, memory: str) -> Path:
    file = folder / "m.yaml"
    file.write_text(f"{{name: m, source: s, target: t, memory: {memory}}}")
    return file


def test_a_value_that_does_not_fit_is_named_before_anything_moves(tmp_path: Path) -> None:
    source, target = long_values(tmp_path)
    with pytest.raises(PreflightFailed) as refused:
        ran(load(declared(tmp_path, "128MiB")), "r", str(tmp_path / "staging"), source, target, tmp_path / "suites")
    (told,) = (p for p in refused.value.problems if p.blocking)
    assert "picture 38.1 MiB" in told.what and "the migration allows 128 MiB" in told.what and told.where == "table t"
    enough = told.fix.partition("`memory: ")[2].partition("`")[0]
    session = plan.plan(request(load(declared(tmp_path, enough)), "r", str(tmp_path / "staging"), source, target, tmp_path / "suites"))
    assert session.plan.table("t").longest_row == 40_000_001 and session.plan.memory == int(enough[:-3]) << 20


def test_rows_that_duckdb_has_together_are_refused_where_they_do_not_fit(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "t.sqlite") as made:
        made.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, picture BLOB)")
        made.executemany("INSERT INTO t VALUES (?, zeroblob(1000000))", [(n,) for n in range(60)])
    made.close()
    source, target = (sa.make_url(f"{kind}:///{tmp_path}/t.{kind}") for kind in ("sqlite", "duckdb"))
    with pytest.raises(PreflightFailed) as refused:
        ran(load(declared(tmp_path, "256MiB")), "r", str(tmp_path / "staging"), source, target, tmp_path / "suites")
    (told,) = (p for p in refused.value.problems if p.blocking)
    assert "DuckDB holds 60 of its rows at a time, 57.2 MiB" in told.what and "`memory: 384MiB`" in told.fix
    found = measured.measure(source, target, tmp_path, "384MiB", STAGES)
    assert {stage: taken >> 20 for stage, taken in found.items() if taken > 384 << 20} == {}


def test_a_value_that_fits_is_moved_where_duckdb_has_to_hold_it(tmp_path: Path) -> None:
    source, target = long_values(tmp_path)
    moved(tmp_path, source, target, "m", "r", {"include": ["t"]})
    with sa.create_engine(target).connect() as connection:
        assert connection.exec_driver_sql("SELECT octet_length(picture) FROM t").scalar_one() == 40_000_000


def test_work_that_weighs_too_much_together_is_done_one_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    held, most, lock = 0, 0, threading.Lock()

    def work(connection: object, weight: int) -> int:
        nonlocal held, most
        with lock:
            held += weight
            most = max(most, held)
        os.sched_yield()
        with lock:
            held -= weight
        return weight

    weigh: Callable[[int], int] = lambda weight: weight  # noqa: E731
    items = [3, 3, 9, 1, 4, 40, 2, 5] * 20
    assert workers.each(items, [object()] * 4, work, weigh, 10) == items  # type: ignore[list-item]
    assert most == 40, "what weighs more than the room is done, alone"


@pytest.mark.parametrize(("limit", "workers"), [(512 << 20, 1), (512 << 20, 4), (512 << 20, 32), (64 << 20, 4), (4 << 30, 2)])
def test_the_shares_of_all_workers_are_no_more_than_there_is(limit: int, workers: int) -> None:
    shares = Shares(limit, workers)
    assert workers * shares.weight(0) <= shares.allotted < limit and 1 << 20 <= shares.batch <= 12 << 20
