"""The pages of one run: its report, one table, one gate, how far it is, and the report as a file."""

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

    from penstock.reporting.html.run import Shown
    from penstock.state.progress import Progress
    from penstock.state.staging import Staging

router = APIRouter(prefix="/dags/{dag_id}/runs/{run_id}", dependencies=[Depends(requires_access_dag("GET", DagAccessEntity.RUN))])

Attempt = Annotated[int | None, Query(ge=1)]
_NONE_YET = "No report yet: it is written before an approval is asked for, and when the run ends."


@dataclass(frozen=True)
class _Run:
    """A run as this request means it. area: of the attempt asked for; None before the run's first task has named one."""

    area: Staging | None
    shown: Shown

    def report(self) -> dict[str, Any]:
        """Its report.json. Raises HTTPException 404 when there is none yet."""
        found = self.reported()
        if found is None:
            raise HTTPException(404, _NONE_YET)
        return found

    def reported(self) -> dict[str, Any] | None:
        """Its report.json; None when there is none yet."""
        from penstock.state import run_files

        try:
            return dict(self.area.read_json(run_files.REPORT)) if self.area else None
        except FileNotFoundError:
            return None

    def progress(self) -> Progress:
        """How far it is."""
        from penstock.state import progress

        return progress.read(self.area) if self.area else progress.NOTHING


def run(dag_id: str, run_id: str, request: Request, session: SessionDep, attempt: Attempt = None) -> _Run:
    """The run of the address, as its first task named its staging area: nothing of an address is ever a path. Raises HTTPException 404."""
    from penstock.reporting.html.run import Shown
    from penstock.state import staging

    found = session.scalar(select(DagRun).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id))
    if found is None:
        raise HTTPException(404, "There is no such run.")
    named = session.scalars(XComModel.get_many(run_id=run_id, key="staging", dag_ids=dag_id, limit=1)).first()
    if named is None and catalogue.ours(session, dag_id, "migration", *catalogue.AFTER) is None:
        raise HTTPException(404, "This DAG is not a migration, an undo or a repair: its runs have no report.")
    current = staging.of(*XComModel.deserialize_value(named).rsplit("/", 2)) if named is not None else None
    base, attempts = _attempts(current) if current else ("", 1)
    if attempt is not None and attempt > attempts:
        raise HTTPException(404, "There is no such attempt.")
    asked = attempt or attempts
    area = current if current is None or asked == attempts else current.of_run(base if asked == 1 else f"{base}~{asked}")
    state = str(found.state) if asked == attempts else "over"
    tasks = _tasks(session, dag_id, run_id)
    started = catalogue.asked(session, found)
    shown = Shown(
        addresses(request),
        dag_id,
        run_id,
        going_on=state in ("queued", "running"),
        queued=state == "queued",
        awaits=next((name for name, at in tasks if at == "awaiting_input"), None) if state == "running" else None,
        attempt=asked,
        attempts=attempts,
        interval=started.interval_words,
        of=started.of,
        began=started.began.isoformat() if started.began else None,
        failed=tuple(dict.fromkeys(name for name, at in tasks if at == "failed")),
        by=found.triggering_user_name or "",
        note=found.note or "",
    )
    return _Run(area, shown)


def _tasks(session: Session, dag_id: str, run_id: str) -> list[tuple[str, str]]:
    """(task, state) of those that a page speaks of: what waits for a person, and what failed."""
    query = select(TaskInstance.task_id, TaskInstance.state).where(
        TaskInstance.dag_id == dag_id, TaskInstance.run_id == run_id, TaskInstance.state.in_(("awaiting_input", "failed"))
    )
    return [(row.task_id, str(row.state)) for row in session.execute(query.order_by(TaskInstance.start_date))]


RunDep = Annotated[_Run, Depends(run)]


def _attempts(current: Staging) -> tuple[str, int]:
    """The run id that the attempts of a run have in common, and how many there are. One that was cleared after its switch has several."""
    from penstock.state import run_files

    if not current.exists(run_files.ATTEMPT):
        return "", 1
    told = current.read_json(run_files.ATTEMPT)
    return str(told["of"]), int(told["attempt"])


@router.get("/report")
def report(found: RunDep, user: GetUserDep, session: SessionDep) -> HTMLResponse:
    """The report of a run, as far as it has come; before there is one, how far the run is."""
    from penstock.reporting.html import run as pages
    from penstock.state import run_log

    told = found.reported()
    if told and told.get("kind") == "undo":
        return page(pages.undo(told, found.progress(), found.shown))
    if told is None:
        return page(pages.unreported(run_log.FAILURE.find(found.area) if found.area else None, found.progress(), found.shown))
    return page(pages.report(told, found.progress(), found.shown, decisions(session, user, told["migration"], told)))


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
    file = f"{found.shown.dag_id} {found.shown.run_id}.{name.rpartition('.')[2]}"
    return Response(text, media_type=media, headers={"Content-Disposition": f"attachment; filename*=UTF-8''{quote(file, safe='')}"})


@router.get("/tables")
def table(found: RunDep, name: str) -> HTMLResponse:
    """One table of a run. Its name is looked up among those of the report."""
    from penstock.reporting.html import run as pages
    from penstock.reporting.one_table import one_table

    told = found.report()
    one = one_table(found.area, told, name) if found.area and "tables" in told else None
    if one is None:
        raise HTTPException(404, "This run has no such table.")
    return page(pages.table(one, told, found.shown))


@router.get("/gates/{stage}")
def gate(found: RunDep, stage: str, number: Annotated[int, Query(alias="page", ge=1)] = 1) -> HTMLResponse:
    """One gate of a run."""
    from penstock.reporting.html import run as pages

    told = found.report()
    html = pages.gate(told, stage, found.shown, number) if "gates" in told else None
    if html is None:
        raise HTTPException(404, "This run has no such gate.")
    return page(html)


@router.get("/progress")
def progress(found: RunDep, seen: str = "") -> JSONResponse:
    """How far the run is: as figures, and as the piece of the page that shows it. changed: the page that has `seen` its state is old."""
    from penstock.reporting.html import run as pages

    now = found.progress()
    return JSONResponse({"changed": seen != found.shown.state, "progress": now.record(), "html": pages.going(now, found.shown)})
