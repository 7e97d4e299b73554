"""What MySQL's and MariaDB's catalogue says, what a switch does to it, and names of any kind, against a real server."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from penstock import databases
from penstock.databases import Dependent, execute, qualified, quote
from penstock.databases._shared import ddl
from penstock.databases.mysql import DATABASE as mysql
from penstock.model.schema import Check, Column, ForeignKey, Index, Numbering, Part, Table, TableName, Type
from tests.support.data import mysql_tables
from tests.support.data.mysql_tables import DATABASE, T, batch, column, make, plain, rows, table
from tests.support.data.plain_values import Plain

connection, other = mysql_tables.connection, mysql_tables.other

# MariaDB's names have no characters beyond the basic plane, so no emoji: see the test of refused names.
UNKIND = ["sel`ect", "--%s %(x)s 100%", "a\\b \"q\" 's'", "(a), `b`", "a) (b", "Ünï 名前", "order", "line\nbreak", "`"]


# ---- names


@pytest.mark.parametrize("unkind", UNKIND)
def test_any_name_goes_all_the_way(connection: sa.Connection, other: Any, unkind: str) -> None:
    name = TableName(unkind + " t")
    identity = Column(unkind, Type("int64"), False, identity=True)
    text = Column("v" + unkind, Type("string", length=20), default="=a\\b'%s%%\n\"")
    link = Column("k" + unkind, Type("int64"))
    index, key = Index("u" + unkind, (text.name, link.name), True), ForeignKey("f" + unkind, (link.name,), name.name, (unkind,), "CASCADE")
    made = Table(name, (identity, text, link), (unkind,), (index,), (key,))
    shadow = mysql.shadow(name, "m")
    execute(connection, ddl.create_table(DATABASE, made, shadow))
    columns = made.columns
    mysql.write(connection, shadow, columns, [batch(columns, [1, 2], [unkind[:20], None], [2, None])])
    for statement in [*ddl.keys(DATABASE, made, shadow), *ddl.foreign_keys(DATABASE, made, shadow, {name: shadow})]:
        execute(connection, statement)
    for statement in mysql.moves([(shadow, name)]):
        execute(connection, statement)
    found = table(connection, name.name)
    assert found.column(unkind).numbering == Numbering(next=3) and found.column(text.name).collation == "utf8mb4_nopad_bin"
    assert [replace(c, native="", collation="", numbering=None) for c in found.columns] == list(columns)
    assert (found.primary_key, found.foreign_keys, found.notes) == ((unkind,), (key,), ())
    assert index in found.indexes
    values = {r[unkind]: r for r in rows(connection, name, found.columns).to_pylist()}
    assert values[1] == {unkind: 1, text.name: unkind[:20], link.name: 2} and values[2][text.name] is None
    assert databases.existing_tables(connection, [name, shadow]) == {name}
    assert mysql.dependents(connection, [name]) == []
    connection.commit()
    assert (1, unkind[:20], 2) in plain(other, f"SELECT * FROM {qualified(DATABASE, name)}")
    plain(other, f"INSERT INTO {qualified(DATABASE, name)} () VALUES ()")
    default = plain(other, f"SELECT {quote(DATABASE, text.name)} FROM {qualified(DATABASE, name)} ORDER BY 1 DESC")
    assert ("a\\b'%s%%\n\"",) in default
    for statement in mysql.drops([name]):
        execute(connection, statement)
    assert mysql.inspect(connection, None) == []


def test_names_beyond_the_basic_plane_are_refused_by_the_server_not_changed(connection: sa.Connection) -> None:
    with pytest.raises(sa.exc.DBAPIError):
        execute(connection, "CREATE TABLE `t😀` (id int)")
    assert mysql.inspect(connection, None) == []


def test_long_names_are_cut_the_same_way_each_time_and_apart_from_each_other(connection: sa.Connection) -> None:
    first, second = TableName("ü" * 31 + "a"), TableName("ü" * 31 + "b")
    places = [f(t) for t in (first, second) for f in (lambda t: mysql.shadow(t, "m"), lambda t: mysql.kept(t, "m", "0123456789ab"))]
    assert len(set(places)) == 4 and all(len(p.name.encode()) <= 64 for p in places)
    assert mysql.shadow(first, "m") == places[0] and mysql.shadow(TableName("t"), "m").name == "penstock_new__t"
    assert mysql.kept(TableName("t", "s"), "m", "tok") == TableName("penstock_old_tok__t", "s")
    for place in places:
        make(connection, [column("int64")], place)
        assert databases.existing_tables(connection, [place])


# ---- inspecting

SHAPES = r"""
CREATE TABLE plain (id int AUTO_INCREMENT PRIMARY KEY, n int NOT NULL DEFAULT -5, s varchar(20) DEFAULT 'it''s \\ "x"', d decimal(5,2) DEFAULT 1.50,
  b bit(1) DEFAULT b'1', at timestamp(6) NOT NULL DEFAULT current_timestamp(6) ON UPDATE current_timestamp(6), z datetime DEFAULT '0000-00-00 00:00:00',
  ex int DEFAULT (1 + 2), nothing varchar(5) DEFAULT NULL, empty varchar(5) NOT NULL DEFAULT '', ge int AS (n + 1) STORED, vi int AS (n + 2) VIRTUAL,
  hidden int INVISIBLE, j json, txt text, p point NOT NULL,
  CONSTRAINT positive CHECK (d > 0), UNIQUE KEY first (s(3)), KEY part (txt(5)), KEY down (n DESC), FULLTEXT KEY words (txt), SPATIAL KEY place (p),
  UNIQUE KEY pair (n, s), KEY single (d))
