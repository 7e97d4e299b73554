"""How soon a silent server is noticed: a host that is gone, or a firewall that drops packets, closes no connection.

TCP asks an idle peer for a sign of life, and gives up when none comes, or when what was sent is not acknowledged. A server that works on a
long statement still answers, so no statement is cut off: a time-out of the reads would cut off the build of a large index. The names are
libpq's, https://www.postgresql.org/docs/current/libpq-connect.html; a URL's query overrides the values, for MySQL too.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from contextlib import suppress

import sqlalchemy as sa

from penstock.errors import MigrationError
from penstock.model import address

DEFAULTS: Mapping[str, int] = {"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 6, "tcp_user_timeout": 90_000}
"""Seconds until the first question and between the next, how many are unanswered, and milliseconds for what was sent."""
CONNECT_TIMEOUT = 30
_OPTIONS = {
    "keepalives_idle": "TCP_KEEPIDLE",
    "keepalives_interval": "TCP_KEEPINTVL",
    "keepalives_count": "TCP_KEEPCNT",
    "tcp_user_timeout": "TCP_USER_TIMEOUT",
}


def absent(url: sa.URL) -> dict[str, int]:
    """The defaults that the URL does not override, and the time to connect, as libpq's options."""
    return {name: value for name, value in {**DEFAULTS, "connect_timeout": CONNECT_TIMEOUT}.items() if name not in url.query}


def taken_out(url: sa.URL) -> tuple[sa.URL, dict[str, int]]:
    """The URL without these options, for a driver that does not know them, and their values. Raises MigrationError."""
    chosen = {}
    for name, value in DEFAULTS.items():
        written = str(url.query.get(name, value))
        if not written.isdecimal():
            raise MigrationError(
                f"{name} of the connection is not a number", where=address.shown(url), fix=f"write for instance {name}={value}"
            )
        chosen[name] = int(written)
    return url.difference_update_query(list(DEFAULTS)), chosen


def switch_on(descriptor: int, chosen: Mapping[str, int]) -> None:
    """Set the options of a driver's socket, those that this system has and the socket takes: one of a Unix socket takes none."""
    with socket.socket(fileno=os.dup(descriptor)) as same, suppress(OSError):
        same.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in chosen.items():
            if option := getattr(socket, _OPTIONS[name], None):
                same.setsockopt(socket.IPPROTO_TCP, option, value)
