"""How the pages are answered: addresses as this request has them, headers, and a page for what can't be shown."""

from __future__ import annotations

from fastapi import Request
from fastapi.responses import HTMLResponse

from penstock.reporting import html as pages
from penstock.reporting.html.addresses import Addresses

# No inline script or style can run in a page, whatever a name or a value in it is, and nobody else's page can frame it.
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
    409: "Not now",
    422: "Not understood",
    500: "Something went wrong",
}


def addresses(request: Request) -> Addresses:
    """Where the pages are for this request: Airflow may itself stand under a prefix."""
    root = str(request.scope.get("root_path", ""))
    return Addresses(root, root.rpartition("/")[0])


def page(html: str) -> HTMLResponse:
    return HTMLResponse(html, headers=HEADERS)


def message(request: Request, status: int, told: str) -> HTMLResponse:
    """A page that says what can't be shown, and why."""
    headline = _HEADLINES.get(status, "Not possible")
    html = pages.render("message.html.j2", to=addresses(request), trail=[], headline=headline, told=told, login=status == 401)
    return HTMLResponse(html, status, HEADERS)
