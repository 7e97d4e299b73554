"""What servers of one kind have by their product and version, and how foreign keys are read from a CREATE TABLE of SQLite."""

from __future__ import annotations

import pytest

from penstock import databases
from penstock.databases import Database, Server
from penstock.databases._shared.create_table_parser import WrittenReference, conflicts, references
from penstock.model.schema import Column, Type


def mysql() -> Database:
    found = databases.named("mysql")
    assert found is not None
    return found


def test_a_server_is_its_product_and_its_version() -> None:
    assert Server.of("MariaDB 11.8.2") == Server("MariaDB", (11, 8, 2))
    assert Server.of("MySQL 9.7.0-debug") == Server("MySQL", (9, 7, 0))
    assert Server.of("PostgreSQL 18beta1").has({"PostgreSQL": (18,)})
    assert not Server.of("PostgreSQL 17.9").has({"PostgreSQL": (18,)})
    assert str(Server("MariaDB", (10, 6))) == "MariaDB 10.6"


@pytest.mark.parametrize(
    ("native", "has", "has_not"),
    [
        ("uuid", "MariaDB 10.7.1", "MariaDB 10.6.21"),
        ("uuid", "MariaDB 11.8.2", "MySQL 9.7.0"),
        ("inet6", "MariaDB 10.5.0", "MariaDB 10.4.34"),
        ("inet4", "MariaDB 10.10.2", "MariaDB 10.9.8"),
        ("json", "MySQL 8.4.0", "MariaDB 11.8.2"),
        ("vector(3)", "MySQL 9.0.1", "MySQL 8.4.0"),
        ("vector(3)", "MariaDB 11.7.2", "MariaDB 11.4.1"),
        ("point SRID 4326", "MySQL 8.0.30", "MariaDB 11.8.2"),
        ("varchar(9) /*M!100301 COMPRESSED*/", "MariaDB 10.11.6", "MySQL 9.7.0"),
    ],
)
def test_mysql_and_mariadb_keep_the_types_that_their_version_has(native: str, has: str, has_not: str) -> None:
    assert mysql().keeps(native, Server.of(has)) and not mysql().keeps(native, Server.of(has_not))


@pytest.mark.parametrize(
    ("type", "server", "why"),
    [
        ("uuid", "MySQL 9.7.0", "MySQL has no uuid"),
        ("uuid", "MariaDB 10.6.21", "MariaDB 10.6.21 has no uuid, MariaDB 10.7 is the first that has"),
        ("uuid", "MariaDB 11.8.2", "only from another MariaDB a column arrives as MariaDB's uuid"),
        ("inet", "MariaDB 10.4.34", "MariaDB 10.4.34 has no inet6, MariaDB 10.5 is the first that has"),
        ("json", "MySQL 9.7.0", "MySQL's json would change its numbers and the order of its keys"),
        ("json", "MariaDB 11.8.2", "MariaDB's json is a longtext too"),
        ("macaddr", "MariaDB 11.8.2", "MariaDB has no macaddr"),
    ],
)
def test_the_reason_for_another_type_is_that_of_the_product_and_its_version(type: str, server: str, why: str) -> None:
    assert mysql().why_other_form(Column("c", Type(type)), Server.of(server)) == why


def test_features_are_those_of_the_version() -> None:
    assert "functional index" in mysql().features(Server.of("MySQL 8.0.13"))
    assert not mysql().features(Server.of("MySQL 8.0.12")) & {"functional index", "not enforced"}
    assert "functional index" not in mysql().features(Server.of("MariaDB 11.8.2"))


def test_foreign_keys_are_read_with_their_names_and_when_they_are_checked() -> None:
    statement = """CREATE TABLE "t" (a INT REFERENCES p (x) ON DELETE CASCADE, -- REFERENCES none
      "b)" INT NOT NULL CONSTRAINT "na""me" REFERENCES p DEFERRABLE INITIALLY DEFERRED CHECK ("b)" > 0), c TEXT DEFAULT ') REFERENCES q',
      key INT PRIMARY KEY REFERENCES p DEFERRABLE INITIALLY IMMEDIATE, d INT REFERENCES p NOT DEFERRABLE INITIALLY DEFERRED,
      CONSTRAINT two FOREIGN KEY (a, [c d]) REFERENCES p (x, y) ON UPDATE SET NULL DEFERRABLE, FOREIGN KEY (c) REFERENCES q)"""
    assert references(statement) == [
        WrittenReference(("a",), "", ""),
        WrittenReference(("b)",), 'na"me', "deferred"),
        WrittenReference(("key",), "", "immediate"),
        WrittenReference(("d",), "", ""),
        WrittenReference(("a", "c d"), "two", "immediate"),
        WrittenReference(("c",), "", ""),
    ]


def test_what_a_conflict_does_is_read_unless_it_is_the_usual() -> None:
    assert conflicts("CREATE TABLE t (a UNIQUE ON CONFLICT REPLACE, b NOT NULL ON CONFLICT abort, c DEFAULT 'ON CONFLICT IGNORE')") == [
        "REPLACE"
    ]
