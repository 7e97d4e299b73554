"""What our SQL finds met, Great Expectations finds met, with the same numbers, on every database; and most of the rest it finds too."""

from __future__ import annotations

import operator
import random
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

from penstock import databases
from penstock.databases._shared import ddl
from penstock.migration.suites import Suite
from penstock.model.schema import Column, Table, TableName, Type, arrow_schema
from penstock.stages.validate import built_in, gate, gx
from penstock.stages.validate.reflected import Reflected
from penstock.stages.validate.rules import RULES
from tests.support.repository import REPO

COLUMNS = (
    Column("id", Type("int64")),
    Column("small", Type("int32")),
    Column("big", Type("int64")),
    Column("amount", Type("decimal", precision=12, scale=2)),
    Column("wide", Type("decimal", precision=30, scale=4)),
    Column("ratio", Type("float64")),
    Column("word", Type("string", 40)),
    Column("text", Type("string")),
    Column("day", Type("date")),
    Column("at", Type("timestamp")),
    Column("flag", Type("boolean")),
    Column("Mixed Case", Type("int32")),
)
NUMBERS, TEXTS, MOMENTS = {"id", "small", "big", "amount", "wide", "ratio", "Mixed Case"}, {"word", "text"}, {"day", "at"}
WORDS = ("", "a", "A", "aa", "Zoë", "zoe", "N1", "n1", "N%1", "N_1", "N\\1", "O'Neil", "trailing ", "名前", "10", "9")
PATTERNS = ("^[A-Za-z]*$", "N", "^.{0,10}$", "[0-9]$", "^[^a]*$", "'")
FIRST = datetime(2020, 1, 1)
ROWS, SEEDS, ASKED = 40, 4, 110
CONDITIONS = 5
IGNORED = ("never", "all_values_are_missing", "any_value_is_missing")
OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
WRITTEN = {"a", "A", "aa", "Zoë", "zoe", "N1", "n1", "N%1", "N_1", "N\\1", "trailing ", "10", "9"}
"""The words that Great Expectations' grammar of row conditions has."""
TAKES_CONDITION = re.compile("expect_column_(?!to_exist)|expect_table_row_count")
UNKNOWN = {
    "expect_column_values_to_match_regex",
    "expect_column_values_to_be_of_type",
    "expect_column_values_to_be_in_type_list",
    "expect_column_values_to_match_like_pattern",
    "expect_column_values_to_be_increasing",
}
"""Left to Great Expectations: each dialect has its own regular expressions, patterns and names of types, and DuckDB none that it knows."""

Make = Callable[[random.Random], Any]
MAKE: dict[str, Make] = {
    "small": lambda r: r.randint(-5, 5),
    "big": lambda r: r.choice([r.randint(-9, 9), 2**53 + r.randint(-2, 2), -(2**62)]),
    "amount": lambda r: Decimal(r.randint(-999, 999)) / 100,
    "wide": lambda r: Decimal(r.randint(-(10**24), 10**24)) / 10000,
    "ratio": lambda r: r.choice([0.1, 0.1 + 0.2, 0.3, -0.0, 1e300, r.uniform(-1, 1)]),
    "word": lambda r: r.choice(WORDS),
    "text": lambda r: r.choice(WORDS),
    "day": lambda r: FIRST.date() + timedelta(days=r.randint(0, 9)),
    "at": lambda r: FIRST + timedelta(hours=r.randint(0, 99), microseconds=r.choice([0, 0, 1, 250_000])),
    "flag": lambda r: r.random() < 0.5,
    "Mixed Case": lambda r: r.randint(0, 3),
}


def columns_of(r: random.Random, rows: int) -> dict[str, list[Any]]:
    """A table's values: some columns without NULLs, some with none but NULLs, some with one value."""
    values: dict[str, list[Any]] = {"id": list(range(rows))}
    for name, make in MAKE.items():
        share, same = r.choice([0, 0, 0, 0.2, 1 if r.random() < 0.2 else 0]), make(r)
        one = r.random() < 0.15
        values[name] = [None if r.random() < share else same if one else make(r) for _ in range(rows)]
    return values


def expectation(kind: str, **kwargs: Any) -> dict[str, Any]:
    return {"type": f"expect_{kind}", "kwargs": kwargs}


