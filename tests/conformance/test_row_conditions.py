"""A row condition that Penstock reads, Great Expectations reads as the same condition."""

from __future__ import annotations

import string
import warnings
from typing import Any

import pytest
from great_expectations.expectations import ExpectColumnValuesToNotBeNull
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.stages.validate import row_conditions
from penstock.stages.validate.row_conditions import RowCondition

_BLANKS = st.sampled_from(["", "", " ", "  ", "\t", "\n"])
_ANY = st.characters(min_codepoint=9, max_codepoint=0x17F, categories=("L", "N", "P", "S", "Z"), include_characters="\t\n\\")
_NAMES = st.text(st.sampled_from("abX_ %.\\\tn0é\"')"), max_size=5) | st.text(_ANY, max_size=5)
_NUMBERS = st.from_regex(r"[+-]?[0-9٣]{0,22}\.?[0-9]{0,3}([eE][+-]?[0-9]{1,3})?", fullmatch=True)
_TEXTS = st.text(st.sampled_from(string.printable + "éØ×÷ÿ"), max_size=6) | st.text(_ANY, max_size=6)
_VALUES = st.one_of(
    _NUMBERS,
    st.builds(lambda quote, text: f"{quote}{text}{quote}", st.sampled_from("\"'"), _TEXTS),
    st.just('date("2020-01-01")'),
)
_COMPARISONS = st.tuples(st.sampled_from(["==", "!=", "<", "<=", ">", ">=", "=", "<>", "> ="]), _BLANKS, _VALUES).map("".join)
_PREDICATES = _COMPARISONS | st.sampled_from([".notnull()", ".notNull()", ".NOTNULL()", ". notnull()", ".isNull()"])
_CONDITIONS = st.builds(
    lambda before, name, blank, predicate, after: f'{before}col("{name}"){blank}{predicate}{after}',
    _BLANKS,
    _NAMES,
    _BLANKS,
    _PREDICATES,
    st.sampled_from(["", "", "", " ", "x", "5", '"', " and", "\n"]),
)


def theirs(text: str) -> tuple[str, str, Any]:
    """Great Expectations' reading: the column, the operator and the value."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        asked = ExpectColumnValuesToNotBeNull(column="x", row_condition=text, condition_parser="great_expectations")
    found = asked.row_condition.dict()
    return found["column"]["name"], "" if found["type"] == "nullity" else str(found["operator"]), found.get("parameter", "")


def same(text: str, read: RowCondition) -> bool:
    column, operator, value = theirs(text)
    return (column, operator, repr(value)) == (read.column, read.operator, repr(read.value))


@settings(max_examples=500)
@given(_CONDITIONS)
def test_what_is_read_is_read_the_same(text: str) -> None:
    read = row_conditions.read(text)
    assert read is None or same(text, read)


@pytest.mark.parametrize(
    "text",
    [
        'col("x").notNull()',
        'col("x") == 5',
        'col("Mixed Case")!=-5.25',
        'col("x") < 1e3',
        "col(\"x\") <= 'a b'",
        'col("x") > "Zoë"',
        'col("x")>="2020-01-01"',
    ],
)
def test_the_documented_forms_are_read(text: str) -> None:
    read = row_conditions.read(text)
    assert read is not None and same(text, read)


@pytest.mark.parametrize(
    "text",
    [
        'col("x") == 5 and col("y") == 6',
        'col("x") == date("2020-01-01")',
        'col("x") == " a"',
        'col("x") == ""',
        'col("x\\t") == 1',
        'col("x") == 5 6',
        "x > 5",
        "",
    ],
)
def test_what_is_not_certain_is_left_to_great_expectations(text: str) -> None:
    assert row_conditions.read(text) is None
