"""Bad input is found before anything moves, said all at once with what to do, and leaves nothing behind."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from penstock.errors import ConnectionFailed, GateClosed, PreflightFailed, ReadFailed, UnknownConnection
from penstock.migration.connections import resolve
from penstock.state import journal
from tests.support.data.shop import TABLES, Shop


def test_a_connection_that_nothing_defines_is_named_with_what_to_set() -> None:
    with pytest.raises(UnknownConnection) as missing:
        resolve("no_such_warehouse")
    assert "no_such_warehouse" in missing.value.what and "AIRFLOW_CONN_NO_SUCH_WAREHOUSE" in missing.value.fix


def test_an_unreachable_server_is_a_fault_that_a_retry_can_help_and_hides_the_password(shop: Shop) -> None:
    away = replace(shop, target=sa.make_url("postgresql+psycopg://someone:se-cr-et@127.0.0.1:1/nowhere"))
    with pytest.raises(ConnectionFailed) as failed:
        away.run()
    assert failed.value.retryable and "target" in failed.value.what
    assert "se-cr-et" not in str(failed.value)
    left = "".join(f.read_text() for f in (shop.folder / "staging").rglob("*.json"))
    assert "se-cr-et" not in left


def test_names_too_long_for_the_target_are_refused_with_what_to_do(shop: Shop, postgresql_url: sa.URL) -> None:
    long = "a" * 70
    with sqlite3.connect(str(shop.source.database)) as source:
        source.execute(f"CREATE TABLE wide (id INTEGER PRIMARY KEY, {long} TEXT)")
        source.execute(f"CREATE TABLE {long} (id INTEGER PRIMARY KEY)")
    with pytest.raises(PreflightFailed) as refused:
        replace(shop, target=postgresql_url).run()
    assert str(refused.value).count("63 bytes") == 2 and "rename" in str(refused.value)
    engine = sa.create_engine(postgresql_url)
    assert not sa.inspect(engine).get_table_names() and "penstock_new_shop" not in sa.inspect(engine).get_schema_names()
    engine.dispose()


def test_a_suite_that_names_a_column_nobody_has_is_refused_with_the_nearest(shop: Shop) -> None:
    suites = shop.folder / "expectations"
    suites.mkdir()
    rule = {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "emial"}}
    (suites / "customer.loaded.json").write_text(json.dumps({"name": "customer.loaded", "expectations": [rule]}))
    with pytest.raises(PreflightFailed) as refused:
        shop.run()
    assert "emial" in str(refused.value) and "'email'" in str(refused.value)
    assert not shop.tables()


def test_a_declared_key_that_does_not_name_a_row_closes_the_first_gate(shop: Shop) -> None:
    with pytest.raises(GateClosed) as closed:
        shop.run(migration=shop.write("  include: [log]\n  log: {key: [said]}"))
    assert any("said" in line and "unique" in line.lower() for line in closed.value.failed)
    assert not shop.tables() & set(TABLES)


def test_a_value_that_can_not_be_read_exactly_is_named_by_table_and_column(shop: Shop) -> None:
    with sqlite3.connect(str(shop.source.database)) as source:
        source.execute("UPDATE customer SET born = 'last year' WHERE id = 5")
    with pytest.raises(ReadFailed) as failed:
        shop.run()
    assert "customer" in failed.value.where and "born" in failed.value.where and "last year" in failed.value.why
    assert shop.tables() <= journal.NAMES


def test_a_sensitive_columns_value_stays_out_of_every_record(shop: Shop) -> None:
    with sqlite3.connect(str(shop.source.database)) as source:
        source.execute("UPDATE customer SET born = 'quite-secret' WHERE id = 5")
    with pytest.raises(ReadFailed) as failed:
        shop.run(migration=shop.write("  customer: {sensitive: [born]}"))
    assert "quite-secret" not in str(failed.value)
    for record in Path(shop.folder / "staging").rglob("*"):
        if record.suffix in (".json", ".html"):
            assert "quite-secret" not in record.read_text()


def test_a_database_without_a_module_is_a_source_through_sqlalchemy_and_never_a_target(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    from penstock import databases

    known = databases.names()
    monkeypatch.setattr(databases, "names", lambda: [n for n in known if n != "sqlite"])
    shop.run(migration=shop.write("  include: [order, log]"))
    assert len(shop.rows("order")) == 599 and len(shop.rows("log")) == 100
    with pytest.raises(Exception, match="can't be a target"):
        databases.of(shop.source, target=True)


def test_what_the_target_has_no_place_for_is_told_as_a_warning(shop: Shop) -> None:
    session = shop.run()
    told = [p.what for p in session.plan.problems if not p.blocking]
    assert any("index order_customer is not created" in t for t in told)
    assert any("foreign key fk_order_customer is not created" in t for t in told)
    assert any(t.startswith("id keeps its numbers") for t in told)
