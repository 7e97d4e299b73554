"""How long the pages take from a real API server, and in a real Chromium: a thousand runs, and a report of a thousand tables.

python -m tools.served_times [RUNS] [TABLES] [TIMES]      so many runs (1000), tables (1000), each page so many times (7)
"""

from __future__ import annotations

import os
import secrets
import shutil
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import quote

import psycopg
from playwright.sync_api import sync_playwright

from tools.airflow_server import Airflow, airflow_server, stop
from tools.postgresql_server import postgresql_server


def main(runs: int, tables: int, times: int) -> None:
    with tempfile.TemporaryDirectory(prefix="penstock-served-") as folder, postgresql_server("max_connections=200") as server:
        home = Path(folder)
        (home / "dags").mkdir()
        with psycopg.connect(server.set(drivername="postgresql").render_as_string(hide_password=False), autocommit=True) as admin:
            admin.execute("CREATE DATABASE airflow")
        url = server.set(database="airflow").render_as_string(hide_password=False)
        settings = {"AIRFLOW__CORE__DAGS_FOLDER": str(home / "dags")}
        with airflow_server(home, url, settings, {"admin": secrets.token_hex(8)}) as airflow:
            # It would find that these DAGs have no file.
            stop(airflow.parts["dag-processor"])
            run = fill(airflow, home / "staging", runs, tables)
            at = f"/penstock/dags/many/runs/{quote(run, safe='')}"
            measure(
                airflow,
                times,
                {
                    f"Migrations, of {2 * runs:,} runs": "/penstock/",
                    "a migration, 50 runs listed": "/penstock/dags/many",
                    f"a migration, {runs:,} runs listed": f"/penstock/dags/many?show={runs}",
                    f"the report of {tables:,} tables": f"{at}/report",
                    "one table of them": f"{at}/tables?name=table_0500",
                    "one gate of them": f"{at}/gates/extracted",
                },
            )


def fill(airflow: Airflow, staging: Path, runs: int, tables: int) -> str:
    """Put the runs into Airflow's database and a report of so many tables into the last run's area but one; that run's id."""
    os.environ |= airflow.environment
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from sqlalchemy import select

    from penstock.stages import report
    from tests.support.data import many_runs, many_tables

    with create_session() as session:
        many_runs.fill(session, [f"migration_{n}" for n in range(8)], runs // 8, staging.as_uri())
        many_runs.fill(session, ["many"], runs, staging.as_uri())
        number, run = session.execute(
            select(DagRun.id, DagRun.run_id).where(DagRun.dag_id == "many", DagRun.state == "success").order_by(DagRun.id.desc()).limit(1)
        ).one()
    report.report(many_tables.staged(staging, str(number), tables), "many", str(number))
    return str(run)


def measure(airflow: Airflow, times: int, pages: dict[str, str]) -> None:
    """Print how long each page takes: its answer, and until Chromium has shown it all."""
    token = airflow.token("admin")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_context(extra_http_headers={"Authorization": f"Bearer {token}"}).new_page()
        for words, path in pages.items():
            answered, shown, size = [], [], 0
            for _ in range(times):
                began = time.perf_counter()
                request = urllib.request.Request(airflow.url + path, headers={"Authorization": f"Bearer {token}"})
                with urllib.request.urlopen(request, timeout=60) as answer:
                    size = len(answer.read())
                answered.append(time.perf_counter() - began)
                page.goto(airflow.url + path)
                shown.append(page.evaluate("() => performance.getEntriesByType('navigation')[0].loadEventEnd") / 1000)
            print(f"  {words:<34} {told(answered)}   shown {told(shown)}   {size / 1024:,.0f} KiB", flush=True)
        browser.close()


def told(seconds: list[Any]) -> str:
    return f"{median(seconds):.3f} s ({min(seconds):.3f} to {max(seconds):.3f}, n={len(seconds)})"


if __name__ == "__main__":
    main(*(int(a) for a in (*sys.argv[1:], *(1000, 1000, 7)[len(sys.argv) - 1 :])))
