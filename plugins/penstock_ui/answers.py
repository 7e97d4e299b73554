"""Responses: the addresses of a request, the headers, and a page for errors."""

from __future__ import annotations

from fastapi import Request
from fastapi.responses import HTMLResponse

from penstock.reporting.html.addresses import Addresses
from penstock.reporting.html.environment import render

# No inline script or style can run in a page, whatever a name or a value in it is, and pages of other sites can't frame it.
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'self'; base-uri 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
_HEADLINES = {
    401: "Not logged in",
    403: "Not allowed",
    404: "Not found",
    405: "Not allowed",
    409: "Not possible now",
    422: "Invalid request",
    500: "Something went wrong",
}


def addresses(request: Request) -> Addresses:
    """The addresses of the pages for this request: Airflow itself may be served under a prefix."""
    root = str(request.scope.get("root_path", ""))
    return Addresses(root, root.rpartition("/")[0])


def page(html: str) -> HTMLResponse:
    return HTMLResponse(html, headers=HEADERS)


def message(request: Request, status: int, text: str) -> HTMLResponse:
    """A page that says what can't be shown or done, and why."""
    headline = _HEADLINES.get(status, "Not possible")
    html = render("message.html.j2", to=addresses(request), trail=[], headline=headline, text=text, login=status == 401)
    return HTMLResponse(html, status, HEADERS)
