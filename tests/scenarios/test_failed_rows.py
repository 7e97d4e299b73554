"""Examples: of what was not met some rows are shown, by their key; of sensitive columns nothing, by whatever way it is tried."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

from penstock import errors
from penstock.model.schema import Column, TableName, Type
from penstock.stages.validate import gate
from penstock.state.evidence import Example, Verdict
from tests.scenarios.test_gates import FOLDER, asks, expect, not_null, stand, suite
from tests.scenarios.test_gates import target as target
from tests.support.data.shop import Shop
from tests.unit.reporting.test_report import Tags

SECRET = "geheim@example.com"
VALUES = {"id": [1, 2, 3, 4], "a": [5, 50, None, 500], "mail": ["x", SECRET, SECRET, None]}


@pytest.fixture(scope="module", autouse=True)
def _custom() -> None:
    gate.register(FOLDER)


def decide(folder: Path, *asked: dict[str, Any], hidden: tuple[str, ...] = (), key: tuple[str, ...] = ("id",), **values: Any) -> Verdict:
    pq.write_table(pa.table(values or VALUES), folder / "0.parquet")
    (found,) = gate.staged([suite(*asked)], {"t": [folder / "0.parquet"]}, {"t": 4}, {"t": set(hidden)}, keys={"t": key})
    return found


def test_what_was_not_met_names_rows_by_their_key(tmp_path: Path) -> None:
    found = decide(tmp_path, expect("column_values_to_be_between", column="a", max_value=10), not_null("a"), not_null("id"))
    between, null, met = (r.examples for r in found.results)
    assert list(between) == [Example("id=2", "a=50"), Example("id=4", "a=500")]
    assert list(null) == [Example("id=3", "a=NULL")] and met == ()


def test_a_few_are_shown_of_many_and_long_ones_cut(tmp_path: Path) -> None:
    values = {"id": list(range(1000)), "a": [f"{n} {'x' * 500}" for n in range(1000)]}
    (result,) = decide(tmp_path, expect("column_values_to_be_in_set", column="a", value_set=["y"]), **values).results
    assert len(result.examples) == 5 and max(len(e.value) for e in result.examples) < 100
    assert result.unexpected == 1000


def test_a_table_without_a_key_shows_values_alone(tmp_path: Path) -> None:
    (result,) = decide(tmp_path, expect("column_values_to_be_between", column="a", max_value=100), key=()).results
    assert result.examples == (Example("", "a=500"),)


def test_rules_about_several_columns_show_them_all(tmp_path: Path) -> None:
    pair = expect("column_pair_values_a_to_be_greater_than_b", column_A="id", column_B="a", ignore_row_if="either_value_is_missing")
    compound = expect("compound_columns_to_be_unique", column_list=["mail", "n"])
    found = decide(tmp_path, pair, compound, **VALUES, n=[1, 2, 2, 3])
    assert found.results[0].examples[0] == Example("id=1", "id=1, a=5")
    assert found.results[1].examples[0] == Example("", f"mail={SECRET}, n=2")


_LEAKS = [
    expect("column_values_to_be_in_set", column="mail", value_set=["x"]),
    expect("column_values_to_be_unique", column="mail"),
    expect("compound_columns_to_be_unique", column_list=["mail", "n"]),
    expect("column_pair_values_to_be_equal", column_A="a", column_B="mail"),
    expect("column_values_to_match_pattern", column="mail", pattern="^y"),
    expect("column_values_to_be_between", column="mail", min_value=3),
    expect("column_values_to_be_null", column="mail"),
    expect("multicolumn_sum_to_equal", column_list=["a", "mail"], sum_total=1),
    expect("foreign_key", columns=["mail"], ref_table="t", ref_columns=["id"]),
    expect(
        "column_values_to_be_between",
        column="a",
        max_value=1,
        row_condition='col("mail")=="geheim@example.com"',
        condition_parser="great_expectations",
    ),
]


@pytest.mark.parametrize("asked", _LEAKS, ids=lambda a: str(a["type"]))
def test_no_way_of_asking_shows_a_sensitive_column(tmp_path: Path, asked: dict[str, Any]) -> None:
    found = decide(tmp_path, asked, hidden=("mail",), **VALUES, n=[1, 2, 2, 3])
    assert found.decision == "stop"
    assert "geheim" not in json.dumps([asdict(r)["examples"] for r in found.results]) + json.dumps([r.observed for r in found.results])
    assert not found.results[0].examples


def test_a_key_with_a_sensitive_column_in_it_is_not_shown_at_all(tmp_path: Path) -> None:
    asked = expect("column_values_to_be_between", column="a", max_value=100)
    (result,) = decide(tmp_path, asked, hidden=("mail",), key=("id", "mail")).results
    assert result.examples == (Example("", "a=500"),)


def test_what_a_step_made_of_a_sensitive_column_is_not_shown_either(shop: Shop) -> None:
    steps = "transform: [{derive: {handle: upper(email)}}, {rename: {email: mail}}, {rename: {id: nr}}]"
    for place in ("customer.transformed", "customer.loaded"):
        kinds = [expect("column_values_to_be_in_set", "warning", column=c, value_set=["-"]) for c in ("mail", "handle", "name")]
        asks(shop, place, *kinds)
    asks(
        shop, "customer.extracted", *(expect("column_values_to_be_in_set", "warning", column=c, value_set=["-"]) for c in ("email", "name"))
    )
    shop.run(migration=shop.write(f"  customer: {{sensitive: [email], {steps}}}"))
    area = shop.folder / "staging" / "shop" / "r1"
    told = (area / "report.json").read_text() + (area / "report.html").read_text()
    assert "@example.com" not in told and "@EXAMPLE.COM" not in told
    found = json.loads((area / "verdicts" / "extracted.json").read_text())
    (name,) = [r for v in found for r in v["results"] if r["columns"] == ["name"]]
    assert name["examples"][0]["key"].startswith("id=") and name["examples"][0]["value"].startswith("name=")


def test_a_sensitive_key_is_in_no_example_and_no_proof(shop: Shop) -> None:
    with sqlite3.connect(shop.folder / "shop.sqlite") as db:
        db.execute("CREATE TABLE person (ssn TEXT PRIMARY KEY, age INTEGER)")
        db.execute("INSERT INTO person VALUES ('geheim-1', 7), ('geheim-2', 8)")
    asks(shop, "person.extracted", expect("column_values_to_be_between", column="age", max_value=7))
    with pytest.raises(errors.GateClosed):
        shop.run(migration=shop.write("  person: {sensitive: [ssn]}"))
    area = shop.folder / "staging" / "shop" / "r1"
    told = "".join(p.read_text() for p in area.rglob("*.json") if p.name != "plan.json") + (area / "report.html").read_text()
    assert "geheim" not in told and "age=8" in told


def test_orphans_of_a_foreign_key_are_named(target: sa.URL) -> None:
    integer = Type("int64")
    child = stand(
        target, TableName('ch"ild'), [Column("id", integer), Column("pa'rent", integer)], {"id": [1, 2, 3], "pa'rent": [10, 99, None]}
    )
    stand(target, TableName("parent"), [Column("id", integer)], {"id": [10]})
    places = {'ch"ild': child.name, "parent": TableName("parent")}
    asked = suite(expect("foreign_key", columns=["pa'rent"], ref_table="parent", ref_columns=["id"]), table='ch"ild', stage="loaded")
    (found,) = gate.loaded([asked], target, places, {'ch"ild': 3}, {}, {'ch"ild': ("id",)})
    assert found.results[0].examples == (Example("id=2", "pa'rent=99"),)


def test_examples_are_in_the_report_and_inert_there(shop: Shop) -> None:
    hostile = "<script>alert(1)</script>"
    with sqlite3.connect(shop.folder / "shop.sqlite") as db:
        db.execute("UPDATE log SET said = ? WHERE rowid = 1", (hostile,))
    asks(shop, "log.extracted", expect("column_values_to_be_in_set", column="said", value_set=[f"said {n}" for n in range(10)]))
    with pytest.raises(errors.GateClosed):
        shop.run()
    page = Tags((shop.folder / "staging" / "shop" / "r1" / "report.html").read_text())
    assert f"said={hostile}" in page.text and "script" not in page.tags
