"""A month of a MariaDB database with foreign keys, moved to PostgreSQL a day a run, under Airflow's real scheduler.

    python -m tools.every_day FOLDER [DAYS] [AT_ONCE] [WAY …]       30 days, four runs at a time, in all three ways when not said

FOLDER has `setup.sql`, which makes the source database `shop`, and `migration.yaml`, with {source} and {target}. Three targets are
filled: by the schedule, one day after the other; by a backfill, AT_ONCE runs at a time, of which some are cleared and run again; and by a
backfill from the last day to the first. Each is compared with the source, row by row, by the two plain drivers.
Prints rows, runs and seconds.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import quote

import MySQLdb
import psycopg
import sqlalchemy as sa
import yaml

from tools.airflow_server import REPO, Airflow, airflow_server, connection
from tools.mariadb_server import mariadb_server
from tools.postgresql_server import postgresql_server

WAYS = ("by_schedule", "by_backfill", "backwards")
# The scheduler makes a run of each day that is over, one after the other, which it does in life as each day ends.
CATCHING_UP = """\
# Airflow reads files in which the words airflow and dag are.
from pathlib import Path
from penstock_operators.migration_dag import migration_dag, repair_dag, undo_dag
from penstock_operators.runs import declared
for name in {names}:
    migration = declared(str(Path(__file__).parent / "months" / f"{{name}}.yaml"))
    dag = migration_dag(migration)
    dag.catchup = name == "by_schedule"
    globals()[name], globals()[f"{{name}}__undo"], globals()[f"{{name}}__repair"] = dag, undo_dag(migration), repair_dag(migration)
"""


@dataclass(frozen=True)
class Month:
    """A running Airflow with the three migrations. first: the first day.  days: how many."""

    airflow: Airflow
    source: sa.URL
    server: sa.URL
    first: dt.date
    days: int

    def states(self, dag_id: str) -> Counter[str]:
        """How many runs are in which state."""
        query = f"SELECT state, count(*) FROM dag_run WHERE dag_id = '{dag_id}' AND run_type IN ('scheduled', 'backfill') GROUP BY state"
        return Counter({str(state): int(count) for state, count in self.asked("airflow", query)})

    def ended(self, dag_id: str) -> Counter[str]:
        """The same once all days have ended; nothing before."""
        states = self.states(dag_id)
        over = states.total() >= self.days and not {"queued", "running"} & states.keys()
        return states if over else Counter()

    def asked(self, database: str, query: str) -> list[tuple[Any, ...]]:
        address = self.server.set(drivername="postgresql", database=database).render_as_string(hide_password=False)
        with closing(psycopg.connect(address)) as one:
            return one.execute(query.encode()).fetchall()


@contextmanager
def month(folder: Path, days: int, at_once: int) -> Iterator[Month]:
    """Servers, source and Airflow, as the module says; all of it is gone at the end."""
    first = dt.date.fromisoformat(str(yaml.safe_load((folder / "migration.yaml").read_text())["start_date"]))
    # a day that is not over has no run yet
    first = min(first, dt.datetime.now(dt.UTC).date() - dt.timedelta(days=days))
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="penstock-month-")))
        server = stack.enter_context(postgresql_server("max_connections=300"))
        source = stack.enter_context(mariadb_server("max-connections=300"))
        client = ["mariadb", f"--host={source.host}", f"--port={source.port}", f"--user={source.username}", f"--password={source.password}"]
        subprocess.run(client, input=(folder / "setup.sql").read_text(), text=True, check=True)
        (home / "dags" / "months").mkdir(parents=True)
        for way in WAYS:
            text = (folder / "migration.yaml").read_text().replace("{source}", "shop").replace("{target}", f"warehouse_{way}")
            text = re.sub(r"(?m)^name: .*", f"name: {way}\nmax_active_runs: {1 if way == 'by_schedule' else at_once}", text)
            text = re.sub(r"(?m)^start_date: .*", f"start_date: {first}", text).replace("approval: yes, ", "")
            (home / "dags" / "months" / f"{way}.yaml").write_text(text)
        (home / "dags" / "months.py").write_text(CATCHING_UP.format(names=WAYS))
        with psycopg.connect(server.set(drivername="postgresql").render_as_string(hide_password=False), autocommit=True) as admin:
            for name in ("airflow", *(f"warehouse_{way}" for way in WAYS)):
                admin.execute(f"CREATE DATABASE {name}".encode())
        place = {"host": source.host, "port": source.port, "login": source.username, "password": source.password, "schema": "shop"}
        settings = {
            "AIRFLOW__CORE__DAGS_FOLDER": str(home / "dags"),
            "AIRFLOW__CORE__PARALLELISM": "8",
            "AIRFLOW_VAR_PENSTOCK_STAGING": str(home / "staging"),
            "AIRFLOW_CONN_SHOP": json.dumps({"conn_type": "mysql"} | place),
            "AIRFLOW_CONN_PENSTOCK_MASK": json.dumps({"conn_type": "generic", "password": secrets.token_hex(16)}),
        }
        settings |= {f"AIRFLOW_CONN_WAREHOUSE_{way.upper()}": connection(server.set(database=f"warehouse_{way}")) for way in WAYS}
        metadata = server.set(database="airflow").render_as_string(hide_password=False)
        airflow = stack.enter_context(airflow_server(home, metadata, settings, {"admin": secrets.token_hex(8)}))
        airflow.until("the DAGs", lambda: all(airflow.ask(f"/api/v2/dags/{way}") for way in WAYS))
        yield Month(airflow, source.set(database="shop"), server, first, days)


def unpause(of: Month, dag_id: str, paused: bool = False) -> None:
    of.airflow.ask(f"/api/v2/dags/{dag_id}", {"is_paused": paused}, method="PATCH")


def by_schedule(of: Month) -> None:
    """The scheduler's own runs of all days."""
    unpause(of, "by_schedule")
    of.airflow.until("the runs by schedule", lambda: of.ended("by_schedule"), patience=120 * of.days)
    unpause(of, "by_schedule", paused=True)


