"""The pages of one run: its report, one table, one gate, its progress, and the report as a file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.api_fastapi.common.db.common import SessionDep
from airflow.api_fastapi.core_api.security import GetUserDep, requires_access_dag
from airflow.models.dagrun import DagRun
from airflow.models.taskinstance import TaskInstance
from airflow.models.xcom import XComModel
from fastapi import APIRouter, Depends, HTTPException, Query, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response
from sqlalchemy import select

from penstock_ui import catalogue
from penstock_ui.answers import addresses, page
from penstock_ui.decisions import decisions

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from penstock.reporting.html.run import RunPage
    from penstock.state.progress import Progress
    from penstock.state.run_log import Failure
    from penstock.state.staging import Staging

router = APIRouter(prefix="/dags/{dag_id}/runs/{run_id}", dependencies=[Depends(requires_access_dag("GET", DagAccessEntity.RUN))])

Attempt = Annotated[int | None, Query(ge=1)]
_NONE_YET = "There is no report yet. It is written before an approval is requested, and when the run ends."


@dataclass(frozen=True)
class _Run:
    """The run of a request. area: of the requested attempt; None before the first task of the run has named one."""

    area: Staging | None
    page: RunPage

    def report(self) -> dict[str, Any]:
        """Its report.json, as this version has it. Raises HTTPException 404 when there is none yet."""
        found = self.find_report()
        if found is None:
            raise HTTPException(404, _NONE_YET)
        return found

    def find_report(self) -> dict[str, Any] | None:
        """Its report.json, as this version has it; None when there is none yet."""
        from penstock.reporting.upgrade import upgraded
        from penstock.state import run_files

        try:
            return upgraded(dict(self.area.read_json(run_files.REPORT))) if self.area else None
        except FileNotFoundError:
            return None

    def failure(self) -> Failure | None:
        """What made it fail; None when nothing did."""
        from penstock.state import run_log

        return run_log.FAILURE.find(self.area) if self.area else None

    def progress(self) -> Progress:
        """Its progress."""
        from penstock.state import progress

        return progress.read(self.area) if self.area else progress.NOTHING


def run(dag_id: str, run_id: str, request: Request, session: SessionDep, attempt: Attempt = None) -> _Run:
    """The run of the address. Its first task has named the staging area: no address is used as a path. Raises HTTPException 404."""
    from penstock.reporting.html.run import RunPage
    from penstock.state import attempts as attempts_of
    from penstock.state import staging

    found = session.scalar(select(DagRun).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id))
    if found is None:
        raise HTTPException(404, "There is no such run.")
    named = session.scalars(XComModel.get_many(run_id=run_id, key="staging", dag_ids=dag_id, limit=1)).first()
    if named is None and catalogue.find_dag(session, dag_id, "migration", *catalogue.FOLLOW_UPS) is None:
        raise HTTPException(404, "This DAG is not a migration, an undo or a repair: its runs have no report.")
    current = staging.of(*XComModel.deserialize_value(named).rsplit("/", 2)) if named is not None else None
    base, attempts = _attempts(current) if current else ("", 1)
    if attempt is not None and attempt > attempts:
        raise HTTPException(404, "There is no such attempt.")
    number = attempt or attempts
    area = current if current is None or number == attempts else current.of_run(attempts_of.run_id(base, number))
    state = str(found.state) if number == attempts else "ended"
    tasks = _tasks(session, dag_id, run_id)
    requested = catalogue.requested(session, found)
    page = RunPage(
        addresses(request),
        dag_id,
        run_id,
        in_progress=state in ("queued", "running"),
        queued=state == "queued",
        waiting_task=next((name for name, at in tasks if at == "awaiting_input"), None) if state == "running" else None,
        attempt=number,
        attempts=attempts,
        interval=requested.interval_words,
        of_run=requested.of_run,
        started=requested.started.isoformat() if requested.started else None,
        failed_tasks=tuple(dict.fromkeys(name for name, at in tasks if at == "failed")),
        started_by=found.triggering_user_name or "",
        note=found.note or "",
    )
    return _Run(area, page)


def _tasks(session: Session, dag_id: str, run_id: str) -> list[tuple[str, str]]:
    """(task, state) of the tasks that wait for an approval, and of those that failed."""
    query = select(TaskInstance.task_id, TaskInstance.state).where(
        TaskInstance.dag_id == dag_id, TaskInstance.run_id == run_id, TaskInstance.state.in_(("awaiting_input", "failed"))
    )
    return [(row.task_id, str(row.state)) for row in session.execute(query.order_by(TaskInstance.start_date))]


RunDep = Annotated[_Run, Depends(run)]


def _attempts(current: Staging) -> tuple[str, int]:
    """The common run id of the attempts of a run, and how many there are. A run that was cleared after its switch has several."""
    from penstock.state import attempts

    found = attempts.ATTEMPT.find(current)
    return (found.of, found.attempt) if found else ("", 1)


@router.get("/report")
def report(found: RunDep, user: GetUserDep, session: SessionDep) -> HTMLResponse:
    """The report of a run; before there is one, its progress."""
    from penstock.reporting.html import run as pages

    report = found.find_report()
    if report is None:
        return page(pages.unreported(found.failure(), found.progress(), found.page))
    if report.get("kind") == "undo":
        return page(pages.undo(report, found.progress(), found.page))
    return page(pages.report(report, found.progress(), found.page, decisions(session, user, report["migration"], report)))


@router.get("/report.html")
def html(found: RunDep) -> Response:
    """The report as one self-contained file."""
    from penstock.state import run_files

    return _download(found, run_files.REPORT_PAGE, "text/html; charset=utf-8")


@router.get("/report.json")
def json(found: RunDep) -> Response:
    """The report as data."""
    from penstock.state import run_files

    return _download(found, run_files.REPORT, "application/json")


def _download(found: _Run, name: str, media: str) -> Response:
    try:
        text = found.area.read_text(name) if found.area else None
    except FileNotFoundError:
        text = None
    if text is None:
        raise HTTPException(404, _NONE_YET)
    file = f"{found.page.dag_id} {found.page.run_id}.{name.rpartition('.')[2]}"
    return Response(text, media_type=media, headers={"Content-Disposition": f"attachment; filename*=UTF-8''{quote(file, safe='')}"})


@router.get("/tables")
def table(found: RunDep, name: str) -> HTMLResponse:
    """One table of a run. The name is looked up in the report."""
    from penstock.reporting.html import run as pages
    from penstock.reporting.one_table import one_table

    report = found.report()
    one = one_table(found.area, report, name) if found.area and "tables" in report else None
    if one is None:
        raise HTTPException(404, "This run has no such table.")
    return page(pages.table(one, report, found.page))


@router.get("/gates/{stage}")
def gate(found: RunDep, stage: str, number: Annotated[int, Query(alias="page", ge=1)] = 1) -> HTMLResponse:
    """One gate of a run."""
    from penstock.reporting.html import run as pages

    report = found.report()
    html = pages.gate(report, stage, found.page, number) if "gates" in report else None
    if html is None:
        raise HTTPException(404, "This run has no such gate.")
    return page(html)


@router.get("/progress")
def progress(found: RunDep, seen: str = "") -> JSONResponse:
    """The progress of the run, as figures and as HTML. changed: whether the state of the run differs from `seen`, the state on the page."""
    from penstock.reporting.html import run as pages

    now = found.progress()
    return JSONResponse({"changed": seen != found.page.state, "progress": now.record(), "html": pages.progress_of(now, found.page)})
