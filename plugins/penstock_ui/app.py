"""The app that Airflow mounts under /penstock. Every route requires a login; a route declares what else it requires."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from airflow.api_fastapi.core_api.security import get_user
from fastapi import Depends, FastAPI, HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException as AnyHTTPException

from penstock.reporting import html
from penstock.reporting.html.addresses import digest
from penstock_ui import decisions, migrations, runs
from penstock_ui.answers import HEADERS, message

log = logging.getLogger(__name__)

app = FastAPI(title="Penstock", docs_url=None, redoc_url=None, openapi_url=None, dependencies=[Depends(get_user)])
app.include_router(migrations.router)
app.include_router(decisions.router)
app.include_router(runs.router)


@app.get("/static/{name}")
def static(name: str, request: Request) -> Response:
    """A stylesheet or script. Its address contains its digest, so browsers may cache it."""
    if name not in html.ASSETS:
        raise HTTPException(404, "There is no such file.")
    headers = {"ETag": f'"{digest(name)}"', "Cache-Control": "private, max-age=31536000, immutable"}
    if request.headers.get("If-None-Match") == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    return Response((html.FOLDER / name).read_bytes(), media_type=html.ASSETS[name], headers=headers)


@app.middleware("http")
async def guarded(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    """Every response has the security headers, and is not cached unless it says so."""
    response = await call_next(request)
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    return response


@app.exception_handler(AnyHTTPException)
def refused(request: Request, error: AnyHTTPException) -> Response:
    return message(request, error.status_code, str(error.detail))


@app.exception_handler(RequestValidationError)
def misunderstood(request: Request, error: RequestValidationError) -> Response:
    return message(request, 422, "This page does not accept the parameters of the request.")


@app.exception_handler(Exception)
def failed(request: Request, error: Exception) -> Response:
    """An error of Penstock: it is in the log of Airflow's API server, and the page shows nothing of it."""
    log.error("%s %s", request.method, request.url.path, exc_info=error)
    return message(request, 500, "The error is in the log of Airflow's API server.")
