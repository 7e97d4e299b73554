"""The addresses of the pages. Names are quoted: a run id with a colon, or a table called `../x`, is one part of an address."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import cache
from urllib.parse import quote

from penstock.reporting.html import FOLDER


@dataclass(frozen=True)
class Addresses:
    """root: the prefix of the pages, such as `/penstock`.  airflow: the prefix of Airflow's own UI, often empty."""

    root: str
    airflow: str = ""

    @property
    def home(self) -> str:
        return f"{self.root}/"

    def migration(self, dag_id: str) -> str:
        return f"{self.root}/dags/{_part(dag_id)}"

    def run(self, dag_id: str, run_id: str) -> str:
        """The common beginning of the addresses of a run's pages."""
        return f"{self.migration(dag_id)}/runs/{_part(run_id)}"

    def report(self, dag_id: str, run_id: str) -> str:
        return f"{self.run(dag_id, run_id)}/report"

    def gate(self, dag_id: str, run_id: str, stage: str) -> str:
        return f"{self.run(dag_id, run_id)}/gates/{_part(stage)}"

    def table(self, dag_id: str, run_id: str, name: str) -> str:
        return f"{self.run(dag_id, run_id)}/tables?name={_part(name)}"

    def start(self, dag_id: str) -> str:
        """Where the form is sent that starts a run of the DAG."""
        return f"{self.migration(dag_id)}/start"

    def asset(self, name: str) -> str:
        """A stylesheet or script, under an address that changes with its content."""
        return f"{self.root}/static/{name}?v={digest(name)[:12]}"

    def airflow_run(self, dag_id: str, run_id: str) -> str:
        """The run in Airflow's own UI."""
        return f"{self.airflow}/dags/{_part(dag_id)}/runs/{_part(run_id)}"

    def airflow_task(self, dag_id: str, run_id: str, task_id: str) -> str:
        """The task in Airflow's own UI."""
        return f"{self.airflow_run(dag_id, run_id)}/tasks/{_part(task_id)}"


@cache
def digest(name: str) -> str:
    """sha256 of an asset's content."""
    return hashlib.sha256((FOLDER / name).read_bytes()).hexdigest()


def airflow_run(run: str) -> str:
    """Airflow's id of a run, from the engine's: a cleared DAG run that starts again has the suffix `~2`."""
    return re.sub(r"~\d+$", "", run)


_REPAIR = "repair__"


def report_of(to: Addresses, migration: str, run: str) -> str:
    """The address of the report of a run, from its migration and the engine's id of it. A repair is a run of a DAG of its own."""
    run = airflow_run(run)
    return to.report(f"{migration}__repair", run.removeprefix(_REPAIR)) if run.startswith(_REPAIR) else to.report(migration, run)


def _part(text: str) -> str:
    return quote(text, safe="")
