"""A private Airflow for the tests: a pytest plugin. Its environment is set when this module is imported, before Airflow can be.

The DAG folder holds the repository's dags/migrations.py and the migrations written here, from SQLite into DuckDB.
"""

from __future__ import annotations

import atexit
import json
import os
import secrets
import shutil
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.support.repository import REPO

HOME = Path(tempfile.mkdtemp(prefix="penstock-airflow-"))
DAGS, STAGING = HOME / "dags", HOME / "staging"
MASK_KEY = "a-key-that-nobody-may-see"
if "airflow" in sys.modules:
    raise RuntimeError("Airflow was imported before its environment was set: import it inside the tests")
atexit.register(shutil.rmtree, HOME, ignore_errors=True)

os.environ |= {
    "AIRFLOW_HOME": str(HOME),
    "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS),
    "AIRFLOW__CORE__PLUGINS_FOLDER": str(REPO / "plugins"),
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AIRFLOW__CORE__UNIT_TEST_MODE": "False",
    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{HOME}/airflow.db",
    "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_hex(32),
    "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "admin:admin",
    "AIRFLOW_VAR_PENSTOCK_STAGING": str(STAGING),
    "AIRFLOW_CONN_PENSTOCK_MASK": json.dumps({"conn_type": "generic", "password": MASK_KEY}),
    "AIRFLOW_CONN_FLIGHTS_SQLITE": json.dumps({"conn_type": "sqlite", "host": "/nowhere/flights.sqlite"}),
    "AIRFLOW_CONN_FLIGHTS_DUCKDB": json.dumps({"conn_type": "duckdb", "host": "/nowhere/flights.duckdb"}),
}

MIGRATIONS = {
    "shop": "tables:\n  customer:\n    transform:\n      - rename: {name: full_name}\n      - mask: {email: sha256}\n",
    "shop_plain": "tables:\n  include: [log, nothing]\n",
    "shop_approved": "tables:\n  include: [log]\nswitch: {how: swap, approval: true, keep_old: 7d, approve_within: 1h}\n",
    "sakila": "chunk: 256KiB\n",
    "shop_daily": "schedule: '@daily'\nstart_date: 2024-03-01\nmax_active_runs: 2\ntables:\n  include: [customer]\n"
    "  customer: {partition: {by: at}}\n",
    "shop_due": "deadline: 1h\n",
    "shop_kept_up": "tables:\n  include: [customer]\n  customer: {incremental: {by: at, full_refresh_every: 0m}}\n",
    "shop_strict": "bad_rows: {action: quarantine, at_most: 100}\n"
    "tables:\n  include: [customer]\n  customer:\n    transform:\n      - cast: {email: string(14)}\n",
    "shop_told": "tables: {include: [log]}\nswitch: {approval: true, approve_within: 1h}\nnotify:\n"
    "  - {notifier: tests.recording.Raising, events: [failed, refused, waiting, switched, undone, deadline]}\n"
    "  - {notifier: tests.recording.Recorder, with: {severity: high}, events: [failed, refused, waiting, switched, undone, deadline]}\n",
    "shop_told_wrongly": "tables: {include: [log]}\nnotify:\n  - {notifier: tests.recording.Nobody}\n"
    "  - slack: {connection: nowhere, channel: x}\n  - {notifier: tests.recording.Recorder, with: {loud: true}}\n"
    "  - {notifier: pathlib.Path}\n  - {notifier: tests.recording.Recorder}\n",
    "shop_missing": "tables:\n  include: [no_such_table]\n",
}