def by_backfill(of: Month, dag_id: str, at_once: int, backwards: bool) -> None:
    """Airflow's own backfill of all days."""
    last = of.first + dt.timedelta(days=of.days - 1)
    span = {"from_date": f"{of.first}T00:00:00+00:00", "to_date": f"{last}T00:00:00+00:00"}
    unpause(of, dag_id)
    # The scheduler makes a run of the last day. Airflow 3.3.2's ends when a backfill makes the same one at that moment.
    of.airflow.until("the run by schedule", lambda: of.states(dag_id))
    of.airflow.ask("/api/v2/backfills", {"dag_id": dag_id, **span, "max_active_runs": at_once, "run_backwards": backwards})
    of.airflow.until(f"the backfill {dag_id}", lambda: of.ended(dag_id), patience=120 * of.days)


def clear(of: Month, dag_id: str, numbers: tuple[int, ...]) -> None:
    """Clear the runs of some days, counted from 0, and wait until they have run again."""
    runs = of.asked(
        "airflow", f"SELECT run_id FROM dag_run WHERE dag_id = '{dag_id}' AND run_type IN ('scheduled', 'backfill') ORDER BY logical_date"
    )
    for number in numbers:
        of.airflow.ask(f"/api/v2/dags/{dag_id}/dagRuns/{quote(runs[number][0], safe='')}/clear", {"dry_run": False})
    of.airflow.until("the cleared runs", lambda: of.ended(dag_id), patience=600)


