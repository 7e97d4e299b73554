"""The gates: every way in which Great Expectations would let something pass is tried, on staged files and on every target."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

from penstock import databases
from penstock.databases._shared import ddl
from penstock.errors import GateClosed, MigrationError, StagingDamaged
from penstock.migration import suites
from penstock.migration.suites import Suite
from penstock.model.schema import Column, Table, TableName, Type, arrow_schema
from penstock.runtime import events
from penstock.stages.validate import gate, verdicts
from penstock.state import journal
from penstock.state.evidence import Outcome, Verdict
from tests.support.data.shop import Shop
from tests.support.repository import REPO

FOLDER = REPO / "expectations" / "flights"
AWKWARD = ['q"uo', "per%cent", "%(x)s", "sp ce", "back\\slash", "emoji 😀", "dot.ted", ":p", "q?", "$1", "UPPER", "{x}", "select", "'", "`"]
SECRET = "jane@example.com"


@pytest.fixture(scope="module", autouse=True)
def _custom() -> None:
    gate.register(FOLDER)


def suite(*expectations: dict[str, Any], table: str = "t", stage: str = "extracted") -> Suite:
    return Suite(table, table, stage, expectations, "0" * 64, "t.extracted.json")


def expect(kind: str, severity: str = "critical", code: str = "", **kwargs: Any) -> dict[str, Any]:
    return {"type": f"expect_{kind}", "kwargs": kwargs, "severity": severity, "meta": {"code": code} if code else {}}


def not_null(column: str, severity: str = "critical", **kwargs: Any) -> dict[str, Any]:
    return expect("column_values_to_not_be_null", severity, column=column, **kwargs)


def decide(folder: Path, asked: Suite, values: dict[str, Any], rows: int | None = None, sensitive: Sequence[str] = ()) -> Verdict:
    """The verdict on one staged table with these columns."""
    data = pa.table(values)
    pq.write_table(data, folder / "0.parquet")
    count = data.num_rows if rows is None else rows
    (verdict,) = gate.staged([asked], {asked.table: [folder / "0.parquet"]}, {asked.table: count}, {asked.table: set(sensitive)})
    return verdict


def only(verdict: Verdict) -> Outcome:
    (outcome,) = verdict.results
    return outcome


# ---- what Great Expectations would let pass


def test_expectation_that_great_expectations_would_drop_stops_the_gate(tmp_path: Path) -> None:
    with pytest.raises(MigrationError) as caught:
        decide(tmp_path, suite(not_null("a"), expect("column_values_to_be_fine", column="a")), {"a": [1]})
    assert "expectation 2 (expect_column_values_to_be_fine)" in caught.value.where


def test_kwargs_that_do_not_exist_stop_the_gate_by_name(tmp_path: Path) -> None:
    with pytest.raises(MigrationError, match="does not understand") as caught:
        decide(tmp_path, suite(expect("column_values_to_be_between", column="a", minimum=1)), {"a": [1]})
    assert "minimum" in caught.value.why


@pytest.mark.parametrize("severity", ["info", "warning", "critical"])
def test_crashed_expectation_stops_whatever_its_severity(tmp_path: Path, severity: str) -> None:
    verdict = decide(tmp_path, suite(not_null("nope", severity), not_null("a")), {"a": [1]})
    assert verdict.decision == "stop"
    crashed, sound = verdict.results
    assert crashed.crashed and not crashed.success and sound.success


def test_missing_rows_stop_the_gate_though_every_value_rule_passes(tmp_path: Path) -> None:
    shape = Table(TableName("t"), (Column("a", Type("int64")),), ("a",))
    values = {"a": pa.array([], pa.int64())}
    verdict = decide(tmp_path, suites.generated(shape, "extracted"), values, rows=3)
    assert verdict.decision == "stop"
    assert [r.code for r in verdict.broken] == ["penstock.rows"]
    assert decide(tmp_path, suites.generated(shape, "extracted"), values, rows=0).decision == "go"


def test_empty_table_that_should_be_empty_passes_rules_about_its_values(tmp_path: Path) -> None:
    rows = expect("table_row_count_to_equal", value={"$PARAMETER": "rows"})
    asked = suite(expect("column_max_to_be_between", column="a", min_value=1), rows)
    values = {"a": pa.array([], pa.int64())}
    assert decide(tmp_path, asked, values).decision == "go"
    assert decide(tmp_path, asked, values, rows=1).decision == "stop"


def test_column_of_nulls_meets_no_rule_about_values(tmp_path: Path) -> None:
    between = expect("column_values_to_be_between", column="a", min_value=1, max_value=2)
    values = {"a": pa.array([None, None], pa.int64())}
    outcome = only(decide(tmp_path, suite(between), values))
    assert not outcome.success and outcome.observed == "all 2 values are NULL"
    assert only(decide(tmp_path, suite({**between, "meta": {"may_be_all_null": True}}), values)).success
    assert only(decide(tmp_path, suite(expect("column_values_to_be_null", column="a")), values)).success


def test_columns_in_another_order_stop_the_gate(tmp_path: Path) -> None:
    shape = Table(TableName("t"), (Column("a", Type("int64")), Column("b", Type("int64"))))
    assert decide(tmp_path, suites.generated(shape, "extracted"), {"a": [1], "b": [1]}).decision == "go"
    verdict = decide(tmp_path, suites.generated(shape, "extracted"), {"b": [1], "a": [1]})
    assert [r.code for r in verdict.broken] == ["penstock.columns"]


def test_results_are_told_apart_by_code_not_by_order(tmp_path: Path) -> None:
    asked = suite(not_null("b"), expect("table_row_count_to_equal", code="rows", value=1), not_null("a"), not_null("b", "info"))
    verdict = decide(tmp_path, asked, {"a": [1, 2], "b": [1, None]})
    assert [(r.code, r.success, r.severity) for r in verdict.results] == [
        ("1", False, "critical"),
        ("rows", False, "critical"),
        ("3", True, "critical"),
        ("4", False, "info"),
    ]


# ---- what it decides, and how it says so


@pytest.mark.parametrize(("severity", "decision"), [("critical", "stop"), ("warning", "warn"), ("info", "go")])
def test_severity_decides(tmp_path: Path, severity: str, decision: str) -> None:
    verdict = decide(tmp_path, suite(not_null("a", severity)), {"a": [1, None]})
    assert verdict.decision == decision
    assert str(only(verdict)) == f"expect_column_values_to_not_be_null(a): 1 of 2 values NULL ({severity})"


def test_closed_gate_names_the_numbers(tmp_path: Path) -> None:
    between = expect("column_values_to_be_between", column="month", min_value=1, max_value=12)
    fault = verdicts.closed([decide(tmp_path, suite(between), {"month": [*range(1, 13), 13]})])
    assert fault is not None
    assert list(fault.failed) == ["t.extracted: expect_column_values_to_be_between(month): 1 of 13 values outside 1..12 (critical)"]


def test_mostly_and_row_conditions_hold(tmp_path: Path) -> None:
    values = {"a": [1, 1, 1, None], "kind": ["x", "x", "x", "y"]}
    assert decide(tmp_path, suite(not_null("a", mostly=0.75)), values).decision == "go"
    assert decide(tmp_path, suite(not_null("a", mostly=0.76)), values).decision == "stop"
    condition = {"type": "comparison", "column": {"name": "kind"}, "operator": "==", "parameter": "x"}
    assert decide(tmp_path, suite(not_null("a", row_condition=condition)), values).decision == "go"
    assert decide(tmp_path, suite(not_null("a", row_condition={**condition, "parameter": "y"})), values).decision == "stop"


def test_values_of_sensitive_columns_are_nowhere_in_a_verdict(tmp_path: Path) -> None:
    asked = suite(
        expect("column_values_to_be_in_set", column="email", value_set=["x"]),
        expect("column_most_common_value_to_be_in_set", column="email", value_set=["x"]),
        expect("column_distinct_values_to_be_in_set", column="email", value_set=["x"]),
        expect("column_values_to_be_between", column="email", min_value=3),
        {"type": "unexpected_rows_expectation", "kwargs": {"unexpected_rows_query": "SELECT * FROM {batch}"}},
        {"type": "unexpected_rows_expectation", "kwargs": {"unexpected_rows_query": "SELECT CAST(email AS INTEGER) FROM {batch}"}},
    )
    verdict = decide(tmp_path, asked, {"email": [SECRET, "joe@example.com"], "n": [1, 2]}, sensitive=["email"])
    assert len(verdict.broken) == 6
    text = json.dumps(asdict(verdict)) + str(verdicts.closed([verdict]))
    assert "example.com" not in text
    crashed = [r for r in verdict.results if r.crashed]
    assert [r.observed for r in crashed][-1] == "ConversionException", "an error is shown by its type"


def test_gate_tells_subscribers_when_it_decides(tmp_path: Path) -> None:
    seen: list[tuple[str, Any]] = []
    with events.subscribed(lambda name, facts: seen.append((name, facts.get("decision")))):
        decide(tmp_path, suite(not_null("a")), {"a": [None]})
    assert seen == [("gate.started", None), ("gate.decided", "stop")]


# ---- staged files


def test_chunks_are_one_table_and_paths_are_never_patterns(tmp_path: Path) -> None:
    folder = tmp_path / "a=b [1]*?'é"
    folder.mkdir()
    for chunk in range(3):
        pq.write_table(pa.table({"id": [chunk]}), folder / f"{chunk}.parquet")
    pq.write_table(pa.table({"id": [0]}), folder / "other.parquet")
    shape = Table(TableName("t"), (Column("id", Type("int64")),), ("id",))
    files = [folder / f"{chunk}.parquet" for chunk in range(3)]
    (verdict,) = gate.staged([suites.generated(shape, "extracted")], {"t": files}, {"t": 3}, {})
    assert verdict.decision == "go"
    (verdict,) = gate.staged([suites.generated(shape, "extracted")], {"t": [*files, folder / "other.parquet"]}, {"t": 4}, {})
    assert [r.code for r in verdict.broken] == ["penstock.key"]


def test_files_on_another_filesystem_are_read(tmp_path: Path) -> None:
    (tmp_path / "run [1]").mkdir()
    pq.write_table(pa.table({"id": [1, 1]}), tmp_path / "run [1]" / "0.parquet")
    filesystem = pafs.SubTreeFileSystem(str(tmp_path), pafs.LocalFileSystem())
    asked = suite(expect("column_values_to_be_unique", column="id"))
    (verdict,) = gate.staged([asked], {"t": ["run [1]/0.parquet"]}, {"t": 2}, {}, filesystem)
    assert only(verdict).unexpected == 2


def test_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(StagingDamaged, match="t can't be read"):
        gate.staged([suite(not_null("a"))], {"t": [tmp_path / "nope.parquet"]}, {"t": 1}, {})


def test_tables_whose_names_differ_in_case_only_stay_apart(tmp_path: Path) -> None:
    files = {}
    for number, name in enumerate(["T", "t"]):
        pq.write_table(pa.table({"a": [None, 1][: number + 1]}), tmp_path / f"{number}.parquet")
        files[name] = [tmp_path / f"{number}.parquet"]
    rows = expect("table_row_count_to_equal", value={"$PARAMETER": "rows"})
    decided = gate.staged([suite(rows, table="T"), suite(rows, table="t")], files, {"T": 1, "t": 2}, {})
    assert [v.decision for v in decided] == ["go", "go"]


def test_more_rows_than_memory_are_checked(tmp_path: Path) -> None:
    rows = 3_000_000  # their keys alone are more than the limit, as the unique rule holds them
    pq.write_table(pa.table({"id": pa.array([f"{n:032}" for n in range(rows - 1)] + ["0" * 32])}), tmp_path / "0.parquet")
    asked = suite(expect("column_values_to_be_unique", column="id"))
    (verdict,) = gate.staged([asked], {"t": [tmp_path / "0.parquet"]}, {"t": rows}, {}, memory=96_000_000)
    assert only(verdict).unexpected == 2


def test_custom_expectation_that_can_not_be_imported_is_named(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("import nothing_of_this_name\n")
    with pytest.raises(MigrationError, match=r"can't be imported") as caught:
        gate.register(tmp_path)
    assert caught.value.where.endswith("broken.py")


# ---- in a run


def asks(shop: Shop, name: str, *expectations: dict[str, Any]) -> None:
    (shop.folder / "expectations").mkdir(exist_ok=True)
    (shop.folder / "expectations" / f"{name}.json").write_text(json.dumps({"expectations": expectations}))


def told(shop: Shop, stage: str) -> dict[str, Any]:
    (path,) = shop.folder.glob(f"staging/*/*/verdicts/{stage}.json")
    return {v["table"]: v for v in json.loads(path.read_text())}


def test_closed_gate_stops_the_run_before_the_target_is_touched(shop: Shop) -> None:
    asks(shop, "customer.extracted", not_null("email"))
    with pytest.raises(GateClosed) as caught:
        shop.run()
    assert caught.value.failed[0].startswith("customer.extracted: expect_column_values_to_not_be_null(email): ")
    assert told(shop, "extracted")["customer"]["decision"] == "stop"
    assert told(shop, "extracted")["log"]["decision"] == "go"
    assert shop.tables() <= journal.NAMES, "nothing but the journal, where the reading has its number"


def test_gates_decide_about_every_table_at_every_stage_it_has(shop: Shop) -> None:
    asks(shop, "customer.loaded", not_null("email", "warning"))
    shop.run(migration=shop.write("  log:\n    transform:\n      - rename: {said: told}"))
    assert {stage: len(told(shop, stage)) for stage in suites.STAGES} == {"extracted": 5, "transformed": 1, "loaded": 5}
    customer = told(shop, "loaded")["customer"]
    assert customer["decision"] == "warn" and len(customer["suite_sha256"]) == 64
    assert told(shop, "loaded")["log"]["suite_sha256"] is None


def test_sensitive_column_stays_sensitive_under_another_name(shop: Shop) -> None:
    for place in ("customer.transformed", "customer.loaded"):
        asks(shop, place, expect("column_most_common_value_to_be_in_set", "info", column="mail", value_set=["x"]))
    shop.run(migration=shop.write("  customer:\n    sensitive: [email]\n    transform:\n      - rename: {email: mail}"))
    for stage in ("transformed", "loaded"):
        (first, *_) = told(shop, stage)["customer"]["results"]
        assert not first["success"] and first["observed"] == "(sensitive)"


# ---- targets


@pytest.fixture(params=["duckdb", "sqlite", "postgresql", "mariadb"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> sa.URL:
    if request.param in ("duckdb", "sqlite"):
        return sa.URL.create(request.param, database=str(tmp_path / f"target.{request.param}"))
    url: sa.URL = request.getfixturevalue(f"{request.param}_url")
    return url


def stand(url: sa.URL, name: TableName, columns: Sequence[Column], values: dict[str, Any], key: tuple[str, ...] = ()) -> Table:
    """Make and fill a table at the target as a load does."""
    database = databases.of(url, target=True)
    table = Table(name, tuple(columns), key)
    engine = database.engine(url)
    with engine.connect() as connection:
        for statement in [*database.schemas([name]), ddl.create_table(database, table, name)]:
            databases.execute(connection, statement)
        connection.commit()
        with connection.begin():
            schema = arrow_schema(columns)
            batch = pa.RecordBatch.from_arrays([pa.array(values[c.name], schema.field(c.name).type) for c in columns], schema=schema)
            database.write(connection, name, columns, [batch])
    engine.dispose()
    return table


def at(url: sa.URL, *asked: Suite, places: dict[str, TableName] | None = None, rows: int = 3) -> list[Verdict]:
    places = places or {s.table: TableName(s.table) for s in asked}
    return gate.loaded(asked, url, places, dict.fromkeys(places, rows), {})


def failures(verdict: Verdict) -> list[str]:
    return [str(r) for r in verdict.broken]


def integers(*names: str) -> list[Column]:
    return [Column(n, Type("int32")) for n in names]


def awkward(url: sa.URL) -> list[str]:
    # MariaDB's names know no characters beyond U+FFFF, and SQLAlchemy reads one with a backtick back as another: that gate stops.
    plain = url.get_backend_name() in ("mysql", "mariadb")
    return [n for n in AWKWARD if not (plain and (max(map(ord, n)) > 0xFFFF or "`" in n))]


def test_generated_suite_holds_at_the_target(target: sa.URL) -> None:
    single = stand(target, TableName("one"), integers("id", "v"), {"id": [1, 2, 3], "v": [1, None, 1]}, ("id",))
    # no key is declared there, so that the rows may break it
    stand(target, TableName("pair"), integers("a", "b"), {"a": [1, 1, 2], "b": [1, 1, None]})
    pair = Table(TableName("pair"), tuple(integers("a", "b")), ("a", "b"))
    good, bad = at(target, suites.generated(single, "loaded"), replace(suites.generated(pair, "extracted"), stage="loaded"))
    assert failures(good) == []
    assert [(r.code, r.crashed, r.unexpected) for r in bad.broken] == [("penstock.key.1", False, 1), ("penstock.key", False, 2)]
    (short,) = at(target, suites.generated(single, "loaded"), rows=4)
    assert [r.code for r in short.broken] == ["penstock.rows"]


def test_names_of_any_kind_are_asked_about(target: sa.URL) -> None:
    names = awkward(target)
    table = TableName("T'a\"b%le `x` é.select:x?")
    stand(target, table, integers(*names), {n: [0, 1, 2] for n in names})
    rules = [r for n in names for r in (not_null(n), expect("column_values_to_be_between", column=n, min_value=0, max_value=1))]
    rules += [expect("column_values_to_be_unique", column=n) for n in names if '"' not in n]
    rules += [expect("compound_columns_to_be_unique", column_list=names), expect("table_columns_to_match_ordered_list", column_list=names)]
    rules += [expect("column_unique_value_count_to_be_between", column='q"uo', min_value=3)]
    (verdict,) = at(target, suite(*rules, table=table.name, stage="loaded"))
    assert [r for r in verdict.results if r.crashed] == []
    assert [(r.columns, r.unexpected) for r in verdict.broken] == [((n,), 1) for n in names]


def test_names_of_any_kind_are_asked_about_in_staged_files(tmp_path: Path) -> None:
    rules = [r for n in AWKWARD for r in (not_null(n), expect("column_values_to_be_between", column=n, min_value=0, max_value=1))]
    rules += [expect("compound_columns_to_be_unique", column_list=AWKWARD)]
    rules += [expect("column_unique_value_count_to_be_between", column='q"uo', min_value=3)]
    verdict = decide(tmp_path, suite(*rules, table="T'a\"b%le `x` é.select:x?"), {n: [0, 1, 2] for n in AWKWARD})
    assert [(r.columns, r.unexpected, r.crashed) for r in verdict.broken] == [((n,), 1, False) for n in AWKWARD]


def foreign(columns: list[str], ref_columns: list[str]) -> dict[str, Any]:
    return expect("foreign_key", columns=columns, ref_table="parent", ref_columns=ref_columns)


def test_foreign_key_counts_orphans_where_the_tables_stand(target: sa.URL) -> None:
    places = {"child": TableName("new child %s"), "parent": TableName('new "parent')}
    stand(target, places["parent"], integers("x", "y"), {"x": [1, 1, None], "y": [1, 2, None]})
    stand(target, places["child"], integers("a%", "b?"), {"a%": [1, 1, 5, None, None, 1], "b?": [1, 2, 5, 1, None, 1]})
    keys = [foreign(["a%"], ["x"]), foreign(["a%", "b?"], ["x", "y"]), foreign(["b?", "a%"], ["x", "y"])]
    asked = suite(*keys, table="child", stage="loaded")
    (verdict,) = at(target, asked, places=places, rows=6)
    assert [(r.crashed, r.unexpected, r.elements) for r in verdict.results] == [(False, 1, 4), (False, 1, 4), (False, 2, 4)]
    assert "1 of 4 values not in parent(x)" in str(verdict.results[0])


def test_foreign_key_counts_orphans_in_staged_files(tmp_path: Path) -> None:
    pq.write_table(pa.table({"x": [1, None]}), tmp_path / "parent.parquet")
    pq.write_table(pa.table({"a": [1, 2, None, 2]}), tmp_path / "t.parquet")
    files = {name: [tmp_path / f"{name}.parquet"] for name in ("t", "parent")}
    (verdict,) = gate.staged([suite(foreign(["a"], ["x"]))], files, {"t": 4, "parent": 2}, {})
    assert (only(verdict).unexpected, only(verdict).elements) == (2, 3)


def test_foreign_key_to_a_table_of_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MigrationError, match="no table of this run"):
        decide(tmp_path, suite(foreign(["a"], ["x"])), {"a": [1]})


WORDS = ["N1", "n1", "xN1", "N1x", "N%1", "N\\1", "N'1", "Né", None, ""]
PATTERNS = {"^N[0-9]+$": 1, "N1": 3, "^N": 6, "^.?[nN]": 8, "%": 1, "[\\\\]": 1, "'": 1, "^$": 1, "^(N1|n1)$": 2}
PATTERNS |= {"é$": 1, "^[A-Z0-9]{2}$": 1, "^N:?1?$": 1, "^N:a": 0, "%s|%%|%1": 1, "^N.$": 2}


def patterns() -> list[dict[str, Any]]:
    return [expect("column_values_to_match_pattern", column="w", pattern=p) for p in PATTERNS]


def test_pattern_means_the_same_at_every_target(target: sa.URL) -> None:
    stand(target, TableName("t"), [Column("w", Type("string", 20))], {"w": WORDS})
    (verdict,) = at(target, suite(*patterns(), stage="loaded"), rows=len(WORDS))
    assert {p: None if r.unexpected is None else 9 - r.unexpected for p, r in zip(PATTERNS, verdict.results, strict=True)} == PATTERNS


def test_pattern_means_the_same_in_staged_files(tmp_path: Path) -> None:
    verdict = decide(tmp_path, suite(*patterns()), {"w": WORDS})
    assert {p: None if r.unexpected is None else 9 - r.unexpected for p, r in zip(PATTERNS, verdict.results, strict=True)} == PATTERNS


TYPED = [
    Column("at", Type("timestamp")),
    Column("day", Type("date")),
    Column("amount", Type("decimal", precision=12, scale=2)),
    Column("ratio", Type("float64")),
    Column("word", Type("string", 40)),
    Column("flag", Type("boolean")),
]
MOMENT = datetime(2013, 1, 1, 5, tzinfo=UTC).replace(tzinfo=None)
VALUES = {
    "at": [MOMENT, MOMENT.replace(month=6), None],
    "day": [date(2013, 1, 1), date(2013, 6, 1), None],
    "amount": [Decimal("0.10"), Decimal("9999999999.99"), None],
    "ratio": [0.5, 1.5, None],
    "word": ["a", "Zoë", None],
    "flag": [True, False, None],
}
# Each finds one of the two values wrong.
TYPED_RULES = [
    expect("column_values_to_be_between", column="at", min_value="2013-01-01T00:00:00", max_value="2013-02-01T00:00:00"),
    expect("column_values_to_be_between", column="day", min_value="2013-01-01", max_value="2013-02-01"),
    expect("column_values_to_be_between", column="amount", max_value=9999999999.98),
    expect("column_values_to_be_between", column="ratio", max_value=1),
    expect("column_values_to_be_in_set", column="word", value_set=["a", "b"]),
    expect("column_value_lengths_to_be_between", column="word", max_value=2),
]


def test_rules_on_every_type_find_the_one_wrong_value_at_the_target(target: sa.URL) -> None:
    stand(target, TableName("t"), TYPED, VALUES)
    (verdict,) = at(target, suite(*TYPED_RULES, stage="loaded"))
    assert [(r.columns, r.unexpected, r.crashed) for r in verdict.results] == [((r["kwargs"]["column"],), 1, False) for r in TYPED_RULES]


def test_rules_on_every_type_find_the_one_wrong_value_in_staged_files(tmp_path: Path) -> None:
    verdict = decide(tmp_path, suite(*TYPED_RULES), {c.name: pa.array(VALUES[c.name], c.type.arrow) for c in TYPED})
    assert [(r.columns, r.unexpected, r.crashed) for r in verdict.results] == [((r["kwargs"]["column"],), 1, False) for r in TYPED_RULES]


def test_gate_leaves_the_target_free_for_others(target: sa.URL) -> None:
    table = stand(target, TableName("t"), integers("id"), {"id": [1, 2, 3]}, ("id",))
    engine = databases.of(target).engine(target)
    with engine.connect() as held:  # what another stage of this process may have open
        databases.execute(held, "SELECT 1")
        held.rollback()
        (verdict,) = at(target, suites.generated(table, "loaded"))
        assert verdict.decision == "go"
        databases.execute(held, f"DROP TABLE {databases.qualified(databases.of(target), table.name)}")
        held.commit()
    engine.dispose()
