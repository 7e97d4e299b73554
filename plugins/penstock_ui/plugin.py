"""What Airflow must discover: the pages, their place in its UI, and the links from tasks. No logic."""

from __future__ import annotations

from typing import Any

from airflow.plugins_manager import AirflowPlugin

from penstock_ui.links import ROUTE, ReportLink
from penstock_ui.portless import PortlessTest

_PREFIX = "penstock"


async def app(scope: Any, receive: Any, send: Any) -> None:
    """The pages, imported when the first is asked for: every task's process loads the plugins too, and has no use for them."""
    from penstock_ui.app import app as pages

    await pages(scope, receive, send)


class PenstockPlugin(AirflowPlugin):
    """Registered by the entry point group `airflow.plugins`."""

    name = "penstock"
    fastapi_apps: list[Any] = [{"app": app, "url_prefix": f"/{_PREFIX}", "name": "Penstock"}]
    fastapi_root_middlewares: list[Any] = [{"middleware": PortlessTest, "args": [], "kwargs": {}, "name": "Test without a port"}]
    operator_extra_links: list[Any] = [ReportLink()]
    external_views: list[Any] = [
        {"name": "Migrations", "href": f"{_PREFIX}/", "destination": "nav", "url_route": ROUTE},
        {"name": "Migration", "href": f"{_PREFIX}/dags/{{DAG_ID}}", "destination": "dag", "url_route": "migration"},
        {
            "name": "Migration report",
            "href": f"{_PREFIX}/dags/{{DAG_ID}}/runs/{{RUN_ID}}/report",
            "destination": "dag_run",
            "url_route": "migration_report",
        },
    ]
