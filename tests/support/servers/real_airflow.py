"""A real Airflow for the tests that need its scheduler or its pages: a pytest plugin.

Its four parts run on a private PostgreSQL, with the repository's plugins and dags/migrations.py, and the migrations written here,
from SQLite into PostgreSQL. It is started once for all tests in tests/airflow/real/, which one process runs; when one fails, its logs are kept in artefacts/.
"""

from __future__ import annotations

import json
import re
import secrets
import shutil
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import pytest
import sqlalchemy as sa
import yaml

from tests.support import recording
from tests.support.data.daily import SHOP
from tools.airflow_server import REPO, Airflow, Failed, airflow_server, connection

ARTEFACTS = REPO / "artefacts"
ENDED = {"success", "failed"}
WAITING = "awaiting_input"
"""The state of a task whose question is open."""

# What breaks out of HTML, attributes, scripts, paths and SQL, where it is not kept in.
HOSTILE_TABLE = "<script>alert('table')</script>\"&../../x"
HOSTILE_COLUMN = "<img src=x onerror=alert('column')>"
HOSTILE_VALUE = "<script>alert('value')</script>"

MIGRATIONS: dict[str, dict[str, Any]] = {
    "shop": {"tables": {"include": ["order"], "order": {"transform": [{"rename": {"note": "remark"}}]}}},
    "shop_approved": {"tables": {"include": ["log"]}, "switch": {"approval": True, "approve_within": "1h"}},
    "shop_asked": {"tables": {"include": ["nothing"]}, "switch": {"approval": True, "approve_within": "1h"}},
    "shop_rejected": {
        "tables": {"include": ["nothing"], "nothing": {"to": "rejected"}},
        "switch": {"approval": True, "approve_within": "1h"},
    },
    "shop_accepted": {
        "tables": {"include": ["nothing"], "nothing": {"to": "accepted"}},
        "switch": {"approval": True, "approve_within": "1h"},
    },
    "shop_daily": {
        "schedule": "@daily",
        "start_date": "2024-03-01",
        "max_active_runs": 2,
        "tables": {"include": ["customer"], "customer": {"partition": {"by": "at"}}},
    },
    "hostile": {"source": "hostile_source", "tables": {"include": [HOSTILE_TABLE]}},
    "every_day": {
        "source": "every_day_source",
        "target": "every_day_target",
        "schedule": "@daily",
        "start_date": "2026-03-01",
        "max_active_runs": 2,
        "tables": {"include": [*SHOP.tables.tables]} | yaml.safe_load(SHOP.declared),
    },
}
EVERY_DAY = ("real_every_day_source", "real_every_day_target")
"""The databases of `every_day`; the source has no rows yet."""


@dataclass(frozen=True)
class RealAirflow:
    """A running Airflow; `source` is the file and `target` the database that its migrations move between.

    paused: the DAGs that came up paused.  begun: what `begin` of the files of tests has started, by the names that it gives: a run's id.
    """

    airflow: Airflow
    source: Path
    target: sa.URL
    paused: frozenset[str]
    begun: dict[str, Any] = field(default_factory=dict)

    def backfill(self, dag_id: str, first: str, last: str, at_once: int, **more: Any) -> int:
        """Start a backfill of these days and answer its number."""
        days = {"from_date": f"{first}T00:00:00Z", "to_date": f"{last}T00:00:00Z"}
        return int(self.airflow.ask("/api/v2/backfills", {"dag_id": dag_id, "max_active_runs": at_once} | days | more)["id"])

    def trigger(self, dag_id: str, **conf: Any) -> str:
        """Start a run as its form would, and answer its id."""
        return str(self.airflow.ask(f"/api/v2/dags/{dag_id}/dagRuns", {"logical_date": None, "conf": conf})["dag_run_id"])

    def run(self, dag_id: str, **conf: Any) -> dict[str, Any]:
        """A run to its end, as the API tells it."""
        return self.ended(dag_id, self.trigger(dag_id, **conf))

    def ended(self, dag_id: str, run_id: str) -> dict[str, Any]:
        """The run when it has ended."""

        def run() -> dict[str, Any] | None:
            found: dict[str, Any] = self.airflow.ask(f"/api/v2/dags/{dag_id}/dagRuns/{quote(run_id, safe='')}")
            return found if found["state"] in ENDED else None

        return dict(self.airflow.until(f"the end of {run_id} of {dag_id}", run))

    def approve(self, dag_id: str, run_id: str, answer: str = "Approve") -> None:
        """Answer the run's approval when it is asked for."""
        place = self.asked(dag_id, run_id)
        self.airflow.ask(f"{place}/-1/hitlDetails", {"chosen_options": [answer], "params_input": {}}, method="PATCH")

    def asked(self, dag_id: str, run_id: str) -> str:
        """Wait until the run's approval is asked for and can be answered; the address of the task that asks.

        Airflow fails a task that is answered before the scheduler has seen the end of the worker that has asked. It logs when it sees it.
        People are not as quick. On a busy machine it takes the scheduler many seconds; after twenty the answer is given anyway.
        """
        run = f"/api/v2/dags/{dag_id}/dagRuns/{quote(run_id, safe='')}"
        place = f"{run}/taskInstances/approve"

        def waits() -> bool:
            if self.airflow.ask(place)["state"] == WAITING:
                return True
            if self.airflow.ask(run)["state"] in ENDED:
                raise Failed(f"the run {run_id} of {dag_id} has ended without a question\n{self.airflow.unfinished()}")
            return False

        self.airflow.until(f"the approval's question of {run_id} of {dag_id}", waits)
        seen = re.compile(rf"Finished: dag_id={re.escape(dag_id)}, task_id=approve, run_id={re.escape(run_id)},.* state={WAITING}")
        end = time.monotonic() + 20
        while time.monotonic() < end and not seen.search((self.airflow.home / "scheduler.log").read_text(errors="replace")):
            time.sleep(0.3)
        return place

    def finish(self, *dag_ids: str) -> None:
        """End all runs of these DAGs: one that waits holds a place of its DAG, and the scheduler looks at it again and again."""
        for dag_id in dag_ids:
            for run in self.airflow.ask(f"/api/v2/dags/{dag_id}/dagRuns?state=queued&state=running&limit=100")["dag_runs"]:
                self.airflow.ask(f"/api/v2/dags/{dag_id}/dagRuns/{quote(run['dag_run_id'], safe='')}", {"state": "failed"}, method="PATCH")

    def live(self, query: str) -> list[tuple[Any, ...]]:
        """What a reader of the target is answered, by the plain driver."""
        with psycopg.connect(self.target.set(drivername="postgresql").render_as_string(hide_password=False)) as target:
            return target.execute(query.encode()).fetchall()

    def held(self, query: str) -> list[tuple[Any, ...]]:
        """The same of the source."""
        with sqlite3.connect(self.source) as source:
            return source.execute(query).fetchall()