def plain(value: Any) -> Any:
    """A value as a suite's file writes it."""
    if isinstance(value, Decimal):
        return float(value)
    return value.isoformat() if isinstance(value, date) else value


def of_column(r: random.Random, name: str, values: Sequence[Any]) -> list[dict[str, Any]]:
    """Expectations on a column, most of which it meets, by the values that it has."""
    there = [v for v in values if v is not None] or [MAKE.get(name, lambda _: 1)(r)]
    mostly = r.choice([{}, {}, {"mostly": r.choice([0.5, 0.8, 0.95, 1])}])
    low, high = plain(min(there)), plain(max(there))
    strict = r.choice([{}, {}, {"strict_min": True}, {"strict_max": True, "strict_min": False}])
    some = [plain(v) for v in r.sample(there, min(len(there), 3))]
    asked = [
        expectation("column_values_to_not_be_null", column=name, **mostly),
        expectation("column_values_to_be_null", column=name, **mostly),
        expectation("column_values_to_be_unique", column=name, **mostly),
        expectation("column_values_to_be_in_set", column=name, value_set=sorted({plain(v) for v in there}), **mostly),
        expectation("column_values_to_be_in_set", column=name, value_set=some, **mostly),
        expectation("column_values_to_not_be_in_set", column=name, value_set=r.choice([some, ["?", "no"], [77777, 8.5]])),
        expectation("column_unique_value_count_to_be_between", column=name, min_value=1, max_value=r.choice([4, len(values)])),
        expectation("column_to_exist", column=name),
        # what our SQL does not know
        expectation("column_values_to_match_regex", column=name, regex=r.choice(PATTERNS)),
        expectation("column_values_to_be_in_type_list", column=name, type_list=["INTEGER", "VARCHAR", "TEXT", "BIGINT"]),
    ]
    odd = [  # of another kind than the column, or of no column
        expectation("column_values_to_be_between", column=name, min_value=r.choice(["2019-01-01", "2019-01-01 10:00:00", "12", 0, True])),
        expectation("column_values_to_be_in_set", column=name, value_set=r.choice([["a", 1], [True], ["2020-01-01"], [1, 2.5, None]])),
        expectation("column_value_lengths_to_be_between", column=name, min_value=0, max_value=r.choice([10, 40])),
        expectation("column_values_to_not_be_null", column=name.swapcase()),
    ]
    asked += [{**e, "meta": {"odd": True}} for e in odd]
    if name not in TEXTS:
        asked += [
            expectation("column_values_to_be_between", column=name, min_value=low, max_value=high, **strict, **mostly),
            expectation("column_values_to_be_between", column=name, **r.choice([{"min_value": low}, {"max_value": some[0]}])),
            expectation("column_max_to_be_between", column=name, min_value=low, max_value=high, **strict),
            expectation("column_min_to_be_between", column=name, min_value=low, max_value=high),
        ]
    if name in NUMBERS:
        asked += [
            expectation("column_sum_to_be_between", column=name, min_value=-1e305, max_value=1e305),
            expectation("column_mean_to_be_between", column=name, min_value=low, max_value=high),
        ]
    if name in TEXTS:
        asked += [
            expectation("column_values_to_match_pattern", column=name, pattern=r.choice(PATTERNS), **mostly),
            expectation("column_value_lengths_to_be_between", column=name, max_value=r.choice([9, 10, 40])),
            expectation("column_value_lengths_to_equal", column=name, value=len(there[0]), mostly=0.1),
            expectation("column_values_to_match_like_pattern", column=name, like_pattern="%1"),
        ]
    return asked


def of_table(r: random.Random, rows: int) -> list[dict[str, Any]]:
    names = [c.name for c in COLUMNS]
    pair = r.sample(names, 2)
    ignore = r.choice([{}, {"ignore_row_if": "never"}, {"ignore_row_if": "any_value_is_missing"}])
    return [
        expectation("table_row_count_to_equal", value=r.choice([rows, {"$PARAMETER": "rows"}, rows + 1])),
        expectation("table_row_count_to_be_between", min_value=0, max_value=r.choice([rows, rows + 5, max(rows - 1, 0)])),
        *(expectation("table_columns_to_match_ordered_list", column_list=of) for of in (names, names[::-1])),
        expectation("table_columns_to_match_set", column_set=r.choice([names, names[::-1], names[1:]])),
        expectation("table_columns_to_match_set", column_set=names[2:], exact_match=False),
        expectation("table_column_count_to_equal", value=r.choice([len(names), 3])),
        expectation("compound_columns_to_be_unique", column_list=["id", pair[0]], **ignore),
        expectation("compound_columns_to_be_unique", column_list=pair, **ignore),
        expectation("foreign_key", columns=["small"], ref_table="referred", ref_columns=["x"]),
        expectation("foreign_key", columns=["Mixed Case"], ref_table="referred", ref_columns=["x"]),
        expectation("foreign_key", columns=["id"], ref_table="referred", ref_columns=["x"]),
    ]


