"""Names beside each other: what a target takes for one name, or for none, is refused before a row moves, as the target itself says."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import pytest
import sqlalchemy as sa

from penstock import databases
from tests.conformance.test_schema_objects import rows, told
from tests.support.data.objects_schema import LONG
from tests.support.data.plain_values import Make, Plain, make
from tests.support.data.type_cases import DATABASES
from tests.support.one_run import moved

__all__ = ["make"]  # a fixture

NAMES = ["Name", "name", "e", "é", "É", "E", "ñ", "n", "Й", "И", "и", "ss", "ß", "Σ", "ς", "か", "が", "ǆ", "Ǆ", "select", "a b", "a  b"]


@pytest.mark.parametrize("database", DATABASES)
def test_two_names_are_one_to_us_where_they_are_to_the_database(database: str, make: Make) -> None:
    url = make(database, f"folding_{database}")
    folded = databases.of(url).folded
    missed, over = [], []
    with Plain(url) as plain:
        for number, (one, other) in enumerate(combinations(NAMES, 2)):
            try:
                plain.run(f"CREATE TABLE t{number} ({plain.quote(one)} INTEGER, {plain.quote(other)} INTEGER)")
                refused = False
            except Exception as error:
                assert "uplicate" in str(error) or "already exists" in str(error), error
                refused = True
            alike = folded(one) == folded(other)
            missed += [(one, other)] if refused and not alike else []
            over += [(one, other)] if alike and not refused else []
    assert not missed and not over, (missed, over)


def source_of(make: Make, name: str, *statements: str) -> sa.URL:
    url = make("postgresql", name)
    with Plain(url) as plain:
        for statement in statements:
            plain.run(statement)
    return url


@pytest.mark.parametrize("target", ["mysql", "sqlite", "duckdb"])
def test_names_that_the_target_takes_for_one_are_refused_together(target: str, make: Make, tmp_path: Path) -> None:
    source = source_of(
        make,
        f"twins_{target}",
        'CREATE TABLE t ("Name" integer, name text)',
        'CREATE TABLE "Other" (n integer); CREATE TABLE other (n integer)',
    )
    label = {"mysql": "MySQL/MariaDB", "sqlite": "SQLite", "duckdb": "DuckDB"}[target]
    lines = [line for line in told(tmp_path, source, make(target, f"twins_in_{target}")) if line.startswith("!")]
    columns = f"!table t: {label} does not distinguish the column names 'Name' and 'name'"
    tables = [line for line in lines if line.startswith(("!table other", "!table Other"))]
    assert columns in lines and len(tables) == (target != "mysql")  # whose tables are files, in capitals or not
    beside = [line for line in told(tmp_path, source, make("postgresql", f"twins_pg_{target}")) if line.startswith("!")]
    assert beside and all("the staged files are checked where case does not matter" in line for line in beside)


def test_names_that_mysql_takes_nowhere_are_refused_and_longer_ones_everywhere(make: Make, tmp_path: Path) -> None:
    source = source_of(make, "refused", f'CREATE TABLE "t😀" ("c " integer, "ok" integer, "{"ü" * 31}" integer)')
    lines = told(tmp_path, source, make("mysql", "refused_target"))
    assert [line for line in lines if line.startswith("!")] == [
        "!table t😀: the name 't😀' has characters that MySQL/MariaDB does not allow, or not in this position",
        "!table t😀: the name 'c ' has characters that MySQL/MariaDB does not allow, or not in this position",
    ]
    long = make("sqlite", "refused_long")
    with Plain(long) as plain:
        plain.run(f'CREATE TABLE "{LONG}x" ("{LONG}y" INTEGER)')
    longer = [line for line in told(tmp_path, long, make("postgresql", "refused_long_target")) if line.startswith("!")]
    assert len(longer) == 2 and all("longer than the 63 bytes" in line for line in longer)


def test_names_of_keys_and_indexes_that_meet_or_are_too_long_get_others(make: Make, tmp_path: Path) -> None:
    source = make("mysql", "meeting")
    name = "i" * 64
    with Plain(source) as plain:
        for table in ("a", "b"):
            plain.run(
                f"CREATE TABLE {table} (id int PRIMARY KEY, n int, KEY same (n), KEY {name} (n, id), CONSTRAINT {'c' * 60}{table}xyz CHECK (n > 0))"
            )
    target = make("postgresql", "meeting_target")
    moved(tmp_path, source, target, "meeting", "r1", {})
    indexes = [
        r[0]
        for r in rows(target, "SELECT indexname FROM pg_indexes WHERE schemaname = 'public' AND indexname !~ 'pkey|penstock' ORDER BY 1")
    ]
    assert len(indexes) == 4 and {"same", "same__2"} <= set(indexes) and all(len(i) <= 63 for i in indexes)
    assert len(rows(target, "SELECT conname FROM pg_constraint WHERE contype = 'c' AND conrelid IN ('a'::regclass, 'b'::regclass)")) == 2


def test_an_index_gets_another_name_where_a_live_table_of_another_migration_has_it(make: Make, tmp_path: Path) -> None:
    source, target = make("sqlite", "second_source"), make("postgresql", "second_target")
    with Plain(source) as plain:
        plain.run("CREATE TABLE t (id integer PRIMARY KEY, n integer)")
        plain.run("CREATE INDEX same ON t (n)")
    moved(tmp_path, source, target, "first", "r1", {"t": {"to": "first"}})
    found = "SELECT tablename, indexname FROM pg_indexes WHERE schemaname = 'public' AND indexname LIKE 'same%' ORDER BY 1"
    for run in ("r2", "r3"):  # the table that is replaced does not count
        moved(tmp_path, source, target, "second", run, {"t": {"to": "second"}})
        assert [tuple(row) for row in rows(target, found)] == [("first", "same"), ("second", "same__2")]


@pytest.mark.parametrize("target", DATABASES)
def test_names_with_line_breaks_and_quotes_go_through_a_whole_run(target: str, make: Make, tmp_path: Path) -> None:
    name, column = "q\"u'o`te", "line\nbreak"
    statement = f"CREATE TABLE t (id integer PRIMARY KEY, \"{column}\" text); INSERT INTO t VALUES (1, 'kept')"
    source, to = source_of(make, f"unkind_{target}", statement), make(target, f"unkind_in_{target}")
    moved(tmp_path, source, to, "unkind", "r1", {"include": ["t"], "t": {"to": name}})
    with Plain(to) as plain:
        assert plain.run(f"SELECT {plain.quote(column)} FROM {plain.quote(name)}") == [("kept",)]
