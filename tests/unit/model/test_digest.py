"""The digest: equal for the same rows in any order, different for any other rows, and what its definition says."""

from __future__ import annotations

import datetime as dt
import math
import random
import struct
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
import xxhash
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.model import digest
from penstock.model.digest import Digest
from penstock.model.schema import Column, Type, arrow_schema

COLUMNS = (
    Column("n", Type("int64")),
    Column("d", Type.parse("decimal(20,4)")),
    Column("t", Type("string")),
    Column("b", Type("binary")),
    Column("f", Type("float64")),
    Column("at", Type("timestamptz")),
    Column("day", Type("date")),
    Column("ok", Type("boolean")),
)
UTC = dt.UTC
EPOCH = dt.datetime(1970, 1, 1, tzinfo=UTC)

rows = st.lists(
    st.fixed_dictionaries(
        {
            "n": st.none() | st.integers(-(2**63), 2**63 - 1),
            "d": st.none() | st.decimals(-(10**15), 10**15, places=4),
            "t": st.none() | st.text(max_size=20),
            "b": st.none() | st.binary(max_size=20),
            "f": st.none() | st.sampled_from([0.0, -0.0, 1.5, -2.25, 1e300, math.inf, math.nan]),
            "at": st.none() | st.datetimes(dt.datetime(1, 1, 2), dt.datetime(9999, 12, 30), timezones=st.just(UTC)),
            "day": st.none() | st.dates(),
            "ok": st.none() | st.booleans(),
        }
    ),
    max_size=8,
)


def table(values: list[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(values, schema=arrow_schema(COLUMNS))


def by_hand(row: dict[str, Any]) -> int:
    """The row hash as docs/explanation/proof.md defines it, in plain Python."""
    values = [row[c.name] for c in COLUMNS]
    present = sum(1 << i for i, v in enumerate(values) if v is not None)
    floating = 0.0 if row["f"] is None else math.nan if math.isnan(row["f"]) else row["f"] + 0.0
    fixed = b"".join(
        [
            (row["n"] or 0).to_bytes(8, "little", signed=True),
            int((row["d"] or Decimal(0)).scaleb(4)).to_bytes(16, "little", signed=True),
            len((row["t"] or "").encode()).to_bytes(4, "little"),
            len(row["b"] or b"").to_bytes(4, "little"),
            struct.pack("<d", floating),
            ((row["at"] - EPOCH) // dt.timedelta(microseconds=1) if row["at"] else 0).to_bytes(8, "little", signed=True),
            ((row["day"] - dt.date(1970, 1, 1)).days if row["day"] else 0).to_bytes(4, "little", signed=True),
            int(row["ok"] or 0).to_bytes(1, "little"),
        ]
    )
    form = present.to_bytes(1, "little") + fixed + (row["t"] or "").encode() + (row["b"] or b"")
    return xxhash.xxh3_128_intdigest(form)


@settings(max_examples=60, deadline=None)
@given(rows)
def test_digest_is_what_its_definition_says(values: list[dict[str, Any]]) -> None:
    expected = Digest(len(values), sum(by_hand(r) for r in values) % 2**128)
    assert digest.of(table(values), COLUMNS) == expected


@settings(max_examples=30, deadline=None)
@given(rows, st.integers(0, 8), st.randoms(use_true_random=False))
def test_digest_does_not_depend_on_order_or_on_how_rows_are_split(values: list[dict[str, Any]], cut: int, chance: random.Random) -> None:
    whole = digest.of(table(values), COLUMNS)
    shuffled = list(values)
    chance.shuffle(shuffled)
    assert digest.of(table(shuffled[:cut]), COLUMNS) + digest.of(table(shuffled[cut:]), COLUMNS) == whole


def texts(*values: str | None) -> Digest:
    column = (Column("t", Type("string")),)
    return digest.of(pa.table({"t": pa.array(values, pa.string())}), column)


def test_null_empty_and_zero_differ() -> None:
    assert len({texts(None), texts(""), texts("\0"), texts("0")}) == 4


def test_equal_rows_do_not_cancel() -> None:
    assert texts("a", "a").sum != texts().sum
    assert texts("a", "a", "b") != texts("a", "b", "b")


def test_values_that_move_between_columns_are_seen() -> None:
    columns = (Column("a", Type("string")), Column("b", Type("string")))
    one = digest.of(pa.table({"a": ["x|1:y"], "b": ["z"]}), columns)
    other = digest.of(pa.table({"a": ["x"], "b": ["y|1:z"]}), columns)
    assert one != other


def test_minus_zero_equals_zero_and_every_nan_is_one() -> None:
    column = (Column("f", Type("float64")),)

    def of(*values: float) -> Digest:
        return digest.of(pa.table({"f": pa.array(values, pa.float64())}), column)

    odd_nan = struct.unpack("<d", struct.pack("<Q", 0x7FF8000000000123))[0]
    assert of(0.0) == of(-0.0)
    assert of(math.nan) == of(odd_nan)
    assert of(math.inf) != of(-math.inf) != of(math.nan)


@pytest.mark.parametrize("number", ["0", "-1", "9" * 60, "1." + "3" * 20])
def test_decimals_wider_than_38_digits_are_hashed_exactly(number: str) -> None:
    column = (Column("d", Type.parse("decimal(76,20)")),)
    kind = column[0].type.arrow
    just = digest.of(
        pa.table({"d": pa.array([Decimal(number)]).cast(kind) if len(number) < 60 else pa.array([Decimal(number[:56])], kind)}), column
    )
    other = digest.of(pa.table({"d": pa.array([Decimal("7")], kind)}), column)
    assert just != other


def test_a_digest_is_read_back_as_it_was_written() -> None:
    found = texts("a", None, "ß")
    assert Digest.parse(str(found)) == found
