"""Defaults: an INSERT that leaves a column out gives the same value at both ends, or a line says that the default is lost."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.support.cases import Ends, lines, run_sql, source_sql
from tests.support.data.plain_values import Make, Plain, make

__all__ = ["make"]  # a fixture

TABLES = {
    "mysql": """id int PRIMARY KEY, flags bit(8) NOT NULL DEFAULT b'101', raw varbinary(9) NOT NULL DEFAULT x'00ff275c0a41',
        plain varbinary(9) NOT NULL DEFAULT 'a''b', day date NOT NULL DEFAULT curdate(), also date DEFAULT (current_date), e double NOT NULL DEFAULT 1e3,
        small float DEFAULT -1.5e-3, n decimal(10,2) DEFAULT 1e2, t varchar(9) DEFAULT x'4142', z datetime DEFAULT (curdate())""",
    "postgresql": """id int PRIMARY KEY, flags bit(8) NOT NULL DEFAULT x'0f', raw bytea NOT NULL DEFAULT '\\x00ff275c0a41', plain bytea NOT NULL DEFAULT 'a''b',
        day date NOT NULL DEFAULT CURRENT_DATE, also date DEFAULT now(), e float8 NOT NULL DEFAULT 1e3, small real DEFAULT -1.5e-3,
        n numeric(10,2) DEFAULT 1e2, z timestamp DEFAULT CURRENT_DATE""",
    "sqlite": """id INTEGER PRIMARY KEY, raw BLOB NOT NULL DEFAULT x'00ff275c0a41', day DATE NOT NULL DEFAULT CURRENT_DATE,
        also DATE DEFAULT (date('now')), e REAL NOT NULL DEFAULT 1e3, small REAL DEFAULT -1.5E-3, h INTEGER DEFAULT 0x1F, x INT DEFAULT 1e3, half REAL DEFAULT .5,
        n DECIMAL(10,2) DEFAULT +5, w TEXT DEFAULT "two ""words\"""",
    "duckdb": """id INTEGER PRIMARY KEY, flags BIT NOT NULL DEFAULT '101', raw BLOB NOT NULL DEFAULT '\\x00\\xFF''\\x5C\\x0AA', day DATE NOT NULL DEFAULT current_date,
        also DATE DEFAULT today(), e DOUBLE NOT NULL DEFAULT 1e3, small FLOAT DEFAULT -1.5e-3, n DECIMAL(10,2) DEFAULT 1e2""",
}  # fmt: skip


def given(url: sa.URL) -> list[object]:
    """The row that the database makes of its defaults."""
    with Plain(url) as plain:
        q = plain.quote
        plain.run(f"INSERT INTO t ({q('id')}) VALUES (99)")
        [row] = plain.run("SELECT * FROM t WHERE id = 99")
        plain.run("DELETE FROM t WHERE id = 99")
    return [_value(v) for v in row]


def _value(value: object) -> object:
    if (isinstance(value, bytes) and len(value) == 1) or (isinstance(value, str) and set(value) <= {"0", "1"} and len(value) > 1):
        return int.from_bytes(value, "big") if isinstance(value, bytes) else int(value, 2)
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        return f"{float(value):.6g}"
    return str(value).removesuffix(" 00:00:00") if not isinstance(value, bytes) else value


@pytest.mark.parametrize("to", ["postgresql", "mysql", "sqlite", "duckdb"])
@pytest.mark.parametrize("source", list(TABLES))
def test_literals_and_today_are_carried_with_the_same_value(source: str, to: str, make: Make, tmp_path: Path) -> None:
    ends = Ends(tmp_path, make(source, f"defaults_{source}_{to}"), make(to, f"defaults_of_{source}_in_{to}"))
    with Plain(ends.source) as plain:
        plain.run(f"CREATE TABLE t ({TABLES[source]})")
        plain.run("INSERT INTO t (id) VALUES (1)")
    assert [line for line in lines(ends.check()) if "default" in line] == []
    ends.run()
    assert given(ends.target) == given(ends.source)


def test_a_default_of_the_time_of_day_is_carried(mariadb_url: sa.URL, postgresql_url: sa.URL, tmp_path: Path) -> None:
    with Plain(mariadb_url) as plain:
        plain.run("CREATE TABLE t (id int PRIMARY KEY, at time NOT NULL DEFAULT curtime())")
    Ends(tmp_path, mariadb_url, postgresql_url).run()
    with Plain(postgresql_url) as plain:
        assert plain.run("INSERT INTO t (id) VALUES (1) RETURNING at IS NOT NULL") == [(True,)]


def test_case_10_what_is_lost_is_told_by_its_function(mariadb_url: sa.URL, postgresql_url: sa.URL, tmp_path: Path) -> None:
    run_sql(mariadb_url, source_sql("10-literal-defaults"))
    ends = Ends(tmp_path, mariadb_url, postgresql_url)
    told = lines(ends.check())
    assert [line for line in told if "default" in line or "check" in line] == [
        "table t: default uuid() of u is not carried: uuid() may mean something else in PostgreSQL",
        "table t: u is NOT NULL and has no default here: an INSERT that leaves it out will fail",
        "table t: check constraint js, json_valid(`js`), is not carried: json_valid() may mean something else in PostgreSQL",
    ]
    ends.run()
    with Plain(postgresql_url) as plain:
        plain.run("INSERT INTO t (u) VALUES ('x')")
        query = "SELECT flags::text, encode(raw, 'hex'), day = current_date, d, js FROM t ORDER BY id"
        assert plain.run(query) == [("00000101", "00ff", True, 1000.0, "[]")] * 3


@pytest.mark.parametrize(
    ("default", "named"),
    [
        ("(strftime('%s', 'now'))", "strftime() may mean something else in PostgreSQL"),
        ("(lower(hex(randomblob(16))))", "hex() may mean something else in PostgreSQL"),
        ("(datetime('now', 'localtime'))", "datetime() may mean something else in PostgreSQL"),
        ("(1 / 2)", "division may mean something else in PostgreSQL"),
        ("(5 % 2)", "the remainder of a division may mean something else in PostgreSQL"),
    ],
)
def test_what_a_default_calls_is_named_as_the_user_wrote_it(default: str, named: str, postgresql_url: sa.URL, tmp_path: Path) -> None:
    source = sa.make_url(f"sqlite:///{tmp_path}/source.db")
    run_sql(source, f"CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT NOT NULL DEFAULT {default});\n")
    told = lines(Ends(tmp_path, source, postgresql_url).check())
    assert any(line.endswith(f"of v is not carried: {named}") for line in told), told
    assert "table t: v is NOT NULL and has no default here: an INSERT that leaves it out will fail" in told
