"""What a step leaves of a column: its default, NOT NULL, numbering and foreign keys, or a line that names the part and the step."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.support.cases import Ends, folder, lines, rows, source_sql, sqlite
from tests.support.data.plain_values import Make, Plain, make

__all__ = ["make"]  # a fixture
CASE = "03-a-step-takes-default-not-null-and-foreign-key"


def columns(url: sa.URL, table: str) -> dict[object, tuple[object, ...]]:
    query = f"SELECT column_name, data_type, is_nullable, column_default FROM information_schema.columns WHERE table_name = '{table}'"
    return {name: rest for name, *rest in rows(url, query)}


def keys(url: sa.URL) -> list[object]:
    return [
        row[0]
        for row in rows(
            url,
            "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid <> 0 AND connamespace = 'public'::regnamespace AND contype IN ('f', 'c') ORDER BY 1",
        )
    ]


def test_case_03_each_part_is_carried_or_told_with_its_step(postgresql_url: sa.URL, tmp_path: Path) -> None:
    ends = Ends(tmp_path, sqlite(tmp_path, source_sql(CASE)), postgresql_url)
    tables = (folder(CASE) / "migration.yaml").read_text().partition("tables:")[2]
    found = lines(ends.check(f"tables:{tables}"))
    assert [line for line in found if line.startswith("!")] == []
    assert "table item: default CURRENT_TIMESTAMP of created_at is not carried: the step `cast` changes the column" in found
    assert "table item: NOT NULL of created_at is not carried: the step `derive` changes the column" in found
    assert not any("check constraint" in line or "foreign key" in line or " n " in line for line in found), found
    ends.run(more=f"tables:{tables}")
    assert keys(postgresql_url) == ["CHECK ((n < 100))", "FOREIGN KEY (owner_id) REFERENCES owner(id)"]
    item = columns(postgresql_url, "item")
    assert item["n"] == ["integer", "NO", "7"] and item["owner_id"] == ["integer", "NO", None]
    assert item["created_at"][:2] == ["timestamp without time zone", "YES"]
    assert rows(postgresql_url, "INSERT INTO owner (name) VALUES ('b') RETURNING id") == [(2,)]


@pytest.mark.parametrize(
    ("declared", "type", "default"),
    [
        ("INT NOT NULL DEFAULT 7", "string", "'7'::text"),
        ("INT NOT NULL DEFAULT 7", '"decimal(5,1)"', "7.0"),
        ("INT NOT NULL DEFAULT 1", "boolean", "true"),
        ("BOOLEAN NOT NULL DEFAULT 'f'", "int8", "0"),
        ("TEXT NOT NULL DEFAULT '2020-01-01'", "date", "'2020-01-01'::date"),
        ("DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP", "timestamptz", "CURRENT_TIMESTAMP"),
        ("DECIMAL(5,2) NOT NULL DEFAULT 1.50", '"decimal(8,2)"', "1.50"),
        ("TEXT NOT NULL DEFAULT 'new'", '"string(10)"', "'new'::character varying"),
    ],
)
def test_a_cast_keeps_not_null_and_casts_a_literal_default(declared: str, type: str, default: str, make: Make, tmp_path: Path) -> None:
    target = make("postgresql", "cast_defaults")
    ends = Ends(tmp_path, sqlite(tmp_path, f"CREATE TABLE t (id INTEGER PRIMARY KEY, v {declared});\n"), target)
    tables = f"tables: {{t: {{transform: [{{cast: {{v: {type}}}}}]}}}}"
    assert not [line for line in lines(ends.check(tables)) if " of v " in line or line.startswith("!")]
    ends.run(more=tables)
    assert columns(target, "t")["v"][1:] == ["NO", default]


def test_a_default_that_can_not_be_cast_is_told_and_that_inserts_will_fail(tmp_path: Path, postgresql_url: sa.URL) -> None:
    ends = Ends(tmp_path, sqlite(tmp_path, "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT NOT NULL DEFAULT 'new');\n"), postgresql_url)
    found = lines(ends.check("tables: {t: {transform: [{cast: {v: int64}}]}}"))
    assert "table t: default 'new' of v is not carried: the step `cast` changes the column" in found
    assert "table t: v is NOT NULL and has no default here: an INSERT that leaves it out will fail" in found


PARENTS = "CREATE TABLE p (id INTEGER PRIMARY KEY, code TEXT UNIQUE);\nCREATE TABLE c (id INTEGER PRIMARY KEY, p_id INT REFERENCES p (id), code TEXT REFERENCES p (code));\n"
PARENTS += "INSERT INTO p VALUES (1, 'a');\nINSERT INTO c VALUES (1, 1, 'a');\n"


@pytest.mark.parametrize(
    ("tables", "expected"),
    [
        ("p: {transform: [cast: {id: int32}]}, c: {transform: [cast: {p_id: int32}]}", ["code", "id"]),
        ("p: {transform: [cast: {id: string}]}, c: {transform: [cast: {p_id: string}]}", ["code", "id"]),
        ("p: {transform: [rename: {id: nr}, cast: {nr: int32}]}, c: {transform: [cast: {p_id: int32}]}", ["code", "nr"]),
        ("p: {transform: [cast: {id: int32}]}", ["code"]),
        ("c: {transform: [cast: {p_id: string}]}", ["code"]),
        ("p: {transform: [derive: {id: id + 1}]}", ["code"]),
        ("p: {transform: [mask: {code: sha256}]}, c: {transform: [mask: {code: sha256}]}", ["code", "id"]),
        ("p: {transform: [mask: {code: sha256}]}", ["id"]),
    ],
)
def test_a_foreign_key_is_carried_where_both_ends_are_changed_alike(tables: str, expected: list[str], make: Make, tmp_path: Path) -> None:
    target = make("postgresql", "keyed_alike")
    ends = Ends(tmp_path, sqlite(tmp_path, PARENTS), target)
    declared = f"tables: {{include: ['*'], {tables}}}"
    lost = [line for line in lines(ends.check(declared, secrets={"mask_key": "k"})) if "foreign key" in line]
    assert len(lost) == 2 - len(expected) and all("the step `" in line for line in lost), lost
    ends.run(more=declared, secrets={"mask_key": "k"})
    query = "SELECT a.attname FROM pg_constraint k JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = k.confkey[1] WHERE contype = 'f' ORDER BY 1"
    assert [row[0] for row in rows(target, query)] == expected


def test_the_fix_of_a_foreign_key_that_is_changed_at_one_end_carries_it(postgresql_url: sa.URL, tmp_path: Path) -> None:
    ends = Ends(tmp_path, sqlite(tmp_path, PARENTS), postgresql_url)
    [line] = [s for s in lines(ends.check("tables: {include: ['*'], p: {transform: [cast: {id: int32}]}}")) if "foreign key" in s]
    assert "the step `cast` changes p.id, and not c.p_id [change both alike: add `cast: {p_id: int32}` to the other table]" in line


def test_an_unsigned_number_goes_to_sqlite_with_its_numbering_and_its_foreign_key(mariadb_url: sa.URL, tmp_path: Path) -> None:
    with Plain(mariadb_url) as plain:
        plain.run("CREATE TABLE p (id bigint unsigned AUTO_INCREMENT PRIMARY KEY, name text)")
        plain.run("CREATE TABLE c (id int PRIMARY KEY, p_id bigint unsigned NOT NULL REFERENCES p (id))")
        plain.run("INSERT INTO p VALUES (5, 'a')")
        plain.run("INSERT INTO c VALUES (1, 5)")
    ends = Ends(tmp_path, mariadb_url, sa.make_url(f"sqlite:///{tmp_path}/target.db"))
    blocking = ends.check().blocking
    assert {p.where for p in blocking} == {"table p, column id", "table c, column p_id"}
    assert all(p.fix.startswith("add `cast: {") and ": int64}`" in p.fix.partition(", or")[0] for p in blocking)
    ends.run(more="tables: {include: ['*'], p: {transform: [cast: {id: int64}]}, c: {transform: [cast: {p_id: int64}]}}")
    assert rows(ends.target, 'SELECT "table", "from", "to" FROM pragma_foreign_key_list(\'c\')') == [("p", "p_id", "id")]
    with Plain(ends.target) as plain:
        plain.run("INSERT INTO p (name) VALUES ('b')")
    assert rows(ends.target, "SELECT id FROM p ORDER BY id") == [(5,), (6,)]