def condition(r: random.Random, values: Mapping[str, Sequence[Any]]) -> tuple[str, list[int], bool]:
    """A row condition as text, the rows that meet it as Python compares, and whether our SQL knows it."""
    name = r.choice(sorted(NUMBERS | TEXTS) * 4 + [*sorted(MOMENTS), "flag"])
    there = [v for v in values[name] if v is not None and (name not in TEXTS or v in WRITTEN)]
    if not there or r.random() < 0.15:
        return f'col("{name}").notNull()', [n for n, v in enumerate(values[name]) if v is not None], True
    value, sign = r.choice(there), r.choice(list(OPERATORS))
    meeting = [n for n, v in enumerate(values[name]) if v is not None and OPERATORS[sign](v, value)]
    other = r.random() < 0.1  # a text and a number
    written = repr(plain(value)) if (name in NUMBERS) is not other else f'"{plain(value)}"'
    written = "3" if name not in NUMBERS and other else f"'{written[1:-1]}'" if written[0] == '"' and r.random() < 0.3 else written
    blank = r.choice(["", " ", "  "])
    known = not other and name in NUMBERS | TEXTS and "e+300" not in written
    return f'col("{name}"){blank}{sign}{blank}{written}', meeting, known


def of_part(r: random.Random, values: Mapping[str, Sequence[Any]]) -> list[dict[str, Any]]:
    """An expectation of each type on the rows that meet a condition, most of which these meet, and not all rows."""
    text, meeting, known = condition(r, values)
    part = {name: [of[n] for n in meeting] for name, of in values.items()}
    of_columns = [e for c in COLUMNS for e in of_column(r, c.name, part[c.name]) if TAKES_CONDITION.match(e["type"])]
    r.shuffle(of_columns)
    each = {e["type"]: e for e in of_columns}
    asked = [*each.values(), *(e for e in of_table(r, len(meeting)) if TAKES_CONDITION.match(e["type"]))]
    parser = r.choice(["great_expectations", "great_expectations__experimental__"])
    return [conditioned(e, known, row_condition=text, condition_parser=parser) for e in asked]


def conditioned(asked: dict[str, Any], known: bool, **kwargs: Any) -> dict[str, Any]:
    return {**asked, "kwargs": {**asked["kwargs"], **kwargs}, **({} if known else {"meta": {"odd": True}})}


