"""The run report as a tab on the DAG run. Only what Airflow must discover: it serves a file that the run has written."""

from __future__ import annotations

from typing import ClassVar

from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.api_fastapi.common.db.common import SessionDep
from airflow.api_fastapi.core_api.security import requires_access_dag
from airflow.models.xcom import XComModel
from airflow.plugins_manager import AirflowPlugin
from fastapi import Depends, FastAPI
from fastapi.responses import HTMLResponse

# The iframe stands in Airflow's own origin: sandboxed, a report's page can't reach the reader's session, whatever is in it.
HEADERS = {
    "Content-Security-Policy": "sandbox allow-scripts; default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
    "img-src data:; font-src data:; frame-ancestors 'self'",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
}

app = FastAPI(title="Penstock", docs_url=None, redoc_url=None, openapi_url=None)


@app.get("/dags/{dag_id}/runs/{run_id}/report", dependencies=[Depends(requires_access_dag("GET", DagAccessEntity.RUN))])
def report(dag_id: str, run_id: str, session: SessionDep) -> HTMLResponse:
    """The report.html of a run, from the staging area that its first task named."""
    from penstock import staging

    named = session.scalars(XComModel.get_many(run_id=run_id, key="staging", dag_ids=dag_id, limit=1)).first()
    if named is None:
        return HTMLResponse("<p>This run has not begun, or it is not a migration's.</p>", 404, HEADERS)
    try:
        text = staging.of(*XComModel.deserialize_value(named).rsplit("/", 2)).read_text("report.html")
    except FileNotFoundError:
        return HTMLResponse("<p>No report yet: it is written before an approval is asked for, and when the run ends.</p>", 404, HEADERS)
    return HTMLResponse(text, headers=HEADERS)


class PenstockPlugin(AirflowPlugin):
    """Registered by Airflow from the plugins folder."""

    name = "penstock"
    fastapi_apps: ClassVar = [{"app": app, "url_prefix": "/penstock", "name": "Penstock"}]
    external_views: ClassVar = [
        {
            "name": "Migration report",
            "href": "penstock/dags/{DAG_ID}/runs/{RUN_ID}/report",
            "destination": "dag_run",
            "url_route": "migration_report",
        }
    ]
