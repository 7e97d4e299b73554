"""A key that several sessions of PostgreSQL walk together parts the rows as one walk does."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from dataclasses import replace

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from penstock import databases
from penstock.model.schema import Column, Type
from penstock.planning import chunking
from penstock.planning.statements import extract_select
from tests.unit.planning.test_chunking import planned


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(-(2**63), 2**63 - 1) | st.integers(0, 40), st.integers(0, 3)), unique=True, min_size=8, max_size=60))
@pytest.mark.parametrize("step", [1, 3, 7])
def test_spans_of_a_key_that_are_walked_together_part_its_rows_as_one_walk_does(
    postgresql_url: sa.URL, monkeypatch: pytest.MonkeyPatch, step: int, rows: list[tuple[int, int]]
) -> None:
    monkeypatch.setattr(chunking, "_SAMPLE", 1)
    columns = tuple(Column(name, Type("int64"), nullable=False) for name in ("a", "b"))
    plan = replace(planned(columns, ("a", "b")), row_bytes=1000)
    database = databases.of(postgresql_url)
    with ExitStack() as opened:
        connection, *others = (opened.enter_context(database.engine(postgresql_url).connect()) for _ in range(4))
        databases.execute(connection, "DROP TABLE IF EXISTS t")
        databases.execute(connection, "CREATE TABLE t (a bigint, b bigint, PRIMARY KEY (a, b))")
        databases.execute(connection, f"INSERT INTO t VALUES {', '.join(map(str, rows))}")
        connection.commit()
        alone = chunking.cut(plan, database, connection, step * 1000)
        together = chunking.cut(plan, database, connection, step * 1000, lambda: others)
        read = [database.read(connection, extract_select(plan, database, c), columns) for c in together.chunks]
        found = [[tuple(r.values()) for b in batches for r in b.to_pylist()] for batches in read]
    assert Counter(r for chunk in found for r in chunk) == Counter(rows) and together.rows == alone.rows == len(rows)
    assert max(map(len, found)) <= step and len(alone.chunks) <= len(together.chunks) <= len(alone.chunks) + 3
