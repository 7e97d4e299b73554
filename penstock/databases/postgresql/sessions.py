"""Sessions of PostgreSQL that are known by their application name, and can be ended.

A role may end its own sessions. Manual: https://www.postgresql.org/docs/current/functions-admin.html
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

_END = sa.text("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = :mark AND pid <> pg_backend_pid()")


def mark(session: Any, name: str) -> None:
    session.execute(f"SET application_name = '{name}'")
    session.commit()


def end(connection: sa.Connection, mark: str) -> int:
    with connection.begin():
        return int(connection.execute(_END, {"mark": mark}).scalar_one())
