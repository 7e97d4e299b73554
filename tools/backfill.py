"""A backfill of New York's flights of 2013, a partition a day, by Airflow's own backfill under its real scheduler: rows, time, overhead.

    python -m tools.backfill [DAYS] [AT_ONCE]      the first DAYS days of the year (31), AT_ONCE runs at a time (2)

SQLite is the source, a private PostgreSQL the target and Airflow's own database.
"""

from __future__ import annotations

import json
import secrets
import shutil
import signal
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import date, timedelta
from pathlib import Path
from statistics import median
from typing import Any

import psycopg
import sqlalchemy as sa

from tools.airflow_server import REPO, Airflow, airflow_server, connection
from tools.demo import SOURCE, build_source, connections, environment
from tools.postgresql_server import postgresql_server
from tools.up import PARALLELISM

MIGRATION = """\
name: flights_daily
source: flights_sqlite
target: warehouse
schedule: "@daily"
start_date: 2013-01-01
timezone: America/New_York
max_active_runs: {at_once}
tables:
  include: [airlines, airports, planes, flights]
  airlines: {{load: once}}
  airports: {{load: once}}
  planes: {{load: once}}
  flights:
    partition: {{by: time_hour}}
"""


@contextmanager
def flights(at_once: int) -> Iterator[tuple[Airflow, sa.URL]]:
    """Airflow with the repository's migrations and `flights_daily`, and the server that has its data and the target `warehouse`."""
    build_source()
    with tempfile.TemporaryDirectory(prefix="penstock-backfill-") as folder, postgresql_server("max_connections=200") as server:
        home = Path(folder)
        shutil.copytree(REPO / "dags", home / "dags")
        (home / "expectations").symlink_to(REPO / "expectations")
        (home / "dags" / "migrations" / "flights_daily.yaml").write_text(MIGRATION.format(at_once=at_once))
        for name in ("airflow", "warehouse"):
            with psycopg.connect(server.set(drivername="postgresql").render_as_string(hide_password=False), autocommit=True) as admin:
                admin.execute(f"CREATE DATABASE {name}")
        settings = environment() | connections() | {"AIRFLOW__CORE__PARALLELISM": PARALLELISM}
        settings |= {
            "AIRFLOW__CORE__DAGS_FOLDER": str(home / "dags"),
            "AIRFLOW_VAR_PENSTOCK_STAGING": str(home / "staging"),
            "AIRFLOW_CONN_FLIGHTS_DUCKDB": json.dumps({"conn_type": "duckdb", "host": str(home / "flights.duckdb")}),
            "AIRFLOW_CONN_WAREHOUSE": connection(server.set(database="warehouse")),
        }
        metadata = server.set(database="airflow").render_as_string(hide_password=False)
        with airflow_server(home, metadata, settings, {"admin": secrets.token_hex(8)}) as airflow:
            airflow.until("the DAGs", lambda: all(airflow.ask(f"/api/v2/dags/{dag_id}") for dag_id in ("flights", "flights_daily")))
            yield airflow, server


def backfill(airflow: Airflow, server: sa.URL, days: int, at_once: int) -> dict[str, int]:
    """Run the year's first days by Airflow's own backfill; the states of the runs when all have ended."""
    first, last = (f"{date(2013, 1, 1) + timedelta(days=n)}T05:00:00+00:00" for n in (0, days - 1))  # midnight in New York
    airflow.unpause("flights_daily")
    airflow.ask("/api/v2/backfills", {"dag_id": "flights_daily", "from_date": first, "to_date": last, "max_active_runs": at_once})
    return dict(airflow.until("the runs", lambda: ended(server), patience=120 * days))


def main(days: int, at_once: int) -> int:
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # stopped, it stops what it has started
    with flights(at_once) as (airflow, server):
        began = time.monotonic()
        states = backfill(airflow, server, days, at_once)
        told(airflow.home, server, days, time.monotonic() - began, states)
    return 0 if states == {"success": days} else 1


def asked(server: sa.URL, database: str, query: str) -> list[tuple[Any, ...]]:
    address = server.set(drivername="postgresql", database=database).render_as_string(hide_password=False)
    with closing(psycopg.connect(address)) as connection:
        return connection.execute(query.encode()).fetchall()


def ended(server: sa.URL) -> dict[str, int]:
    """The states of the backfill's runs when all have ended; until then nothing."""
    query = "SELECT state, count(*) FROM dag_run WHERE run_type = 'backfill' GROUP BY state"
    states = {str(state): int(count) for state, count in asked(server, "airflow", query)}
    return {} if {"queued", "running"} & states.keys() else states


def told(home: Path, server: sa.URL, days: int, seconds: float, states: dict[str, int]) -> None:
    """Print what the backfill took, and what of it was the engine's own work."""
    tasks, spent = asked(
        server, "airflow", "SELECT count(*), sum(duration) FROM task_instance WHERE run_id LIKE 'backfill%' AND duration IS NOT NULL"
    )[0]
    own = []
    for timings in (home / "staging" / "flights_daily").glob("backfill*/timings"):
        own.append(sum(json.loads(f.read_text())["seconds"] for f in timings.glob("*.json")))
    lengths = "SELECT EXTRACT(EPOCH FROM end_date - start_date) FROM dag_run WHERE run_type = 'backfill' AND state = 'success'"
    runs = [float(length) for (length,) in asked(server, "airflow", lengths)]
    rows = asked(server, "warehouse", "SELECT count(*), count(DISTINCT (time_hour AT TIME ZONE 'America/New_York')::date) FROM flights")[0]
    proven = asked(server, "warehouse", "SELECT count(*) FROM penstock_coverage WHERE table_name = 'flights' AND state = 'proven'")[0][0]
    print(f"\n{days} days: {states}, {rows[0]:,} rows of {rows[1]} days, {proven} partitions proven")
    print(f"{seconds:.0f} s, {seconds / days:.1f} s a day")
    print(f"{tasks:,} tasks ({tasks / days:.0f} a run), {float(spent):.0f} s in tasks; a run took {median(runs):.1f} s in the median,")
    print(f"of which {median(own):.1f} s were the engine's stages: {median(runs) - median(own):.1f} s a run are Airflow's hops and imports")
    for failure in (home / "staging" / "flights_daily").glob("*/failure.json"):
        print(failure.read_text())
    print(f"the source has {asked_sqlite():,} flights in the year")


def asked_sqlite() -> int:
    with closing(sqlite3.connect(SOURCE)) as source:
        return int(source.execute("SELECT count(*) FROM flights").fetchone()[0])


if __name__ == "__main__":
    given = [int(argument) for argument in sys.argv[1:]]
    sys.exit(main(*(given + [31, 2][len(given) :])))
