"""Random tables, of random types under random names, arrive in every pair of databases as they were. Both sides are read by plain drivers."""

from __future__ import annotations

from itertools import count, product
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.support import types_page
from tests.support.data.plain_values import Make, Plain, make
from tests.support.data.type_cases import CASES, DATABASES, POSTGRESQL_TYPES, Case
from tests.support.one_run import moved

__all__ = ["make"]  # a fixture
_NUMBERS = count()
_ROWS = 4

# MySQL's names have no characters beyond the basic plane. A digit at the end keeps apart what some databases take for one.
_NAMES = st.text(st.characters(max_codepoint=0xFFFF, exclude_categories=["Cs", "Cc"]) | st.sampled_from("\"'`%\\;.{}() "), max_size=18)
_TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20) | st.sampled_from(
    ["\\N", "\t\n\r\\", "'\"`", ""]
)

Table = list[tuple[str, Case, list[str]]]


@pytest.fixture(scope="module")
def sources(make: Make) -> dict[str, sa.URL]:
    urls = {database: make(database, f"any_{database}") for database in DATABASES}
    with Plain(urls["postgresql"]) as plain:
        plain.run(POSTGRESQL_TYPES)
    return urls


def literals(case: Case, target: str, plain: Plain) -> st.SearchStrategy[str]:
    """Values of a type that the target can hold: those that the cases have, and any others of numbers and texts."""
    kept = [v.literal for v in case.values if not v.refused & {"read", target}]
    kind = types_page.canonical(case)
    if str(kind) == "string" and case.kind == "text":
        return st.sampled_from(kept) | _TEXTS.map(plain.text)
    if kind.name.startswith(("int", "uint")) and kind.name[-2:] in ("32", "64"):
        bits = int(kind.name[-2:])
        low, high = (0, 2**bits - 1) if kind.name.startswith("u") else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
        return st.sampled_from(kept) | st.integers(max(low, -(2**31)), min(high, 2**23 - 1)).map(str)
    return st.sampled_from(kept)


@st.composite
def tables(draw: st.DrawFn, source: str, target: str, plain: Plain) -> Table:
    cases = [c for c in CASES[source] if types_page.counterpart(c, target) and any(not v.refused & {"read", target} for v in c.values)]
    chosen = draw(st.lists(st.sampled_from(cases), min_size=1, max_size=8))
    rows = draw(st.integers(1, _ROWS))
    columns = []
    for number, case in enumerate(chosen):
        values = draw(st.lists(literals(case, target, plain), min_size=rows, max_size=rows))
        columns.append((draw(_NAMES) + str(number), case, values))
    return columns


@pytest.mark.parametrize(("source", "target"), list(product(DATABASES, DATABASES)))
def test_any_table_arrives_as_it_was(source: str, target: str, sources: dict[str, sa.URL], make: Make, tmp_path: Path) -> None:
    place = make(target, f"any_{source}_to_{target}")

    @settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck), database=None, phases=[Phase.generate])
    @given(st.data(), _NAMES)
    def arrives(data: st.DataObject, name: str) -> None:
        table = f"t{name}{next(_NUMBERS)}"
        with Plain(sources[source]) as there:
            columns = data.draw(tables(source, target, there))
            there.make(table, [(n, c.type, values) for n, c, values in columns])
            given_values = [there.values(table, n, c.kind) for n, c, _ in columns]
        moved(tmp_path, sources[source], place, "any", f"r{table}", {table: {"key": ["id"]}, "include": []})
        with Plain(place) as here:
            for (n, c, _), values in zip(columns, given_values, strict=True):
                assert here.values(table, n, c.kind) == [types_page.held_as(v, target) for v in values], f"{c} at {here.type(table, n)}"
        with Plain(sources[source]) as there:
            there.run(f"DROP TABLE {there.quote(table)}")

    arrives()
