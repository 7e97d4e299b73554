"""Transforms: what each one promises, and what it says when it can't be done."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import subprocess
import sys
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock import transforms
from penstock.errors import MigrationError, TransformFailed
from penstock.model.schema import NAMES, WORDED, Column, Type, arrow_schema

ODD = ['a"b', "100%s", "back\\slash", "select", "naïve 名前", "two words", "rows", "found", "v"]


def table(columns: Sequence[Column], **values: list[Any]) -> pa.Table:
    return pa.table([pa.array(v, c.type.arrow) for c, v in zip(columns, values.values(), strict=True)], schema=arrow_schema(columns))


def col(name: str, kind: str, **more: Any) -> Column:
    return Column(name, Type.parse(kind) if kind != "unsupported" else Type(kind), **more)


def run(
    kind: str, values: list[Any], *steps: transforms.Step, secrets: dict[str, str] | None = None, sensitive: Sequence[str] = ()
) -> tuple[pa.Table, tuple[Column, ...]]:
    """The rows and columns that steps make of a table with the one column `c`."""
    columns = (col("c", kind),)
    out = transforms.schema(columns, steps, "shop.yaml: tables.t")
    return transforms.apply(table(columns, c=values), columns, steps, secrets or {}, sensitive), out


def one(kind: str, values: list[Any], *steps: transforms.Step, **more: Any) -> list[Any]:
    made, out = run(kind, values, *steps, **more)
    assert made.schema.equals(arrow_schema(out), check_metadata=True)
    return list(made.column(0).to_pylist())


def fault(kind: str, values: list[Any], *steps: transforms.Step, **more: Any) -> TransformFailed:
    with pytest.raises(TransformFailed) as caught:
        run(kind, values, *steps, **more)
    return caught.value


# ---- the registry


def test_folder_is_the_registry() -> None:
    assert set(transforms.names()) == {"cast", "derive", "drop", "fill", "filter", "map", "mask", "python", "rename"}
    with pytest.raises(MigrationError, match="no transform called 'renam'") as caught:
        transforms.of("renam")
    assert "rename" in caught.value.fix


def test_checking_shapes_imports_nothing_heavy() -> None:
    program = (
        "import sys; from penstock import transforms\n"
        "for n in transforms.names(): transforms.check(n, {})\n"
        "print([m for m in ('pyarrow', 'duckdb', 'pandas', 'numpy') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("rename", {"a": "b"}, [{}, {"a": 1}, {"a": ""}, ["a"], {False: "b"}]),
        ("drop", ["a"], [[], {}, [1], None]),
        ("drop", "a", [1]),
        ("cast", {"a": "int64"}, [{"a": 64}, "a"]),
        ("derive", {"a": "b + 1", "n": 1}, [{"a": None}, {"a": ["b"]}, {"a": ""}, "b"]),
        ("filter", "a > 1", [{"a": 1}, "", True]),
        ("map", {"a": {1: 2, None: 3}}, [{"a": 1}, {"a": {}}, {}]),
        ("mask", {"a": "sha256"}, [{"a": "md5"}, ["a"]]),
        ("fill", {"a": 0}, [{"a": None}, {}]),
        ("python", "my.module:clean", ["my.module.clean", 1, ["m:f"]]),
        (
            "python",
            {"call": "m:f", "columns": {"a": "int64"}},
            [{"call": "m:f", "columns": ["a"]}, {"cal": "m:f"}, {"call": "m:f", "x": 1}],
        ),
    ],
)
def test_shapes_are_checked_in_words(name: str, good: Any, bad: list[Any]) -> None:
    assert transforms.check(name, good) is None
    for args in bad:
        assert transforms.check(name, args), args


def test_mistake_names_table_step_and_nearest_column() -> None:
    with pytest.raises(TransformFailed) as caught:
        transforms.schema((col("price", "int32"),), [("rename", {"price": "cost"}), ("cast", {"prize": "int64"})], "shop.yaml: tables.t")
    assert caught.value.where == "shop.yaml: tables.t.transform[1].cast"
    assert "'prize'" in caught.value.what and "there are: cost" in caught.value.fix
    with pytest.raises(TransformFailed) as caught:
        transforms.schema((col("price", "int32"),), [("drop", "prize")], "shop.yaml: tables.t")
    assert caught.value.fix == "did you mean 'price'?"


def test_record_batch_is_taken_like_a_table() -> None:
    columns = (col("c", "int32"),)
    batch = table(columns, c=[1]).to_batches()[0]
    assert transforms.apply(batch, columns, [("rename", {"c": "d"})], {}).to_pydict() == {"d": [1]}


# ---- rename and drop


@given(st.permutations(ODD))
@settings(max_examples=20, deadline=None)
def test_rename_gives_any_name_and_keeps_what_the_column_is(names: list[str]) -> None:
    columns = tuple(Column(n, Type("int32"), nullable=False, default="=0", identity=True, native="INT") for n in ODD)
    steps = [("rename", dict(zip(ODD, names, strict=True)))]
    out = transforms.schema(columns, steps, "t")
    assert [c.name for c in out] == names and all((c.nullable, c.default, c.identity, c.native) == (False, "=0", True, "INT") for c in out)
    rows = table(columns, **{n: [i] for i, n in enumerate(ODD)})
    assert transforms.apply(rows, columns, steps, {}).to_pydict() == {n: [i] for i, n in enumerate(names)}


def test_two_columns_of_one_name_are_refused() -> None:
    columns = (col("a", "int32"), col("b", "int32"))
    with pytest.raises(TransformFailed, match="two columns would be called 'b'"):
        transforms.schema(columns, [("rename", {"a": "b"})], "t")
    assert [c.name for c in transforms.schema(columns, [("rename", {"a": "b", "b": "a"})], "t")] == ["b", "a"]


@given(st.sets(st.sampled_from(ODD), min_size=1, max_size=len(ODD) - 1))
@settings(max_examples=20, deadline=None)
def test_drop_leaves_the_others_in_order(gone: set[str]) -> None:
    columns = tuple(col(n, "int32") for n in ODD)
    steps = [("drop", sorted(gone))]
    made = transforms.apply(table(columns, **{n: [1] for n in ODD}), columns, steps, {})
    assert made.column_names == [n for n in ODD if n not in gone] == [c.name for c in transforms.schema(columns, steps, "t")]


def test_dropping_all_columns_is_refused() -> None:
    assert "no column would be left" in fault("int32", [1], ("drop", "c")).what


# ---- cast

CASTS: list[tuple[str, str, list[Any], list[Any]]] = [
    ("int64", "int8", [1, None, -128], [1, None, -128]),
    ("int64", "decimal(10,2)", [1, None, 99999999], [Decimal("1.00"), None, Decimal("99999999.00")]),
    ("uint64", "decimal(70,40)", [2**64 - 1], [Decimal(2**64 - 1)]),
    ("int32", "boolean", [0, 1, None], [False, True, None]),
    ("decimal(3,0)", "boolean", [Decimal(1), Decimal(0)], [True, False]),
    ("boolean", "decimal(5,2)", [True, None], [Decimal("1.00"), None]),
    ("boolean", "int8", [True, False], [1, 0]),
    ("decimal(10,2)", "int32", [Decimal("5.00")], [5]),
    ("decimal(10,2)", "float64", [Decimal("0.10"), None], [0.1, None]),
    ("decimal(40,2)", "decimal(10,1)", [Decimal("0.10")], [Decimal("0.1")]),
    ("float64", "decimal(10,2)", [0.25], [Decimal("0.25")]),
    ("float64", "float32", [0.5, float("inf"), None], [0.5, float("inf"), None]),
    ("int16", "year", [2013], [2013]),
    ("string", "int32", ["7", "007", None], [7, 7, None]),
    ("string", "decimal(10,2)", ["1.5", "-2"], [Decimal("1.50"), Decimal("-2.00")]),
    ("string", "float64", ["0.1", "1e5"], [0.1, 1e5]),
    ("string", "date", ["2024-02-29"], [dt.date(2024, 2, 29)]),
    ("string", "time", ["01:02:03.5", None], [dt.time(1, 2, 3, 500_000), None]),
    (
        "string",
        "timestamp",
        ["2024-01-01T00:00:00.000001", "2024-01-01 02:03:04"],
        [dt.datetime(2024, 1, 1, 0, 0, 0, 1), dt.datetime(2024, 1, 1, 2, 3, 4)],
    ),
    ("string", "timestamptz", ["2024-01-01 02:00:00+02:00"], [dt.datetime(2024, 1, 1, tzinfo=dt.UTC)]),
    ("string", "json", ['{"a": 1}', None], ['{"a": 1}', None]),
    ("string", "uuid", ["A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11"], ["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"]),
    ("string", "enum('a','b')", ["a", None], ["a", None]),
    ("string", "set('a','b')", ["a,b", "", "b", None], ["a,b", "", "b", None]),
    ("unsupported", "string", ["(1,2)", None], ["(1,2)", None]),
    ("uuid", "string(36)", ["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"], ["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"]),
    ("date", "timestamp", [dt.date(2024, 1, 1)], [dt.datetime(2024, 1, 1)]),
    ("timestamp", "date", [dt.datetime(2024, 1, 1)], [dt.date(2024, 1, 1)]),
    ("timestamptz", "timestamp", [dt.datetime(2024, 1, 1, tzinfo=dt.UTC)], [dt.datetime(2024, 1, 1)]),
    ("timestamp", "timestamptz", [dt.datetime(2024, 1, 1)], [dt.datetime(2024, 1, 1, tzinfo=dt.UTC)]),
    ("timestamptz", "date", [dt.datetime(2024, 1, 1, tzinfo=dt.UTC)], [dt.date(2024, 1, 1)]),
    ("date", "string", [dt.date(2024, 1, 1)], ["2024-01-01"]),
    ("decimal(10,2)", "string", [Decimal("0.10")], ["0.10"]),
    ("string", "string(2)", ["é名", ""], ["é名", ""]),
    ("binary", "binary(2)", [b"\0\xff"], [b"\0\xff"]),
    ("geometry", "binary", [b"\0\xff"], [b"\0\xff"]),
]


@pytest.mark.parametrize(("found", "wanted", "before", "after"), CASTS, ids=lambda v: v if isinstance(v, str) else "")
def test_cast_is_exact(found: str, wanted: str, before: list[Any], after: list[Any]) -> None:
    assert one(found, before, ("cast", {"c": wanted})) == after
    assert one(found, [], ("cast", {"c": wanted})) == []


LOSSES: list[tuple[str, str, Any]] = [
    ("int64", "int8", 300),
    ("int64", "uint8", -1),
    ("int64", "decimal(3,2)", 10),
    ("int64", "float64", 2**53 + 1),
    ("int32", "boolean", 2),
    ("float64", "int32", 1.5),
    ("float64", "int32", float("nan")),
    ("float64", "boolean", float("nan")),
    ("float64", "float32", 0.1),
    ("float64", "decimal(10,1)", 0.25),
    ("decimal(10,2)", "int32", Decimal("1.50")),
    ("decimal(10,2)", "decimal(10,1)", Decimal("1.55")),
    ("decimal(38,0)", "float64", Decimal(10**37 + 1)),
    ("string", "int32", "x1"),
    ("string", "int32", "0x1F"),
    ("string", "int32", ""),
    ("string", "decimal(10,2)", "1.234"),
    ("string", "date", "2024-02-30"),
    ("string", "time", "25:00:00"),
    ("string", "timestamp", "2024-01-01 00:00:00.1234567"),
    ("string", "timestamp", "2024-01-01 00:00:00+02:00"),
    ("string", "timestamptz", "2024-01-01 00:00:00"),
    ("string", "json", "{"),
    ("string", "uuid", "not-a-uuid"),
    ("string", "enum('a','b')", "c"),
    ("string", "set('a','b')", "a,c"),
    ("string", "string(2)", "abc"),
    ("binary", "binary(1)", b"ab"),
    ("timestamp", "date", dt.datetime(2024, 1, 1, 0, 0, 0, 1)),
    ("timestamptz", "date", dt.datetime(2024, 1, 1, 1, tzinfo=dt.UTC)),
]
FITTING: dict[str, Any] = {
    "int": 1, "flo": 1.0, "dec": Decimal(1), "str": None, "bin": b"", "tim": None,
}  # fmt: skip


@pytest.mark.parametrize(("found", "wanted", "value"), LOSSES, ids=lambda v: v if isinstance(v, str) else repr(v))
def test_cast_that_would_lose_something_names_column_and_value(found: str, wanted: str, value: Any) -> None:
    fits = FITTING[found[:3]]
    told = repr(value) if isinstance(value, str | bytes) else str(value)
    error = fault(found, [fits, None, value, fits], ("cast", {"c": wanted}))
    assert "c can't be cast to" in error.what and told in error.why and error.fix


@pytest.mark.parametrize(
    ("found", "wanted"),
    [("binary", "string"), ("string", "binary"), ("string", "boolean"), ("int64", "timestamp"), ("int32", "date"), ("timestamp", "time"),
     ("time", "timestamp"), ("date", "int32"), ("binary", "geometry"), ("string", "enum"), ("string", "strin"), ("string", "decimal(99)")],
)  # fmt: skip
def test_cast_without_one_meaning_is_refused_before_any_row_moves(found: str, wanted: str) -> None:
    with pytest.raises(TransformFailed, match="c can't be cast from"):
        transforms.schema((col("c", found),), [("cast", {"c": wanted})], "t")


def test_cast_forgets_how_its_database_wrote_the_column_and_keeps_what_its_meaning_leaves() -> None:
    column = Column("c", Type("int32"), nullable=False, default="=0", identity=True, native="INT")
    (made,) = transforms.schema((column,), [("cast", {"c": "int64"})], "t")
    assert made == Column("c", Type("int64"), nullable=False, default="=0", identity=True)


@given(st.lists(st.none() | st.integers(-(2**63), 2**63 - 1), max_size=50))
@settings(max_examples=50, deadline=None)
def test_cast_to_text_and_back_is_the_same(values: list[int | None]) -> None:
    assert one("int64", values, ("cast", {"c": "string"}), ("cast", {"c": "int64"})) == values
    assert one("int64", values, ("cast", {"c": "decimal(30,3)"}), ("cast", {"c": "int64"})) == values


@given(st.lists(st.none() | st.datetimes(dt.datetime(1600, 1, 1), dt.datetime(9999, 12, 31)), max_size=30))
@settings(max_examples=50, deadline=None)
def test_cast_of_timestamps_to_text_and_back_is_the_same(values: list[dt.datetime | None]) -> None:
    assert one("timestamp", values, ("cast", {"c": "string"}), ("cast", {"c": "timestamp"})) == values


@pytest.mark.parametrize("found", NAMES)
@pytest.mark.parametrize("wanted", NAMES)
def test_every_pair_of_types_is_cast_or_refused(found: str, wanted: str) -> None:
    labels = {"enum": "enum('a')", "set": "set('a')", "decimal": "decimal(20,2)", "array": "array(int32)", "range": "range(date)"}
    columns = (col("c", labels.get(found, found)),)
    steps = [("cast", {"c": labels.get(wanted, wanted)})]
    try:
        transforms.schema(columns, steps, "t")
    except TransformFailed:
        return
    assert transforms.apply(table(columns, c=[None]), columns, steps, {}).to_pydict() == {"c": [None]}


# ---- derive and filter


@pytest.mark.parametrize(
    ("expression", "kind", "values"),
    [
        ("c + 1", "int64", [2, None]),
        ("c / 2", "float64", [0.5, None]),
        ("c::HUGEINT * 10", "decimal(38,0)", [Decimal(10), None]),
        ("c::DECIMAL(5,1)", "decimal(5,1)", [Decimal("1.0"), None]),
        ("c::VARCHAR || '''%s -- x'", "string", ["1'%s -- x", None]),
        ("c > 0", "boolean", [True, None]),
        ("DATE '2024-01-01' + c::INT", "date", [dt.date(2024, 1, 2), None]),
        ("TIMESTAMP '2024-01-01' + INTERVAL 1 HOUR", "timestamp", [dt.datetime(2024, 1, 1, 1)] * 2),
        ("TIMESTAMPTZ '2024-01-01 00:00:00+01'", "timestamptz", [dt.datetime(2023, 12, 31, 23, tzinfo=dt.UTC)] * 2),
        ("hour(TIMESTAMPTZ '2024-01-01 00:00:00+01')", "int64", [23, 23]),
        ("TIMESTAMP_MS '2024-01-01'", "timestamp", [dt.datetime(2024, 1, 1)] * 2),
        ("'a'::BLOB", "binary", [b"a"] * 2),
        ("'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::UUID", "uuid", ["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"] * 2),
        ("'[1]'::JSON", "json", ["[1]"] * 2),
        ("'x'::ENUM('x', 'y')", "string", ["x"] * 2),
        ("NULL", "string", [None, None]),
        ("c -- a comment", "int64", [1, None]),
        ("list_sum([x + 1 for x in [c]])", "decimal(38,0)", [Decimal(2), None]),
    ],
)
def test_derived_column_has_its_expressions_type(expression: str, kind: str, values: list[Any]) -> None:
    made, out = run("int64", [1, None], ("derive", {"new": expression}))
    assert out[1] == Column("new", Type.parse(kind)) and made.column("new").to_pylist() == values


def test_derive_sees_the_row_as_it_was_and_replaces_in_place() -> None:
    columns = (Column("a", Type("int64"), False, "=0", True, "INT"), col("b", "int64"))
    steps = [("derive", {"a": "a + 1", "b": "a * 10"})]
    assert transforms.apply(table(columns, a=[1], b=[2]), columns, steps, {}).to_pydict() == {"a": [2], "b": [10]}
    assert transforms.schema(columns, steps, "t")[0] == Column("a", Type("int64"))


@pytest.mark.parametrize("name", ODD)
def test_expressions_take_any_column_name(name: str) -> None:
    columns = tuple(col(n, "int64") for n in ODD)
    expression = '"' + name.replace('"', '""') + '" + 1'
    steps = [("derive", {name + "!": expression}), ("filter", expression + " > 1")]
    rows = table(columns, **{n: [1, -1] for n in ODD})
    assert transforms.apply(rows, columns, steps, {}).to_pydict() == {n: [1] for n in ODD} | {name + "!": [2]}


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("sum(c)", "aggregate"),
        ("row_number() OVER ()", "window"),
        ("(SELECT 1)", "subquery"),
        ("c IN (SELECT 1)", "subquery"),
        ("*", "star"),
        ("unnest([c, c])", "several rows"),
        ("random()", "another result"),
        ("now()", "another result"),
        ("current_date", "another result"),
        ("CURRENT_TIMESTAMP", "another result"),
        ("age(DATE '2020-01-01')", "another result"),
        ("c) AS b, (c", "more than one"),
        ("c) FROM rows WHERE (true", "more than one"),
        ("c) UNION SELECT (1", "more than one"),
        ("1; SELECT 2", "syntax error"),
        ("c +", "syntax error"),
        ("d + 1", "not found"),
        ("nope(c)", "does not exist"),
        ("[c]", "no canonical type"),
        ("rows", "no canonical type"),
        ("INTERVAL 1 DAY", "no canonical type"),
    ],
)
def test_expression_that_is_not_of_one_row_is_refused_before_any_row_moves(expression: str, said: str) -> None:
    with pytest.raises(TransformFailed) as caught:
        transforms.schema((col("c", "int64"),), [("derive", {"new": expression})], "shop.yaml: tables.t")
    assert said in f"{caught.value.why} {caught.value.what}" and "new" in caught.value.what
    assert caught.value.where == "shop.yaml: tables.t.transform[0].derive"


def test_expression_reaches_no_file() -> None:
    from penstock.transforms import _expression as expression

    with pytest.raises(TransformFailed, match=r"(?s)disabled"):
        expression.selected(pa.table({"a": [1]}), "(SELECT count(*) FROM read_text('/etc/hostname'))")


def test_column_named_like_a_clock_is_a_column() -> None:
    columns = (col("current_date", "int64"),)
    assert transforms.schema(columns, [("derive", {"x": '"current_date" + 1'})], "t")[1].type == Type("int64")


def test_names_that_differ_in_case_only_are_not_mixed_up() -> None:
    columns = (col("a", "int64"), col("A", "int64"), col("b", "int64"))
    with pytest.raises(TransformFailed, match="except for case"):
        transforms.schema(columns, [("derive", {"x": "A + 1"})], "t")
    steps = [("derive", {"x": "b + 1"}), ("mask", {"A": "sha256"})]
    made = transforms.apply(table(columns, a=[1], A=[2], b=[3]), columns, steps, {"mask_key": "k"}).to_pydict()
    assert (made["a"], made["x"], made["A"]) == ([1], [4], [hmac.new(b"k", b"2", "sha256").hexdigest()])


def test_decimals_too_wide_for_expressions_say_so_and_do_no_harm() -> None:
    columns = (col("w", "decimal(50,2)"), col("b", "int64"))
    with pytest.raises(TransformFailed, match="38 digits"):
        transforms.schema(columns, [("derive", {"x": "w + 1"})], "t")
    made = transforms.apply(table(columns, w=[Decimal(10**40)], b=[3]), columns, [("filter", "b = 3")], {})
    assert made.to_pydict() == {"w": [Decimal(10**40)], "b": [3]}


def test_derived_number_that_does_not_fit_fails_and_names_the_column() -> None:
    error = fault("int64", [2**62], ("derive", {"new": "c::HUGEINT * 30000000000000000000"}))
    assert "new can't be derived" in error.what and "Could not cast" in error.why


def test_filter_keeps_what_is_true_and_leaves_null_out() -> None:
    assert one("int64", [1, None, 3, -1], ("filter", "c > 0")) == [1, 3]
    assert "not a condition" in fault("int64", [], ("filter", "c + 1")).what


@given(st.lists(st.lists(st.integers(-100, 100), max_size=50), max_size=20))
@settings(max_examples=30, deadline=None)
def test_rows_stay_in_order_and_together_over_many_pieces(pieces: list[list[int]]) -> None:
    columns = (col("c", "int64"),)
    rows = pa.table([pa.chunked_array([pa.array(p, pa.int64()) for p in pieces], pa.int64())], schema=arrow_schema(columns))
    made = transforms.apply(rows, columns, [("derive", {"d": "c * 2"}), ("filter", "c % 3 <> 0")], {})
    kept = [v for p in pieces for v in p if v % 3]
    assert made.to_pydict() == {"c": kept, "d": [2 * v for v in kept]}


# ---- map and fill


def test_map_changes_what_it_names_and_nothing_else() -> None:
    assert one("string", ["a", "b", None, "c"], ("map", {"c": {"a": "b", "b": "a", None: "?"}})) == ["b", "a", "?", "c"]
    assert one("int32", [1, 2, None], ("map", {"c": {1: None}})) == [None, 2, None]
    assert one("decimal(5,2)", [Decimal("1.10")], ("map", {"c": {1.1: 2}})) == [Decimal("2.00")]
    assert one("date", [dt.date(2024, 1, 1)], ("map", {"c": {dt.date(2024, 1, 1): "2024-02-01"}})) == [dt.date(2024, 2, 1)]
    assert one("boolean", [True, False], ("map", {"c": {True: False}})) == [False, False]
    assert one("float64", [float("nan"), 1.0, None], ("map", {"c": {float("nan"): None}})) == [None, 1.0, None]


def test_map_says_whether_null_can_still_be() -> None:
    column = Column("c", Type("string"), nullable=True, native="text")
    assert not transforms.schema((column,), [("map", {"c": {None: "x"}})], "t")[0].nullable
    assert transforms.schema((Column("c", Type("string"), False),), [("map", {"c": {"x": None}})], "t")[0].nullable


@pytest.mark.parametrize(
    ("kind", "values"),
    [("string", {1: "a"}), ("string", {True: "a"}), ("int32", {"1": 2}), ("int32", {1: 2.5}), ("int8", {1: 300}), ("int32", {True: 2}),
     ("string(2)", {"a": "abc"}), ("enum('a','b')", {"a": "c"}), ("enum('a','b')", {"c": "a"}),
     ("decimal(5,2)", {1: "1.234"}), ("date", {"2024-01-01": "soon"})],
)  # fmt: skip
def test_map_to_what_the_column_can_not_hold_is_refused_before_any_row_moves(kind: str, values: dict[Any, Any]) -> None:
    with pytest.raises(TransformFailed, match="is not a value of c") as caught:
        transforms.schema((col("c", kind),), [("map", {"c": values})], "t")
    assert f"the column is {col('c', kind).type}" in caught.value.fix


def test_fill_leaves_no_null_and_keeps_what_the_column_is() -> None:
    assert one("int32", [1, None], ("fill", {"c": 0})) == [1, 0]
    assert one("string", ["", None], ("fill", {"c": "~"})) == ["", "~"]
    (made,) = transforms.schema((Column("c", Type("int32"), True, "=5", native="INT"),), [("fill", {"c": 0})], "t")
    assert made == Column("c", Type("int32"), False, "=5", native="INT")
    assert "is not a value of c" in fault("int32", [], ("fill", {"c": "zero"})).what


# ---- mask


@given(st.text(min_size=1, max_size=200), st.lists(st.none() | st.text(), max_size=20))
@settings(max_examples=60, deadline=None)
def test_mask_is_hmac_sha256_of_any_text_under_any_key(key: str, values: list[str | None]) -> None:
    expected = [None if v is None else hmac.new(key.encode(), v.encode(), hashlib.sha256).hexdigest() for v in values]
    assert one("string", values, ("mask", {"c": "sha256"}), secrets={"mask_key": key}) == expected


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [("int64", -5, b"-5"), ("decimal(10,2)", Decimal("1.50"), b"1.50"), ("decimal(50,2)", Decimal("1.50"), b"1.50"),
     ("binary", b"\0\xff", b"\0\xff"),
     ("date", dt.date(2024, 1, 1), b"2024-01-01"), ("boolean", True, b"true"),
     ("timestamp", dt.datetime(2024, 1, 1), b"2024-01-01 00:00:00")],
)  # fmt: skip
def test_any_type_is_masked_by_its_text(kind: str, value: Any, text: bytes) -> None:
    made, out = run(kind, [value, None], ("mask", {"c": "sha256"}), secrets={"mask_key": "k"})
    assert made.column(0).to_pylist() == [hmac.new(b"k", text, "sha256").hexdigest(), None] and str(out[0].type) == "string(64)"


def test_mask_without_its_key_says_how_to_give_it() -> None:
    error = fault("string", ["secret"], ("mask", {"c": "sha256"}))
    assert "penstock_mask" in error.fix and "PENSTOCK_MASK_KEY" in error.fix


def test_errors_of_tables_with_sensitive_columns_tell_no_value() -> None:
    cast = ("cast", {"c": "int32"})
    assert "'top secret'" in str(fault("string", ["top secret"], cast))
    assert "top secret" not in str(fault("string", ["top secret"], cast, sensitive=["c"]))
    derive = ("derive", {"n": "c::INT"})
    assert "top secret" in str(fault("string", ["top secret"], derive)) and "top secret" not in str(
        fault("string", ["top secret"], derive, sensitive=["c"])
    )
    assert "top secret" not in str(
        fault("string", ["top secret"], ("derive", {"n": "c::INT"}), ("mask", {"c": "sha256"}), secrets={"mask_key": "k"})
    )


# ---- python

FUNCTIONS = """
import pandas as pd
def same(frame): return frame
def doubled(frame): return frame.assign(twice=frame["c"] * 2)[["twice", "c"]]
def some(frame): return frame[frame["c"] > 1]
def more(frame): return pd.concat([frame, frame])
def nothing(frame): return None
def text(frame): return frame.assign(c="x")
def halves(frame): return frame.assign(c=frame["c"] / 2)
def nulls(frame): return frame.assign(c=None)
def floats(frame): return frame.assign(c=frame["c"].astype("float64"))
def extra(frame): return frame.assign(extra=1)
def objects(frame):
    import decimal
    return frame.assign(c=[decimal.Decimal("1.10"), None, decimal.Decimal("2")])
