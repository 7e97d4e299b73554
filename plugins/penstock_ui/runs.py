"""The pages of one run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.api_fastapi.common.db.common import SessionDep
from airflow.api_fastapi.core_api.security import GetUserDep, requires_access_dag
from airflow.models.xcom import XComModel
from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import HTMLResponse

from penstock_ui.answers import addresses, page
from penstock_ui.decisions import decisions

if TYPE_CHECKING:
    from penstock.staging import Staging

router = APIRouter(prefix="/dags/{dag_id}/runs/{run_id}", dependencies=[Depends(requires_access_dag("GET", DagAccessEntity.RUN))])


@router.get("/report")
def report(dag_id: str, run_id: str, request: Request, user: GetUserDep, session: SessionDep) -> HTMLResponse:
    """The report of a run, as far as it has come."""
    from penstock.pages import report as reports

    try:
        found = area(session, dag_id, run_id).read_json("report.json")
    except FileNotFoundError:
        raise HTTPException(404, "No report yet: it is written before an approval is asked for, and when the run ends.") from None
    offered = decisions(session, user, found["migration"], found)
    return page(reports.page(found, addresses(request), dag_id, run_id, offered))


def area(session: SessionDep, dag_id: str, run_id: str) -> Staging:
    """The staging area of a run, as its first task named it. Raises HTTPException 404 when none has."""
    from penstock import staging

    named = session.scalars(XComModel.get_many(run_id=run_id, key="staging", dag_ids=dag_id, limit=1)).first()
    if named is None:
        raise HTTPException(404, "This run has not begun, or it is not a migration's.")
    return staging.of(*XComModel.deserialize_value(named).rsplit("/", 2))
