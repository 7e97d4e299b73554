"""Each fix that a check offers, followed to the letter, leads to a run that ends well: a source for each kind of problem, its fixes pasted."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.cases import Ends, run_sql
from tests.support.data.plain_values import Make, Plain, make
from tests.support.fixes import Declared, pasted, table_of

__all__ = ["make"]  # a fixture


@dataclass(frozen=True)
class Troubled:
    """A source with a problem. area: of the problem.  tables: what the file says of the tables before it is mended.  rows: that arrive."""

    kind: str
    area: str
    source: str
    target: str
    sql: str
    tables: str = "{}"
    rows: int = 1


SOURCES = [
    Troubled("unsigned key to sqlite", "type", "mysql", "sqlite", "CREATE TABLE t (id bigint unsigned AUTO_INCREMENT PRIMARY KEY);\nINSERT INTO t VALUES (3);\n"),
    Troubled("unsigned column to sqlite", "type", "mysql", "sqlite", "CREATE TABLE t (id int PRIMARY KEY, `a b` bigint unsigned);\nINSERT INTO t VALUES (3, 5);\n"),
    Troubled("a type of its own", "type", "postgresql", "mysql", "CREATE TABLE t (id int PRIMARY KEY, at tsvector);\nINSERT INTO t VALUES (1, 'a b');\n"),
    Troubled("a point", "type", "postgresql", "sqlite", "CREATE TABLE t (id int PRIMARY KEY, at point);\nINSERT INTO t VALUES (1, '(1,2)');\n"),
    Troubled("no type", "type", "sqlite", "postgresql", 'CREATE TABLE t (id INTEGER PRIMARY KEY, "a:b");\nINSERT INTO t VALUES (1, 5);\n'),
    Troubled("too many digits", "type", "postgresql", "duckdb", "CREATE TABLE t (id int PRIMARY KEY, n numeric(50,10));\nINSERT INTO t VALUES (1, 1.5);\n"),
    Troubled("no way to cast", "migration", "sqlite", "postgresql", "CREATE TABLE t (id INTEGER PRIMARY KEY, n INT);\nINSERT INTO t VALUES (1, 1647950409);\n",
             '{"t": {"transform": [{"cast": {"n": "timestamp"}}]}}'),
    Troubled("words to a boolean", "migration", "postgresql", "mysql", "CREATE TABLE t (id int PRIMARY KEY, n text);\nINSERT INTO t VALUES (1, 'yes');\n",
             '{"t": {"transform": [{"cast": {"n": "boolean"}}]}}'),
    Troubled("a text in a number", "values", "sqlite", "mysql", "CREATE TABLE t (id INTEGER PRIMARY KEY, n INT);\nINSERT INTO t VALUES (1, 'x');\n"),
    Troubled("a text in a key", "values", "sqlite", "postgresql", "CREATE TABLE t (id INT PRIMARY KEY, n INT);\nINSERT INTO t VALUES ('x', 1);\n"),
    Troubled("a date that a cast can't read", "values", "mysql", "postgresql", "CREATE TABLE t (id int PRIMARY KEY, d text);\nINSERT INTO t VALUES (1, '31.12.2020');\n",
             '{"t": {"transform": [{"cast": {"d": "date"}}]}}'),
    Troubled("a partial date", "values", "mysql", "postgresql", "SET sql_mode = '';\nCREATE TABLE t (id int PRIMARY KEY, d date);\nINSERT INTO t VALUES (1, '2020-02-00');\n"),
    Troubled("a time beyond a day", "values", "mysql", "postgresql", "CREATE TABLE t (id int PRIMARY KEY, d time);\nINSERT INTO t VALUES (1, '120:00:00');\n"),
    Troubled("not a number", "values", "postgresql", "mysql", "CREATE TABLE t (id int PRIMARY KEY, d numeric(10,2));\nINSERT INTO t VALUES (1, 'NaN');\n"),
    Troubled("before the year one", "values", "postgresql", "sqlite", "CREATE TABLE t (id int PRIMARY KEY, d date);\nINSERT INTO t VALUES (1, '0044-03-15 BC');\n"),
    Troubled("a NUL character", "values", "sqlite", "postgresql", "CREATE TABLE t (id INTEGER PRIMARY KEY, d TEXT);\nINSERT INTO t VALUES (1, 'a' || char(0)), (2, 'b');\n"),
    Troubled("a longer text", "values", "sqlite", "postgresql", "CREATE TABLE t (id INTEGER PRIMARY KEY, d VARCHAR(2));\nINSERT INTO t VALUES (1, 'abc'), (2, 'b');\n"),
    Troubled("a longer text to mariadb", "values", "sqlite", "mysql", "CREATE TABLE t (id INTEGER PRIMARY KEY, d VARCHAR(2));\nINSERT INTO t VALUES (1, 'abc'), (2, 'b');\n"),
    Troubled("a date beyond 9999", "values", "postgresql", "mysql", "CREATE TABLE t (id int PRIMARY KEY, d date);\nINSERT INTO t VALUES (1, '12020-01-01'), (2, '2020-01-01');\n", rows=2),
    Troubled("not a number in a float", "values", "postgresql", "mysql", "CREATE TABLE t (id int PRIMARY KEY, d float8);\nINSERT INTO t VALUES (1, 'NaN'), (2, 1);\n"),
    Troubled("null where a step says not", "values", "sqlite", "postgresql", "CREATE TABLE t (id INTEGER PRIMARY KEY, d TEXT);\nINSERT INTO t VALUES (1, 'x'), (2, '5');\n",
             '{"t": {"transform": [{"cast": {"d": "int64"}}]}}'),
]  # fmt: skip


@pytest.mark.parametrize("troubled", SOURCES, ids=lambda t: t.kind)
def test_the_fix_leads_to_a_run_that_ends_well(troubled: Troubled, make: Make, tmp_path: Path) -> None:
    name = troubled.kind.replace(" ", "_").replace("'", "")
    ends = Ends(tmp_path, make(troubled.source, f"fix_{name}"), make(troubled.target, f"fixed_{name}"))
    run_sql(ends.source, troubled.sql)
    tables: Declared = json.loads(troubled.tables)
    areas = []
    for _ in range(5):
        blocking = ends.check(declared(tables)).blocking
        if not blocking:
            break
        areas.append(blocking[0].area)
        table = table_of(blocking[0]) if blocking[0].where.startswith("table ") else "t"
        tables = pasted(tables, table, blocking[0].fix)
    assert areas and areas[0] == troubled.area
    ends.run(more=declared(tables))
    with Plain(ends.target) as plain:
        assert plain.run("SELECT count(*) FROM t") == [(troubled.rows,)]


def declared(tables: Declared) -> str:
    return f"tables: {json.dumps({'include': ['*'], **tables})}"
