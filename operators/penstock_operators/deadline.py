"""Deadline: a run that has not ended in time is logged and notified, while it goes on."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from airflow.sdk.definitions.callback import SyncCallback
from airflow.sdk.definitions.deadline import DeadlineAlert, DeadlineReference

from penstock_operators import notify

if TYPE_CHECKING:
    from penstock.migration.spec import Migration

log = logging.getLogger(__name__)


def deadline(migration: Migration) -> DeadlineAlert | None:
    """The migration's deadline, counted from when a run was queued; None when it has none."""
    if migration.deadline is None:
        return None
    given = {"migration": migration.name, "within": str(migration.deadline), "file": str(migration.path)}
    callback = SyncCallback(tell, given)
    return DeadlineAlert(reference=DeadlineReference.DAGRUN_QUEUED_AT, interval=migration.deadline, callback=callback)


def tell(migration: str, within: str, file: str, context: dict[str, Any] | None = None, **_: Any) -> None:
    """Called once by Airflow's executor when the deadline has passed: an error in its log, and a notification where one is declared."""
    run = (context or {}).get("dag_run") or {}
    log.error("the run %s of the migration %s has not ended after %s", run.get("dag_run_id", ""), migration, within)
    notify.deadline_missed(file, f"the run has not ended {within} after it was queued", run)
