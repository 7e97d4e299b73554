"""Whether a SQLite file can be written, and how large its tables are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from penstock.databases import AccessRequest, Size, execute
from penstock.errors import Problem
from penstock.model.schema import Table


def preflight(connection: sa.Connection, use: AccessRequest) -> list[Problem]:
    if use.role == "source":
        return []
    import sqlite3

    # a connection of its own, since the lock that says it can't be asked for in a transaction that has read
    with connection.engine.connect() as other:
        driver: Any = other.connection.driver_connection
        driver.execute("PRAGMA busy_timeout = 0")
        try:
            (version,) = driver.execute("PRAGMA user_version").fetchone()
            driver.execute("BEGIN IMMEDIATE")
            driver.execute(f"PRAGMA user_version = {version}")  # a write, without which read-only files begin as well
            driver.execute("ROLLBACK")
        except sqlite3.OperationalError as error:
            if "locked" in str(error):
                what, fix = "another process is writing into the file", "let it finish: a run waits a minute for it, then fails"
                return [use.problem(False, what, fix, "settings")]
            if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_FULL:
                return [use.problem(True, "the disk of the file is full", "free some space, then run the same command again", "space")]
            fix = "give this user the right to write the file and its folder, and open it without mode=ro"
            return [use.problem(True, "the file can't be written", fix, "privileges")]
    return []


def sizes(connection: sa.Connection, tables: Sequence[Table]) -> dict[str, Size]:
    """Rows by the highest rowid, the file's bytes by columns: SQLite keeps no account of either."""
    rows = {t.name.name: _rows(connection, t) for t in tables}
    weights = {t.name.name: rows[t.name.name] * len(t.columns) for t in tables}
    pages = "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"
    whole, total = int(execute(connection, pages).scalar_one()), max(1, sum(weights.values()))
    return {name: Size(rows[name], whole * weight // total) for name, weight in weights.items()}


def _rows(connection: sa.Connection, table: Table) -> int:
    place = '"' + table.name.name.replace('"', '""') + '"'
    if any(c.name.lower() == "rowid" for c in table.columns):
        return int(execute(connection, f"SELECT count(*) FROM {place}").scalar_one())
    try:
        ends = "coalesce((SELECT max(rowid) FROM {0}) - (SELECT min(rowid) FROM {0}) + 1, 0)"
        return int(execute(connection, f"SELECT {ends.format(place)}").scalar_one())
    except sa.exc.OperationalError:  # a table WITHOUT ROWID
        return int(execute(connection, f"SELECT count(*) FROM {place}").scalar_one())
