"""The scheduler imports once what every task would import anew: with the LocalExecutor, tasks are its forks and find it there."""

from __future__ import annotations

import sys
from typing import Any

from airflow.configuration import conf
from airflow.listeners import hookimpl
from airflow.plugins_manager import AirflowPlugin


@hookimpl
def on_starting(component: Any) -> None:
    """Called by the scheduler before it forks its workers; by every other job and task too, which it does not concern."""
    if "scheduler" in sys.argv and "LocalExecutor" in conf.get("core", "executor"):
        from penstock_operators.preload import preload

        preload()


class PenstockPreload(AirflowPlugin):
    """Registered by the entry point group `airflow.plugins`."""

    name = "penstock_preload"
    listeners: list[Any] = [sys.modules[__name__]]
