"""Keys of any collation: chunks and proof go by bytes, so no rule of either end for comparing texts loses, doubles or merges a row."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import replace
from itertools import count, product
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from penstock import databases
from penstock.databases._shared import ddl
from penstock.errors import GateClosed
from penstock.model.schema import Column, Table, TableName, Type, arrow_schema
from penstock.planning import chunking
from penstock.planning.statements import extract_select, readback_select
from penstock.runtime import events
from tests.conformance.test_schema_objects import rows, told
from tests.support.data.plain_values import Make, Plain, make
from tests.support.data.type_cases import DATABASES
from tests.support.one_run import moved
from tests.unit.planning.test_chunking import planned

__all__ = ["make"]  # a fixture

# Alike to one collation or another: case, accents, padding, ligatures, composed and not, order of letters and digits.
WORDS = [
    "a",
    "A",
    "a ",
    "a  ",
    "á",
    "Á",
    "a\u0301",
    "å",
    "z",
    "Z",
    "ß",
    "ss",
    "æ",
    "ae",
    "ﬁ",
    "fi",
    "",
    " ",
    "_",
    "10",
    "9",
    "١",
    "İ",
    "i",
    "I",
    "ı",
    "😀",
]
_TEXTS = st.sampled_from(WORDS) | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=3)
KEYS: dict[str, st.SearchStrategy[Any]] = {
    "int64": st.integers(-(2**63), 2**63 - 1) | st.integers(-2, 3),
    "string(20)": _TEXTS,
    "date": st.dates(dt.date(1000, 1, 1)),
    "uuid": st.uuids().map(str),
    "enum('b','a','B')": st.sampled_from(["a", "b", "B"]),
}
_NUMBERS = count()


@pytest.fixture(scope="module")
def places(make: Make) -> dict[str, sa.URL]:
    return {database: make(database, f"collations_{database}") for database in DATABASES}


@pytest.mark.parametrize(
    "kinds", [("string(20)",), ("string(20)", "int64"), ("int64", "string(20)", "date"), ("uuid",), ("enum('b','a','B')", "string(20)")]
)
def test_a_chunk_of_any_source_has_the_same_rows_at_every_target(kinds: tuple[str, ...], places: dict[str, sa.URL]) -> None:
    columns = tuple(Column(f"k {i}", Type.parse(k), nullable=False) for i, k in enumerate(kinds))
    ends = {name: databases.of(url) for name, url in places.items()}
    connections = {name: ends[name].engine(url).connect() for name, url in places.items()}

    @settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck), database=None, phases=[Phase.generate])
    @given(st.lists(st.tuples(*(KEYS[k] for k in kinds)), unique=True, min_size=1, max_size=40))
    def holds(keys: list[tuple[Any, ...]]) -> None:
        name = TableName(f"t{next(_NUMBERS)}")
        table = Table(name, columns, tuple(c.name for c in columns))
        arrays = [pa.array([r[i] for r in keys], c.type.arrow) for i, c in enumerate(columns)]
        batch = pa.RecordBatch.from_arrays(arrays, schema=arrow_schema(columns))
        plans = {}
        for end, connection in connections.items():
            databases.execute(connection, ddl.create_table(ends[end], table, name))
            ends[end].write(connection, name, columns, [batch])
            for statement in ddl.keys(ends[end], table, name):  # unique: no two keys are one at any target
                databases.execute(connection, statement)
            connection.commit()
            plan = replace(planned(columns, table.primary_key), source=table, target=table, shadow=name)
            plans[end] = chunking.cut(plan, ends[end], connection, 3 * 256)
            connection.rollback()
        for source, cut in plans.items():
            given_rows = [_rows(connections[source], ends[source], extract_select(cut, ends[source], c), columns) for c in cut.chunks]
            assert Counter(r for chunk in given_rows for r in chunk) == Counter(keys)
            assert len(keys) <= 3 or max(map(len, given_rows)) <= 3
            for target in connections:
                for chunk, wanted in zip(cut.chunks, given_rows, strict=True):
                    found = _rows(connections[target], ends[target], readback_select(cut, ends[target], chunk, name), columns)
                    assert Counter(found) == Counter(wanted), f"{chunk} of {source} at {target}"

    try:
        holds()
    finally:
        for connection in connections.values():
            connection.close()


def _rows(connection: sa.Connection, database: databases.Database, select: str, columns: tuple[Column, ...]) -> list[tuple[Any, ...]]:
    found = [tuple(r.values()) for b in database.read(connection, select, columns) for r in b.to_pylist()]
    connection.rollback()
    return found


# ---- whole runs

DISTINCT = {  # how each database declares a key that tells all texts apart
    "postgresql": "varchar(20)",
    "mysql": "varchar(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin",
    "sqlite": "VARCHAR(20)",
    "duckdb": "VARCHAR",
}
LOOSE = {  # and one for which fewer are different
    "postgresql": 'varchar(20) COLLATE "und-x-icu"',
    "mysql": "varchar(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci",
    "sqlite": "VARCHAR(20) COLLATE NOCASE",
    "duckdb": "VARCHAR COLLATE nocase",
}


def fill(url: sa.URL, declared: str, words: list[str]) -> None:
    """A table t keyed by words, and u, which refers to each twice and has no key of its own."""
    with Plain(url) as plain:
        plain.run("DROP TABLE IF EXISTS u")
        plain.run("DROP TABLE IF EXISTS t")
        plain.run(f"CREATE TABLE t (k {declared} NOT NULL, n INTEGER NOT NULL, v INTEGER, PRIMARY KEY (k, n), UNIQUE (k))")
        plain.run(
            f"CREATE TABLE u (k {declared}, v INTEGER)"
            if plain.name == "duckdb"
            else f"CREATE TABLE u (k {declared} REFERENCES t (k), v INTEGER)"
        )
        for number, word in enumerate(words):
            plain.run(f"INSERT INTO t VALUES ({plain.text(word)}, {number % 2}, {number})")
            for _ in range(2):
                plain.run(f"INSERT INTO u VALUES ({plain.text(word)}, 1)")


@pytest.mark.parametrize(("source", "target"), [*product(["postgresql"], DATABASES), ("mysql", "postgresql"), ("sqlite", "mysql")])
def test_keys_that_only_bytes_tell_apart_stay_apart(source: str, target: str, make: Make, tmp_path: Path) -> None:
    there, here = make(source, f"apart_{source}"), make(target, f"apart_{source}_{target}")
    fill(there, DISTINCT[source], WORDS)
    moved(tmp_path, there, here, "apart", "r1", {})
    for table in ("t", "u"):
        assert sorted(rows(here, f"SELECT k, v FROM {table}")) == sorted(rows(there, f"SELECT k, v FROM {table}"))
    assert len(rows(here, "SELECT k FROM t")) == len(WORDS) and len(rows(here, "SELECT k FROM u")) == 2 * len(WORDS)
    with Plain(here) as plain, pytest.raises(Exception, match="(?i)duplicate|unique"):
        plain.run("INSERT INTO t VALUES ('a', 5, 5)")


@pytest.mark.parametrize(("source", "target"), [("mysql", "mysql"), ("mysql", "postgresql"), ("sqlite", "sqlite"), ("sqlite", "duckdb")])
def test_keys_of_a_looser_source_arrive_and_the_difference_is_told(source: str, target: str, make: Make, tmp_path: Path) -> None:
    there, here = make(source, f"loose_{source}"), make(target, f"loose_{source}_{target}")
    words = ["a", "B", "b ", "é", "z", "_", "10", "9", "Ö"] if source == "sqlite" else ["a", "B", "é", "z", "_", "10", "9"]
    fill(there, LOOSE[source], words)
    lines = told(tmp_path, there, here)
    moved(tmp_path, there, here, "loose", "r1", {})
    assert sorted(rows(here, "SELECT k, v FROM t")) == sorted(rows(there, "SELECT k, v FROM t"))
    with Plain(here) as plain:
        if source == target:  # the same rule goes along
            with pytest.raises(Exception, match="(?i)duplicate|unique"):
                plain.run("INSERT INTO t VALUES ('A', 5, 5)")
        else:
            plain.run("INSERT INTO t VALUES ('A', 5, 5)")
            rule = LOOSE[source].rsplit(" ", 1)[1]
            assert f"table t: k is a key by {rule} at the source; here texts that differ in anything are different keys" in lines


@pytest.mark.parametrize("target", ["postgresql", "mysql", "duckdb"])
def test_keys_that_are_one_only_at_the_target_are_refused_by_name_and_nothing_switches(target: str, make: Make, tmp_path: Path) -> None:
    there, here = make("sqlite", f"one_{target}_source"), make(target, f"one_{target}")
    with Plain(there) as plain:
        plain.run("CREATE TABLE t (at TIMESTAMPTZ NOT NULL PRIMARY KEY, v INTEGER)")
        plain.run(
            "INSERT INTO t VALUES ('2020-01-01 00:00:00+00:00', 1), ('2020-01-01 01:00:00+01:00', 2), ('2021-01-01 00:00:00+00:00', 3)"
        )
    with pytest.raises(GateClosed, match="2 of 3 not unique: at=2020-01-01 00:00:00"):
        moved(tmp_path, there, here, "one", "r1", {})
    with Plain(here) as plain, pytest.raises(Exception, match="(?i)exist"):
        plain.run("SELECT * FROM t")


def test_a_key_of_the_migration_that_repeats_is_refused_by_name(make: Make, tmp_path: Path) -> None:
    there, here = make("sqlite", "repeats_source"), make("postgresql", "repeats")
    with Plain(there) as plain:
        plain.run("CREATE TABLE t (k TEXT, v INTEGER)")
        plain.run("INSERT INTO t VALUES ('x', 1), ('x', 2)")
        plain.run("INSERT INTO t VALUES ('y', 3), (NULL, 4), (NULL, 5)")
    with pytest.raises(GateClosed, match="not unique: k=x"):
        moved(tmp_path, there, here, "repeats", "r1", {"t": {"key": ["k"]}})
    with pytest.raises(GateClosed) as closed:
        moved(tmp_path, there, here, "hidden", "r1", {"t": {"key": ["k"], "sensitive": ["k"]}})
    assert "k=x" not in str(closed.value)


# ---- no key at all

SHADOWS = {"postgresql": "penstock_new_bag.bag", "mysql": "penstock_new__bag", "sqlite": "penstock_new__bag", "duckdb": "penstock_new__bag"}


@pytest.mark.parametrize("target", DATABASES)
def test_a_table_without_a_key_is_proved_as_the_multiset_that_it_is(target: str, make: Make, tmp_path: Path) -> None:
    there, here = make("mysql", f"bag_source_{target}"), make(target, f"bag_{target}")
    with Plain(there) as plain:
        plain.run("CREATE TABLE bag (a varchar(9) COLLATE utf8mb4_general_ci, n int)")
        plain.run("INSERT INTO bag VALUES ('a', 1), ('a', 1), ('a', 1), ('A', 1), ('b', NULL), ('b', NULL), (NULL, NULL)")
    moved(tmp_path, there, here, "bag", "r1", {})
    assert Counter(rows(here, "SELECT a, n FROM bag")) == Counter(rows(there, "SELECT a, n FROM bag"))

    def change(name: str, facts: dict[str, object]) -> None:
        if name == "build.finished":  # as many rows, the same ones without their repetitions
            with Plain(here) as plain:
                plain.run(f"DELETE FROM {SHADOWS[target]} WHERE a = 'b'")
                plain.run(f"INSERT INTO {SHADOWS[target]} VALUES ('b', NULL), ('a', 1)")

    with events.subscribed(change), pytest.raises(GateClosed) as closed:
        moved(tmp_path, there, here, "bag", "r2", {})
    said = " ".join(closed.value.failed)
    assert "row a=b, n=NULL is missing" in said and "row a=a, n=1 was never staged" in said
