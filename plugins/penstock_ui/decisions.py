"""Decisions: undo and repair of a run. The page of its report starts them as DAG runs, for users who may start those DAGs."""

from __future__ import annotations

from dataclasses import replace
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
_VALID = 12 * 3600  # seconds that a form is valid after its page was made


def decisions(session: Session, user: BaseUser, dag_id: str, report: dict[str, Any]) -> list[Decision]:
    """The possible decisions about a run, from its report; without those for which the migration has no DAG."""
    found = []
    if undo := catalogue.find_dag(session, f"{dag_id}__undo", "undo"):
        text = "Restores the tables that were live before this run, in one atomic step. The tables of this run are set aside, not dropped."
        decision = Decision("Undo the switch", text, undo.dag_id, report["run"], danger=True, blocked=_undo_blocked(report))
        found.append(_checked(user, undo, decision))
    if repair := catalogue.find_dag(session, f"{dag_id}__repair", "repair"):
        text = "Compares the live tables with the source, and changes only the rows that differ."
        tables = tuple(t["table"] for t in report["tables"])
        live = report["switch"] and not report["undo"] and report["outcome"] != "overtaken"
        blocked = "" if live else "no table of this run is live"
        decision = Decision("Repair differences", text, repair.dag_id, report["run"], tables, blocked=blocked)
        found.append(_checked(user, repair, decision))
    return found


def _undo_blocked(report: dict[str, Any]) -> str:
    """Why the switch of a run can't be undone, according to its report; "" when it can. The undo itself checks the journal."""
    if not report["switch"]:
        return "this run has not switched"
    if report["undo"]:
        return "the switch was already undone"
    if report["outcome"] == "overtaken":
        return "no table of this run is live"
    return "the retention time of the previous tables has ended" if str(report["switch"]["keep_until"]) < journal.now() else ""


def _checked(user: BaseUser, dag: DagModel, decision: Decision) -> Decision:
    """The decision with the token of its form; blocked when the DAG is paused, or the user may not start it."""
    blocked = decision.blocked
    if not blocked and dag.is_paused:
        blocked = f"the DAG {dag.dag_id} is paused"
    if not blocked and not _may_start(user, dag.dag_id):
        blocked = f"you may not start runs of {dag.dag_id}"
    return replace(decision, blocked=blocked, token="" if blocked else token(user, dag.dag_id))


def _may_start(user: BaseUser, dag_id: str) -> bool:
    details = DagDetails(id=dag_id, team_name=DagModel.get_team_name(dag_id))
    return get_auth_manager().is_authorized_dag(method="POST", access_entity=DagAccessEntity.RUN, details=details, user=user)


def _signer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(conf.get_mandatory_value("api", "secret_key"), salt="penstock.start")


def token(user: BaseUser, dag_id: str) -> str:
    """The token of a form: it proves that this server made the page for this user and this DAG. It is signed with Airflow's secret key."""
    return str(_signer().dumps([str(user.get_id()), dag_id]))


def _check_form(request: Request, user: BaseUser, dag_id: str, given: str) -> None:
    """Raise HTTPException 403 unless this server made the page of the form, for this user and this DAG, within the last hours."""
    try:
        signed = _signer().loads(given, max_age=_VALID)
    except BadSignature:
        signed = None
    if signed != [str(user.get_id()), dag_id] or not _same_origin(request):
        raise HTTPException(403, "This form is not from a page of this server, or the page is too old. Open the report again.")


def _same_origin(request: Request) -> bool:
    """Whether the browser says that a page of this server sent the form; an old browser says it by its Origin header."""
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
    """Start a run of an undo or repair DAG in the user's name, and redirect to the page with its progress and then its report."""
    _check_form(request, user, dag_id, given)
    dag = catalogue.find_dag(session, dag_id, *catalogue.FOLLOW_UPS)
    if dag is None or not dag_id.endswith(tuple(f"__{kind}" for kind in catalogue.FOLLOW_UPS)):
        raise HTTPException(403, "Only undos and repairs of migrations can be started here.")
    asked = {"run": run} if run else {}
    reason = f"{note} " if note else ""
    try:
        started = trigger_dag(
            dag_id,
            triggered_by=DagRunTriggeredByType.UI,
            triggering_user_name=user.get_name(),
            conf=asked | ({"tables": tables} if tables else {}),
            note=f"{reason}(from the report, by {user.get_name()})",
            session=session,
        )
    except (ParamValidationError, ValueError) as fault:
        raise HTTPException(422, str(fault)) from None
    except AirflowException as fault:
        raise HTTPException(409, str(fault)) from None
    if started is None:
        raise HTTPException(409, "Airflow did not start a run.")
    session.commit()  # the browser requests the page of the run before Airflow would commit this session
    return RedirectResponse(addresses(request).report(dag_id, started.run_id), 303)
