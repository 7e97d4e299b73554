"""Chunks: every row is in exactly one, whatever the key looks like; and work is dealt in a few groups."""

from __future__ import annotations

import datetime as dt
import sqlite3
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock import databases
from penstock.databases._shared import ddl
from penstock.migration.loader import load
from penstock.model.pipeline import named
from penstock.model.plan import Chunk, TablePlan, groups, pack
from penstock.model.schema import Column, Table, TableName, Type, arrow_schema
from penstock.planning import chunking
from penstock.planning.statements import extract_select
from penstock.stages import plan as planning
from tests.support.requests import request

NAME = TableName("t")
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=4) | st.sampled_from(
    ["a", "A", "á", "a ", "", "%", "'"]
)
KEYS: dict[str, st.SearchStrategy[Any]] = {
    "int64": st.integers(-(2**63), 2**63 - 1) | st.integers(0, 5),
    "string": TEXTS,
    "date": st.dates(dt.date(1000, 1, 1)),
}


def planned(columns: tuple[Column, ...], key: tuple[str, ...]) -> TablePlan:
    table = Table(NAME, columns, key)
    return TablePlan(table, table, NAME, NAME, False, (), key, key, True, ())


@pytest.mark.parametrize("backend", ["sqlite", "duckdb"])
@pytest.mark.parametrize("kinds", [("int64",), ("string",), ("date",), ("string", "int64"), ("int64", "string", "date")])
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_every_row_is_in_exactly_one_chunk(backend: str, kinds: tuple[str, ...], data: st.DataObject) -> None:
    rows = data.draw(st.lists(st.tuples(*(KEYS[k] for k in kinds)), unique=True, max_size=30))
    columns = tuple(Column(f"k {i}", Type(k), nullable=False) for i, k in enumerate(kinds))
    plan = planned(columns, tuple(c.name for c in columns))
    url = sa.make_url(f"{backend}:///:memory:")
    database = databases.of(url)
    with database.engine(url).connect() as connection:
        databases.execute(connection, ddl.create_table(database, plan.source, NAME))
        batch = pa.RecordBatch.from_arrays(
            [pa.array([r[i] for r in rows], c.type.arrow) for i, c in enumerate(columns)], schema=arrow_schema(columns)
        )
        database.write(connection, NAME, columns, [batch])
        cut = chunking.cut(plan, database, connection, 3 * 256)
        found: list[list[tuple[Any, ...]]] = []
        for chunk in cut.chunks:
            read = database.read(connection, extract_select(plan, database, chunk), columns)
            found.append([tuple(r.values()) for b in read for r in b.to_pylist()])
    assert Counter(r for chunk in found for r in chunk) == Counter(rows)
    assert len(rows) <= 3 or max(map(len, found)) <= 3


def test_rows_whose_key_has_a_null_are_a_chunk_of_their_own() -> None:
    columns = (Column("a", Type("int64")), Column("b", Type("string")))
    plan = planned(columns, ("a", "b"))
    url = sa.make_url("sqlite:///:memory:")
    database = databases.of(url)
    with database.engine(url).connect() as connection:
        databases.execute(connection, "CREATE TABLE t (a BIGINT, b TEXT)")
        databases.execute(connection, "INSERT INTO t VALUES (1, 'x'), (2, 'x'), (NULL, 'x'), (3, NULL), (NULL, NULL), (4, 'y'), (5, '')")
        cut = chunking.cut(plan, database, connection, 2 * 256)
        counts = [
            sum(b.num_rows for b in database.read(connection, extract_select(plan, database, chunk), columns)) for chunk in cut.chunks
        ]
    assert cut.chunks[-1].nulls and counts[-1] == 3
    assert sum(counts) == 7


def test_a_table_without_a_key_is_one_chunk() -> None:
    plan = planned((Column("a", Type("int64")),), ())
    assert plan.chunks == (Chunk(0),)


@given(st.lists(st.tuples(st.integers(0, 10**9), st.integers(1, 4)), max_size=30), st.integers(1, 6))
def test_groups_hold_all_chunks_once_under_labels_of_their_own(sizes: list[tuple[int, int]], at_most: int) -> None:
    units = [(size, [(f"t{n}", c) for c in range(chunks)]) for n, (size, chunks) in enumerate(sizes)]
    dealt = pack(units, at_most)
    assert sorted(c for g in dealt for c in g.chunks) == sorted(c for _, chunks in units for c in chunks)
    assert len(dealt) <= at_most and len({g.label for g in dealt}) == len(dealt)


def test_a_thousand_small_tables_are_a_few_tasks(tmp_path: Path) -> None:
    source, target = sa.make_url(f"sqlite:///{tmp_path}/s.sqlite"), sa.make_url(f"duckdb:///{tmp_path}/t.duckdb")
    with sqlite3.connect(str(source.database)) as db:
        tables = "".join(f"CREATE TABLE t{n} (id INTEGER PRIMARY KEY); INSERT INTO t{n} VALUES ({n});" for n in range(1000))
        db.executescript(f"BEGIN; {tables} COMMIT")
    file = tmp_path / "m.yaml"
    file.write_text(f"name: m\nsource: {source}\ntarget: {target}\ntables: {{include: ['*']}}\n")
    made = planning.make(request(load(file), "a run", "", source, target, tmp_path / "expectations"))
    assert len(made.tables) == 1000
    for consistency in ("run", "table"):
        one = replace(made, consistency=consistency, parallel_writers=True)
        assert [len(groups(one, named(stage))) for stage in ("extract", "load")] == [1, 1]
    large = replace(one, tables=tuple(replace(t, rows=10_000_000) for t in made.tables))
    for stage in ("extract", "load"):
        dealt = [chunk for group in groups(large, named(stage)) for chunk in group.chunks]
        assert len(groups(large, named(stage))) == 4 and sorted(dealt) == sorted((t.name, 0) for t in made.tables)
