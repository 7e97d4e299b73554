"""Sessions of MySQL and MariaDB that are known by a lock that each holds, and can be ended.

A session has no name there that others can see. GET_LOCK gives it one, which is gone with the session; a user may end its own sessions.
Manual: https://mariadb.com/kb/en/is_used_lock/, https://mariadb.com/kb/en/kill/
"""

from __future__ import annotations

from itertools import count
from typing import Any

import sqlalchemy as sa

from penstock.databases import execute

_MOST = 256
_GONE = 1094  # ER_NO_SUCH_THREAD


def mark(session: Any, name: str) -> None:
    for number in count(1):
        session.query(f"SELECT GET_LOCK('{name}_{number}', 0)")
        if session.store_result().fetch_row()[0][0] == 1 or number == _MOST:
            return


def end(connection: sa.Connection, mark: str) -> int:
    used = ", ".join(f"IS_USED_LOCK('{mark}_{number}')" for number in range(1, _MOST + 1))
    with connection.begin():
        found = [int(session) for session in execute(connection, f"SELECT {used}").one() if session is not None]
    for session in found:
        try:
            with connection.begin():
                execute(connection, f"KILL {session}")
        except sa.exc.DBAPIError as error:
            if getattr(error.orig, "args", (0,))[0] != _GONE:
                raise
    return len(found)
