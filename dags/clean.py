"""The DAG `penstock_clean`: once a day, remove what the runs of all migrations left, once the time to keep it is over.

It comes up paused, as everything that removes something should: unpause it when `staging.keep` and `switch.keep_old` say what you want.
"""

from __future__ import annotations

from pathlib import Path

from airflow.sdk import DAG, Param

from penstock_operators.clean import CleanOperator
from penstock_operators.migration_dag import STAGING

with DAG(
    "penstock_clean",
    schedule="@daily",
    catchup=False,
    max_active_runs=1,
    is_paused_upon_creation=True,
    params={"dry_run": Param(False, type="boolean", title="Dry run", description="Log what would be removed, remove nothing.")},
    tags=["penstock", "clean"],
    doc_md=__doc__,
):
    CleanOperator(task_id="clean", folder=str(Path(__file__).parent / "migrations"), staging_root=STAGING)
