"""What privileges, settings and state of MySQL and MariaDB allow a run to do, and how large its tables are.

Manual: https://mariadb.com/kb/en/rename-table/ (ALTER and DROP of the old
name, CREATE and INSERT of the new one).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa

from penstock.databases import AccessRequest, Size, execute
from penstock.databases.mysql import grants
from penstock.databases.mysql.catalogue import decoded, quoted
from penstock.databases.mysql.grants import Grants
from penstock.errors import Problem
from penstock.model.schema import BINARIES, TEXTS, Table
from penstock.runtime.formatting import few

_SERVER = (
    "SELECT CURRENT_USER() AS me, DATABASE() AS home, @@GLOBAL.read_only AS closed, @@GLOBAL.local_infile AS local_infile,"
    " @@max_allowed_packet AS packet, @@lower_case_table_names AS folding, @@SESSION.sql_mode AS mode, @@SESSION.time_zone AS zone,"
    " @@GLOBAL.max_connections AS most, @@SESSION.max_user_connections AS allowed"
)
_MAKES = ("SELECT", "INSERT", "UPDATE", "DELETE", "CREATE", "DROP", "ALTER", "INDEX")
_SMALL_PACKET = 16 << 20
# What the session's start has set, and whatever stands between may not have kept.
_ZONE, _MODES = "+00:00", {"STRICT_ALL_TABLES", "NO_AUTO_VALUE_ON_ZERO"}
# A statement that takes longer is cut off: in seconds of MariaDB, in milliseconds of MySQL.
_LIMITS = ("max_statement_time", "max_execution_time")


def preflight(connection: sa.Connection, use: AccessRequest) -> list[Problem]:
    server = connection.execute(sa.text(_SERVER)).one()
    home = use.schema or (decoded(server.home) if server.home is not None else None)
    if home is None:
        return [Problem(True, use.role, "the connection names no database", "write one into the connection", "settings")]
    granted = grants.read(connection)
    found = list(_state(connection, use, server))
    return found + list((_source if use.role == "source" else _target)(connection, use, server, home, granted))


def _state(connection: sa.Connection, use: AccessRequest, server: Any) -> Iterator[Problem]:
    modes = set(decoded(server.mode).split(","))
    if decoded(server.zone) != _ZONE or not modes >= _MODES:
        what = "the session does not keep the time zone and the sql_mode it was given"
        yield use.problem(True, what, "connect to the server itself, not through a proxy that shares sessions", "settings")
    for row in execute(connection, f"SHOW SESSION VARIABLES WHERE Variable_name IN {_LIMITS}"):
        name, setting = decoded(row[0]), decoded(row[1])
        if float(setting):
            what, fix = f"{name} is {setting}: a statement that takes longer is cut off", f"SET GLOBAL {name} = 0 for the run"
            yield use.problem(False, what, fix, "settings")
    long = [t.name.name for t in use.tables if any(c.type.name in TEXTS | BINARIES and c.type.length is None for c in t.columns)]
    if server.packet < _SMALL_PACKET and long:
        what = f"max_allowed_packet is {server.packet:,} bytes: longer values can't pass, in {few(long)}"
        yield use.problem(False, what, f"SET GLOBAL max_allowed_packet = {64 << 20}", "settings")
    if 0 < server.allowed < use.connections:
        what = f"this user may have {server.allowed} connections, and a run opens {use.connections}"
        yield use.problem(True, what, f"write `connections: {server.allowed}` into the migration, or raise the limit", "settings")
        return
    taken = int(execute(connection, "SHOW GLOBAL STATUS LIKE 'Threads_connected'").one()[1]) - 1
    if server.most - taken < use.connections:
        what = f"{taken} of {server.most} connections are taken now, and a run opens up to {use.connections}"
        yield use.problem(False, what, "write fewer `connections` into the migration, or run it when there is room", "settings")


def _source(connection: sa.Connection, use: AccessRequest, server: Any, home: str, granted: Grants) -> Iterator[Problem]:
    wanted = {t.name.name for t in use.tables}
    denied = sorted(_unread(connection, home) & wanted)
    rights = granted.on(home)
    everything = f"GRANT SELECT ON {rights.place}.* TO {granted.me}"
    if denied:
        each = [f"GRANT SELECT ON {quoted(home)}.{quoted(name)} TO {granted.me}" for name in denied]
        grant = "; ".join(each) if len(each) <= 5 else everything
        yield use.problem(True, f"no right to read {few(denied)}", grant, "privileges")
    if not rights.any("SELECT"):
        what = f"of {home} only single tables are granted: others can't be seen, and are left out without a word"
        yield use.problem(False, what, everything, "privileges")
    if blind := rights.lacks(["SHOW VIEW", "TRIGGER"]):
        what = "not all that hangs on the tables can be seen, so not all that is left behind is named"
        yield use.problem(False, what, f"GRANT {', '.join(blind)} ON {rights.place}.* TO {granted.me}", "privileges")
    if use.connections > 1 and not granted.on_server() & {"RELOAD", "FLUSH_TABLES", grants.ALL}:
        what = "no right to hold writers for an instant: one connection reads all tables, where several could share a snapshot"
        yield use.problem(False, what, f"GRANT RELOAD ON *.* TO {granted.me}", "privileges")


def _unread(connection: sa.Connection, home: str) -> set[str]:
    """The tables that have columns which this user may see and not read."""
    query = (
        "SELECT DISTINCT TABLE_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = :home AND NOT FIND_IN_SET('select', PRIVILEGES)"
    )
    return {decoded(name) for name in connection.execute(sa.text(query), {"home": home}).scalars()}


def _target(connection: sa.Connection, use: AccessRequest, server: Any, home: str, granted: Grants) -> Iterator[Problem]:
    if server.closed:
        exempt = bool(granted.on_server() & {"SUPER", "READ_ONLY ADMIN", "CONNECTION_ADMIN", grants.ALL})
        what = "it is read-only" + (", which this user may ignore: is it a replica?" if exempt else ", perhaps as a replica")
        yield use.problem(not exempt, what, "connect to its primary, or SET GLOBAL read_only = 0", "settings")
    if not server.local_infile:
        yield use.problem(True, "LOAD DATA LOCAL is switched off: nothing can be loaded", "SET GLOBAL local_infile = 1", "settings")
    needed = [*_MAKES, "REFERENCES"] if any(t.foreign_keys for t in use.tables) else list(_MAKES)
    yield from _lacking(use, home, granted, needed)
    journal = decoded(server.home) if server.home is not None else None
    if journal is None:
        yield use.problem(True, "the connection names no database, where the journal stands", "write one into the connection", "settings")
    elif journal != home:
        yield from _lacking(use, journal, granted, ["SELECT", "INSERT", "UPDATE", "DELETE", "CREATE"])
    yield from _names(use, server)


def _lacking(use: AccessRequest, home: str, granted: Grants, needed: Sequence[str]) -> Iterator[Problem]:
    rights = granted.on(home)
    if missing := rights.lacks(needed):
        grant = f"GRANT {', '.join(missing)} ON {rights.place}.* TO {granted.me}"
        yield use.problem(True, f"no right to {', '.join(missing)} in {home}", grant, "privileges")


def _names(use: AccessRequest, server: Any) -> Iterator[Problem]:
    names = [t.name.name for t in use.tables]
    upper = [n for n in names if n != n.lower()]
    if server.folding == 1 and upper:
        what = f"the server keeps table names in small letters (lower_case_table_names = 1): {few(upper)}"
        yield use.problem(True, what, "give these tables a `to` in small letters", "name")
    twins = sorted({n for n in names if sum(n.lower() == other.lower() for other in names) > 1})
    if server.folding and twins:
        what = f"to the server these names are the same: {', '.join(twins)}"
        yield use.problem(True, what, "give one of them another `to`", "collision")


def sizes(connection: sa.Connection, tables: Sequence[Table]) -> dict[str, Size]:
    query = sa.text(
        "SELECT TABLE_NAME, TABLE_ROWS, DATA_LENGTH FROM information_schema.TABLES WHERE TABLE_SCHEMA = coalesce(:home, DATABASE())"
    )
    wanted = {t.name.name for t in tables}
    found = {}
    for schema in {t.name.schema for t in tables}:
        for name, rows, size in connection.execute(query, {"home": schema}):
            if decoded(name) in wanted:
                found[decoded(name)] = Size(None if rows is None else int(rows), None if size is None else int(size))
    return found