"""


def test_what_can_not_be_carried_is_noted_and_nothing_else_is_lost(connection: sa.Connection) -> None:
    execute(connection, "SET sql_mode = ''")
    execute(connection, SHAPES)
    execute(connection, "CREATE TRIGGER `tri%s` BEFORE INSERT ON plain FOR EACH ROW SET NEW.n = 1")
    execute(connection, "CREATE TABLE old (id int) ENGINE=MyISAM")
    execute(connection, "CREATE TABLE timed (id int) WITH SYSTEM VERSIONING")
    execute(connection, "CREATE VIEW seen AS SELECT * FROM plain")
    execute(connection, "CREATE SEQUENCE numbers")
    found = {t.name.name: t for t in mysql.inspect(connection, None)}
    assert sorted(found) == ["old", "plain", "timed"]
    t = found["plain"]
    defaults = {c.name: c.default for c in t.columns if c.default is not None}
    assert defaults == {"n": "=-5", "s": '=it\'s \\ "x"', "d": "=1.50", "b": "=1", "at": "now", "empty": "=", "z": "=0000-00-00 00:00:00"}
    assert {i.name: (i.columns or i.parts, i.unique, i.method) for i in t.indexes} == {
        "pair": (("n", "s"), True, ""),
        "first": ((Part("s", order="(3)"),), True, ""),
        "down": ((Part("n", order="DESC"),), False, ""),
        "single": (("d",), False, ""),
        "part": ((Part("txt", order="(5)"),), False, ""),
        "words": ((Part("txt"),), False, "FULLTEXT"),
        "place": ((Part("p"),), False, "SPATIAL"),
    }
    assert t.checks == (Check("j", "json_valid(`j`)", column="j"), Check("positive", "`d` > 0")) and t.dialect == "mysql"
    assert {c.name: (c.generated, c.stored) for c in t.columns if c.generated} == {"ge": ("`n` + 1", True), "vi": ("`n` + 2", False)}
    assert {c.name: c.expression for c in t.columns if c.expression} == {"ex": "(1 + 2)"}
    assert [c.name for c in t.columns if c.touched] == ["at"]
    assert [c.name for c in t.columns if c.identity] == ["id"] and "hidden" in [c.name for c in t.columns]
    assert [c.name for c in t.columns if not c.nullable] == ["id", "n", "at", "empty", "p"]
    said = "; ".join(t.notes)
    assert "trigger tri%s" in said and [c.name for c in t.columns if c.invisible] == ["hidden"]
    assert mysql.left_behind(connection, None) == [("sequence", "numbers"), ("view", "seen")]
    assert "MyISAM" in found["old"].notes[0] and "system-versioned" in found["timed"].notes[0]
    assert mysql.inspect(connection, None, ["old", "not there"]) == [found["old"]]


def test_another_schema_is_inspected_by_its_name_and_keys_out_of_it_name_the_other(connection: sa.Connection, mariadb_url: sa.URL) -> None:
    away = f"{mariadb_url.database}_`away%s"
    execute(connection, "CREATE TABLE t (id int PRIMARY KEY)")
    execute(connection, f"CREATE DATABASE {quote(DATABASE, away)}")
    try:
        execute(
            connection,
            f"CREATE TABLE {quote(DATABASE, away)}.s (id int PRIMARY KEY, t int, CONSTRAINT out_of_it FOREIGN KEY (t) REFERENCES {mariadb_url.database}.t (id))",
        )
        (s,) = mysql.inspect(connection, away)
        assert s.name == TableName("s", away) and [(k.name, k.ref_table, k.ref_schema) for k in s.foreign_keys] == [
            ("out_of_it", "t", mariadb_url.database)
        ]
        assert [(d.kind, d.follows) for d in mysql.dependents(connection, [T])] == [("foreign key", False)]
        assert mysql.dependents(connection, [T, s.name]) == []
    finally:
        execute(connection, f"DROP DATABASE {quote(DATABASE, away)}")


def test_sakila_is_seen_as_its_authors_made_it(mariadb_sakila: sa.URL) -> None:
    with mysql.engine(mariadb_sakila).connect() as connection:
        found = {t.name.name: t for t in mysql.inspect(connection, None)}
        assert len(found) == 16 and all(t.primary_key for t in found.values())
        assert sum(len(t.foreign_keys) for t in found.values()) == 22
        assert [(k.ref_table, k.on_delete, k.on_update) for k in found["store"].foreign_keys] == [
            ("address", "", "CASCADE"),
            ("staff", "", "CASCADE"),
        ]
        assert "store" in [k.ref_table for k in found["staff"].foreign_keys], "they refer to each other"
        assert found["film_actor"].primary_key == ("actor_id", "film_id") and found["film"].column("film_id").identity
        assert (
            str(found["film"].column("rating").type) == "enum('G','PG','PG-13','R','NC-17')"
            and found["film"].column("rating").default == "=G"
        )
        assert str(found["film"].column("release_year").type) == "year"
        assert [i.method for i in found["film_text"].indexes] == ["FULLTEXT"]
        for t in found.values():
            count = execute(connection, f"SELECT count(*) FROM {qualified(DATABASE, t.name)}").scalar_one()
            assert rows(connection, t.name, t.columns).num_rows == count > 0, t.name


# ---- the switch


def family(connection: sa.Connection, *names: str) -> None:
    """Two tables that refer to each other, standing at these names."""
    parent, child = names
    execute(connection, f"CREATE TABLE {parent} (id int PRIMARY KEY, eldest int)")
    execute(connection, f"CREATE TABLE {child} (id int PRIMARY KEY, p int, CONSTRAINT {child}_p FOREIGN KEY (p) REFERENCES {parent} (id))")
    execute(connection, f"ALTER TABLE {parent} ADD CONSTRAINT {parent}_e FOREIGN KEY (eldest) REFERENCES {child} (id)")


def referred(connection: sa.Connection) -> dict[str, str]:
    return {t.name.name: t.foreign_keys[0].ref_table for t in mysql.inspect(connection, None)}


def test_one_statement_moves_all_and_foreign_keys_follow_there_and_back(connection: sa.Connection) -> None:
    family(connection, "parent", "child")
    family(connection, "penstock_new__parent", "penstock_new__child")
    live = [TableName("parent"), TableName("child")]
    new, old = [mysql.shadow(t, "m") for t in live], [mysql.kept(t, "m", "tok") for t in live]
    there, back = [*zip(live, old, strict=True), *zip(new, live, strict=True)], [*zip(live, new, strict=True), *zip(old, live, strict=True)]
    (statement,) = mysql.moves(there)
    before = referred(connection)
    execute(connection, statement)
    assert referred(connection) == {
        "parent": "child", "child": "parent", "penstock_old_tok__parent": "penstock_old_tok__child", "penstock_old_tok__child": "penstock_old_tok__parent",
    }  # fmt: skip
    (statement,) = mysql.moves(back)
    execute(connection, statement)
    assert referred(connection) == before
    assert mysql.schemas(live) == []
    for statement in mysql.drops(new):
        execute(connection, statement)
    assert sorted(referred(connection)) == ["child", "parent"]
    assert execute(connection, "SELECT @@foreign_key_checks").scalar_one() == 1 and mysql.drops([]) == []


def test_a_move_that_can_not_be_done_moves_nothing(connection: sa.Connection) -> None:
    for name in ("a", "b"):
        make(connection, [column("int64")], TableName(name))
    (statement,) = mysql.moves([(TableName("a"), TableName("c")), (TableName("not there"), TableName("a"))])
    with pytest.raises(sa.exc.DBAPIError):
        execute(connection, statement)
    assert [t.name.name for t in mysql.inspect(connection, None)] == ["a", "b"]


def test_a_move_waits_no_longer_than_its_patience(connection: sa.Connection, other: Any) -> None:
    make(connection, [column("int64")])
    connection.commit()
    plain(other, "BEGIN")
    plain(other, "SELECT * FROM t")
    for statement in mysql.hold([T], 1):
        execute(connection, statement)
    with pytest.raises(sa.exc.DBAPIError, match="[Ll]ock wait"):
        execute(connection, mysql.moves([(T, TableName("elsewhere"))])[0])
    plain(other, "COMMIT")
    execute(connection, mysql.moves([(T, TableName("elsewhere"))])[0])


@pytest.mark.parametrize("named", [False, True])
def test_what_hangs_on_live_tables_is_told_and_whether_it_follows(connection: sa.Connection, mariadb_url: sa.URL, named: bool) -> None:
    family(connection, "parent", "child")
    schema = mariadb_url.database if named else None
    parent, child = TableName("parent", schema), TableName("child", schema)
    assert mysql.dependents(connection, [parent, child]) == [], "what hangs between themselves is left out"
    execute(connection, "CREATE TABLE visit (p int, CONSTRAINT `out%s` FOREIGN KEY (p) REFERENCES parent (id))")
    execute(connection, "CREATE TABLE Parent (id int PRIMARY KEY)")
    execute(connection, "CREATE TABLE guest (p int, CONSTRAINT other_case FOREIGN KEY (p) REFERENCES Parent (id))")
    execute(connection, "CREATE TRIGGER tri BEFORE INSERT ON child FOR EACH ROW SET NEW.p = NULL")
    execute(connection, "CREATE VIEW seen AS SELECT id FROM child")
    assert mysql.dependents(connection, [parent, child]) == [
        Dependent("foreign key", "out%s of visit", parent, False),
        Dependent("trigger", "tri", child, False),
        Dependent("view", "seen", child, True),
    ]
    assert [d.name for d in mysql.dependents(connection, [child])] == ["parent_e of parent", "tri", "seen"]


def test_a_table_that_another_session_drops_meanwhile_is_left_out(mariadb_url: sa.URL) -> None:
    database, ended = databases.of(mariadb_url), threading.Event()

    def made_and_dropped() -> None:
        with Plain(mariadb_url) as plain:
            while not ended.is_set():
                plain.run("CREATE TABLE here_and_gone (id int PRIMARY KEY)")
                plain.run("DROP TABLE here_and_gone")

    with Plain(mariadb_url) as plain:
        plain.run("CREATE TABLE kept (id int PRIMARY KEY)")
    other = threading.Thread(target=made_and_dropped)
    other.start()
    try:
        with database.engine(mariadb_url).connect() as connection:
            found = [{t.name.name for t in database.inspect(connection, None)} for _ in range(100)]
    finally:
        ended.set()
        other.join()
    assert all("kept" in tables for tables in found)
