"""Preflight: what is found before a row moves, how much there is to move, and that looking changes nothing."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import subprocess
import sys
import time
from collections import namedtuple
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Timer

import duckdb
import pytest
import sqlalchemy as sa

from penstock import databases
from penstock.cli.commands import main
from penstock.databases import AccessRequest
from penstock.errors import ConnectionFailed, Problem
from penstock.planning.preflight import estimate
from penstock.planning.preflight.checks import space
from penstock.planning.preflight.estimate import Space, Workload
from penstock.planning.preflight.result import PreflightResult
from penstock.stages import plan, report
from tests.support.data.shop import ITEMS, Shop
from tests.support.requests import request
from tools.mariadb_server import mariadb_server as odd_mariadb

Usage = namedtuple("Usage", "total used free")


def check(shop: Shop, tables: str = "", extra: str = "", estimated: bool = False) -> PreflightResult:
    migration = shop.write(tables, extra)
    root = str(shop.folder / "staging")
    return plan.preflight(request(migration, "r1", root, shop.source, shop.target, shop.folder / "expectations"), estimate=estimated)


def of(found: PreflightResult, area: str) -> list[Problem]:
    return [p for p in found.problems if p.area == area]


def test_a_check_of_a_sound_migration_tells_what_to_expect(shop: Shop) -> None:
    found = check(shop, estimated=True)
    assert not found.blocking and found.estimate is not None
    seen = found.estimate
    assert (seen.tables, seen.rows) == (5, 2197) and seen.largest[0][:2] == (ITEMS, 1198)
    assert [(s.place, s.needed > 0, bool(s.free)) for s in seen.space] == [("staging", True, True), ("target", True, True)]
    assert seen.seconds is not None and 0 < seen.seconds[0] < seen.seconds[1]
    assert "rows of" in seen.basis and "read at" in seen.basis and "loaded at" in seen.basis
    assert not of(found, "values")
    assert any("log" in p.where and "multiset" in p.what for p in of(found, "key"))


def test_a_check_without_an_estimate_reads_no_row(shop: Shop) -> None:
    with sqlite3.connect(str(shop.source.database)) as source:
        source.execute("UPDATE customer SET born = 'last year' WHERE id = 5")
    found = check(shop)
    assert found.estimate and found.estimate.seconds is None and not of(found, "values")
    assert [p.where for p in of(check(shop, estimated=True), "values")] == ["table customer, row id=5, column born, declared DATE"]


def test_a_check_leaves_nothing_at_either_end(shop: Shop) -> None:
    source = Path(str(shop.source.database))
    for target in (shop.target, sa.make_url(f"sqlite:///{shop.folder}/t.sqlite")):
        check(replace(shop, target=target), estimated=True)
        assert {f.name for f in shop.folder.iterdir()} == {"shop.sqlite", "shop.yaml"}
    duckdb.connect(str(shop.target.database)).execute("CREATE TABLE other (v INT)").close()
    before = source.read_bytes()
    check(shop, estimated=True)
    assert source.read_bytes() == before and shop.tables() == {"other"}
    assert {f.name for f in shop.folder.iterdir()} == {"shop.sqlite", "shop.duckdb", "shop.yaml"}


@pytest.mark.parametrize("to", ["postgresql", "mariadb"])
def test_a_sample_at_a_server_leaves_nothing_there(shop: Shop, to: str, request: pytest.FixtureRequest) -> None:
    there = replace(shop, target=request.getfixturevalue(f"{to}_url"))
    found = check(there, estimated=True)
    assert found.estimate and "loaded at" in found.estimate.basis and not found.blocking
    assert there.tables() == set()


def test_what_a_sample_ran_into_is_told_by_column_and_not_by_value_where_that_is_sensitive(shop: Shop) -> None:
    with sqlite3.connect(str(shop.source.database)) as source:
        source.execute("UPDATE customer SET born = 'quite-secret' WHERE id = 5")
    found = of(check(shop, estimated=True), "values")
    assert "a sample of the rows" in found[0].what and "born" in found[0].where and "quite-secret" in found[0].what
    found = of(check(shop, "  customer: {sensitive: [born]}", estimated=True), "values")
    assert found and "quite-secret" not in str(found)


def test_values_that_the_target_can_not_hold_are_seen_in_the_sample(shop: Shop, postgresql_url: sa.URL) -> None:
    with sqlite3.connect(str(shop.source.database)) as source:
        source.execute("UPDATE customer SET name = 'a' || char(0) || 'b' WHERE id = 5")
    found = of(check(replace(shop, target=postgresql_url), estimated=True), "values")
    assert [p.blocking for p in found] == [True] and "table customer, row id=5" in found[0].where, found
    with sqlite3.connect(str(shop.source.database)) as source:
        source.execute("CREATE TABLE far (id INTEGER PRIMARY KEY, v REAL)")
        source.executemany("INSERT INTO far (v) VALUES (?)", [(n / 3,) for n in range(1500)] + [("far away",)])
    found = of(check(shop, "  include: [far]", estimated=True), "values")
    assert found and found[0].where.startswith("table far, row id=1501, column v"), found


def test_zero_dates_and_nan_are_seen_in_the_sample(shop: Shop, mariadb_url: sa.URL, postgresql_url: sa.URL) -> None:
    engine = sa.create_engine(mariadb_url)
    with engine.begin() as connection:
        connection.exec_driver_sql("SET sql_mode = ''")
        connection.exec_driver_sql("CREATE TABLE orders (id int PRIMARY KEY, day date)")
        connection.exec_driver_sql("INSERT INTO orders VALUES (1, '2024-02-30'), (2, '0000-00-00')")
    engine.dispose()
    engine = sa.create_engine(postgresql_url)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE weights (id int PRIMARY KEY, w float8)")
        connection.exec_driver_sql("INSERT INTO weights VALUES (1, 'NaN')")
    engine.dispose()
    for source, target, where in ((mariadb_url, shop.target, "orders"), (postgresql_url, mariadb_url, "weights")):
        found = of(check(replace(shop, source=source, target=target), estimated=True), "values")
        assert len(found) == 1 and f"table {where}" in found[0].where and found[0].fix, found


def test_a_function_of_the_users_is_not_tried_in_a_sample(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    (shop.folder / "touching.py").write_text("def columns(c):\n    return c\n\ndef touch(t):\n    raise SystemExit('called')\n")
    monkeypatch.syspath_prepend(str(shop.folder))
    step = "{python: {call: 'touching:touch', columns: {said: string, weight: float64}}}"
    found = check(shop, f"  include: [log]\n  log: {{transform: [{step}]}}", estimated=True)
    assert found.estimate and ("loading could not be measured" in found.estimate.basis or found.blocking), found


def test_too_little_room_blocks_when_it_is_measured_and_far_too_little(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(1 << 30, 1 << 30, 1000))
    assert [(p.blocking, p.where) for p in of(check(shop), "space")] == [(False, "staging and target")]
    found = of(check(shop, estimated=True), "space")
    assert [p.blocking for p in found] == [True] and "1000 B are free" in found[0].what
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(1 << 40, 0, 1 << 40))
    assert not of(check(shop, estimated=True), "space")


def test_of_an_object_store_nobody_knows_the_room() -> None:
    work = Workload((), {}, (), "s3://bucket/x", None, 1, 1)
    found = estimate.estimate(work)
    assert found.space == (Space("staging", 0, None), Space("target", 0, None))
    assert any("unknown" in line for line in found.lines())
    assert not list(space.short(estimate.space(work), measured=False))


def test_names_that_differ_in_case_only_are_refused_where_they_are_one(shop: Shop, postgresql_url: sa.URL) -> None:
    engine = sa.create_engine(postgresql_url)
    with engine.begin() as connection:
        connection.exec_driver_sql('CREATE TABLE "Orders" (id int PRIMARY KEY)')
        connection.exec_driver_sql('CREATE TABLE "orders" (id int PRIMARY KEY, "ID" int)')
    engine.dispose()
    away = replace(shop, source=postgresql_url)
    found = [p.what for p in of(check(away), "collision")]
    assert len(found) == 2 and "'Orders' and 'orders'" in found[1] and "'id' and 'ID'" in found[0], found
    duckdb.connect(str(shop.target.database)).execute("CREATE TABLE ORDERS (v INT)").close()
    found = [p.fix for p in of(check(away, "  include: [Orders]"), "collision")]
    assert found == ["write `to: ORDERS`, or another name"]


def test_a_file_that_is_not_there_is_named_and_not_made(shop: Shop) -> None:
    nowhere = replace(shop, source=sa.make_url(f"sqlite:///{shop.folder}/typo.sqlite"))
    with pytest.raises(ConnectionFailed) as failed:
        check(nowhere)
    assert "there is no file" in failed.value.why and not (shop.folder / "typo.sqlite").exists()


@contextmanager
def held_open(database: str | None) -> Iterator[subprocess.Popen[str]]:
    """A process that has a DuckDB file open until its standard input ends."""
    holder = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('held', flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", holder, str(database)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as held:
        assert held.stdin and held.stdout and held.stdout.readline() == "held\n"
        yield held
        held.stdin.close()


def test_a_file_that_another_process_has_open_for_long_says_so(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("penstock.databases.duckdb.session.PATIENCE", 0.5)
    with held_open(shop.target.database), pytest.raises(ConnectionFailed) as failed:
        check(shop)
    assert "lock" in failed.value.why.lower() and "no other process holds it" in failed.value.fix


def test_runs_that_write_into_one_duckdb_file_take_turns(shop: Shop) -> None:
    with held_open(shop.target.database) as held:
        assert held.stdin
        ending = Timer(1.0, held.stdin.close)
        ending.start()
        began = time.monotonic()
        check(shop)
        assert time.monotonic() - began >= 0.9


def test_a_file_that_can_not_be_written_is_refused(shop: Shop) -> None:
    for make in (f"sqlite:///file:{shop.folder}/t.sqlite?mode=ro&uri=true", f"duckdb:///{shop.folder}/t.duckdb?access_mode=read_only"):
        sqlite3.connect(shop.folder / "t.sqlite").execute("CREATE TABLE IF NOT EXISTS t (v)").connection.close()
        duckdb.connect(str(shop.folder / "t.duckdb")).close()
        found = check(replace(shop, target=sa.make_url(make))).blocking
        assert [p.area for p in found] == ["privileges"], found


def test_a_file_that_is_being_written_is_a_warning(shop: Shop) -> None:
    there = replace(shop, target=sa.make_url(f"sqlite:///{shop.folder}/t.sqlite"))
    writer = sqlite3.connect(shop.folder / "t.sqlite", isolation_level=None)
    writer.execute("CREATE TABLE t (v)")
    writer.execute("BEGIN IMMEDIATE")
    found = of(check(there), "settings")
    writer.close()
    assert [(p.blocking, "another process" in p.what) for p in found] == [(False, True)]


def test_a_schema_that_is_not_there_is_named(shop: Shop, postgresql_url: sa.URL) -> None:
    found = check(replace(shop, target=postgresql_url), extra="target_schema: lvie")
    assert [p.area for p in found.blocking] == ["migration"] and "no schema lvie" in found.blocking[0].what


def test_a_database_that_is_too_old_is_refused_before_anything_else(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    sqlite = databases.of(shop.source)
    monkeypatch.setattr(sqlite, "version", lambda _: "SQLite 3.9.2")
    found = check(shop)
    assert [(p.area, p.where) for p in found.problems] == [("version", "source")] and "SQLite 3.33" in found.problems[0].what
    monkeypatch.setattr(sqlite, "version", lambda _: "SQLite 3.33.0")
    assert not check(shop).blocking


def test_settings_of_postgresql_that_would_break_a_run_are_told(shop: Shop, postgresql_url: sa.URL) -> None:
    there = replace(shop, target=postgresql_url)
    engine = sa.create_engine(postgresql_url, poolclass=sa.pool.NullPool)
    with engine.connect() as connection:
        name = postgresql_url.database
        connection.exec_driver_sql(f"ALTER DATABASE {name} SET statement_timeout = '5s'")
        connection.exec_driver_sql(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
        connection.commit()
    found = of(check(there), "settings")
    assert [p.blocking for p in found] == [True, False]
    assert "read-only" in found[0].what and "statement_timeout is 5000ms" in found[1].what, found
    with databases.of(postgresql_url).engine(postgresql_url).connect() as connection:
        connection.exec_driver_sql("SET TimeZone = 'Asia/Tokyo'")  # as a pooler would that hands sessions round
        told = databases.of(postgresql_url).preflight(connection, AccessRequest("source", "public", 1000))
    assert any(p.blocking and "TimeZone" in p.what for p in told) and any("connections are taken" in p.what for p in told), told


def test_settings_of_mariadb_that_would_break_a_run_are_told(shop: Shop, mariadb_server: sa.URL) -> None:
    with odd_mariadb("lower-case-table-names=1", "max-allowed-packet=1M", "max-statement-time=7", "max-connections=11") as url:
        engine = sa.create_engine(url, poolclass=sa.pool.NullPool)
        with engine.connect() as connection:
            for statement in ("CREATE DATABASE d", "SET GLOBAL local_infile = 0", "SET GLOBAL read_only = 1"):
                connection.exec_driver_sql(statement)
            connection.exec_driver_sql("CREATE USER w IDENTIFIED BY 'p'")
            connection.exec_driver_sql("GRANT ALL ON d.* TO w")
        with sqlite3.connect(str(shop.source.database)) as source:
            source.execute("CREATE TABLE Big (id INTEGER PRIMARY KEY)")
        there = replace(shop, target=url.set(username="w", password="p", database="d"))
        found = check(there, extra="connections: 12")
        told = [p for p in found.problems if p.where == "target"]
        said = {re.sub(r"^\d+ of", "so many of", re.split(r"[:,]| \(", p.what)[0]): p.blocking for p in told}
    assert said == {
        "it is read-only": True,
        "LOAD DATA LOCAL is switched off": True,
        "the server keeps table names in small letters": True,
        "max_statement_time is 7.000000": False,
        "max_allowed_packet is 1": False,
        "so many of 11 connections are taken now": False,
    }, found.problems


def test_check_shows_one_table_with_what_blocks_first(
    shop: Shop, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(shop.folder)
    shop.write("  include: [order, log]\n  custmer: {}")
    assert main(["check", "shop.yaml"]) == 1
    lines = [line for line in capsys.readouterr().out.splitlines() if line]
    assert lines[0].split() == ["area", "where", "what", "what", "to", "do"]
    assert lines[1].split()[:3] == ["✗", "blocks", "migration"] and lines[2].startswith("· warning")
    assert any(line.startswith("sizes: 2 tables") for line in lines) and not any(line.startswith("time:") for line in lines)
    shop.write("  include: [order, log]")
    assert main(["check", "shop.yaml", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["estimate"]["seconds"] and {p["area"] for p in found["problems"]} == {"schema", "key"}
    assert main(["check", "shop.yaml", "--json", "--no-estimate"]) == 0
    assert json.loads(capsys.readouterr().out)["estimate"]["seconds"] is None


def test_the_report_has_what_preflight_found_of_runs_that_were_refused_too(shop: Shop) -> None:
    area = shop.run(migration=shop.write("  include: [log]")).staging
    found = report.report(area, "shop", "r1")
    assert [p["area"] for p in found["preflight"]["problems"]] == ["key"] and found["preflight"]["lines"][0].startswith("sizes: 1 table")
    html = area.read_text("report.html")
    assert "multiset" in html and "sizes: 1 table" in html
    with pytest.raises(Exception, match="custmer"):
        shop.run("r2", shop.write("  custmer: {}"))
    refused = (shop.folder / "staging/shop/r2/report.html").read_text()
    assert 'class="bad"><td><span class="pill bad">blocking' in refused and "custmer" in refused


def test_a_plan_does_not_forget_the_sample_that_preflight_took(shop: Shop) -> None:
    session = shop.run(stop_before_switch=True)
    area, sampled = session.staging, check(shop, estimated=True)
    area.remove("preflight.json")
    plan.keep(area, sampled)
    plan.keep(area, check(shop))
    assert area.read_json("preflight.json")["estimate"]["seconds"]
    blocked = PreflightResult((), (Problem(True, "target", "gone"),))
    plan.keep(area, blocked)
    assert area.read_json("preflight.json")["problems"][0]["what"] == "gone"
    plan.keep(area, check(shop))
    assert not any(p["blocking"] for p in area.read_json("preflight.json")["problems"])


@pytest.mark.parametrize("server", ["postgresql", "mariadb"])
def test_many_tables_are_checked_with_few_questions(shop: Shop, server: str, request: pytest.FixtureRequest) -> None:
    url: sa.URL = request.getfixturevalue(f"{server}_url")
    database = databases.of(url)
    engine = database.engine(url)
    asked: list[str] = []
    with engine.connect() as connection:
        for n in range(60):
            databases.execute(connection, f"CREATE TABLE t{n} (id int PRIMARY KEY, v varchar(20))")
        connection.commit()
        tables = database.inspect(connection, None)
        sa.event.listen(engine, "before_cursor_execute", lambda *said: asked.append(said[2]))
        names = tuple(t.name for t in tables)
        database.preflight(connection, AccessRequest("source", sa.inspect(connection).default_schema_name, 2, tuple(tables)))
        database.preflight(
            connection, AccessRequest("target", sa.inspect(connection).default_schema_name, 2, tuple(tables), names, names, ("j",))
        )
        assert set(database.sizes(connection, tables)) == {f"t{n}" for n in range(60)}
    engine.dispose()
    assert len(tables) == 60 and len(asked) < 45, asked


def test_the_journal_tells_names_apart_as_the_target_does(shop: Shop, postgresql_url: sa.URL, mariadb_url: sa.URL) -> None:
    engine = sa.create_engine(postgresql_url)
    with engine.begin() as connection:
        for name, rows in (("Orders", 2), ("orders", 3), ("名前", 1)):
            connection.exec_driver_sql(f'CREATE TABLE "{name}" (id int PRIMARY KEY)')
            connection.exec_driver_sql(f'INSERT INTO "{name}" SELECT generate_series(1, {rows})')
    engine.dispose()
    engine = sa.create_engine(mariadb_url)
    with engine.begin() as connection:
        connection.exec_driver_sql(f"ALTER DATABASE {mariadb_url.database} CHARACTER SET latin1")
    engine.dispose()
    there = replace(shop, source=postgresql_url, target=mariadb_url)
    there.run()
    assert [len(there.rows(name, "1")) for name in ("Orders", "orders", "名前")] == [2, 3, 1]
