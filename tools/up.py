"""Airflow with its UI on localhost and the demo's migration in it, until Ctrl-C. Runs, connections and history are kept in .airflow/.

Airflow's metadata is in a private PostgreSQL server: Airflow does not support backfills on SQLite.
The admin's password is new at each start.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shlex
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import psycopg
import sqlalchemy as sa

from tools.airflow_server import REPO, Airflow, Failed, airflow, airflow_server
from tools.demo import SOURCE, TARGET, build_source, environment
from tools.postgresql_server import Missing, lasting_server

PORT = int(os.environ.get("PORT", "8080"))
HOME = REPO / ".airflow"
PARALLELISM = "8"
"""Tasks at once. Two cores bear a backfill of four runs at a time with it."""

CONNECTIONS: tuple[dict[str, Any], ...] = (
    {"connection_id": "flights_sqlite", "conn_type": "sqlite", "host": str(SOURCE), "description": "The demo's source: flights of 2013"},
    {"connection_id": "flights_duckdb", "conn_type": "duckdb", "host": str(TARGET), "description": "The demo's target"},
    {
        "connection_id": "example_mysql",
        "conn_type": "mysql",
        "host": "mysql.example.com",
        "port": 3306,
        "schema": "shop",
        "login": "reader",
        "description": "An example to copy: put in your server, database, user and password",
    },
    {
        "connection_id": "example_postgres",
        "conn_type": "postgres",
        "host": "postgres.example.com",
        "port": 5432,
        "schema": "shop",
        "login": "writer",
        "description": "An example to copy: put in your server, database, user and password",
    },
)


def main() -> int:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupted)
    try:
        with alone(HOME), running(HOME, PORT, {"admin": secrets.token_urlsafe(12)}) as served:
            print(f"\n  {served.url}   user admin   password {served.passwords['admin']}\n", flush=True)
            print(f"Airflow's command line for it: {HOME / 'airflow'} connections list\nCtrl-C ends it", flush=True)
            while True:
                served.check()
                time.sleep(1)
    except KeyboardInterrupt:
        return 0
    except (Failed, Missing) as failure:
        print(failure, file=sys.stderr)
        return 1


@contextmanager
def alone(home: Path) -> Iterator[None]:
    """Hold `home` for this process. Raises Failed when another one does."""
    home.mkdir(parents=True, exist_ok=True)
    with open(home / "up.lock", "a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            who = f"process {lock.read().strip()}"
            raise Failed(f"`make up` already runs on {home} ({who}). Fix: use that one, or end it with Ctrl-C or `kill`") from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


@contextmanager
def running(home: Path, port: int, passwords: Mapping[str, str]) -> Iterator[Airflow]:
    """Airflow on the server whose data is in `home`, with the demo's data and connections. Raises Failed and Missing."""
    build_source()
    settings = environment() | {"AIRFLOW__CORE__PARALLELISM": PARALLELISM, "AIRFLOW__CORE__TEST_CONNECTION": "Enabled"}
    data = home / "postgresql"
    if not data.exists() and (old := home / "airflow.db").exists():
        print(f"{old} is left alone: it is the SQLite database of `make demo`, and was that of `make up`, which does not use it any more")
    print(f"starting PostgreSQL for Airflow's metadata in {data}, and Airflow; its logs are in {home}", flush=True)
    with ExitStack() as stack:
        try:
            server = stack.enter_context(lasting_server(data))
        except RuntimeError as error:
            raise Failed(f"PostgreSQL did not start in {data}: {error}") from None
        metadata = _database(server).render_as_string(hide_password=False)
        served = stack.enter_context(airflow_server(home, metadata, settings, passwords, port))
        _create_connections(served)
        stack.enter_context(_command_line(served))
        yield served


def _database(server: sa.URL) -> sa.URL:
    """Airflow's database on the server, created at first."""
    address = server.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(address, autocommit=True) as admin:
        if not admin.execute("SELECT 1 FROM pg_database WHERE datname = 'airflow'").fetchone():
            admin.execute("CREATE DATABASE airflow")
    return server.set(database="airflow")


def _create_connections(served: Airflow) -> None:
    """Those of CONNECTIONS that are missing. What somebody has changed stays as it is."""
    found = {c["connection_id"] for c in served.ask("/api/v2/connections?limit=1000")["connections"]}
    for connection in CONNECTIONS:
        if connection["connection_id"] not in found:
            served.ask("/api/v2/connections", connection)


@contextmanager
def _command_line(served: Airflow) -> Iterator[None]:
    """A script `airflow` in its home, as long as it runs: Airflow's command line with this server's settings."""
    script = served.home / "airflow"
    script.unlink(missing_ok=True)
    script.touch(0o700)  # before anything is in it: the database's password is
    settings = {name: value for name, value in served.environment.items() if os.environ.get(name) != value}
    lines = [f"export {name}={shlex.quote(value)}" for name, value in sorted(settings.items())]
    script.write_text("\n".join(["#!/bin/sh", *lines, f'exec {shlex.join(airflow())} "$@"', ""]))
    try:
        yield
    finally:
        script.unlink(missing_ok=True)


def _interrupted(number: int, frame: FrameType | None) -> None:
    for again in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(again, signal.SIG_IGN)  # while everything is stopped
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
