"""The locks of a switch at PostgreSQL: taken together and within half a second, or not at all; and who keeps them.

A statement that waits for ACCESS EXCLUSIVE makes every new reader of the table wait behind it, and one that has some of its locks and waits
for others may meet a reader who came the other way round. Both are harmless as long as it takes less than `deadlock_timeout` (one second
by default) from the first lock to the last: then all are had, or all are given back, before any reader looks for a deadlock.
Manual: https://www.postgresql.org/docs/current/explicit-locking.html, sql-lock.html
"""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import OID

from penstock.databases import Blocker, Reach
from penstock.databases._shared.ansi import qualified
from penstock.databases._shared.query_shape import shape
from penstock.model.schema import TableName

_MILLISECONDS = 500
# lock_timeout counts for each lock anew, statement_timeout for all locks of one statement together.
_BRIEF = (
    f"SELECT set_config('statement_timeout', least({_MILLISECONDS}, setting::int / 2)::text, true)"
    " FROM pg_settings WHERE name = 'deadlock_timeout'"
)

# Beside the tables themselves: what dropping a foreign key locks at its other end, and what makes one deferrable, or refers anew.
# LOCK TABLE asks for a right to write. A table of others that this user may only refer to is left to the statement that needs it.
_NEEDED = """
WITH moved AS (
  SELECT unnest(CAST(:moved AS oid[])) AS relid
  UNION SELECT p.relid::oid FROM unnest(CAST(:moved AS oid[])) t, pg_partition_tree(t::regclass) p),
keys AS (
  SELECT k.conrelid AS child, k.confrelid AS parent, n.nspname ~ '^penstock_(old|new)_' AS ours, k.confdeltype <> 'a' AS acts
  FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE k.contype = 'f' AND k.conparentid = 0),
exclusive AS (
  SELECT unnest(CAST(:moved AS oid[]) || CAST(:opened AS oid[])) AS relid
  UNION SELECT parent FROM keys WHERE child = ANY (CAST(:moved AS oid[]))
  UNION SELECT child FROM keys WHERE ours AND parent = ANY (CAST(:moved AS oid[]))
  UNION SELECT unnest(ARRAY[child, parent]) FROM keys
    WHERE (ours OR acts) AND (child = ANY (CAST(:changed AS oid[])) OR parent = ANY (CAST(:changed AS oid[])))
  UNION SELECT partdefid FROM pg_partitioned_table WHERE partrelid = ANY (CAST(:referred AS oid[])) AND partdefid <> 0),
shared AS (
  SELECT unnest(CAST(:referred AS oid[])) AS relid
  UNION SELECT parent FROM keys WHERE child = ANY (CAST(:opened AS oid[]))
  UNION SELECT child FROM keys WHERE child = ANY (CAST(:changed AS oid[])) OR parent = ANY (CAST(:changed AS oid[]))
  UNION SELECT unnest(CAST(:changed AS oid[])) WHERE EXISTS (SELECT FROM exclusive))
SELECT n.relid::bigint, n.mode, format('%I.%I', s.nspname, c.relname), pg_get_userbyid(c.relowner)
FROM (
  SELECT relid, 'ACCESS EXCLUSIVE' AS mode FROM exclusive
  UNION ALL SELECT relid, 'SHARE ROW EXCLUSIVE' FROM shared WHERE relid NOT IN (SELECT relid FROM exclusive)
  UNION ALL SELECT DISTINCT r.ev_class, 'VIEW' FROM pg_depend d
    JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid
    WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid IN (SELECT relid FROM moved)) n
JOIN pg_class c ON c.oid = n.relid JOIN pg_namespace s ON s.oid = c.relnamespace
WHERE has_schema_privilege(s.oid, 'USAGE')
  AND CASE n.mode WHEN 'VIEW' THEN c.relkind = 'v' AND pg_has_role(c.relowner, 'USAGE')
    ELSE c.relkind IN ('r', 'p') AND has_table_privilege(c.oid, 'UPDATE, DELETE, TRUNCATE') END
ORDER BY 2, 3
"""

