"""Between two servers of one kind everything arrives as it was declared, read back by the servers' own words at both ends.

The newest servers are private and real, like the others; where they can't be had, their tests are skipped.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.support import cases
from tests.support.cases import Ends
from tests.support.data.alike_schema import MARIADB, MYSQL, POSTGRESQL, POSTGRESQL_18, SQLITE
from tests.support.data.plain_values import Make, Plain, make
from tests.support.definitions import definitions
from tests.support.servers.newest import Newest

__all__ = ["make"]  # a fixture


def given(url: sa.URL, script: str) -> sa.URL:
    with Plain(url) as plain:
        for statement in filter(str.strip, "\n".join(line for line in script.splitlines() if not line.startswith("--")).split(";\n")):
            plain.run(statement)
    return url


def both(folder: Path, source: sa.URL, target: sa.URL, runs: int = 2) -> Ends:
    """Move everything, and once more: then the new tables stand beside those that are live."""
    ends = Ends(folder, source, target)
    for number in range(runs):
        ends.run(f"r{number}")
    return ends


def values(url: sa.URL, *selects: str) -> list[object]:
    with Plain(url) as plain:
        return [plain.run(select) for select in selects]


# ---- PostgreSQL

_ROWS_OF_POSTGRESQL = (
    "SELECT node::text FROM node ORDER BY 1",
    "SELECT ref::text FROM ref ORDER BY 1",
    "SELECT booking::text FROM booking ORDER BY 1",
)


def test_every_constraint_index_and_option_arrives_in_another_postgresql(make: Make, tmp_path: Path) -> None:
    source, target = given(make("postgresql", "alike_source"), POSTGRESQL), make("postgresql", "alike_target")
    both(tmp_path, source, target)
    assert definitions(target) == definitions(source)
    assert values(target, *_ROWS_OF_POSTGRESQL) == values(source, *_ROWS_OF_POSTGRESQL)


def test_everything_arrives_in_another_postgresql_18(newest: Newest, tmp_path: Path) -> None:
    source, target = given(newest("postgresql"), f"{POSTGRESQL};\n{POSTGRESQL_18}"), newest("postgresql")
    found = both(tmp_path, source, target).check()
    assert not [line for line in cases.lines(found) if "not carried" in line or " at the source" in line]
    assert definitions(target) == definitions(source)
    with Plain(target) as plain:
        with pytest.raises(Exception, match="conflicting key value"):
            plain.run("INSERT INTO room VALUES ('[1,2)', '[2020-01-15,2020-01-20)')")
        plain.run("INSERT INTO counted (id, a, n, o, u) VALUES (3, 1, 1, -5, 3)")
        with pytest.raises(Exception, match="null value"):
            plain.run("INSERT INTO counted (id, a) VALUES (4, 1)")


def test_what_an_older_postgresql_lacks_is_said_with_the_version_that_has_it(newest: Newest, make: Make, tmp_path: Path) -> None:
    source = given(newest("postgresql"), f"{POSTGRESQL};\n{POSTGRESQL_18}")
    said = cases.lines(Ends(tmp_path, source, make("postgresql", "alike_older")).check())
    for line in (
        "table room: primary key is WITHOUT OVERLAPS at the source; here ranges may overlap, only equal ones are refused: PostgreSQL 15.",
        "table stay: foreign key stay_room_at_fkey is not carried: its last column is a PERIOD, and PostgreSQL 15.",
        "table child: foreign key loose is not carried: it is NOT ENFORCED at the source, so rows may break it",
        "table counted: check constraint positive, (o > 0), is not carried: it is NOT ENFORCED at the source, so rows may break it",
        "table counted: NOT NULL of n is not carried: it is NOT VALID at the source, so rows may have NULLs",
    ):
        assert any(found.startswith(line) for found in said), (line, said)
    assert any("PostgreSQL 18 is the first that has" in line for line in said)


def test_values_beyond_a_type_arrive_in_another_postgresql(make: Make, tmp_path: Path) -> None:
    source, target = make("postgresql", "alike_values"), make("postgresql", "alike_values_target")
    given(
        source,
        """CREATE TABLE odd (id int PRIMARY KEY, d date, ts timestamp, tz timestamp(3) with time zone DEFAULT 'infinity', n numeric(10,2), t time, plain date);
