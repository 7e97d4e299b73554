"""What keeps a source from being followed is found before anything moves, each with a fix; and its fix helps."""

from __future__ import annotations

import secrets
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from penstock import live
from penstock.errors import MigrationError, PreflightFailed, Problem, SwitchRefused
from penstock.migration.loader import load
from penstock.stages import plan
from tests.support.live import Live, address
from tests.support.requests import request


def found(shop: Live) -> list[Problem]:
    return list(plan.preflight(shop.request()).problems)


def blocking(shop: Live) -> list[str]:
    return [f"{p.where}: {p.what}" for p in found(shop) if p.blocking]


TABLES = {
    "no key": (["CREATE TABLE t (a int)"], "it has no key"),
    "no identity": (
        ["CREATE TABLE t (id int PRIMARY KEY)", "ALTER TABLE t REPLICA IDENTITY NOTHING"],
        "replica identity does not have the key",
    ),
    "another identity": (
        ["CREATE TABLE t (id int PRIMARY KEY, u int NOT NULL UNIQUE)", "ALTER TABLE t REPLICA IDENTITY USING INDEX t_u_key"],
        "replica identity does not have the key",
    ),
    "a deferrable key": (["CREATE TABLE t (id int PRIMARY KEY DEFERRABLE)"], "its primary key is deferrable"),
    "unlogged": (["CREATE UNLOGGED TABLE t (id int PRIMARY KEY)"], "it is unlogged"),
    "unlike partitions": (
        [
            "CREATE TABLE t (id int PRIMARY KEY) PARTITION BY RANGE (id)",
            "CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (0) TO (9)",
            "ALTER TABLE t1 REPLICA IDENTITY FULL",
        ],
        "partitions have another replica identity",
    ),
}


@pytest.mark.parametrize("case", TABLES)
def test_a_table_that_can_not_be_followed_is_named(shop: Live, case: str) -> None:
    statements, what = TABLES[case]
    shop.do(*statements)
    said = blocking(shop)
    assert len(said) == 1 and said[0].startswith("table t: ") and what in said[0]
    fixes = [p.fix.partition(";")[0] for p in found(shop) if p.blocking and p.fix.startswith("ALTER")]
    for fix in fixes:
        shop.do(fix.partition(", or")[0])
    assert not fixes or not blocking(shop)


STEPS = {
    "long values": ([{"derive": {"b": "upper(a)"}}], "long values that a change leaves out"),
    "python": ([{"python": {"call": "os.path:join", "columns": {"id": "int32"}}}], "may give another result each time"),
    "a made key": ([{"derive": {"id": "id + 1"}}], "does not follow from the key at the source"),
    "a dropped key": ([{"drop": ["id"]}], "does not follow from the key at the source"),
}


@pytest.mark.parametrize("case", STEPS)
def test_steps_that_can_not_be_applied_to_changes_are_named(shop: Live, case: str) -> None:
    steps, what = STEPS[case]
    shop.do("CREATE TABLE t (id int PRIMARY KEY, a text)")
    shop.tables = {"t": {"transform": steps}}
    assert any(what in said for said in blocking(shop))


def test_generated_columns_with_steps_are_named(shop: Live) -> None:
    shop.do("CREATE TABLE t (id int PRIMARY KEY, a int, g int GENERATED ALWAYS AS (a + 1) STORED)")
    assert not blocking(shop)
    shop.tables = {"t": {"transform": [{"rename": {"a": "b"}}]}}
    assert blocking(shop) == ["table t: it has steps and generated columns, whose values a change does not have"]


def test_partitions_and_an_unlimited_log_are_warned_of(shop: Live) -> None:
    shop.do("CREATE TABLE t (id int PRIMARY KEY) PARTITION BY RANGE (id)")
    said = " ".join(p.what for p in found(shop) if not p.blocking)
    assert "TRUNCATE, ATTACH and DETACH of a partition" in said and "max_slot_wal_keep_size is -1" in said
    with psycopg.connect(address(shop.source_url)) as writer:
        writer.execute("INSERT INTO t SELECT 1 WHERE false; SELECT txid_current()")
        assert not any("a transaction that writes is open" in p.what for p in found(shop))  # not for long


def test_a_user_without_rights_is_told_the_way(shop: Live) -> None:
    role = f"reader_{secrets.token_hex(3)}"
    shop.do("CREATE TABLE t (id int PRIMARY KEY)", f"CREATE ROLE {role} LOGIN PASSWORD 'p'", f"GRANT SELECT ON t TO {role}")
    mine = shop.source_url
    shop.source_url = mine.set(username=role, password="p")
    try:
        said = [p for p in found(shop) if p.blocking]
        assert [p.area for p in said] == ["privileges"] * 3, said
        assert said[0].fix == f"ALTER ROLE {role} REPLICATION"
        made = 'CREATE PUBLICATION penstock_shop FOR TABLE "public"."t" WITH (publish_via_partition_root = true)'
        assert said[2].fix == f"let their owner run: {made}"
        shop.do(said[0].fix, made)
        assert not blocking(shop) and any("the switch closes" in p.what for p in found(shop))
        shop.loaded()
        shop.do("INSERT INTO t VALUES (1)")
        shop.follow()
        assert shop.same("t")
        with pytest.raises(SwitchRefused, match="may not close the source's tables"):
            live.switch(shop.request().reopened(), None, 60)
        shop.do("INSERT INTO t VALUES (2)")
    finally:
        shop.source_url = mine
        shop.do("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE database = current_database()")
        shop.do(f"DROP OWNED BY {role}", f"DROP ROLE {role}")


def test_a_source_without_a_log_is_refused_with_what_to_use_instead(tmp_path: Path) -> None:
    ends = [sa.make_url(f"{kind}:///{tmp_path}/a.{kind}") for kind in ("sqlite", "duckdb")]
    with sa.create_engine(ends[0]).begin() as connection:
        connection.execute(sa.text("CREATE TABLE t (id INTEGER PRIMARY KEY)"))
    file = tmp_path / "m.yaml"
    file.write_text(f"name: m\nsource: {ends[0]}\ntarget: {ends[1]}\nlive: true\n")
    with pytest.raises(PreflightFailed) as refused:
        plan.make(request(load(file), "r", "", *ends, tmp_path / "none"))
    assert "the changes of SQLite can't be followed" in str(refused.value) and "incremental" in str(refused.value)


def test_a_target_that_takes_no_changes_is_refused(shop: Live) -> None:
    shop.do("CREATE TABLE t (id int PRIMARY KEY)")
    shop.target_url = sa.make_url(f"duckdb:///{shop.folder}/a.duckdb")
    file = shop.folder / "m.yaml"
    file.write_text(f"name: m\nsource: {address(shop.source_url)}\ntarget: {shop.target_url}\nlive: true\n")
    said = plan.preflight(request(load(file), "r", "", shop.source_url, shop.target_url, shop.folder / "none")).problems
    assert [p.what for p in said if p.blocking] == ["changes can't be applied to DuckDB yet"]


@pytest.mark.parametrize("more", [{"repair": True}, {"depth": "source"}], ids=["repair", "proof"])
def test_what_needs_a_source_that_stands_still_is_refused(shop: Live, more: dict[str, object]) -> None:
    shop.do("CREATE TABLE t (id int PRIMARY KEY)")
    with pytest.raises(MigrationError, match="does not go with `live: true`"):
        plan.plan(shop.request(**more))
