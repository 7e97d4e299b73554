"""Values that are not of their column's type: named by key and value before a row moves, and read by the cast that the message offers."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

import pytest
import sqlalchemy as sa

from penstock.errors import BadValues, PreflightFailed, ReadFailed
from tests.support.cases import Ends, rows, run_sql, source_sql, sqlite
from tests.support.data.plain_values import Make, Plain, make
from tests.support.fixes import Declared, pasted, table_of

__all__ = ["make"]  # a fixture


def declared(tables: Declared) -> str:
    return f"tables: {json.dumps({'include': ['*'], **tables})}"


def mended(ends: Ends, tables: Declared | None = None) -> Declared:
    """The tables with the first fix of each problem that blocks, as often as it takes: each is followed to the letter."""
    tables = tables or {}
    for _ in range(6):
        blocking = ends.check(declared(tables)).blocking
        if not blocking:
            return tables
        if statement := re.search(r"at the source: `(UPDATE .+)`", blocking[0].fix):
            run_sql(ends.source, statement[1])
        else:
            tables = pasted(tables, table_of(blocking[0]), blocking[0].fix)
    raise AssertionError(f"no end: {tables}, {blocking}")


def column(url: sa.URL, name: str) -> tuple[object, ...]:
    query = f"SELECT data_type, is_nullable, column_default FROM information_schema.columns WHERE column_name = '{name}'"
    return rows(url, query)[0]


def test_case_07_t_and_f_arrive_as_booleans_with_their_default(postgresql_url: sa.URL, tmp_path: Path) -> None:
    ends = Ends(tmp_path, sqlite(tmp_path, source_sql("07-sqlite-boolean-t-and-f")), postgresql_url)
    found = ends.check(declared({}))
    [blocking] = found.blocking
    assert blocking.where.startswith("table member, row id=1, column mail") and "'t'" in blocking.what
    assert not any("AUTOINCREMENT" in p.what for p in found.problems)
    tables = mended(ends)
    ends.run(more=declared(tables))
    assert rows(postgresql_url, "SELECT id, mail, admin FROM member ORDER BY id") == [(1, True, False), (2, False, None), (3, True, False)]
    assert column(postgresql_url, "mail") == ("boolean", "NO", "false") and column(postgresql_url, "admin") == ("boolean", "YES", "true")
    assert rows(postgresql_url, "INSERT INTO member DEFAULT VALUES RETURNING id, mail, admin") == [(4, False, True)]


def test_case_08_each_form_of_a_moment_is_named_and_read(postgresql_url: sa.URL, tmp_path: Path) -> None:
    ends = Ends(tmp_path, sqlite(tmp_path, source_sql("08-what-could-not-be-read-by-key-and-value")), postgresql_url)
    [blocking] = ends.check(declared({})).blocking
    assert "row id=2" in blocking.where and "'1647950409737' in the row id=3" in blocking.what and "'' in the row id=4" in blocking.what
    with pytest.raises(ReadFailed) as failed:
        ends.run(more=declared({}))
    assert "row id=2" in failed.value.where and "1647950409737" in failed.value.why
    ends.run("r2", more=declared(mended(ends)))
    assert [str(at) for _, at in rows(postgresql_url, "SELECT id, at FROM event ORDER BY id")] == [
        "2021-05-13 10:00:00",
        "2021-05-13 10:00:00.123456",
        "2022-03-22 12:00:09.737000",
        "None",
        "2021-05-13 10:00:00",
    ]
    assert column(postgresql_url, "at")[0] == "timestamp without time zone"


def test_case_08_quarantine_takes_what_a_cast_can_not_read(postgresql_url: sa.URL, tmp_path: Path) -> None:
    ends = Ends(tmp_path, sqlite(tmp_path, source_sql("08-what-could-not-be-read-by-key-and-value")), postgresql_url)
    apart = "bad_rows: {action: quarantine, at_most: 100}\n"
    [blocking] = ends.check(apart + declared({})).blocking
    assert "such a row goes to quarantine" in blocking.fix
    session = ends.run(more=apart + declared({"event": {"transform": [{"cast": {"at": {"to": "timestamp", "from": "text"}}}]}}))
    assert rows(postgresql_url, "SELECT id FROM event") == [(1,)] and session.staging.exists("quarantine/event/transformed-00000.json")


FORMS: list[tuple[str, Sequence[object], Sequence[str | None]]] = [
    ("DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP", [1647950409, 0], ["2022-03-22 12:00:09", "1970-01-01 00:00:00"]),
    ("DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP", [1647950409737, -5], ["2022-03-22 12:00:09.737000", "1969-12-31 23:59:59.995000"]),
    ("TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP", [1647950409737001], ["2022-03-22 12:00:09.737001"]),
    ("TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP", [1647950409, 1647950409737], ["2022-03-22 12:00:09", "2022-03-22 12:00:09.737000"]),
    ("DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP", [2459347.9166666665], ["2021-05-13 10:00:00"]),
    ("DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP", ["2021-05-13T10:00:00+02:00", "2021-05-13 10:00:00Z"], ["2021-05-13 08:00:00", "2021-05-13 10:00:00"]),
    ("DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP", ["2021-05-13 10:00:00.123456789 +0200 CEST m=+0.01"], ["2021-05-13 08:00:00.123456"]),
    ("DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP", ["13/02/2020 10:00", "01/02/2020"], ["2020-02-13 10:00:00", "2020-02-01 00:00:00"]),
    ("DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP", ["01/02/2020"], ["2020-02-01 00:00:00"]),
    ("DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP", ["02/13/2020"], ["2020-02-13 00:00:00"]),
    ("DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP", ["", "2020-01-01"], ["1970-01-01 00:00:00", "2020-01-01 00:00:00"]),
    ("DATETIME DEFAULT CURRENT_TIMESTAMP", ["NULL", "null"], [None, None]),
    ("DATE NOT NULL DEFAULT CURRENT_DATE", ["2020/01/31", "2020-02-01 00:00:00"], ["2020-01-31", "2020-02-01"]),
    ("DATE NOT NULL DEFAULT '2020-01-01'", ["20200131"], ["2020-01-31"]),
    ("BOOLEAN NOT NULL DEFAULT 0", ["yes", "off", "T", 1], ["True", "False", "True", "True"]),
    ("INTEGER NOT NULL DEFAULT 7", ["", 5], ["0", "5"]),
    ("TINYINT NOT NULL DEFAULT 7", [300], ["300"]),
    ("DECIMAL(5,2) NOT NULL DEFAULT 1.5", [12345.678], ["12345.678"]),
    ("INT DEFAULT 7", [1.5, 2], ["1.5", "2.0"]),
]  # fmt: skip


@pytest.mark.parametrize(("type", "values", "expected"), FORMS, ids=lambda v: str(v)[:40])
def test_the_first_fix_reads_the_form_and_keeps_not_null_and_default(
    type: str, values: Sequence[object], expected: Sequence[str | None], make: Make, tmp_path: Path
) -> None:
    target = make("postgresql", "forms")
    url = sqlite(tmp_path, f'CREATE TABLE t (id INTEGER PRIMARY KEY, "at it" {type});\n')
    with Plain(url) as plain:
        plain.session.executemany('INSERT INTO t ("at it") VALUES (?)', [(v,) for v in values])
    ends = Ends(tmp_path, url, target)
    ends.run(more=declared(mended(ends)))
    found = [None if v is None else str(v) for (v,) in rows(target, 'SELECT "at it" FROM t ORDER BY id')]
    assert found == expected
    _, nullable, default = column(target, "at it")
    assert (nullable == "NO") is ("NOT NULL" in type) and default is not None


@pytest.mark.parametrize("value", ["Thu May 13 2021", "soon", b"\x00\xff"], ids=str)
def test_a_value_of_no_known_form_has_an_end_as_well(value: object, make: Make, tmp_path: Path) -> None:
    target = make("postgresql", "formless")
    url = sqlite(tmp_path, "CREATE TABLE t (id INTEGER PRIMARY KEY, at DATETIME);\n")
    with Plain(url) as plain:
        plain.session.execute("INSERT INTO t (at) VALUES (?)", (value,))
    ends = Ends(tmp_path, url, target)
    [first] = ends.check(declared({})).blocking
    assert "row id=1" in first.where
    ends.run(more=declared(mended(ends)))
    assert rows(target, "SELECT count(*) FROM t") == [(1,)]


@pytest.mark.parametrize(("type", "value"), [("TEXT", b"\x00\xff"), ("BLOB", "text"), ("VARCHAR(3)", b"a")], ids=str)
def test_bytes_in_a_text_and_a_text_in_bytes_are_named(type: str, value: object, tmp_path: Path) -> None:
    url = sqlite(tmp_path, f"CREATE TABLE t (id INTEGER PRIMARY KEY, v {type});\nINSERT INTO t VALUES (1, NULL);\n")
    with Plain(url) as plain:
        plain.session.execute("INSERT INTO t VALUES (9, ?)", (value,))
    ends = Ends(tmp_path, url, sa.make_url(f"duckdb:///{tmp_path}/bytes.duckdb"))
    [blocking] = ends.check(declared({})).blocking
    assert "row id=9, column v" in blocking.where and ("text" if type == "BLOB" else "X'") in blocking.what
    ends.run(more=declared(mended(ends)))


def test_values_and_keys_of_sensitive_columns_are_not_named(postgresql_url: sa.URL, tmp_path: Path) -> None:
    url = sqlite(tmp_path, "CREATE TABLE t (id INTEGER PRIMARY KEY, at DATETIME);\nINSERT INTO t VALUES (77, 'hidden 13');\n")
    ends = Ends(tmp_path, url, postgresql_url)
    [blocking] = ends.check(declared({"t": {"sensitive": ["at"]}})).blocking
    assert "hidden 13" not in str(blocking) and "row id=77" in blocking.where
    [blocking] = ends.check(declared({"t": {"sensitive": ["id"]}})).blocking
    assert "77" not in str(blocking) and "hidden 13" in blocking.what
    for sensitive in (["at"], ["id"]):
        with pytest.raises(ReadFailed) as failed:
            ends.run(str(sensitive[0]), more=declared({"t": {"sensitive": sensitive}}))
        assert ("hidden 13" in str(failed.value), "77" in str(failed.value)) == (sensitive == ["id"], sensitive == ["at"])


def test_a_value_of_an_interval_that_the_run_does_not_move_is_a_warning(postgresql_url: sa.URL, tmp_path: Path) -> None:
    script = "CREATE TABLE t (id INTEGER PRIMARY KEY, day DATE, n INT);\nINSERT INTO t VALUES (1, '2020-01-01', 'x');\n"
    ends = Ends(tmp_path, sqlite(tmp_path, script), postgresql_url)
    when = "schedule: '@daily'\nstart_date: 2020-01-01\n"
    found = ends.check(when + declared({"t": {"partition": {"by": "day"}}}))
    assert [p.where for p in found.problems if p.area == "values"] == ["table t, row id=1, column n, declared INT"] and not found.blocking


def test_a_zero_date_of_mariadb_is_read_as_null(mariadb_url: sa.URL, postgresql_url: sa.URL, tmp_path: Path) -> None:
    with Plain(mariadb_url) as plain:
        plain.run("CREATE TABLE t (id int PRIMARY KEY, at datetime NOT NULL, day date)")
        plain.run("INSERT INTO t VALUES (1, '0000-00-00', '0000-00-00'), (2, '2020-01-01 10:00:00', '2020-01-01')")
    ends = Ends(tmp_path, mariadb_url, postgresql_url)
    [blocking] = ends.check(declared({})).blocking
    assert "row id=1" in blocking.where and "zero" in blocking.fix
    ends.run(more=declared(mended(ends)))
    assert [str(r[0]) for r in rows(postgresql_url, "SELECT at FROM t ORDER BY id")] == ["1970-01-01 00:00:00", "2020-01-01 10:00:00"]


def test_infinity_of_postgresql_is_read_as_null(postgresql_url: sa.URL, make: Make, tmp_path: Path) -> None:
    with Plain(postgresql_url) as plain:
        plain.run("CREATE TABLE t (id int PRIMARY KEY, at timestamptz); INSERT INTO t VALUES (1, 'infinity'), (2, '2020-01-01 10:00+00')")
    ends = Ends(tmp_path, postgresql_url, make("duckdb", "infinite"))
    [blocking] = ends.check(declared({})).blocking
    assert "'infinity'" in blocking.what and "row id=1" in blocking.where
    ends.run(more=declared(mended(ends)))
    assert rows(ends.target, 'SELECT count("at") FROM t') == [(1,)]


def test_numbers_of_a_server_are_read_as_moments(postgresql_url: sa.URL, make: Make, tmp_path: Path) -> None:
    with Plain(postgresql_url) as plain:
        plain.run("CREATE TABLE t (id int PRIMARY KEY, at bigint NOT NULL); INSERT INTO t VALUES (1, 1647950409737)")
    target = make("mysql", "moments")
    ends = Ends(tmp_path, postgresql_url, target)
    plainly: Declared = {"t": {"transform": [{"cast": {"at": "timestamp"}}]}}
    [blocking] = ends.check(declared(plainly)).blocking
    assert "`cast: {at: {to: timestamp, from: unix_s}}`" in blocking.fix and "unix_ms" in blocking.fix
    ends.run(more=declared({"t": {"transform": [{"cast": {"at": {"to": "timestamp", "from": "unix_ms"}}}]}}))
    assert [str(r[0]) for r in rows(target, "SELECT at FROM t")] == ["2022-03-22 12:00:09.737000"]


def test_a_form_that_comes_after_the_sample_stops_the_run_with_a_cast_that_reads_it_too(postgresql_url: sa.URL, tmp_path: Path) -> None:
    url = sqlite(tmp_path, "CREATE TABLE t (id INTEGER PRIMARY KEY, at DATETIME);\nINSERT INTO t VALUES (1, 1647950409737), (2, 'x');\n")
    run_sql(url, "UPDATE t SET at = '2021-05-13 10:00:00Z' WHERE id = 2;\n")
    ends = Ends(tmp_path, url, postgresql_url)
    tables: Declared = {"t": {"transform": [{"cast": {"at": {"to": "timestamp", "from": "unix_ms"}}}]}}
    with pytest.raises(BadValues) as failed:
        ends.run(more=declared(tables))
    assert "row id=2" in failed.value.where
    ends.run("r2", more=declared(pasted(tables, "t", failed.value.fix)))
    assert rows(postgresql_url, "SELECT count(at) FROM t") == [(2,)]


def test_a_run_is_refused_with_the_problems_that_block_and_a_count_of_many_warnings(tmp_path: Path) -> None:
    tables = "".join(f"CREATE TABLE t{n} (id INTEGER PRIMARY KEY, d INT DEFAULT (abs(random())));\n" for n in range(20))
    url = sqlite(tmp_path, tables + "CREATE TABLE odd (id INTEGER PRIMARY KEY, v);\n")
    ends = Ends(tmp_path, url, sa.make_url(f"duckdb:///{tmp_path}/target.duckdb"))
    with pytest.raises(PreflightFailed) as refused:
        ends.run(more=declared({}))
    said = str(refused.value)
    assert (
        "column v: it is declared without a type" in said and "warnings: `penstock check` lists them" in said and len(said.splitlines()) < 8
    )
