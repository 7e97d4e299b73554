"""Each fix that a check offers, followed to the letter, leads to a run that ends well: a source for each kind of problem, its fixes pasted."""

from __future__ import annotations

import hashlib
import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
import sqlalchemy as sa

from penstock.model import intervals
from tests.support.cases import Ends, run_sql, sqlite
from tests.support.data.plain_values import Make, Plain, make
from tests.support.fixes import Declared, pasted, table_of

__all__ = ["make"]  # a fixture


@dataclass(frozen=True)
class Troubled:
    """A source with a problem.

    area: of the problem.  tables: what the file says of the tables before it is mended.  rows: that arrive in `arrives`.
    there: what is made at the target before.  more: other fields of the file.
    """

    kind: str
    area: str
    source: str
    target: str
    sql: str
    tables: str = "{}"
    rows: int = 1
    arrives: str = "t"
    there: str = ""
    more: str = ""


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
    Troubled("a table name that is too long", "name", "sqlite", "postgresql", f"CREATE TABLE {'t' * 70} (id INTEGER PRIMARY KEY);\nINSERT INTO {'t' * 70} VALUES (1);\n",
             arrives="t" * 54 + "_" + hashlib.sha256(b"t" * 70).hexdigest()[:8]),
    Troubled("a column name that is too long", "name", "sqlite", "postgresql", f"CREATE TABLE t (id INTEGER PRIMARY KEY, {'c' * 70} INT);\nINSERT INTO t VALUES (1, 2);\n",
             json.dumps({"t": {"transform": [{"cast": {"c" * 70: "string"}}]}})),
    Troubled("a column name with a space at its end", "type", "postgresql", "mysql", 'CREATE TABLE t (id int PRIMARY KEY, "a b " tsvector);\nINSERT INTO t VALUES (1, NULL);\n'),
    Troubled("a table name that sqlite keeps for itself", "name", "postgresql", "sqlite", "CREATE TABLE sqlite_a (id int PRIMARY KEY);\nINSERT INTO sqlite_a VALUES (1);\n",
             arrives="_sqlite_a"),
    Troubled("column names that differ in case", "suite", "postgresql", "mysql", 'CREATE TABLE t (id int PRIMARY KEY);\nINSERT INTO t VALUES (1);\nCREATE TABLE twins (id int PRIMARY KEY, "ID" int);\n'),
    Troubled("table names that differ in case", "collision", "postgresql", "sqlite",
             'CREATE TABLE "T" (id int PRIMARY KEY);\nCREATE TABLE t (id int PRIMARY KEY);\nINSERT INTO t VALUES (1);\n', arrives='"t__2"'),
    Troubled("two tables for one", "collision", "sqlite", "postgresql", "CREATE TABLE a (id INTEGER PRIMARY KEY);\nCREATE TABLE t (id INTEGER PRIMARY KEY);\nINSERT INTO t VALUES (1);\n",
             '{"a": {"to": "t"}}', arrives="t__2"),
    Troubled("a view of the same name", "collision", "sqlite", "postgresql", "CREATE TABLE t (id INTEGER PRIMARY KEY);\nINSERT INTO t VALUES (1);\n",
             arrives="t__2", there="CREATE VIEW t AS SELECT 1 AS id;\n"),
    Troubled("texts too wide for a row", "schema", "postgresql", "mysql", f"CREATE TABLE t (id int PRIMARY KEY, {', '.join(f'c{n} varchar(200)' for n in range(100))});\nINSERT INTO t VALUES (1, 'x');\n"),
    Troubled("too many columns", "schema", "sqlite", "mysql", f"CREATE TABLE t (id INTEGER PRIMARY KEY, {', '.join(f'c{n} INT' for n in range(1100))});\nINSERT INTO t (id) VALUES (1);\n"),
    Troubled("a key that is too long", "key", "postgresql", "mysql",
             "CREATE TABLE t (id int PRIMARY KEY);\nINSERT INTO t VALUES (1);\nCREATE TABLE \"a*\" (a varchar(700), b varchar(700), PRIMARY KEY (a, b));\n"),
    Troubled("no columns", "schema", "postgresql", "sqlite", "CREATE TABLE t (id int PRIMARY KEY);\nINSERT INTO t VALUES (1);\nCREATE TABLE bare ();\n"),
    Troubled("a foreign key to a table in intervals", "key", "sqlite", "postgresql",
             "CREATE TABLE o (id INTEGER PRIMARY KEY, at TIMESTAMP);\nCREATE TABLE t (id INTEGER PRIMARY KEY, o INT REFERENCES o (id));\n"
             "INSERT INTO o VALUES (1, '2024-01-01 05:00:00'), (2, '2024-01-02 05:00:00');\nINSERT INTO t VALUES (1, 1), (2, 2);\n",
             '{"o": {"partition": {"by": "at"}}}', more='schedule: "@daily"\nstart_date: 2024-01-01\n'),
]  # fmt: skip


@pytest.mark.parametrize("troubled", SOURCES, ids=lambda t: t.kind)
def test_the_fix_leads_to_a_run_that_ends_well(troubled: Troubled, make: Make, tmp_path: Path) -> None:
    name = troubled.kind.replace(" ", "_").replace("'", "")
    ends = Ends(tmp_path, make(troubled.source, f"fix_{name}"[:60]), make(troubled.target, f"fixed_{name}"[:60]))
    run_sql(ends.source, troubled.sql)
    run_sql(ends.target, troubled.there)
    asked = {"interval": intervals.between("2024-01-01", "2024-01-02", "UTC")} if "schedule" in troubled.more else {}
    tables: Declared = json.loads(troubled.tables)
    areas = []
    for _ in range(5):
        blocking = ends.check(declared(tables, troubled.more), **asked).blocking
        if not blocking:
            break
        areas.append(blocking[0].area)
        table = table_of(blocking[0]) if blocking[0].where.startswith("table ") else "t"
        tables = pasted(tables, table, blocking[0].fix)
    assert areas and areas[0] == troubled.area
    ends.run(more=declared(tables, troubled.more), **asked)
    with Plain(ends.target) as plain:
        assert plain.run(f"SELECT count(*) FROM {troubled.arrives}") == [(troubled.rows,)]


def test_space_is_freed(tmp_path: Path) -> None:
    place = tmp_path / "staging"
    place.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", place], capture_output=True).returncode:
        pytest.skip("this user can't mount a disk")
    try:
        sql = "CREATE TABLE t (id INTEGER PRIMARY KEY, b BLOB);\n" + "INSERT INTO t (b) VALUES (randomblob(900000));\n" * 10
        ends = Ends(tmp_path, sqlite(tmp_path, sql), sa.make_url(f"duckdb:///{tmp_path}/target.duckdb"))
        (problem,) = ends.check(root=str(place)).blocking
        assert problem.area == "space" and problem.fix.startswith("free some space")
        subprocess.run(["mount", "-o", "remount,size=64m", place], check=True)
        assert not ends.check(root=str(place)).blocking
        ends.run()
    finally:
        subprocess.run(["umount", "-l", place], check=True)


def declared(tables: Declared, more: str = "") -> str:
    return f"{more}tables: {json.dumps({'include': ['*'], **tables})}"
