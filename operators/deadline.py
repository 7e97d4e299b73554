"""Deadline: a run that is not over in time is told, while it goes on."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from airflow.sdk.definitions.callback import SyncCallback
from airflow.sdk.definitions.deadline import DeadlineAlert, DeadlineReference

if TYPE_CHECKING:
    from penstock.migration import Migration

log = logging.getLogger(__name__)


def deadline(migration: Migration) -> DeadlineAlert | None:
    """The migration's deadline, counted from when a run was queued; None when it has none."""
    if migration.deadline is None:
        return None
    callback = SyncCallback(tell, {"migration": migration.name, "within": str(migration.deadline)})
    return DeadlineAlert(reference=DeadlineReference.DAGRUN_QUEUED_AT, interval=migration.deadline, callback=callback)


def tell(migration: str, within: str, context: dict[str, Any] | None = None, **_: Any) -> None:
    """Called by Airflow's executor when the deadline has passed: an error in its log, for whatever watches that."""
    run = ((context or {}).get("dag_run") or {}).get("dag_run_id", "")
    log.error("the run %s of the migration %s is not over after %s", run, migration, within)
