"""sakila, a real database: from MariaDB to PostgreSQL and on to others, every row compared independently of the engine."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from penstock import databases
from penstock.migration.loader import load
from penstock.stages import plan
from tests.support.data.objects_schema import objects
from tests.support.data.plain_values import Plain
from tests.support.requests import ran, request
from tests.support.servers.airflow import Airflow

TABLES = [
    "actor",
    "address",
    "category",
    "city",
    "country",
    "customer",
    "film",
    "film_actor",
    "film_category",
    "film_text",
    "inventory",
    "language",
    "payment",
    "rental",
    "staff",
    "store",
]


def migrate(folder: Path, source: sa.URL, target: sa.URL, name: str = "sakila") -> None:
    file = folder / f"{name}.yaml"
    file.write_text(f"name: {name}\nsource: a\ntarget: b\nchunk: 256KiB\n")
    ran(load(file), "r1", str(folder / "staging"), source, target, folder / "none")


def plain(value: Any) -> Any:
    """A driver's value as what it means: decimals, instants, sets of labels and booleans compare across drivers."""
    match value:
        case bool():
            return int(value)
        case Decimal() | float():
            return Decimal(str(value)).normalize()
        case dt.datetime():
            return value.astimezone(dt.UTC).replace(tzinfo=None) if value.tzinfo else value
        case str() if len(value) >= 19 and value[4] == "-" and value[10] in " T":
            return plain(dt.datetime.fromisoformat(value))
        case set() | frozenset():
            return ",".join(sorted(value))
        case str() if "," in value:
            return ",".join(sorted(value.split(",")))
        case memoryview() | bytearray():
            return bytes(value)
    return value


def rows(url: sa.URL, table: str) -> list[tuple[Any, ...]]:
    """A table by its plain driver, sorted as Python sorts."""
    database = databases.of(url)
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        if url.get_backend_name() == "mysql":
            connection.exec_driver_sql("SET time_zone = '+00:00'")
        found = (
            connection.execution_options(no_parameters=True).exec_driver_sql(f"SELECT * FROM {databases.quote(database, table)}").fetchall()
        )
    engine.dispose()
    return sorted((tuple(plain(v) for v in row) for row in found), key=repr)


def assert_equal(source: sa.URL, target: sa.URL) -> int:
    total = 0
    for table in TABLES:
        expected, found = rows(source, table), rows(target, table)
        total += len(expected)
        assert found == expected, f"{table} differs"
    return total


def airflow_connection(url: sa.URL, conn_type: str) -> str:
    """A URL as an Airflow connection."""
    place = {"host": url.host, "port": url.port, "login": url.username, "password": url.password, "schema": url.database}
    return json.dumps({"conn_type": conn_type, **place})


