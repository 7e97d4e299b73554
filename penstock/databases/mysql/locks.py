"""The locks of a switch at MySQL and MariaDB: waited for in short tries; and the sessions that keep them.

A RENAME TABLE that waits for a metadata lock makes all new readers of its tables wait behind it. One that has some of its locks and waits
for another meets readers in a deadlock, of which a reader is always the victim: a transaction that has read the table that RENAME waits for
next reads one that RENAME has. So at MariaDB, where lock_wait_timeout may be 0, RENAME never waits: it has all locks at once or none, and
is sent again every few milliseconds. MySQL waits for a second at least.
Manual: https://mariadb.com/kb/en/metadata-locking/, https://mariadb.com/kb/en/metadata-lock-info-plugin/,
https://dev.mysql.com/doc/refman/8.4/en/performance-schema-metadata-locks-table.html
"""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from penstock.databases import Blocker, Reach
from penstock.databases._shared.query_shape import shape
from penstock.databases.mysql.catalogue import decoded, home_of
from penstock.model.schema import TableName

_SHORT = "SET lock_wait_timeout = 1"
# MySQL takes what is between /*M! and */ for a comment.
_AT_ONCE = f"{_SHORT} /*M!100301 , lock_wait_timeout = 0 */"
_USUAL = "SET lock_wait_timeout = 10"

# A statement or a transaction that has begun within the last second has not kept a try from its locks. InnoDB tells times in the server's
# own time zone.
_SESSIONS = """
SELECT p.ID, p.USER, CONVERT_TZ(t.trx_started, 'SYSTEM', '+00:00'), p.TIME, p.COMMAND, p.INFO, p.DB
FROM information_schema.PROCESSLIST p LEFT JOIN information_schema.INNODB_TRX t ON t.trx_mysql_thread_id = p.ID
WHERE p.ID <> CONNECTION_ID() AND p.COMMAND <> 'Daemon' AND (p.INFO IS NOT NULL AND p.TIME >= 1
  OR t.trx_started <= CONVERT_TZ(UTC_TIMESTAMP(), '+00:00', 'SYSTEM') - INTERVAL 1 SECOND)
"""
# Who holds a metadata lock: a plugin of MariaDB, or MySQL's performance schema. Either may be off, and tells nothing then.
_PLUGIN = "SELECT count(*) FROM information_schema.PLUGINS WHERE PLUGIN_NAME = 'METADATA_LOCK_INFO' AND PLUGIN_STATUS = 'ACTIVE'"
_HELD = {
    _PLUGIN: "SELECT THREAD_ID, TABLE_SCHEMA, TABLE_NAME FROM information_schema.METADATA_LOCK_INFO",
    "SELECT @@performance_schema": "SELECT t.PROCESSLIST_ID, l.OBJECT_SCHEMA, l.OBJECT_NAME FROM performance_schema.metadata_locks l"
    " JOIN performance_schema.threads t ON t.THREAD_ID = l.OWNER_THREAD_ID WHERE l.OBJECT_TYPE = 'TABLE' AND l.LOCK_STATUS = 'GRANTED'",
}


def hold(patience: int) -> list[str]:
    """Patience with locks that no reader waits behind; `briefly` is for the others."""
    return [f"SET lock_wait_timeout = {patience}", f"SET innodb_lock_wait_timeout = {patience}"]


def briefly(statements: Sequence[str]) -> list[str]:
    """As `Database.briefly` says. Only a rename is sent again and again: what builds a key may take long once it has its locks."""
    whole = all(s.startswith("RENAME TABLE ") for s in statements)
    return [_AT_ONCE if whole else _SHORT, *statements, _USUAL]


def blockers(connection: sa.Connection, reach: Reach) -> list[Blocker]:
    """Known where the server tells who holds which lock; else whose statement names a table, and whoever has a transaction open there."""
    try:
        connection.exec_driver_sql(_USUAL)  # as a try that was cut short has not left it
        sessions = connection.execute(sa.text(_SESSIONS)).all()
    except sa.exc.DBAPIError:  # without the privilege PROCESS
        return []
    places = {TableName(t.name, home_of(connection, t.schema)) for t in reach.tables}
    held, found = _held(connection, places), []
    for session, user, began, seconds, command, statement, home in sessions:
        text = decoded(statement) if statement else ""
        named = any(p.name in text for p in places)
        if not (session in held if held is not None else named or decoded(home or "") in {p.schema for p in places}):
            continue
        doing = f"{str(command).lower()} for {seconds} s: {shape(text, double_quoted_texts=True)}" if text else "idle in transaction"
        since = str(began) if began else f"{seconds} s ago"
        found.append(Blocker(int(session), str(user), since, doing, certain=held is not None or named))
    return found


def _held(connection: sa.Connection, places: set[TableName]) -> set[int] | None:
    """The sessions that hold locks of these tables; None where the server does not tell."""
    for active, query in _HELD.items():
        try:
            rows = connection.execute(sa.text(query)).all() if connection.execute(sa.text(active)).scalar_one() else None
        except sa.exc.DBAPIError:  # without the privilege
            continue
        if rows is not None:
            return {int(session) for session, schema, name in rows if session and TableName(decoded(name), decoded(schema)) in places}
    return None
