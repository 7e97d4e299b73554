"""What the first rows of a table look like, and what they propose."""

from __future__ import annotations

import pyarrow as pa
import pytest

from penstock.init import profile, proposals, starter_suites
from penstock.init.profile import ColumnProfile, TableProfile
from penstock.model.schema import Column, Table, TableName, Type


def looks(values: list[object], type: str) -> ColumnProfile:
    column = Column("c", Type.parse(type), True)
    return profile._column(column, pa.chunked_array([pa.array(values, column.type.arrow)]))


@pytest.mark.parametrize(
    ("texts", "pattern"),
    [
        (["4111 1111 1111 1111", "5500000000000004"], "a payment card number"),
        (["20240229235959", "20240301000000"], "digits"),  # moments of a wiki, no cards
        (["ada@example.org", "b@example.com"], "an email address"),
        (["ada@example.org", "none"], ""),
        ([], ""),
    ],
)
def test_texts_are_taken_for_what_all_of_them_are(texts: list[str], pattern: str) -> None:
    assert looks([*texts, None], "string").pattern == pattern


@pytest.mark.parametrize(
    ("name", "type", "sensitive"),
    [
        ("email", "string", True),
        ("billingAddress", "string", True),
        ("tax_id", "string", True),
        ("tax_id", "int64", False),  # the number of a row of `taxes`
        ("tax_id", "uuid", False),
        ("id_address", "uint32", False),
        ("email_count", "int32", False),
        ("wants_mail", "string", False),
        ("zip_code_format", "string", False),
    ],
)
def test_a_name_of_something_else_about_a_person_is_not_sensitive(name: str, type: str, sensitive: bool) -> None:
    table = Table(TableName("people", None), (Column(name, Type.parse(type), True),))
    found = [d.chosen.fields["sensitive"] for d in proposals.of_table("people", table, None)]
    assert found == ([[name]] if sensitive else [])


def suite(values: list[object], type: str) -> list[dict[str, object]]:
    found = looks(values, type)
    made = starter_suites.suite("t", Table(TableName("t", None), (found.column,)), TableProfile(len(values), True, (found,)), frozenset())
    return list(made["expectations"]) if made else []


def test_a_column_that_is_almost_always_null_proposes_no_share() -> None:
    assert not [e for e in suite([1, *[None] * 199], "int64") if e["type"] == "expect_column_values_to_not_be_null"]
    [given, *_] = suite([1, None] * 50, "int64")
    assert given["kwargs"] == {"column": "c", "mostly": 0.45}


def test_a_range_beyond_what_a_float_holds_proposes_nothing() -> None:
    assert not [e for e in suite([1.7e308, -1.7e308] * 30, "float64") if "between" in str(e["type"])]