def test_sakila_arrives_in_postgresql_through_the_dag_and_goes_on_working(
    mariadb_sakila: sa.URL, postgresql_url: sa.URL, airflow: Airflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_SHOP_SOURCE", airflow_connection(mariadb_sakila, "mysql"))
    monkeypatch.setenv("AIRFLOW_CONN_SHOP_TARGET", airflow_connection(postgresql_url, "postgres"))
    assert airflow.run("sakila").state == "success"
    assert assert_equal(mariadb_sakila, postgresql_url) > 40_000
    engine = sa.create_engine(postgresql_url)
    source = sa.create_engine(mariadb_sakila)
    there, here = sa.inspect(source), sa.inspect(engine)
    for table in TABLES:
        assert here.get_pk_constraint(table)["constrained_columns"] == there.get_pk_constraint(table)["constrained_columns"]

        def keys(inspector: sa.Inspector, table: str = table) -> set[tuple[tuple[str, ...], str, tuple[str, ...]]]:
            return {
                (tuple(k["constrained_columns"]), k["referred_table"], tuple(k["referred_columns"]))
                for k in inspector.get_foreign_keys(table)
            }

        assert keys(here) == keys(there)
    assert {i["name"] for i in here.get_indexes("film")} >= {"idx_title", "idx_fk_language_id"}
    with engine.begin() as connection:
        highest = connection.execute(sa.text("SELECT max(actor_id) FROM actor")).scalar_one()
        new = connection.execute(
            sa.text("INSERT INTO actor (first_name, last_name) VALUES ('A', 'B') RETURNING actor_id, last_update")
        ).one()
        assert new[0] == highest + 1 and new[1] is not None
    with engine.connect() as connection, pytest.raises(sa.exc.IntegrityError):
        connection.execute(sa.text("INSERT INTO film_actor (actor_id, film_id) VALUES (1, 99999)"))
    with engine.connect() as connection, pytest.raises(sa.exc.IntegrityError):
        connection.execute(sa.text("UPDATE film SET rating = 'XXX' WHERE film_id = 1"))
    engine.dispose()
    source.dispose()


def test_sakila_arrives_in_another_mariadb_object_by_object(mariadb_sakila: sa.URL, mariadb_url: sa.URL, tmp_path: Path) -> None:
    migrate(tmp_path, mariadb_sakila, mariadb_url)
    with Plain(mariadb_sakila) as there, Plain(mariadb_url) as here:
        given, found = objects(there), objects(here)
    for kind, parts in given.items():
        of_tables = {key: text for key, text in parts.items() if key[0] in TABLES}
        assert of_tables and found[kind].keys() == of_tables.keys()
        differing = {key: (text, found[kind][key]) for key, text in of_tables.items() if found[kind][key] != text}
        assert not differing
    assert len(given["foreign key"]) == 22


def test_what_sakila_has_beside_tables_is_told(mariadb_sakila: sa.URL, postgresql_url: sa.URL, tmp_path: Path) -> None:
    (tmp_path / "m.yaml").write_text("name: m\nsource: a\ntarget: b\n")
    found = plan.preflight(request(load(tmp_path / "m.yaml"), "r", "", mariadb_sakila, postgresql_url, tmp_path / "none"))
    assert not found.blocking
    told = {(p.where, p.what) for p in found.problems}
    for line in (
        ("the source", "not carried: procedures film_in_stock, film_not_in_stock, rewards_report"),
        ("the source", "not carried: functions get_customer_balance, inventory_held_by_customer, inventory_in_stock"),
        (
            "the source",
            "not carried: views actor_info, customer_list, film_list, nicer_but_slower_film_list, sales_by_film_category, sales_by_store, staff_list",
        ),
        ("table film", "not carried: trigger upd_film"),
        ("table actor", "ON UPDATE CURRENT_TIMESTAMP of last_update is not carried: PostgreSQL has none"),
        (
            "table film_text",
            "index idx_title_description (title, description by FULLTEXT) is not carried: PostgreSQL has none that is the same",
        ),
    ):
        assert line in told, line


def test_sakila_goes_on_from_postgresql_to_mariadb_and_sqlite_and_back(
    mariadb_sakila: sa.URL, postgresql_url: sa.URL, mariadb_url: sa.URL, tmp_path: Path
) -> None:
    migrate(tmp_path, mariadb_sakila, postgresql_url, "first")
    lite = sa.make_url(f"sqlite:///{tmp_path}/sakila.sqlite")
    migrate(tmp_path, postgresql_url, mariadb_url, "to-mariadb")
    assert_equal(mariadb_sakila, mariadb_url)
    migrate(tmp_path, postgresql_url, lite, "to-sqlite")
    assert_equal(mariadb_sakila, lite)
    with sa.create_engine(mariadb_url).begin() as connection:
        connection.execute(sa.text("INSERT INTO actor (first_name, last_name) VALUES ('A', 'B')"))
        new, highest = connection.execute(sa.text("SELECT last_insert_id(), max(actor_id) FROM actor")).one()
        assert new == highest == 201


def test_sakila_goes_from_sqlite_to_postgresql(mariadb_sakila: sa.URL, postgresql_url: sa.URL, tmp_path: Path) -> None:
    lite = sa.make_url(f"sqlite:///{tmp_path}/sakila.sqlite")
    migrate(tmp_path, mariadb_sakila, lite, "to-sqlite")
    migrate(tmp_path, lite, postgresql_url, "to-postgresql")
    assert_equal(mariadb_sakila, postgresql_url)


def test_sakila_arrives_in_duckdb(mariadb_sakila: sa.URL, tmp_path: Path) -> None:
    duck = sa.make_url(f"duckdb:///{tmp_path}/sakila.duckdb")
    migrate(tmp_path, mariadb_sakila, duck)
    assert assert_equal(mariadb_sakila, duck) > 40_000
