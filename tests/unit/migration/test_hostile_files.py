"""Migration files and expressions that would take the time or the memory of whoever reads them are refused at once."""

from __future__ import annotations

import time
from pathlib import Path

import pyarrow as pa
import pytest

from penstock.errors import MigrationError, TransformFailed
from penstock.migration.loader import load
from penstock.reporting.html import filters
from penstock.transforms._expression import type_of


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("name: a\nsource: " + "[" * 3000 + "]" * 3000, "nested too deeply"),
        ("name: a\n" + "# x\n" * 5_000_000, "too large"),
    ],
    ids=["deep", "large"],
)
def test_a_file_that_is_deep_or_large_is_refused_fast(tmp_path: Path, content: str, said: str) -> None:
    file = tmp_path / "m.yaml"
    file.write_text(content)
    began = time.monotonic()
    with pytest.raises(MigrationError, match=said):
        load(file)
    assert time.monotonic() - began < 10


@pytest.mark.parametrize(
    "text",
    ["pg_sleep(1)", "repeat('x', 2e9)", "repeat('x', 2000000000)", "lpad(v, 1000 * 1000000, 'x')", "len(range(1000000000))"],
)
def test_an_expression_that_waits_or_never_ends_is_refused(text: str) -> None:
    with pytest.raises(TransformFailed, match="not an expression over one row"):
        type_of(text, pa.schema([("v", pa.string())]))


@pytest.mark.parametrize("text", ["repeat(v, 3)", "lpad(v, 10, '0')", "rpad(v, 255, ' ')"])
def test_an_ordinary_length_is_allowed(text: str) -> None:
    assert type_of(text, pa.schema([("v", pa.string())])) == "VARCHAR"


def test_characters_that_turn_the_order_of_others_around_are_escapes_on_pages() -> None:
    assert filters.in_order("a\u202eb\u2066é") == "a\\u202eb\\u2066é"
    assert filters.in_order(7) == 7
