"""Decisions: undo and repair of a run, started from its report as DAG runs of their own, by whoever may start those."""

from __future__ import annotations

from typing import Annotated, Any

from airflow.api.common.trigger_dag import trigger_dag
from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity, DagDetails
from airflow.api_fastapi.common.db.common import SessionDep
from airflow.api_fastapi.core_api.security import GetUserDep, requires_access_dag
from airflow.configuration import conf
from airflow.models.dag import DagModel
from airflow.sdk.exceptions import AirflowException, ParamValidationError
from airflow.utils.types import DagRunTriggeredByType
from fastapi import APIRouter, Depends, Form, HTTPException, Request
from fastapi.responses import RedirectResponse
from itsdangerous import BadSignature, URLSafeTimedSerializer
from sqlalchemy.orm import Session

from penstock.reporting.html.decisions import Decision
from penstock.state import journal
from penstock_ui import catalogue
from penstock_ui.answers import addresses

router = APIRouter()
_VALID = 12 * 3600  # seconds: as long as a page may stand open


def decisions(session: Session, user: BaseUser, dag_id: str, report: dict[str, Any]) -> list[Decision]:
    """What can be decided about a run, from its report. What its migration has no DAG for isn't there."""
    found = []
    if undo := catalogue.ours(session, f"{dag_id}__undo", "undo"):
        told = "Restores, in one atomic step, what was live before this run's switch. What this run made live is set aside, not dropped."
        found.append(_decision(session, user, undo, "Undo the switch", told, report["run"], grave=True, hindrance=_undoable(report)))
    if repair := catalogue.ours(session, f"{dag_id}__repair", "repair"):
        told = "Compares the live tables with the source, and changes only the rows that differ."
        tables = tuple(t["table"] for t in report["tables"])
        hindrance = "" if report["switch"] and not report["undo"] else "no table of this run is live"
        found.append(_decision(session, user, repair, "Repair what differs", told, report["run"], tables, hindrance=hindrance))
    return found


def _undoable(report: dict[str, Any]) -> str:
    """Why a run's switch can't be undone, as far as its report knows; "" when it can. The engine asks the journal before it does it."""
    if not report["switch"]:
        return "this run switched nothing"
    if report["undo"]:
        return "it was undone already"
    return "the time for which the old tables are kept is over" if str(report["switch"]["keep_until"]) < journal.now() else ""


def _decision(
    session: Session,
    user: BaseUser,
    dag: DagModel,
    verb: str,
    told: str,
    run: str,
    tables: tuple[str, ...] = (),
    grave: bool = False,
    hindrance: str = "",
) -> Decision:
    if not hindrance and dag.is_paused:
        hindrance = f"the DAG {dag.dag_id} is paused"
    if not hindrance and not _may_start(user, dag.dag_id):
        hindrance = f"you may not start runs of {dag.dag_id}"
    return Decision(verb, told, dag.dag_id, run, tables, grave, hindrance, "" if hindrance else token(user, dag.dag_id))


def _may_start(user: BaseUser, dag_id: str) -> bool:
    details = DagDetails(id=dag_id, team_name=DagModel.get_team_name(dag_id))
    return get_auth_manager().is_authorized_dag(method="POST", access_entity=DagAccessEntity.RUN, details=details, user=user)


def _signer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(conf.get_mandatory_value("api", "secret_key"), salt="penstock.start")


def token(user: BaseUser, dag_id: str) -> str:
    """What a form must carry: that a page of ours was made for this user and this DAG. Nobody without Airflow's own key can make one."""
    return str(_signer().dumps([str(user.get_id()), dag_id]))


def _proved_ours(request: Request, user: BaseUser, dag_id: str, given: str) -> None:
    """Raises HTTPException 403 unless the form was sent by a page of ours, made for this user and this DAG, not long ago."""
    try:
        signed = _signer().loads(given, max_age=_VALID)
    except BadSignature:
        signed = None
    if signed != [str(user.get_id()), dag_id] or not _from_here(request):
        raise HTTPException(403, "This form was not sent by a page of ours, or the page is too old: open the report again.")


def _from_here(request: Request) -> bool:
    """Whether a browser says that a page of this server sent the form. One too old to say so is believed by its Origin."""
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site or not origin:
        return site in (None, "same-origin")
    return origin.partition("://")[2].lower() == request.headers.get("host", "").lower()


@router.post("/dags/{dag_id}/start", dependencies=[Depends(requires_access_dag("POST", DagAccessEntity.RUN))])
def start(
    dag_id: str,
    request: Request,
    user: GetUserDep,
    session: SessionDep,
    given: Annotated[str, Form(alias="token")] = "",
    run: Annotated[str, Form(max_length=300)] = "",
    tables: Annotated[list[str] | None, Form()] = None,
    note: Annotated[str, Form(max_length=500)] = "",
) -> RedirectResponse:
    """Start a run of an undo or repair DAG in the user's name, and go to the page that shows it running and then its report."""
    _proved_ours(request, user, dag_id, given)
    dag = catalogue.ours(session, dag_id, *catalogue.AFTER)
    if dag is None or not dag_id.endswith(tuple(f"__{kind}" for kind in catalogue.AFTER)):
        raise HTTPException(403, "Only undos and repairs of migrations are started here.")
    asked = {"run": run} if run else {}
    told = f"{note} " if note else ""
    try:
        started = trigger_dag(
            dag_id,
            triggered_by=DagRunTriggeredByType.UI,
            triggering_user_name=user.get_name(),
            conf=asked | ({"tables": tables} if tables else {}),
            note=f"{told}(from the report, by {user.get_name()})",
            session=session,
        )
    except (ParamValidationError, ValueError) as fault:
        raise HTTPException(422, str(fault)) from None
    except AirflowException as fault:
        raise HTTPException(409, str(fault)) from None
    if started is None:
        raise HTTPException(409, "Airflow has started no run.")
    session.commit()  # the browser asks for the run's page before this request's session would be committed
    return RedirectResponse(addresses(request).report(dag_id, started.run_id), 303)
