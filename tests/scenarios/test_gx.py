"""What is leant on inside Great Expectations: a version that changes it fails here, not in a gate."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import sqlalchemy as sa

from penstock.migration.suites import Suite
from penstock.model.schema import TableName
from penstock.stages.validate import gate, gx
from penstock.state.evidence import Verdict


def suite(*expectations: dict[str, object], table: str = "t") -> Suite:
    return Suite(f"{table}.extracted", table, "extracted", expectations, None, "a test")


def decided(folder: Path, asked: Suite, values: list[float]) -> Verdict:
    pq.write_table(pa.table({"a": values}), folder / "0.parquet")
    (verdict,) = gate.staged([asked], {asked.table: [folder / "0.parquet"]}, {asked.table: len(values)}, {})
    return verdict


def test_a_gate_that_opens_does_not_import_great_expectations(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": [1.0]}), tmp_path / "0.parquet")
    probe = (
        "import sys; from penstock.migration.suites import Suite; from penstock.stages.validate import gate;"
        "asked = ({'type': 'expect_column_values_to_not_be_null', 'kwargs': {'column': 'a'}},);"
        "(verdict,) = gate.staged([Suite('t', 't', 'extracted', asked, None, '')], {'t': ['0.parquet']}, {'t': 1}, {});"
        "print(verdict.decision, 'great_expectations' in sys.modules)"
    )
    found = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True, cwd=tmp_path, env=importing())
    assert found.stdout.split() == ["go", "False"]


def importing() -> dict[str, str]:
    """An environment in which a process finds what this one does."""
    return os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}


def test_an_expectation_that_needs_scipy_finds_it(tmp_path: Path) -> None:
    ends = {"bins": [0, 5, 10], "weights": [0.5, 0.5], "tail_weights": [0, 0]}
    asked = {"type": "expect_column_kl_divergence_to_be_less_than", "kwargs": {"column": "a", "partition_object": ends, "threshold": 0.1}}
    assert decided(tmp_path, suite(asked), [1.0, 2.0, 6.0, 7.0]).decision == "go"


def test_a_gate_is_one_connection_and_asks_for_no_samples(tmp_path: Path) -> None:
    engine = sa.create_engine(f"sqlite:///{tmp_path}/t.sqlite", poolclass=sa.pool.NullPool)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE t (a INTEGER)")
        connection.exec_driver_sql("INSERT INTO t VALUES (1), (1), (NULL)")
    said: list[str] = []
    sa.event.listen(engine, "before_cursor_execute", lambda c, cursor, statement, *more: said.append(statement))
    asked = [{"type": f"expect_column_values_to_{what}", "kwargs": {"column": "a"}} for what in ("be_unique", "not_be_null")]
    with gx.executing(engine, [TableName("t")]) as run:
        opened: list[object] = []
        sa.event.listen(engine, "connect", lambda connection, record: opened.append(connection))
        results = run(suite(*asked), TableName("t"), 3)
    assert [results[n].result["unexpected_count"] for n in range(2)] == [2, 1]
    assert opened == [] and not [s for s in said if "LIMIT" in s]


def test_after_an_expectation_that_crashed_the_next_one_is_judged(postgresql_url: sa.URL) -> None:
    engine = sa.create_engine(postgresql_url)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE t (a INTEGER)")
        connection.exec_driver_sql("INSERT INTO t VALUES (1), (NULL)")
    crashes = {"type": "unexpected_rows_expectation", "kwargs": {"unexpected_rows_query": "SELECT 1/0 FROM {batch}"}}
    sound = {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "a"}}
    with gx.executing(engine, [TableName("t")]) as run:
        first, second = (run(suite(one), TableName("t"), 2)[0] for one in (crashes, sound))
    assert first.exception_info and not first.success
    assert second.result["unexpected_count"] == 1
    engine.dispose()