# A transaction that began after the try did not keep it from its locks. Of sessions that this user may not see, all is NULL.
_BLOCKERS = """
SELECT a.pid, coalesce(a.usename, a.backend_type), a.xact_start AT TIME ZONE 'UTC', a.state, a.query
FROM pg_stat_activity a
WHERE a.pid <> pg_backend_pid() AND coalesce(a.xact_start < clock_timestamp() - interval '450 milliseconds', a.state IS NULL)
  AND EXISTS (SELECT FROM pg_locks l WHERE l.pid = a.pid AND l.granted AND l.locktype = 'relation' AND l.relation = ANY (:relations)
    AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()))
ORDER BY a.xact_start, a.pid
"""


def hold(shadows: Sequence[TableName], patience: int, live: Sequence[TableName]) -> list[str]:
    """As `Database.hold` says.

    SHARE UPDATE EXCLUSIVE conflicts with no reader and no writer, not even while it waits. It makes a VACUUM that PostgreSQL has begun by
    itself give way, which it does only for somebody who waits for longer than `briefly` ever does, and keeps the next one off.
    """
    locks = {"SHARE": shadows, "SHARE UPDATE EXCLUSIVE": live}
    wait = f"SET LOCAL lock_timeout = '{patience}s'"
    return [wait, *(f"LOCK TABLE {', '.join(map(qualified, names))} IN {mode} MODE" for mode, names in locks.items() if names)]


def briefly(statements: Sequence[str]) -> list[str]:
    return [_BRIEF, *statements, "RESET statement_timeout"]


def needed(connection: sa.Connection, reach: Reach) -> list[str]:
    """As `Database.locks` says: one statement, since its time limit counts for one; then none waits for long for a lock that it lacks."""
    found, parts = _needed(connection, reach), list[str]()
    for _, mode, name, owner in found:
        if mode == "VIEW":  # LOCK TABLE of a view locks all tables beneath as well. The owner it has already changes nothing.
            parts.append(f"ALTER VIEW {name} OWNER TO {qualified(TableName(owner, None))}")
    for wanted in ("SHARE ROW EXCLUSIVE", "ACCESS EXCLUSIVE"):
        if names := [name for _, mode, name, _ in found if mode == wanted]:
            parts.append(f"LOCK TABLE {', '.join(names)} IN {wanted} MODE")
    if not parts:
        return []
    tag = "penstock"
    while any(f"${tag}" in part for part in parts):
        tag += "_"
    together = f"DO ${tag}$ BEGIN {'; '.join(parts)}; END ${tag}$"
    shut_out = any(mode == "ACCESS EXCLUSIVE" for _, mode, _, _ in found)
    return [together, *([f"SET LOCAL lock_timeout = '{_MILLISECONDS}ms'"] if shut_out else [])]


def blockers(connection: sa.Connection, reach: Reach) -> list[Blocker]:
    query = sa.text(_BLOCKERS).bindparams(sa.bindparam("relations", type_=sa.ARRAY(OID)))
    rows = connection.execute(query, {"relations": [oid for oid, *_ in _needed(connection, reach)]}).all()
    return [
        Blocker(pid, user, f"{since:%Y-%m-%d %H:%M:%S}" if since else "an unknown time", f"{state or 'working'}: {shape(query or '')}")
        for pid, user, since, state, query in rows
    ]


def _needed(connection: sa.Connection, reach: Reach) -> list[tuple[int, str, str, str]]:
    """Of each relation: its OID, the mode in which it is locked, its name, its owner."""
    parts = {"moved": reach.moved, "opened": reach.opened, "changed": reach.changed, "referred": reach.referred}
    query = sa.text(_NEEDED).bindparams(*(sa.bindparam(part, type_=sa.ARRAY(OID)) for part in parts))
    asked = {part: [oid for name in names if (oid := _oid(connection, name)) is not None] for part, names in parts.items()}
    return [tuple(row) for row in connection.execute(query, asked)]  # type: ignore[misc]


def _oid(connection: sa.Connection, name: TableName) -> int | None:
    oid: int | None = connection.execute(sa.text("SELECT to_regclass(:name)::oid::bigint"), {"name": qualified(name)}).scalar_one()
    return oid