INSERT INTO odd VALUES (1, 'infinity', '-infinity', 'infinity', 'NaN', '24:00', '2020-01-01'), (2, '0044-03-15 BC', '12000-01-01', '0001-01-01 BC', 1.50, '12:00', NULL)""",
    )
    ends = both(tmp_path, source, target)
    assert "table odd: d is staged as PostgreSQL's own text: it has values that a date can't hold" in cases.lines(ends.check())
    assert definitions(target) == definitions(source)
    everything = "SELECT odd::text FROM odd ORDER BY id"
    assert values(target, everything) == values(source, everything)


def test_an_enum_and_a_domain_are_kept_where_the_target_has_the_same_and_are_named_where_not(make: Make, tmp_path: Path) -> None:
    types = "CREATE TYPE mood AS ENUM ('so, so', 'it''s');\nCREATE DOMAIN positive AS int CHECK (VALUE > 0)"
    table = """;
CREATE TABLE felt (id int PRIMARY KEY, m mood DEFAULT 'so, so', many mood[], p positive DEFAULT 3, CHECK (m <> 'it''s'));
INSERT INTO felt VALUES (1, 'so, so', ARRAY['it''s', NULL]::mood[], 3), (2, NULL, NULL, NULL)"""
    source, target = given(make("postgresql", "alike_types"), types + table), given(make("postgresql", "alike_types_target"), types)
    found = both(tmp_path, source, target).check()
    assert cases.lines(found) == []
    assert definitions(target) == definitions(source)
    everything = "SELECT felt::text FROM felt ORDER BY id"
    assert values(target, everything) == values(source, everything)
    bare = cases.lines(Ends(tmp_path, source, make("postgresql", "alike_types_missing")).check())
    other = "there is no type public.mood with the same definition here, create it first to keep it"
    assert f"table felt: m is carried as text: {other}" in bare
    assert "table felt: p is of the domain public.positive: its base type is carried, its constraints are not" in bare


# ---- MySQL and MariaDB

_ROWS_OF_MYSQL = (
    "SELECT id, HEX(place), hidden, word, label, labels, CONCAT(t), d, f, b + 0, y, c, CONCAT(ts), gen, CONCAT(zero) FROM host ORDER BY id",
    "SELECT CONCAT(d), n FROM parted ORDER BY n",
    "SELECT k FROM short ORDER BY k",
)


def test_everything_arrives_in_another_mysql(newest: Newest, tmp_path: Path) -> None:
    source, target = given(newest("mysql"), MYSQL), newest("mysql")
    found = both(tmp_path, source, target).check()
    assert not [line for line in cases.lines(found) if "not carried" in line or "carried as" in line]
    assert numbered(target) == numbered(source)
    own = "SELECT j, HEX(p84), HEX(v) FROM host ORDER BY id"
    assert values(target, *_ROWS_OF_MYSQL, own) == values(source, *_ROWS_OF_MYSQL, own)


@pytest.mark.parametrize("server", ["debian", "newest"])
def test_everything_arrives_in_another_mariadb(server: str, request: pytest.FixtureRequest, make: Make, tmp_path: Path) -> None:
    if server == "newest":
        newest: Newest = request.getfixturevalue("newest")
        source, target = newest("mariadb"), newest("mariadb")
    else:
        source, target = make("mysql", "alike_source"), make("mysql", "alike_target")
    given(source, MARIADB)
    found = both(tmp_path, source, target).check()
    assert not [line for line in cases.lines(found) if "not carried" in line or "carried as" in line]
    assert numbered(target) == numbered(source)
    own = "SELECT j, u, v6, v4, small, packed FROM host ORDER BY id"
    assert values(target, *_ROWS_OF_MYSQL, own) == values(source, *_ROWS_OF_MYSQL, own)


def numbered(url: sa.URL) -> dict[str, list[str]]:
    """The lines of the definitions. A check of MySQL and a foreign key have another name each time, since the old one still has theirs.

    The servers sort the keys of a table, otherwise when all are declared at once than when one after the other is added.
    """
    lines = {name: text.splitlines() for name, text in definitions(url).items()}
    return {
        name: sorted(re.sub(r"CONSTRAINT `(\w+?)(?:__2)?`", r"CONSTRAINT `\1`", line.rstrip(",")) for line in of)
        for name, of in lines.items()
    }


def test_what_is_mariadbs_own_is_said_as_such_to_mysql_and_back(newest: Newest, tmp_path: Path) -> None:
    of_mariadb, of_mysql = given(newest("mariadb"), MARIADB), given(newest("mysql"), MYSQL)
    said = cases.lines(Ends(tmp_path, of_mariadb, newest("mysql")).check("tables: {include: [host]}"))
    for line in ("u is carried as varchar(36): MySQL has no uuid", "v6 is carried as varchar(43): MySQL has no inet"):
        assert f"table host: {line}" in said
    assert any("hidden is invisible at the source; here SELECT * shows it" in line for line in said)
    back = cases.lines(Ends(tmp_path, of_mysql, newest("mariadb")).check("tables: {include: [host]}"))
    assert "table host: j is carried as longtext: MariaDB's json is a longtext too" in back
    assert any("check constraint loose" in line and "it is NOT ENFORCED at the source, so rows may break it" in line for line in back)


def test_a_system_versioned_table_and_a_period_are_said(make: Make, tmp_path: Path) -> None:
    source = given(
        make("mysql", "alike_said"),
        "CREATE TABLE timed (id int PRIMARY KEY) WITH SYSTEM VERSIONING;\nCREATE TABLE dated (id int, a date, b date, PERIOD FOR pp (a, b))",
    )
    said = cases.lines(Ends(tmp_path, source, make("mysql", "alike_said_target")).check())
    assert "table timed: not carried: it is system-versioned: its present rows are carried, its history is not" in said
    assert "table dated: not carried: its period `pp` (`a`, `b`), and that keys are WITHOUT OVERLAPS of it" in said


# ---- SQLite


def test_keys_numbering_and_options_arrive_in_another_sqlite(make: Make, tmp_path: Path) -> None:
    source, target = given(make("sqlite", "alike"), SQLITE), make("sqlite", "alike_target")
    ends = both(tmp_path, source, target)
    assert not [line for line in cases.lines(ends.check()) if "not carried" in line]
    keys = 'SELECT id, seq, lower("table"), "from", on_update, on_delete FROM pragma_foreign_key_list(\'link\')'
    columns = "SELECT m.name, c.name, c.type, c.\"notnull\" OR c.pk, c.pk FROM sqlite_schema m, pragma_table_info(m.name) c WHERE m.name NOT LIKE '%penstock%'"
    following, kinds = (
        "SELECT name, seq FROM sqlite_sequence WHERE name NOT LIKE 'penstock%' ORDER BY 1",
        "SELECT name, strict, wr FROM pragma_table_list WHERE name NOT LIKE '%penstock%'",
    )
    for query in (
        keys,
        f"{columns} ORDER BY 1, 2",
        following,
        f"{kinds} ORDER BY 1",
        "SELECT * FROM link",
        "SELECT k, n, doc, said, q, typeof(q) FROM pair",
    ):
        assert values(target, query) == values(source, query), query
    written = definitions(target)["link"]
    assert 'FOREIGN KEY("x)") REFERENCES "person" ("id") ON DELETE SET NULL ON UPDATE RESTRICT DEFERRABLE' in written
    assert 'CONSTRAINT "to y" FOREIGN KEY("y") REFERENCES "person" ("id") DEFERRABLE INITIALLY DEFERRED' in written
    assert 'CONSTRAINT "both" FOREIGN KEY("k", "n") REFERENCES "pair" ("k", "n") ON DELETE CASCADE' in written


def test_what_a_step_or_sqlite_itself_leaves_out_is_said(make: Make, tmp_path: Path) -> None:
    source = given(make("sqlite", "alike_said"), SQLITE + ";\nCREATE TABLE once (k INT UNIQUE ON CONFLICT REPLACE)")
    ends = Ends(tmp_path, source, make("sqlite", "alike_said_target"))
    said = cases.lines(ends.check("tables: {person: {transform: [{cast: {any: boolean}}]}}"))
    assert "table once: not carried: ON CONFLICT REPLACE" in said
    assert "table person: STRICT is not carried: a step gives any a type that such a table can't have" in said


# ---- the reproductions beside the repository


@pytest.mark.parametrize("to", ["postgresql", "mysql", "sqlite"])
def test_case_02_actions_of_inline_foreign_keys(to: str, make: Make, tmp_path: Path) -> None:
    source = given(make("sqlite", f"case_02_{to}"), cases.source_sql("02-sqlite-inline-foreign-key-actions"))
    target = make(to, "case_02_target")
    ends = both(tmp_path, source, target, 1)
    with Plain(target) as plain:
        if to == "sqlite":
            plain.run("PRAGMA foreign_keys = ON")
        plain.run("DELETE FROM person WHERE id = 1")
        plain.run("UPDATE person SET id = 3 WHERE id = 2")
        assert [tuple(row) for row in plain.run("SELECT id, person_id, code, boss FROM inline_key")] == [(2, 3, "b", None)]
        assert list(plain.run("SELECT * FROM table_key")) == []
    said = cases.lines(ends.check())
    assert any("fk_inline_key_boss is deferrable at the source" in line for line in said) is (to == "mysql")


def test_case_05_deferrable_keys_and_match_full(make: Make, tmp_path: Path) -> None:
    source = given(make("postgresql", "case_05"), cases.source_sql("05-deferrable-keys-and-match-full"))
    target = make("postgresql", "case_05_target")
    both(tmp_path, source, target)
    assert definitions(target) == definitions(source)
    with Plain(target) as plain:
        plain.run("BEGIN; UPDATE node SET place = 3 - place; COMMIT")
        with pytest.raises(Exception, match="MATCH FULL"):
            plain.run("INSERT INTO ref VALUES (1, NULL)")


def test_case_05_to_another_kind_what_arrives_instead_is_said(make: Make, tmp_path: Path) -> None:
    source = given(make("postgresql", "case_05_said"), cases.source_sql("05-deferrable-keys-and-match-full"))
    said = cases.lines(Ends(tmp_path, source, make("mysql", "case_05_said")).check())
    for line in (
        "table node: unique constraint node_place_key is deferrable at the source; here each row has to meet it at once",
        "table node: foreign key node_parent_fkey is deferrable at the source; here each statement has to meet it: MySQL/MariaDB has none that is",
        "table ref: foreign key ref_a_b_fkey is MATCH FULL at the source; here a row with a NULL in one of its columns refers to nothing",
    ):
        assert line in said


def test_case_06_mariadbs_own_types(newest: Newest, tmp_path: Path) -> None:
    source = given(newest("mariadb"), cases.source_sql("06-mariadb-own-types"))
    target = newest("mariadb")
    both(tmp_path, source, target)
    assert definitions(target) == definitions(source)
    rows = "SELECT id, v6, v4, HEX(place) FROM host ORDER BY id"
    assert values(target, rows) == values(source, rows)