def broken(frame): raise KeyError("top secret")
not_callable = 5
"""


@pytest.fixture
def functions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "shop_functions.py").write_text(FUNCTIONS)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "shop_functions", raising=False)
    return "shop_functions"


def test_function_of_yours_gets_and_gives_frames(functions: str) -> None:
    assert one("int64", [1, None, 2**53 + 1], ("python", f"{functions}:same")) == [1, None, 2**53 + 1]
    assert one("int64", [1, 2, None], ("python", f"{functions}:some")) == [2]
    made, out = run("int64", [1, None], ("python", {"call": f"{functions}:doubled", "columns": {"twice": "int32"}}))
    assert made.to_pydict() == {"c": [1, None], "twice": [2, None]} and out[1] == Column("twice", Type("int32"))
    assert one("int64", [1, 2, None], ("python", f"{functions}:floats")) == [1, 2, None]
    assert one("int64", [1, 2, 3], ("python", {"call": f"{functions}:objects", "columns": {"c": "decimal(5,2)"}})) == [
        Decimal("1.10"),
        None,
        Decimal("2.00"),
    ]


@pytest.mark.parametrize(
    "kind",
    [*sorted(set(NAMES) - WORDED - {"decimal", "enum", "set", "uuid", "json", "jsonb"}), "decimal(50,2)", "decimal(10,2)", "array(int32)"],
)
def test_every_type_passes_a_function_unchanged(functions: str, kind: str) -> None:
    values: dict[str, Any] = {
        "string": ["", None, "x"],
        "binary": [b"\0", None],
        "geometry": [b"\0", None],
        "vector": [b"\0\0\0\0", None],
        "array(int32)": ["{1,NULL}", None],
        "date": [dt.date(1, 1, 1), None],
    }
    values |= {"time": [dt.time(1, 2, 3, 4), None], "timestamp": [dt.datetime(9999, 12, 31), None], "boolean": [True, None]}
    values |= {
        "timestamptz": [dt.datetime(2024, 1, 1, tzinfo=dt.UTC), None],
        "float64": [0.1, None, float("inf")],
        "uint64": [2**64 - 1, None],
    }
    given_values = values.get(kind, [Decimal("1.10"), None] if kind.startswith(("decimal", "money")) else [1, None])
    assert one(kind, given_values, ("python", f"{functions}:same")) == given_values


@pytest.mark.parametrize(
    ("name", "said"),
    [("more", "2 rows for 1"), ("nothing", "did not return a DataFrame"), ("text", "values in c that are not int64"),
     ("halves", "values in c that are not int64"),
     ("extra", "extra"), ("broken", "KeyError"), ("absent", "can't find"), ("not_callable", "not a function")],
)  # fmt: skip
def test_function_that_gives_something_else_is_named_with_the_column(functions: str, name: str, said: str) -> None:
    assert said in fault("int64", [1], ("python", f"{functions}:{name}")).what


def test_function_can_not_smuggle_null_into_a_column_that_has_none(functions: str) -> None:
    columns = (Column("c", Type("int64"), nullable=False),)
    with pytest.raises(TransformFailed, match="returned NULL in c"):
        transforms.apply(table(columns, c=[1]), columns, [("python", f"{functions}:nulls")], {})


def test_text_of_a_functions_failure_is_withheld_from_sensitive_tables(functions: str) -> None:
    assert "top secret" not in str(fault("int64", [1], ("python", f"{functions}:broken"), sensitive=["c"]))


def test_function_that_is_nowhere_is_found_out_before_any_row_moves() -> None:
    with pytest.raises(TransformFailed, match="can't find no_such_module:f") as caught:
        transforms.schema((col("c", "int64"),), [("python", "no_such_module:f")], "t")
    assert "PYTHONPATH" in caught.value.fix
