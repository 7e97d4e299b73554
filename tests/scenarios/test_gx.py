"""What is leant on inside Great Expectations: a version that changes it fails here, not in a gate."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import ClassVar

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

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


def test_what_no_gate_needs_is_not_imported_and_nothing_is_left_in_its_place() -> None:
    probe = "import sys; from penstock.stages.validate import gx; gx.load(); print([m for m in ('great_expectations', 'scipy', 'altair') if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True).stdout
    assert found.strip() == "['great_expectations']"


def test_what_is_imported_meanwhile_is_whole_for_who_waits_for_it_and_for_sqlalchemy() -> None:
    probe = (
        "import sys; from penstock.stages.validate import gx; gx.load_meanwhile(); print(hasattr(sys.modules['sqlalchemy.orm'], 'Session'));"
        "gx.load(); import great_expectations; print(hasattr(great_expectations, 'get_context'))"
    )
    found = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True).stdout
    assert found.split() == ["True", "True"]


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


@given(st.dictionaries(st.text(max_size=3), st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=3)), max_size=4))
def test_a_metric_is_called_what_it_was_called_before(values: dict[str, object]) -> None:
    gx.load()
    from great_expectations.core.id_dict import IDDict
    from great_expectations.util import convert_to_json_serializable

    class Plainly(IDDict):  # type: ignore[misc]
        _id_ignore_keys: ClassVar = {"\0 not there"}  # so that the long way is gone

    assert convert_to_json_serializable(data=dict(values)) == values
    assert IDDict(values).to_id() == Plainly(values).to_id()


@pytest.mark.parametrize("change", ["column", "mostly"])
def test_an_expectation_that_was_changed_has_another_configuration(change: str) -> None:
    gx.load()
    from great_expectations.expectations.core import ExpectColumnValuesToNotBeNull

    expectation = ExpectColumnValuesToNotBeNull(column="a")
    assert expectation.configuration is expectation.configuration
    before = expectation.configuration.kwargs
    setattr(expectation, change, {"column": "b", "mostly": 0.5}[change])
    assert expectation.configuration.kwargs == {**before, change: {"column": "b", "mostly": 0.5}[change]}


def test_a_configuration_that_was_changed_makes_another_expectation() -> None:
    gx.load()
    from great_expectations.expectations.core import ExpectColumnValuesToNotBeNull

    configuration = ExpectColumnValuesToNotBeNull(column="a").configuration
    assert configuration.to_domain_obj() is configuration.to_domain_obj()
    configuration.kwargs["batch_id"] = "another"
    assert configuration.to_domain_obj().batch_id == "another"
    configuration.severity = "warning"
    assert configuration.to_domain_obj().severity == "warning"
