"""The *Test* button of a connection without a port, such as a SQLite file.

Airflow 3.3.2's page sends port 0 where the connection has none, and its API refuses that as another destination than the stored
one: "Bad Request" (apache/airflow#73298 accepts it). For Penstock's connection types the 0 is taken out of the request here.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

PATH = "/api/v2/connections/test"
TYPES = frozenset({"mysql", "postgres", "sqlite", "duckdb"})

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]


class PortlessTest:
    """ASGI middleware around Airflow's API. Every other request passes as it is."""

    def __init__(self, app: Application) -> None:
        self.app = app

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "POST" and scope["path"].endswith(PATH):
            receive = await _received(receive)
        await self.app(scope, receive, send)


async def _received(receive: Receive) -> Receive:
    """What gives the application the request's body, changed, and after it what the server sends."""
    body = b""
    while True:
        message = await receive()
        if message["type"] != "http.request":  # the client has gone
            return _first(message, receive)
        body += message.get("body", b"")
        if not message.get("more_body"):
            return _first({"type": "http.request", "body": without_port_0(body), "more_body": False}, receive)


def _first(message: Message, receive: Receive) -> Receive:
    waiting = [message]

    async def received() -> Message:
        return waiting.pop() if waiting else await receive()

    return received


def without_port_0(body: bytes) -> bytes:
    """A request to test a connection, without a port when it is 0 and the type is one of Penstock's."""
    try:
        asked = json.loads(body)
    except ValueError:  # Airflow says so itself
        return body
    if not isinstance(asked, dict) or asked.get("port") != 0 or asked.get("conn_type") not in TYPES:
        return body
    return json.dumps({name: value for name, value in asked.items() if name != "port"}).encode()
