"""Suites as files: nothing in them is ignored, and what would never run or would pass by itself is named."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from penstock.errors import GateClosed, MigrationError
from penstock.migration import suites
from penstock.migration.loader import load
from penstock.migration.suites import Suite
from penstock.model.schema import Column, Table, TableName, Type
from penstock.stages.validate import verdicts
from penstock.stages.validate.verdicts import Outcome, Verdict
from tests.support.repository import REPO

FLIGHTS = REPO / "expectations" / "flights"
NOT_NULL = {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "a"}}


def table(*columns: str, key: tuple[str, ...] = (), name: str = "t") -> Table:
    return Table(TableName(name), tuple(Column(c, Type("int64")) for c in columns), key)


def written(folder: Path, *expectations: Any, name: str = "t.extracted.json", **top: Any) -> Path:
    path = folder / name
    path.write_text(json.dumps({"expectations": list(expectations), **top}))
    return path


def refused(path: Path) -> str:
    with pytest.raises(MigrationError) as caught:
        suites.read(path, "t", "extracted")
    assert str(path) in caught.value.where
    return str(caught.value)


@pytest.mark.parametrize(
    ("expectation", "said"),
    [
        ({**NOT_NULL, "severty": "info"}, "did you mean 'severity'?"),
        ({**NOT_NULL, "severity": "fatal"}, "no severity called 'fatal'"),
        ({"kwargs": {"column": "a"}}, "needs a `type`"),
        ({**NOT_NULL, "kwargs": ["a"]}, "`kwargs` is a mapping"),
        ({**NOT_NULL, "kwargs": {"column": "a", "result_format": "COMPLETE"}}, "'result_format' does not belong into kwargs"),
        ({**NOT_NULL, "kwargs": {"column": "a", "mostly": 0}}, "not a share"),
        ({**NOT_NULL, "kwargs": {"column": "a", "mostly": 5}}, "not a share"),
        ({**NOT_NULL, "kwargs": {"column": "a", "value_set": None}}, "empty value_set"),
        ({**NOT_NULL, "kwargs": {"column": "a", "value": {"$PARAMETER": "source_rows"}}}, "no parameter called 'source_rows'"),
    ],
)
def test_mistake_in_an_expectation_is_named_with_file_and_position(tmp_path: Path, expectation: Any, said: str) -> None:
    text = refused(written(tmp_path, NOT_NULL, expectation))
    assert said in text
    assert "expectation 2" in text


def test_suite_that_would_pass_anything_is_refused(tmp_path: Path) -> None:
    assert "without expectations" in refused(written(tmp_path))


def test_unknown_key_beside_the_expectations_is_refused(tmp_path: Path) -> None:
    assert "nothing is called 'expectation' here" in refused(written(tmp_path, NOT_NULL, expectation=[NOT_NULL]))


def test_two_expectations_with_one_code_are_refused(tmp_path: Path) -> None:
    coded = {**NOT_NULL, "meta": {"code": "x"}}
    assert "'x' is expectation 1's already" in refused(written(tmp_path, coded, coded))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("t.extracted.json", '{"expectations": [{"type": "a", "type": "b"}]}'),
        ("t.extracted.yaml", "expectations:\n- type: a\n  type: b\n"),
    ],
)
def test_key_written_twice_is_refused(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    assert "'type' is written twice" in refused(tmp_path / name)


def test_broken_file_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "t.extracted.json").write_text('{"expectations": [')
    assert "can't be read" in refused(tmp_path / "t.extracted.json")


def test_yaml_and_json_say_the_same(tmp_path: Path) -> None:
    (tmp_path / "t.loaded.yaml").write_text("expectations:\n- type: expect_column_values_to_not_be_null\n  kwargs: {column: a}\n")
    written(tmp_path, NOT_NULL)
    a, b = suites.find(tmp_path, "t", "loaded"), suites.find(tmp_path, "t", "extracted")
    assert a is not None and b is not None and a.expectations == b.expectations
    assert suites.find(tmp_path, "t", "transformed") is None


def test_two_files_for_one_stage_are_refused(tmp_path: Path) -> None:
    written(tmp_path, NOT_NULL)
    (tmp_path / "t.extracted.yaml").write_text("expectations: []")
    with pytest.raises(MigrationError, match="2 suites"):
        suites.find(tmp_path, "t", "extracted")


def test_table_of_any_name_has_a_file(tmp_path: Path) -> None:
    for name in ("../x", 'q"u/o\\te', ".hidden", "Ünï 😀", "a%b"):
        assert suites.find(tmp_path, name, "loaded") is None
        (tmp_path / f"{suites.file_name(name)}.loaded.json").write_text(json.dumps({"expectations": [NOT_NULL]}))
        found = suites.find(tmp_path, name, "loaded")
        assert found is not None and found.table == name
    assert len(list(tmp_path.iterdir())) == 5


def test_hash_follows_the_file(tmp_path: Path) -> None:
    written(tmp_path, NOT_NULL)
    before = suites.find(tmp_path, "t", "extracted")
    written(tmp_path, {**NOT_NULL, "severity": "info"})
    after = suites.find(tmp_path, "t", "extracted")
    assert before is not None and after is not None and before.sha256 != after.sha256


def test_every_suite_asks_for_rows_and_columns(tmp_path: Path) -> None:
    shape = table("a", "b", key=("a", "b"))
    written(tmp_path, NOT_NULL)
    for stage in ("extracted", "loaded"):
        suite = suites.of(tmp_path, "t", stage, shape)
        assert [e["meta"]["code"] for e in suite.expectations[-2:]] == ["penstock.rows", "penstock.columns"]
        assert suite.expectations[-1]["kwargs"]["column_list"] == ["a", "b"]
        assert (suite.sha256 is None) == (stage == "loaded")
    assert suites.of(tmp_path, "t", "extracted", shape).expectations[0] == NOT_NULL, "positions are those of the file"


def test_generated_suite_asks_for_the_key() -> None:
    kinds = [e["type"] for e in suites.generated(table("a", "b", key=("a",)), "extracted").expectations[:-2]]
    assert kinds == ["expect_column_values_to_not_be_null", "expect_column_values_to_be_unique"]
    kinds = [e["type"] for e in suites.generated(table("a", "b", key=("a", "b")), "extracted").expectations[:-2]]
    assert kinds == ["expect_column_values_to_not_be_null"] * 2 + ["expect_compound_columns_to_be_unique"]
    assert len(suites.generated(table("a"), "loaded").expectations) == 2


def test_a_key_of_numbers_that_the_source_holds_itself_is_not_asked_again() -> None:
    shape = Table(TableName("t"), (Column("a", Type("int64")), Column("b", Type("string"))), ("a",))
    asked = {held: [e["type"] for e in suites.generated(shape, "extracted", held).expectations[:-2]] for held in (True, False)}
    assert asked[True] == ["expect_column_values_to_not_be_null"] and "expect_column_values_to_be_unique" in asked[False]
    loose = replace(shape, primary_key=("b",))  # equal to us may be what the source tells apart
    assert "expect_column_values_to_be_unique" in [e["type"] for e in suites.generated(loose, "extracted", True).expectations]
    assert "expect_column_values_to_be_unique" in [e["type"] for e in suites.generated(shape, "transformed", True).expectations]


def test_what_the_target_itself_holds_is_not_asked_again() -> None:
    kinds = [e["type"] for e in suites.generated(table("a", "b", key=("a", "b")), "loaded").expectations[:-2]]
    assert kinds == ["expect_column_values_to_not_be_null"] * 2


def suite(*expectations: Any, stage: str = "extracted") -> Suite:
    return Suite("t", "t", stage, expectations, "0" * 64, str(FLIGHTS / "t.json"))


def checked(suite: Suite, *columns: str) -> list[str]:
    found = suites.check(suite, table(*columns).columns, ["t", "airlines"])
    assert all(p.blocking for p in found)
    return [f"{p.where}: {p.what}; {p.fix}" for p in found]


def test_column_that_is_not_there_is_found_without_running() -> None:
    (problem,) = checked(suite(NOT_NULL, {**NOT_NULL, "kwargs": {"column": "amuont"}}), "a", "amount")
    assert "expectation 2" in problem and "'amuont'" in problem and "did you mean 'amount'?" in problem


def test_columns_are_found_wherever_an_expectation_names_them() -> None:
    condition = {"type": "comparison", "column": {"name": "e"}, "operator": "==", "parameter": 1}
    kwargs = {"column_A": "a", "column_B": "b", "column_list": ["c", "d"], "row_condition": condition}
    assert suites.columns_of({"type": "x", "kwargs": kwargs}) == ("a", "b", "c", "d", "e")


def test_expectation_that_does_not_exist_is_found_without_running() -> None:
    (problem,) = checked(suite({"type": "expect_column_values_to_not_be_nul", "kwargs": {"column": "a"}}), "a")
    assert "did you mean 'expect_column_values_to_not_be_null'?" in problem


def test_custom_expectations_are_known_to_check() -> None:
    foreign = {"type": "expect_foreign_key", "kwargs": {"columns": ["a"], "ref_table": "airlines", "ref_columns": ["carrier"]}}
    assert checked(suite(foreign), "a") == []
    (problem,) = checked(suite({**foreign, "kwargs": {**foreign["kwargs"], "ref_table": "airline"}}), "a")  # type: ignore[dict-item]
    assert "did you mean 'airlines'?" in problem


def test_what_the_gate_can_not_run_is_refused_before_it_runs() -> None:
    regex = {"type": "expect_column_values_to_match_regex", "kwargs": {"column": "a", "regex": "x"}}
    assert "match_pattern" in checked(suite(regex), "a")[0]
    assert checked(suite(regex, stage="loaded"), "a") == []
    assert "differ in case only" in checked(suite(NOT_NULL), "a", "A")[0]
    unique = {"type": "expect_column_values_to_be_unique", "kwargs": {"column": 'a"b'}}
    assert "can't name" in checked(suite(unique), 'a"b')[0]


def test_suite_that_would_never_run_is_named(tmp_path: Path) -> None:
    for name in ("flights.extracted.json", "flights.extract.json", "flihgts.loaded.yaml"):
        (tmp_path / name).write_text("{}")
    wrong, unknown = suites.strays(tmp_path, ["flights"])
    assert wrong.blocking and "did you mean 'extracted'?" in wrong.fix
    assert not unknown.blocking and "did you mean 'flights'?" in unknown.fix


def test_demo_suites_hold_together() -> None:
    flown = "carrier flight month day hour minute sched_dep_time dep_time origin dest distance dep_delay arr_delay air_time tailnum"
    planes = "tailnum year type manufacturer model engines seats speed engine"
    columns = {name: text.split() for name, text in {"flights": flown + " time_hour", "planes": planes, "airlines": "carrier name"}.items()}
    assert suites.strays(FLIGHTS, columns) == []
    for path in FLIGHTS.glob("*.json"):
        name, _, stage = path.stem.rpartition(".")
        found = suites.find(FLIGHTS, name, stage)
        assert found is not None
        has = [*columns[name], "delay_total"] if stage != "extracted" else columns[name]
        assert suites.check(found, table(*has, name=name).columns, columns) == []
        assert all("code" in e["meta"] for e in found.expectations)


def test_reading_suites_never_imports_great_expectations() -> None:
    code = "import sys; import penstock.stages.validate.gate; assert not any('great_exp' in m for m in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=FLIGHTS.parent.parent)


def outcome(severity: str, success: bool = False, crashed: bool = False) -> Outcome:
    return Outcome("1", "expect_column_values_to_be_between", ("month",), severity, success, crashed, "in 1..12", "", 1, 336_776)


@pytest.mark.parametrize(
    ("outcomes", "decision"),
    [
        ([], "go"),
        ([outcome("critical", success=True)], "go"),
        ([outcome("info")], "go"),
        ([outcome("info"), outcome("warning")], "warn"),
        ([outcome("warning"), outcome("critical")], "stop"),
        ([outcome("info", crashed=True)], "stop"),
    ],
)
def test_decision_follows_the_worst_outcome(outcomes: list[Outcome], decision: str) -> None:
    assert verdicts.decide(outcomes) == decision


def test_closed_gate_says_what_closed_it() -> None:
    results = (outcome("critical"), outcome("warning"))
    closing = Verdict("flights", "extracted", "s", None, "stop", 0.1, results)
    assert verdicts.closed([Verdict("flights", "extracted", "s", None, "warn", 0.1, results)]) is None
    fault = verdicts.closed([closing])
    assert isinstance(fault, GateClosed)
    line = "flights.extracted: expect_column_values_to_be_between(month): 1 of 336,776 values outside 1..12 (critical)"
    assert list(fault.failed) == [line]
    assert fault.stage == "extracted" and not fault.retryable


def test_a_file_finds_the_same_suites_wherever_the_command_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "project" / "dags").mkdir(parents=True)
    (tmp_path / "project" / "expectations" / "m").mkdir(parents=True)
    (tmp_path / "elsewhere" / "expectations" / "m").mkdir(parents=True)
    file = tmp_path / "project" / "dags" / "m.yaml"
    file.write_text("name: m\nsource: a\ntarget: b\n")
    for here in ("project", "elsewhere", "project/dags"):
        monkeypatch.chdir(tmp_path / here)
        assert suites.suites_folder(load(file)) == tmp_path / "project" / "expectations" / "m"
    assert suites.suites_folder(load(file), tmp_path / "elsewhere") == tmp_path / "elsewhere" / "expectations" / "m"


def test_a_suites_folder_that_the_file_names_must_exist(tmp_path: Path) -> None:
    file = tmp_path / "m.yaml"
    file.write_text("name: m\nsource: a\ntarget: b\nchecks: suites\n")
    with pytest.raises(MigrationError, match="there is no folder suites"):
        suites.suites_folder(load(file))