def in_other_forms(r: random.Random, asked: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Some of these with row conditions that our SQL does not know."""
    mapping = {"type": "comparison", "column": {"name": "id"}, "operator": ">", "parameter": 3}
    forms: list[dict[str, Any]] = [
        {"row_condition": mapping},
        {"row_condition": 'col("id") > 3 and col("small") > 0', "condition_parser": "great_expectations"},
        {"row_condition": 'col("at") >= date("2020-01-02")', "condition_parser": "great_expectations"},
        {"row_condition": "id > 3"},
        {"row_condition": "id > 3", "condition_parser": "spark"},
        {"row_condition": 'col("id") > 3', "condition_parser": "pandas"},
    ]
    known = [e for e in asked if e["type"].startswith("expect_column_values")]
    text = {"row_condition": 'col("id") > 3', "condition_parser": "great_expectations"}
    keys = [expectation("compound_columns_to_be_unique", column_list=["id", "big"], ignore_row_if=ignored) for ignored in IGNORED]
    return [
        *(conditioned(e, False, **text) for e in keys),
        *(conditioned(e, False, **form) for e, form in zip(r.sample(known, len(forms)), forms, strict=True)),
    ]


@pytest.fixture(params=["staged", "duckdb", "sqlite", "postgresql", "mariadb"])
def stands(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str, dict[str, pa.Array]], sa.URL]:
    """Makes a table of arrays, and answers the URL where it stands."""
    if request.param in ("postgresql", "mariadb"):
        url: sa.URL = request.getfixturevalue(f"{request.param}_url")
    else:
        kind = "duckdb" if request.param == "staged" else request.param
        url = sa.URL.create(kind, database=str(tmp_path / f"t.{kind}"))

    def made(name: str, values: dict[str, pa.Array]) -> sa.URL:
        columns = [c for c in (*COLUMNS, Column("x", Type("int64"))) if c.name in values]
        database, place = databases.of(url, target=True), TableName(name)
        batch = pa.RecordBatch.from_arrays([values[c.name] for c in columns], schema=arrow_schema(columns))
        engine = database.engine(url)
        with engine.begin() as connection:
            if request.param == "staged":
                pq.write_table(pa.Table.from_batches([batch]), tmp_path / f"{name}.parquet")
                databases.execute(connection, f"CREATE VIEW {name} AS SELECT * FROM read_parquet('{tmp_path}/{name}.parquet')")
            else:
                databases.execute(connection, ddl.create_table(database, Table(place, tuple(columns)), place))
                database.write(connection, place, columns, [batch])
        engine.dispose()
        return url

    return made


def test_what_is_met_is_met_for_great_expectations_too(stands: Callable[[str, dict[str, pa.Array]], sa.URL]) -> None:
    gate.register(REPO / "expectations" / "flights")
    stands("referred", {"x": pa.array(range(-5, 30), pa.int64())})
    both: Counter[str] = Counter()
    theirs: Counter[str] = Counter()
    wrong = []
    for seed in range(SEEDS):
        r = random.Random(seed)
        rows = 0 if seed == 0 else ROWS
        values, table = columns_of(r, rows), f"t{seed}"
        url = stands(table, {c.name: pa.array(values[c.name], c.type.arrow) for c in COLUMNS})
        of_columns = [e for c in COLUMNS for e in of_column(r, c.name, values[c.name])]
        of_parts = [e for _ in range(CONDITIONS) for e in of_part(r, values)]
        asked = [*r.sample(of_columns, ASKED), *of_table(r, rows), *of_parts, *in_other_forms(r, of_columns)]
        r.shuffle(asked)
        suite, place, engine = Suite(table, table, "loaded", tuple(asked), None, "a test"), TableName(table), databases.of(url).engine(url)
        with engine.connect() as connection:
            met = built_in.met(connection, databases.of(url), Reflected(connection, [place]), suite, place, rows)
            connection.rollback()
        with gx.executing(engine, [place]) as run:
            results = run(suite, place, rows)
            # It asks for many things at once: what crashes takes others with it, which are then asked for by themselves.
            again = [n for n in met if not results[n].success]
            results |= {n: result for number in again for n, result in run(suite, place, rows, [number]).items()}
        engine.dispose()
        for number, result in results.items():
            kind, known = asked[number]["type"], not asked[number].get("meta")
            if number in met and (not result.success or differing(met[number].result, result.result)):
                wrong.append((seed, asked[number], met[number].result, result.success, result.result, str(result.exception_info)))
            if result.success and known and kind not in UNKNOWN:
                kind = f"{kind} of a part" if "row_condition" in asked[number]["kwargs"] else kind
                theirs[kind] += 1
                both[kind] += number in met
    assert wrong == [], wrong[0][-1]
    parts = {kind for kind in both if kind.endswith(" of a part")}
    assert set(both) - parts == set(RULES)
    assert {kind.removesuffix(" of a part") for kind in parts if both[kind]} == {k for k in RULES if TAKES_CONDITION.match(k)}
    share = {kind: both[kind] / theirs[kind] for kind in theirs}
    assert both.total() > 0.9 * theirs.total(), share
    assert sum(both[kind] for kind in parts) > 0.9 * sum(theirs[kind] for kind in parts), share


def differing(ours: Any, theirs: Any) -> dict[str, Any]:
    """The numbers that both have, and have otherwise."""
    return {k: (v, theirs[k]) for k, v in ours.items() if theirs.get(k) is not None and not same(v, theirs[k])}


def same(ours: Any, theirs: Any) -> bool:
    if isinstance(ours, list):
        return sorted(map(str, ours)) == sorted(map(str, theirs))
    return bool(ours == theirs)
