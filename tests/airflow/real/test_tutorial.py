"""The tutorial in Airflow shows what its commands print: each of them is run in a real Airflow, and a person approves where the page says so."""

from __future__ import annotations

import shlex
from pathlib import Path
from urllib.parse import quote

from tests.support.repository import REPO
from tests.support.servers.real_airflow import ENDED, WAITING, RealAirflow
from tools.airflow_server import airflow
from tools.transcripts import File, blocks, differences

PAGES = REPO / "docs" / "tutorial"
RUNS = 5
"""One by the schedule, four of the backfill."""


class Person:
    """Whoever follows the tutorial: waits where the page waits, and approves where it approves."""

    def __init__(self, real: RealAirflow) -> None:
        self.real, self.airflow = real, real.airflow

    def __call__(self, note: str) -> None:
        {
            "wait for the DAGs": self.wait_for_the_dags,
            "wait for the scheduled run": lambda: self.airflow.until("the scheduled run", lambda: self.runs("daily_orders")),
            "approve the scheduled run": lambda: self.approve("scheduled__", 1),
            "approve the backfill": lambda: self.approve("backfill__", RUNS),
            "wait for the undo": lambda: self.airflow.until("the undo", lambda: self.ended("daily_orders__undo") == 1),
        }[note]()

    def wait_for_the_dags(self) -> None:
        (self.airflow.home / "dags" / "migrations.py").touch()  # else Airflow would read it again only when its interval is over
        self.airflow.until("the DAGs", lambda: self.airflow.ask("/api/v2/dags/daily_orders__undo"))

    def runs(self, dag_id: str) -> dict[str, str]:
        """The runs of a DAG with their states."""
        return {run["dag_run_id"]: run["state"] for run in self.airflow.ask(f"/api/v2/dags/{dag_id}/dagRuns")["dag_runs"]}

    def ended(self, dag_id: str) -> int:
        return sum(state in ENDED for state in self.runs(dag_id).values())

    def approve(self, kind: str, ended: int) -> None:
        """Answer the open questions of the runs of a kind, until so many runs have ended."""

        def done() -> bool:
            for run in (run for run in self.runs("daily_orders") if run.startswith(kind)):
                task = f"/api/v2/dags/daily_orders/dagRuns/{quote(run, safe='')}/taskInstances/approve"
                if self.airflow.ask(task)["state"] == WAITING:
                    self.real.approve("daily_orders", run)
            return self.ended("daily_orders") == ended

        self.airflow.until(f"the end of {ended} runs", done, patience=900)
        failed = [run for run, state in self.runs("daily_orders").items() if state == "failed"]
        assert not failed, f"{failed} failed\n{self.airflow.unfinished()}"


def working_folder(folder: Path, real: RealAirflow) -> None:
    """What the tutorial has by then: the file that makes the shop, the command line of Airflow and its folder of migrations."""
    (made,) = [b for b in blocks((PAGES / "first-migration.md").read_text()) if isinstance(b, File) and b.name == "make_shop.py"]
    (folder / made.name).write_text(made.content)
    (folder / "dags").mkdir()
    (folder / "dags" / "migrations").symlink_to(real.airflow.home / "dags" / "migrations")
    (folder / ".airflow").mkdir()
    quiet = {"PYTHONWARNINGS": "ignore", "AIRFLOW__LOGGING__LOGGING_LEVEL": "WARNING"}
    exports = [f"export {name}={shlex.quote(value)}" for name, value in (real.airflow.environment | quiet).items() if name.isidentifier()]
    script = folder / ".airflow" / "airflow"
    script.write_text("\n".join(["#!/bin/sh", *exports, f'exec {shlex.join(airflow())} "$@"', ""]))
    script.chmod(0o700)


def test_the_tutorial_in_airflow_shows_what_its_commands_print(real_airflow: RealAirflow, tmp_path: Path) -> None:
    working_folder(tmp_path, real_airflow)
    found = differences((PAGES / "in-airflow.md").read_text(), tmp_path, title="Airflow", noted=Person(real_airflow))
    assert not found, "\n\n".join(map(str, found))