@dataclass(frozen=True)
class Airflow:
    """Airflow with the migrations of the tests. `dags` by id; `source` and `target` are the files that they move between."""

    source: Path
    target: Path

    @property
    def dags(self) -> dict[str, Any]:
        """Parsed anew, as for every task: a run in this process leaves its params in the DAG."""
        return parsed(DAGS)

    def run(self, dag_id: str, **conf: Any) -> Any:
        """Run a DAG to its end in this process and answer the DAG run."""
        return self.dags[dag_id].test(logical_date=None, run_conf=conf)

    def xcoms(self, run: Any) -> dict[tuple[str, str, int], Any]:
        """All XComs of a run, by task, key and map index."""
        from airflow.models.xcom import XComModel
        from airflow.utils.session import create_session

        with create_session() as session:
            found = session.scalars(XComModel.get_many(run_id=run.run_id, dag_ids=run.dag_id)).all()
            return {(x.task_id, x.key, x.map_index): XComModel.deserialize_value(x) for x in found}

    def states(self, run: Any) -> dict[str, str]:
        """The state of each task of a run; of a mapped task, all of its states."""
        found: dict[str, set[str]] = {}
        for task in run.get_task_instances():
            found.setdefault(task.task_id, set()).add(str(task.state))
        return {name: " ".join(sorted(states)) for name, states in found.items()}

    def staged(self, run: Any, migration: str) -> Any:
        """The staging area of a run."""
        from penstock.state import staging

        return staging.of(str(STAGING), migration, run.run_id)

    def live(self) -> dict[str, int]:
        """What a reader of the target sees: tables and how many rows each has."""
        if not self.target.exists():
            return {}
        with duckdb.connect(str(self.target)) as connection:
            names = [str(n) for (n,) in connection.execute("SELECT table_name FROM duckdb_tables() WHERE schema_name = 'main'").fetchall()]
            counts = {n: f"SELECT count(*) FROM {quoted(n)}" for n in names if not n.startswith("penstock_")}
            return {n: int(connection.execute(count).fetchall()[0][0]) for n, count in counts.items()}

    @contextmanager
    def answering(self, option: str, dag_id: str) -> Iterator[None]:
        """Inside, a thread answers the approval of `dag_id` as the admin, over Airflow's API, once it is asked for."""
        client, over = api(), threading.Event()

        def answer() -> None:
            while not over.wait(0.2):
                found = client.get("/api/v2/dags/~/dagRuns/~/hitlDetails?response_received=false", headers=login()).json()
                for waiting in [d["task_instance"] for d in found["hitl_details"]]:
                    if (waiting["dag_id"], waiting["state"]) == (dag_id, "awaiting_input"):
                        place = f"/api/v2/dags/{dag_id}/dagRuns/{waiting['dag_run_id']}/taskInstances/{waiting['task_id']}/-1/hitlDetails"
                        client.patch(place, json={"chosen_options": [option], "params_input": {}}, headers=login()).raise_for_status()
                        return

        thread = threading.Thread(target=answer)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def parsed(folder: Path) -> dict[str, Any]:
    """The DAGs of a folder, by id; fails when a file can't be imported."""
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag(dag_folder=str(folder))
    assert not bag.import_errors
    broken = {dag.dag_id: dag.doc_md for dag in bag.dags.values() if "broken" in dag.tags}
    assert folder != DAGS or not broken, broken
    return dict(bag.dags)


def api() -> Any:
    """A client of Airflow's API server, with our plugin, in this process."""
    from airflow.api_fastapi.app import cached_app
    from fastapi.testclient import TestClient

    return TestClient(cached_app())


def login(username: str = "admin", role: str = "ADMIN") -> dict[str, str]:
    """The headers of a request by a user, the admin when not said otherwise."""
    from airflow.api_fastapi.app import get_auth_manager
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser

    token = get_auth_manager().generate_jwt(SimpleAuthManagerUser(username=username, role=role))
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture(scope="session")
def airflow_installed() -> None:
    """Airflow with its tables made, and the DAG files in their folder."""
    (DAGS / "migrations").mkdir(parents=True)
    shutil.copy(REPO / "dags" / "migrations.py", DAGS)
    for name, text in MIGRATIONS.items():
        (DAGS / "migrations" / f"{name}.yaml").write_text(f"name: {name}\nsource: shop_source\ntarget: shop_target\n{text}")
    from airflow.utils.db import initdb

    initdb()


def filled(folder: Path, settings: pytest.MonkeyPatch) -> Airflow:
    """Airflow, with a full source and an empty target in `folder`."""
    from tests.support.data.shop import fill

    source, target = folder / "source.sqlite", folder / "target.duckdb"
    fill(source, customers=40)
    settings.setenv("AIRFLOW_CONN_SHOP_SOURCE", json.dumps({"conn_type": "sqlite", "host": str(source)}))
    settings.setenv("AIRFLOW_CONN_SHOP_TARGET", json.dumps({"conn_type": "duckdb", "host": str(target)}))
    return Airflow(source, target)


@pytest.fixture
def airflow(airflow_installed: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Airflow:
    """Airflow, with a full source and an empty target."""
    return filled(tmp_path, monkeypatch)
