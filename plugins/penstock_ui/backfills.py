"""The scheduler notes in each run of a backfill which backfill that is: `approval: per_backfill` needs to know. No logic."""

from __future__ import annotations

import logging
import sys
from typing import Any

from airflow.listeners import hookimpl
from airflow.plugins_manager import AirflowPlugin

log = logging.getLogger(__name__)


@hookimpl
def on_dag_run_running(dag_run: Any, msg: str) -> None:
    """Called by the scheduler when a run begins. Whatever goes wrong here must not stop the scheduler."""
    try:
        from penstock_operators.backfills import note

        note(dag_run)
    except Exception:
        log.exception("which backfill the run %s belongs to was not noted", dag_run.run_id)


class PenstockBackfills(AirflowPlugin):
    """Registered by the entry point group `airflow.plugins`."""

    name = "penstock_backfills"
    listeners: list[Any] = [sys.modules[__name__]]
