"""Backfills: how a task finds the Airflow backfill that its run belongs to.

Airflow does not pass it to tasks: their context has no backfill id, and they have no access to the database. The scheduler knows it. When
it starts a run of a migration, plugins/penstock_ui/backfills.py calls `note`, which writes the backfill into the conf of the run.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow.sdk import Context

    from penstock.reporting.question import Backfill

log = logging.getLogger(__name__)

NOTED = "penstock_backfill"
"""The key in the conf of a run."""
TAG = "penstock"
"""The tag of the DAGs of migrations."""


def of(context: Context) -> Backfill | None:
    """The backfill of the task's run; None when it belongs to none, or the scheduler has not noted it."""
    from penstock.reporting.question import Backfill

    run = context["dag_run"]
    if str(getattr(run.run_type, "value", run.run_type)) != "backfill":
        return None
    noted = (run.conf or {}).get(NOTED)
    if not noted:
        log.warning("the scheduler has not noted the backfill of this run: install the plugins of Penstock on the scheduler, too")
        return None
    return Backfill(str(noted["key"]), str(noted["first"]), str(noted["last"]), int(noted["runs"]))


def note(dag_run: Any) -> None:
    """Write the backfill of a starting run into its conf, while the backfill is active. Called in the scheduler.

    dag_run: Airflow's row, in the scheduler's session, which commits it. Runs of other DAGs are not changed.
    """
    from airflow.models.backfill import Backfill, BackfillDagRun
    from airflow.models.dag import DagTag
    from sqlalchemy import func, select
    from sqlalchemy.orm import object_session

    session, conf = object_session(dag_run), dict(dag_run.conf or {})
    if session is None or (dag_run.backfill_id is None and NOTED not in conf):
        return
    if session.scalar(select(func.count()).where(DagTag.dag_id == dag_run.dag_id, DagTag.name == TAG)) == 0:
        return
    conf.pop(NOTED, None)
    backfill = session.get(Backfill, dag_run.backfill_id) if dag_run.backfill_id is not None else None
    if backfill is not None and backfill.completed_at is None:
        runs = (BackfillDagRun.backfill_id == backfill.id, BackfillDagRun.dag_run_id.is_not(None))
        conf[NOTED] = {
            "key": f"{backfill.id} of {backfill.created_at.isoformat()}",
            "first": backfill.from_date.date().isoformat(),
            "last": backfill.to_date.date().isoformat(),
            "runs": session.scalar(select(func.count()).select_from(BackfillDagRun).where(*runs)) or 0,
        }
    if conf != (dag_run.conf or {}):
        dag_run.conf = conf
