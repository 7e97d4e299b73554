"""Webhook: a notification, posted as JSON to the address of an Airflow connection."""

from __future__ import annotations

import base64
import json
import urllib.request
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseHook, BaseNotifier

if TYPE_CHECKING:
    from airflow.sdk import Connection, Context

SECONDS = 10


class WebhookNotifier(BaseNotifier):
    """POST `penstock` of the context as JSON.

    connection: id of an Airflow connection of type http. Its schema, host and port are the address; its login and password are sent as
    basic authorization; its extra has the headers.  path: appended to the address.
    """

    template_fields: Sequence[str] = ("connection", "path")

    def __init__(self, *, connection: str, path: str = "") -> None:
        super().__init__()
        self.connection = connection
        self.path = path

    def notify(self, context: Context) -> None:
        """Send the notice. Raises urllib.error.URLError, and ValueError for an address that is not http."""
        found = BaseHook.get_connection(self.connection)
        notice: Any = context.get("penstock") or {}
        body = json.dumps({k: v for k, v in notice.items() if k not in ("html", "slack")}, ensure_ascii=False).encode()
        headers = {"Content-Type": "application/json"} | _authorization(found) | {k: str(v) for k, v in found.extra_dejson.items()}
        request = urllib.request.Request(address(found, self.path), body, headers, method="POST")
        with urllib.request.build_opener(_Direct).open(request, timeout=SECONDS):
            pass


class _Direct(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: the authorization is meant for the address of the connection only."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def address(connection: Connection, path: str) -> str:
    """The URL of a connection of type http. Raises ValueError."""
    host = connection.host or ""
    base = host if "://" in host else f"{connection.schema or 'http'}://{host}"
    if not base.startswith(("http://", "https://")) or not host:
        raise ValueError(f"the connection {connection.conn_id} has no address that begins with http:// or https://")
    base = f"{base}:{connection.port}" if connection.port else base
    return f"{base.rstrip('/')}/{path.lstrip('/')}" if path else base


def _authorization(connection: Connection) -> dict[str, str]:
    if not connection.login:
        return {}
    pair = f"{connection.login}:{connection.password or ''}".encode()
    return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}
