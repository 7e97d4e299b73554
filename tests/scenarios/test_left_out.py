"""Tables that no user made are left out, and told in one line."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.support.cases import Ends, lines, run_sql, source_sql
from tests.support.data.plain_values import Plain

EVERYTHING = "tables: {include: ['*']}"


def test_case_09_a_full_text_table_and_its_inner_tables_are_left_out(tmp_path: Path) -> None:
    source = sa.make_url(f"sqlite:///{tmp_path}/source.db")
    run_sql(source, source_sql("09-sqlite-full-text-search"))
    ends = Ends(tmp_path, source, sa.make_url(f"duckdb:///{tmp_path}/target.duckdb"))
    found = ends.check(EVERYTHING)
    assert [t.name for t in found.tables] == ["doc"] and not found.blocking and found.estimate and found.estimate.rows == 2
    [line] = [s for s in lines(found) if "left out" in s]
    inner = "doc_fts_config, doc_fts_data, doc_fts_docsize, doc_fts_idx"
    assert line.startswith(f"the source: left out by default: the virtual table doc_fts, with its inner tables {inner}")
    ends.run(more=EVERYTHING)


@pytest.mark.parametrize("statement", ["CREATE VIRTUAL TABLE v USING rtree(id, x1, x2)", "create  virtual table v using fts4(body)"])
def test_other_virtual_tables_are_left_out_too(statement: str, tmp_path: Path) -> None:
    source = sa.make_url(f"sqlite:///{tmp_path}/source.db")
    run_sql(source, f"{statement};\nCREATE TABLE v_of_mine (id INTEGER PRIMARY KEY);\n")
    ends = Ends(tmp_path, source, sa.make_url(f"duckdb:///{tmp_path}/target.duckdb"))
    assert [t.name for t in ends.check(EVERYTHING).tables] == ["v_of_mine"]


def test_a_column_without_a_type_is_told_as_such_and_its_fix_carries_it(tmp_path: Path) -> None:
    source = sa.make_url(f"sqlite:///{tmp_path}/source.db")
    run_sql(source, "CREATE TABLE t (id INTEGER PRIMARY KEY, v);\nINSERT INTO t VALUES (1, 5), (2, 'x'), (3, 1.5);\n")
    ends = Ends(tmp_path, source, sa.make_url(f"duckdb:///{tmp_path}/target.duckdb"))
    [blocking] = ends.check().blocking
    assert (blocking.where, blocking.what) == ("table t, column v", "it is declared without a type")
    assert blocking.fix.startswith("add `cast: {v: string}`")
    ends.run(more="tables: {t: {transform: [cast: {v: string}]}}")
    with Plain(ends.target) as plain:
        assert plain.run("SELECT v FROM t ORDER BY id") == [("5",), ("x",), ("1.5",)]


def test_tables_of_an_extension_are_left_out_unless_they_are_named(postgresql_url: sa.URL, tmp_path: Path) -> None:
    with Plain(postgresql_url) as plain:
        plain.run("CREATE TABLE mine (id int PRIMARY KEY); CREATE TABLE spatial_ref_sys (srid int PRIMARY KEY)")
        plain.run("ALTER EXTENSION plpgsql ADD TABLE spatial_ref_sys")
    ends = Ends(tmp_path, postgresql_url, sa.make_url(f"duckdb:///{tmp_path}/target.duckdb"))
    found = ends.check(EVERYTHING)
    assert [t.name for t in found.tables] == ["mine"]
    assert sum("left out by default: spatial_ref_sys of the extension plpgsql" in s for s in lines(found)) == 1
    found = ends.check("tables: {include: ['*', spatial_ref_sys]}")
    assert [t.name for t in found.tables] == ["mine", "spatial_ref_sys"] and not any("left out" in s for s in lines(found))


def test_a_table_that_inherits_from_another_one_is_read_with_it(postgresql_url: sa.URL, tmp_path: Path) -> None:
    with Plain(postgresql_url) as plain:
        plain.run("CREATE TABLE city (id int PRIMARY KEY); CREATE TABLE capital (of text) INHERITS (city)")
        plain.run("INSERT INTO city VALUES (1); INSERT INTO capital VALUES (2, 'x')")
    ends = Ends(tmp_path, postgresql_url, sa.make_url(f"duckdb:///{tmp_path}/target.duckdb"))
    found = ends.check(EVERYTHING)
    assert [t.name for t in found.tables] == ["city"] and not found.blocking
    assert any("capital, which inherits from city" in s for s in lines(found))
    ends.run(more=EVERYTHING)
    with Plain(ends.target) as plain:
        assert plain.run("SELECT id FROM city ORDER BY id") == [(1,), (2,)]
    assert [t.name for t in ends.check("tables: {include: [capital]}").tables] == ["capital"]