@pytest.fixture(scope="session")
def real_airflow(
    postgresql_server: sa.URL, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[RealAirflow]:
    """Airflow with the migrations, and those that the files of tests call MORE_MIGRATIONS; the runs of all share one target.

    What a file of tests calls `begin` starts the runs that its tests look at later: they go on while other tests wait for theirs.
    """
    from tests.support.data.shop import fill

    home = tmp_path_factory.mktemp("airflow")
    source, hostile = home / "shop.sqlite", home / "hostile.sqlite"
    fill(source, customers=60)
    with sqlite3.connect(hostile) as db:
        table, column = (name.replace('"', '""') for name in (HOSTILE_TABLE, HOSTILE_COLUMN))
        db.execute(f'CREATE TABLE "{table}" (id INTEGER PRIMARY KEY, "{column}" TEXT)')
        db.execute(f'INSERT INTO "{table}" VALUES (1, ?)', [HOSTILE_VALUE])
    (home / "dags" / "migrations").mkdir(parents=True)
    shutil.copy(REPO / "dags" / "migrations.py", home / "dags")
    migrations = dict(MIGRATIONS)
    modules = [module.obj for module in dict.fromkeys(item.getparent(pytest.Module) for item in request.session.items) if module]
    for module in modules:
        migrations |= getattr(module, "MORE_MIGRATIONS", {})
    for name, more in migrations.items():
        (home / "dags" / "migrations" / f"{name}.yaml").write_text(
            json.dumps({"name": name, "source": "shop", "target": "warehouse"} | more)
        )
    address = postgresql_server.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(address, autocommit=True) as admin:
        for name in ("real_airflow", "real_warehouse", *EVERY_DAY):
            admin.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
            admin.execute(f"CREATE DATABASE {name}")
    target = postgresql_server.set(database="real_warehouse")
    daily = [postgresql_server.set(database=name) for name in EVERY_DAY]
    engine = sa.create_engine(daily[0], poolclass=sa.pool.NullPool)
    SHOP.make(engine)
    settings = {
        "AIRFLOW__CORE__DAGS_FOLDER": str(home / "dags"),
        "AIRFLOW__CORE__PARALLELISM": "4",
        "AIRFLOW__CORE__TEST_CONNECTION": "Enabled",
        "AIRFLOW__SCHEDULER__TRIGGER_TIMEOUT_CHECK_INTERVAL": "2",  # how often it looks for approvals whose time is over; 15 is the default
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "600",  # only a file that has changed is read again; 30 is the default
        recording.FILE: str(home / "recorded"),
        "AIRFLOW_VAR_PENSTOCK_STAGING": str(home / "staging"),
        "AIRFLOW_CONN_SHOP": json.dumps({"conn_type": "sqlite", "host": str(source)}),
        "AIRFLOW_CONN_HOSTILE_SOURCE": json.dumps({"conn_type": "sqlite", "host": str(hostile)}),
        "AIRFLOW_CONN_WAREHOUSE": connection(target),
        "AIRFLOW_CONN_EVERY_DAY_SOURCE": connection(daily[0]),
        "AIRFLOW_CONN_EVERY_DAY_TARGET": connection(daily[1]),
        "AIRFLOW_CONN_PENSTOCK_MASK": json.dumps({"conn_type": "generic", "password": secrets.token_hex(8)}),
    }
    passwords = {user: secrets.token_hex(8) for user in ("admin", "op", "viewer")}
    metadata = postgresql_server.set(database="real_airflow").render_as_string(hide_password=False)
    try:
        with airflow_server(home, metadata, settings, passwords) as airflow:
            airflow.until("the DAGs", lambda: {d["dag_id"] for d in airflow.ask("/api/v2/dags?limit=100")["dags"]} >= set(migrations))
            paused = frozenset(d["dag_id"] for d in airflow.ask("/api/v2/dags?limit=100&paused=true")["dags"])
            real = RealAirflow(airflow, source, target, paused)
            for module in modules:
                getattr(module, "begin", lambda _: None)(real)
            yield real
    finally:
        if request.session.testsfailed:
            keep_logs(home)


def keep_logs(home: Path) -> None:
    """What Airflow and its tasks have said, for whoever looks into a failure."""
    kept = ARTEFACTS / "airflow"
    shutil.rmtree(kept, ignore_errors=True)
    kept.mkdir(parents=True)
    for log in home.glob("*.log"):
        shutil.copy(log, kept)
    if (home / "logs").is_dir():
        shutil.copytree(home / "logs", kept / "tasks", dirs_exist_ok=True)