def differences(of: Month, way: str, secret: dict[str, set[str]]) -> list[str]:
    """The tables whose rows at the target are not those of the source, but for the columns that are masked or derived."""
    odd = []
    source = MySQLdb.connect(
        host=of.source.host, port=of.source.port, user=of.source.username, password=of.source.password, database="shop", charset="utf8mb4"
    )
    address = of.server.set(drivername="postgresql", database=f"warehouse_{way}").render_as_string(hide_password=False)
    with closing(source), closing(psycopg.connect(address)) as target:
        cursor = source.cursor()
        cursor.execute("SET time_zone = '+00:00'")
        target.execute("SET timezone = 'UTC'")
        cursor.execute("SHOW TABLES")
        for (table,) in cursor.fetchall():
            cursor.execute(f"SELECT * FROM `{table}` LIMIT 0")
            columns = [d[0] for d in cursor.description if d[0] not in secret.get(table, set())]
            cursor.execute(f"SELECT {', '.join(f'`{c}`' for c in columns)} FROM `{table}`")
            there = Counter(tuple(map(_plain, row)) for row in cursor.fetchall())
            rows = target.execute(f"SELECT {', '.join(columns)} FROM {table}".encode()).fetchall()
            here = Counter(tuple(map(_plain, row)) for row in rows)
            if there != here:
                odd.append(f"{table}: {(there - here).total()} rows lack, {(here - there).total()} are too many")
    return odd


def _plain(value: Any) -> Any:
    """A value as both drivers write it."""
    if isinstance(value, dt.datetime):
        return value.replace(tzinfo=None)
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, dict):
        return json.dumps(value, sort_keys=True)
    if isinstance(value, str) and value.startswith("{"):
        return json.dumps(json.loads(value), sort_keys=True)
    return value


def told(of: Month, way: str, seconds: float) -> str:
    """A line of the table: runs, rows, seconds, and what of a run is not the engine's own work."""
    lengths = f"SELECT EXTRACT(EPOCH FROM end_date - start_date) FROM dag_run WHERE dag_id = '{way}' AND state = 'success'"
    spent = [float(s) for (s,) in of.asked("airflow", lengths)]
    own = [
        sum(json.loads(f.read_text())["seconds"] for f in timings.glob("*.json"))
        for timings in (of.airflow.home / "staging" / way).glob("*/timings")
    ]
    rows = of.asked(f"warehouse_{way}", "SELECT sum(row_count), count(*) FROM penstock_coverage WHERE state = 'proven'")[0]
    waiting = of.asked(f"warehouse_{way}", "SELECT coalesce(sum(row_count), 0) FROM penstock_pending")[0][0]
    return (
        f"{way:<12} {dict(of.states(way))} {int(rows[0]):,} rows in {rows[1]} proven records, {int(waiting)} waiting, {seconds:.0f} s;"
        f" a run {median(spent):.1f} s (median), of that the engine's stages {median(own):.1f} s"
    )


def main(folder: Path, days: int = 30, at_once: int = 4, ways: Sequence[str] = WAYS) -> int:
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # stopped, it stops what it has started
    specs = yaml.safe_load((folder / "migration.yaml").read_text())["tables"]
    steps = {t: s.get("transform", ()) for t, s in specs.items() if isinstance(s, dict)}
    secret = {t: {c for step in of for c in step.get("mask", {})} for t, of in steps.items()}
    failed = 0
    with month(folder, days, at_once) as of:
        for way in ways:
            began = time.monotonic()
            if way == "by_schedule":
                by_schedule(of)
            else:
                by_backfill(of, way, at_once, backwards=way == "backwards")
            print(told(of, way, time.monotonic() - began), flush=True)
            if way == "by_backfill":
                clear(of, way, (2, days // 2, days - 1))
                print(f"{way:<12} three days cleared and run again: {dict(of.states(way))}", flush=True)
            odd = differences(of, way, secret)
            print(f"{way:<12} {'differs from the source: ' + '; '.join(odd) if odd else 'equal to the source in every table'}", flush=True)
            failed += bool(odd) or set(of.states(way)) != {"success"}
        if failed and (kept := REPO / "artefacts"):
            shutil.copytree(of.airflow.home / "logs", kept / "month", dirs_exist_ok=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), *map(int, sys.argv[2:4]), ways=sys.argv[4:] or WAYS))
