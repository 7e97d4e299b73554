"""How long the pages take with a thousand runs in Airflow's database: SQLite, and a private PostgreSQL. No browser, no network.

python -m tools.page_times [RUNS] [TIMES]      so many runs (1000) of eight migrations, each page asked for so many times (7)
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from statistics import median

REPO = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPO))


def measure(runs: int, times: int) -> None:
    """In a process of its own, whose environment says which database: fill it and ask for the pages."""
    from airflow.utils.db import initdb
    from airflow.utils.session import create_session

    from tests.support.data.many_runs import fill
    from tests.support.servers.airflow import api, login

    initdb()
    names = [f"migration_{n}" for n in range(8)]
    with create_session() as session:
        fill(session, names, runs // len(names))
        fill(session, ["one_migration"], runs)
    client = api()
    with closing(client):
        for words, place in (
            (f"all migrations, of {2 * runs:,} runs", ""),
            ("one migration, 50 runs listed", "dags/one_migration"),
            (f"one migration, {runs:,} runs listed", f"dags/one_migration?show={min(runs, 1000)}"),
        ):
            took = []
            for _ in range(times + 1):
                began = time.perf_counter()
                answer = client.get(f"/penstock/{place}", headers=login())
                took.append(time.perf_counter() - began)
                answer.raise_for_status()
            first, *rest = took
            told = f"median {median(rest):.3f} s  ({min(rest):.3f} to {max(rest):.3f}, n={times}; the first {first:.3f})"
            print(f"  {words:<38} {told}  {len(answer.content) / 1024:,.0f} KiB")


def main(runs: int, times: int) -> int:
    from tools.postgresql_server import postgresql_server

    command = [sys.executable, __file__, "--measure", str(runs), str(times)]
    with tempfile.TemporaryDirectory(prefix="penstock-pages-") as folder, postgresql_server() as server:
        for name, url in (("SQLite", f"sqlite:///{folder}/airflow.db"), ("PostgreSQL", server.render_as_string(hide_password=False))):
            print(f"Airflow's database is {name}", flush=True)
            settings = os.environ | {"PAGES_DATABASE": url, "AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR"}
            if subprocess.run(command, env=settings, check=False).returncode:
                return 1
    return 0


if __name__ == "__main__":
    asked, numbers = sys.argv[1:2] == ["--measure"], [int(n) for n in sys.argv[1:] if n.isdigit()]
    chosen = (*numbers, *(1000, 7)[len(numbers) :])
    if asked:
        import tests.support.servers.airflow  # noqa: F401  sets the environment, before Airflow is imported

        os.environ["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] = os.environ["PAGES_DATABASE"]
        if os.environ["PAGES_DATABASE"].startswith("postgresql"):
            os.environ["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC"] = os.environ["PAGES_DATABASE"]
        measure(*chosen)
    else:
        sys.exit(main(*chosen))
