"""The limit: what the databases' own clients do when one is piped into the other, and the key at the end. It checks nothing."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

import sqlalchemy as sa

from benchmarks.bed import Path_
from benchmarks.contestants import ALL, Command, Route, joined, mariadb, plain, told
from benchmarks.tpch import Table, add_key, ddl

label = "COPY pipe (the limit)"
paths = ALL
excuses: Mapping[Path_, str] = {}

_CLIENTS = {"psql": "postgresql-client", "mariadb": "mariadb-client", "sqlite3": "sqlite3"}
_DUCKDB = """
import duckdb, sys
target, name, ddl, key = sys.argv[1:]
with duckdb.connect(target) as db:
    db.execute(ddl)
    db.execute(f"COPY {name} FROM '/dev/stdin' (FORMAT csv, HEADER false)")
    db.execute(key)
"""


def absent() -> str | None:
    missing = [f"{client} (Debian: {package})" for client, package in _CLIENTS.items() if not shutil.which(client)]
    return f"not installed: {', '.join(missing)}" if missing else None


def version() -> str:
    return told("psql", "--version")


def command(route: Route, folder: Path) -> Command:
    build = {
        ("postgresql", "postgresql"): _postgresql_to_postgresql,
        ("mariadb", "postgresql"): _mariadb_to_postgresql,
        ("postgresql", "mariadb"): _postgresql_to_mariadb,
        ("sqlite", "duckdb"): _sqlite_to_duckdb,
    }[route.path]
    ends = {"SOURCE": plain(route.source), "TARGET": plain(route.target)}
    password = next((str(u.password) for u in (route.source, route.target) if u.get_backend_name() == "mysql"), "")
    return Command("\n".join(line for table in route.tables for line in build(route, table)), ends | {"MYSQL_PWD": password})


def _psql(end: str, *words: str) -> str:
    return f'psql -X -q "${end}" {joined(*words)}'


def _postgresql_to_postgresql(route: Route, table: Table) -> list[str]:
    out = _psql("SOURCE", "-c", f"COPY {table.name} TO STDOUT (FORMAT binary)")
    into = _psql("TARGET", "-c", f"COPY {table.name} FROM STDIN (FORMAT binary)")
    return [_psql("TARGET", "-c", ddl(table, key=False)), f"{out} | {into}", _psql("TARGET", "-c", add_key(table))]


def _mariadb_to_postgresql(route: Route, table: Table) -> list[str]:
    out = mariadb(route.source, "--quick", "--batch", "--skip-column-names", "-e", f"SELECT * FROM {table.name}")
    into = _psql("TARGET", "-c", f"COPY {table.name} FROM STDIN (NULL 'NULL')")
    return [_psql("TARGET", "-c", ddl(table, key=False)), f"{out} | {into}", _psql("TARGET", "-c", add_key(table))]


def _postgresql_to_mariadb(route: Route, table: Table) -> list[str]:
    out = _psql("SOURCE", "-c", f"COPY {table.name} TO STDOUT")
    load = f"LOAD DATA LOCAL INFILE '/dev/stdin' INTO TABLE {table.name} CHARACTER SET utf8mb4"
    return [mariadb(route.target, "-e", ddl(table, key=True)), f"{out} | {mariadb(route.target, '--local-infile=1', '-e', load)}"]


def _sqlite_to_duckdb(route: Route, table: Table) -> list[str]:
    out = joined("sqlite3", "-readonly", "-csv", _file(route.source), f"SELECT * FROM {table.name}")
    into = joined(sys.executable, "-c", _DUCKDB, _file(route.target), table.name, ddl(table, key=False), add_key(table))
    return [f"{out} | {into}"]


def _file(url: sa.URL) -> str:
    return str(url.database)
