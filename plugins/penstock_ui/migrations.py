"""The pages of all migrations, and of one migration."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.api_fastapi.common.db.common import SessionDep
from airflow.api_fastapi.core_api.security import GetUserDep, requires_access_dag
from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from penstock.reporting.html import migration as one
from penstock.reporting.html import migrations as all_of_them
from penstock.reporting.html.listing import Migration
from penstock_ui import catalogue
from penstock_ui.answers import addresses, page

router = APIRouter()


@router.get("/", dependencies=[Depends(requires_access_dag("GET"))])
def migrations(request: Request, user: GetUserDep, session: SessionDep) -> HTMLResponse:
    """All migrations that the user may read, one line each."""
    readable = get_auth_manager().get_authorized_dag_ids(user=user, method="GET")
    return page(all_of_them.page(catalogue.migrations(session, readable), addresses(request), dt.datetime.now(dt.UTC)))


@router.get("/dags/{dag_id}", dependencies=[Depends(requires_access_dag("GET", DagAccessEntity.RUN))])
def migration(
    dag_id: str,
    request: Request,
    user: GetUserDep,
    session: SessionDep,
    skip: Annotated[int, Query(ge=0)] = 0,
    show: Annotated[int, Query(ge=1, le=1000)] = 50,
) -> Response:
    """One migration. skip, show: which of its runs the page lists."""
    found = catalogue.migration(session, dag_id, skip, max(show, one.LEAST))
    if found is None and catalogue.find_dag(session, dag_id, *catalogue.FOLLOW_UPS):
        return RedirectResponse(addresses(request).migration(dag_id.rpartition("__")[0]), 307)
    if found is None:
        raise HTTPException(404, "This DAG is not a migration: those are made from the files in dags/migrations/.")
    readable = get_auth_manager().get_authorized_dag_ids(user=user, method="GET")
    dag_ids = [name for kind in catalogue.FOLLOW_UPS if (name := f"{dag_id}__{kind}") in readable]
    window = one.Window(skip, show)
    others = catalogue.others(session, dag_id, dag_ids)
    return page(one.page(found, window, _coverage(found), others, addresses(request), dt.datetime.now(dt.UTC)))


def _coverage(found: Migration) -> dict[str, Any] | None:
    """The coverage as last stored, beside the staging area of the last run; None when there is none, or it can't be read."""
    from penstock.stages.coverage import coverage

    if found.reported is None:
        return None
    root, name, _ = str(found.reported.summary["staging"]).rsplit("/", 2)
    try:
        return coverage.kept(root, name)
    except OSError:  # the page is shown without it when the staging area can't be reached
        return None
