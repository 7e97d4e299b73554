"""How long Airflow takes to parse many migration files, beside as many trivial DAG files: seconds a file, at first and again.

python -m tools.parse_times [FILES] [TIMES]      so many files (500), parsed again so many times (5)
"""

from __future__ import annotations

import gc
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

REPO = Path(__file__).resolve().parent.parent

_MIGRATION = """name: migration_{number:03}
source: shop_source
target: shop_target
schedule: "@daily"
start_date: 2024-01-01
tables:
  include: ["*"]
  orders:
    partition: {{by: created_at}}
    transform:
      - rename: {{ts: ordered_at}}
      - derive: {{total: price * quantity}}
      - mask: {{customer_email: sha256}}
bad_rows: {{action: quarantine, at_most: 100}}
switch: {{keep_old: 7d}}
"""
_TRIVIAL = """from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG

with DAG("trivial_{number:03}", schedule=None):
    EmptyOperator(task_id="nothing")
"""


def main(files: int, times: int) -> None:
    with tempfile.TemporaryDirectory(prefix="penstock-parse-") as place:
        home = Path(place)
        ours, trivial = home / "ours", home / "trivial"
        (ours / "migrations").mkdir(parents=True)
        trivial.mkdir()
        shutil.copy(REPO / "dags" / "migrations.py", ours)
        for number in range(files):
            (ours / "migrations" / f"migration_{number:03}.yaml").write_text(_MIGRATION.format(number=number))
            (trivial / f"trivial_{number:03}.py").write_text(_TRIVIAL.format(number=number))
        settings = {
            "AIRFLOW_HOME": place,
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT": "300",
            "AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR",
            "PYTHONPATH": str(REPO),
        }
        for words, folder in (("migration files", ours), ("trivial DAG files", trivial)):
            command = [sys.executable, "-m", "tools.parse_times", "--here", str(folder), str(times)]
            told = subprocess.run(command, env=os.environ | settings, cwd=REPO, capture_output=True, text=True, check=True).stdout
            dags, *took = told.splitlines()[-1].split()
            first, *again = (float(t) for t in took)
            each = f"{median(again) / files * 1000:.1f} ms a file"
            print(
                f"{files:,} {words:<18} {dags:>6} DAGs  at first {first:.2f} s, again {median(again):.2f} s (n={times}), {each}", flush=True
            )


def here(folder: str, times: int) -> None:
    """Parse what stands there, in a process that has Airflow imported, as its DAG processor has."""
    from airflow.dag_processing.dagbag import DagBag

    took, dags = [], 0
    for _ in range(1 + times):
        gc.collect()  # the processor parses in a fork of its own: nothing is left of the last time
        began = time.perf_counter()
        bag = DagBag(dag_folder=folder)
        took.append(time.perf_counter() - began)
        assert not bag.import_errors, bag.import_errors
        dags = len(bag.dags)
        del bag
    print(dags, *(f"{t:.3f}" for t in took))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--here"]:
        here(sys.argv[2], int(sys.argv[3]))
    else:
        main(*(int(a) for a in (*sys.argv[1:], *(500, 5)[len(sys.argv) - 1 :])))
