"""What PostgreSQL's privileges, settings and state allow a run to do, and how large its tables are.

Manual: https://www.postgresql.org/docs/current/functions-info.html (what a role may do),
https://www.postgresql.org/docs/current/sql-altertable.html (SET SCHEMA and OWNER TO ask for more than ownership).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from penstock.databases import AccessRequest, Size
from penstock.errors import Problem
from penstock.model.schema import Table, TableName
from penstock.runtime.formatting import few

_SERVER = """
SELECT quote_ident(current_user) AS me, quote_ident(current_database()) AS home, quote_ident(current_schema()) AS schema,
  current_setting('server_version_num')::int AS version, pg_is_in_recovery() AS standby,
  current_setting('transaction_read_only') = 'on' AS closed, current_setting('server_encoding') AS encoding,
  has_database_privilege(current_database(), 'CREATE') AS creates,
  coalesce(has_schema_privilege(current_schema(), 'CREATE'), false) AS journals,
  has_function_privilege('pg_catalog.pg_export_snapshot()', 'EXECUTE') AS exports,
  least(nullif(r.rolconnlimit, -1), nullif(d.datconnlimit, -1)) AS allowed,
  current_setting('max_connections')::int - CASE WHEN r.rolsuper THEN 0 ELSE current_setting('superuser_reserved_connections')::int END
    AS most,
  (SELECT count(*) FROM pg_stat_activity WHERE datid IS NOT NULL AND pid <> pg_backend_pid()) AS taken
FROM pg_roles r, pg_database d WHERE r.rolname = current_user AND d.datname = current_database()
"""

# Cut off in the middle, by whichever of them the administrator has set.
_LIMITS = ("statement_timeout", "idle_in_transaction_session_timeout", "transaction_timeout")
_LIMITED = "SELECT name, setting || coalesce(unit, '') FROM pg_settings WHERE name = ANY (:names) AND setting <> '0' ORDER BY name"

_SCHEMAS = """
SELECT nspname, quote_ident(nspname), has_schema_privilege(oid, 'USAGE'), has_schema_privilege(oid, 'CREATE')
FROM pg_namespace WHERE nspname = ANY (:names)
"""

_READABLE = """
SELECT format('%I.%I', n.nspname, c.relname), has_table_privilege(c.oid, 'SELECT') OR NOT EXISTS (
    SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    AND NOT has_column_privilege(c.oid, a.attnum, 'SELECT')), row_security_active(c.oid)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = :schema AND c.relname = ANY (:names) AND c.relkind IN ('r', 'p') ORDER BY 1
"""

# Whose they are, and whether that role could take the new table over: ALTER TABLE ... OWNER TO asks it for CREATE.
_OWNERS = """
SELECT format('%I.%I', n.nspname, c.relname), quote_ident(r.rolname), pg_has_role(r.oid, 'USAGE') AND pg_has_role(r.oid, 'MEMBER'),
  quote_ident(n.nspname), has_schema_privilege(r.oid, n.oid, 'CREATE') OR NOT :moved
FROM unnest(CAST(:schemas AS text[]), CAST(:names AS text[])) AS wanted (schema, name)
JOIN pg_namespace n ON n.nspname = wanted.schema JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = wanted.name
JOIN pg_roles r ON r.oid = c.relowner ORDER BY 1
"""

_JOURNAL = """
SELECT quote_ident(c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = current_schema() AND c.relname = ANY (:names)
AND NOT (has_table_privilege(c.oid, 'SELECT') AND has_table_privilege(c.oid, 'INSERT') AND has_table_privilege(c.oid, 'UPDATE')
  AND has_table_privilege(c.oid, 'DELETE'))
ORDER BY c.relname
"""

# Where it is, when it is there; whether the server has its files; and who asks.
_EXTENSION = """
SELECT n.nspname, n.nspname = ANY (current_schemas(true)),
  EXISTS (SELECT FROM pg_available_extensions WHERE name = :name), quote_ident(:name), quote_ident(n.nspname),
  quote_ident(current_database()), current_setting('search_path')
FROM (SELECT 1) one LEFT JOIN pg_extension e ON e.extname = :name LEFT JOIN pg_namespace n ON n.oid = e.extnamespace
"""

# Rows as the planner counts them: those that statistics saw, by page, times the pages that there are.
_SIZES = """
SELECT c.relname, sum(pg_table_size(p.relid)), sum(CASE WHEN f.bytes = 0 THEN 0 WHEN f.unseen THEN NULL
    ELSE l.reltuples / l.relpages * f.bytes / current_setting('block_size')::int END), bool_or(f.unseen)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
CROSS JOIN LATERAL (
  SELECT c.oid AS relid WHERE c.relkind = 'r' UNION ALL SELECT relid FROM pg_partition_tree(c.oid) WHERE c.relkind = 'p' AND isleaf) p
JOIN pg_class l ON l.oid = p.relid
CROSS JOIN LATERAL (
  SELECT r.bytes, r.bytes > 0 AND (l.reltuples < 0 OR l.relpages = 0) AS unseen FROM (SELECT pg_relation_size(p.relid) AS bytes) r) f
WHERE n.nspname = coalesce(:schema, current_schema()) AND c.relname = ANY (:names) GROUP BY 1
"""


def preflight(connection: sa.Connection, use: AccessRequest, session: Mapping[str, str]) -> list[Problem]:
    """As `Database.preflight` says. session: the settings that every session of ours has made."""
    server = connection.execute(sa.text(_SERVER)).one()
    found = list(_state(connection, use, server, session))
    return found + list((_source if use.role == "source" else _target)(connection, use, server))


def _state(connection: sa.Connection, use: AccessRequest, server: Any, session: Mapping[str, str]) -> Iterator[Problem]:
    kept = {name: str(connection.scalar(sa.text("SELECT current_setting(:name)"), {"name": name})) for name in session}
    if lost := [name for name, value in session.items() if not kept[name].startswith(value)]:
        what = f"the session does not keep the settings it was given: {', '.join(lost)}"
        fix = "connect to the server itself, or through a pooler that keeps sessions"
        yield use.problem(True, what, fix, "settings")
    for name, setting in connection.execute(_listed(_LIMITED), {"names": list(_LIMITS)}):
        what, fix = f"{name} is {setting}: a statement that takes longer is cut off", f"ALTER ROLE {server.me} SET {name} = 0"
        yield use.problem(False, what, fix, "settings")
    if server.encoding != "UTF8":
        if use.role == "source":
            what, fix = f"its encoding is {server.encoding}", "a text that isn't valid in it is refused by name when it is read"
        else:
            what = f"its encoding is {server.encoding}: it refuses, or keeps unchecked, texts beyond it"
            fix = f"make the database anew: CREATE DATABASE {server.home} ENCODING 'UTF8' TEMPLATE template0"
        yield use.problem(False, what, fix, "settings")
    if server.allowed is not None and server.allowed < use.connections:
        what = f"{server.me} may have {server.allowed} connections, and a run opens {use.connections}"
        yield use.problem(True, what, f"write `connections: {max(server.allowed, 1)}` into the migration, or raise the limit", "settings")
    elif server.most - server.taken < use.connections:
        what = f"{server.taken} of {server.most} connections are taken now, and a run opens up to {use.connections}"
        yield use.problem(False, what, "write fewer `connections` into the migration, or run it when there is room", "settings")


def _source(connection: sa.Connection, use: AccessRequest, server: Any) -> Iterator[Problem]:
    if server.standby:
        what = "it is a standby: it cancels reads that hold up what it replays"
        yield use.problem(False, what, "set hot_standby_feedback = on there, or max_standby_streaming_delay = -1 for the run", "settings")
    if use.connections > 1 and not server.exports:
        what, fix = "no right to share one snapshot between connections", "GRANT EXECUTE ON FUNCTION pg_catalog.pg_export_snapshot() TO"
        yield use.problem(True, what, f"{fix} {server.me}; or write `connections: 1` into the migration", "privileges")
    if server.version < 140_000 and (keyless := [t.name.name for t in use.tables if not t.key]):
        what = f"before PostgreSQL 14 a table without a key is read in one piece: {few(keyless)}"
        yield use.problem(False, what, "declare a `key` in the migration where columns name a row", "version")
    yield from _usable(connection, use, server)
    tables = connection.execute(_listed(_READABLE), {"schema": use.schema, "names": [t.name.name for t in use.tables]}).all()
    if denied := [name for name, readable, _ in tables if not readable]:
        grant = f"GRANT SELECT ON TABLE {', '.join(denied)} TO {server.me}"
        yield use.problem(True, f"no right to read {few(denied)}", grant, "privileges")
    if hidden := [name for name, _, active in tables if active]:
        what = f"row level security would hide rows of {few(hidden)} from {server.me}"
        yield use.problem(True, what, f"ALTER ROLE {server.me} BYPASSRLS; or read as the tables' owner", "privileges")


def _usable(connection: sa.Connection, use: AccessRequest, server: Any) -> Iterator[Problem]:
    """Whether the schema of the tables, or where none is named one of the search path, may be used."""
    wanted = use.schema or "public"
    for name, quoted, usable, _ in connection.execute(_listed(_SCHEMAS), {"names": [wanted]}):
        if not usable:
            yield use.problem(True, f"no right to use the schema {name}", f"GRANT USAGE ON SCHEMA {quoted} TO {server.me}", "privileges")
            return
    if use.schema is None:
        what = "the connection's search_path names no schema that is there"
        yield use.problem(True, what, f"name it in the migration as {use.role}_schema", "settings")


def _target(connection: sa.Connection, use: AccessRequest, server: Any) -> Iterator[Problem]:
    if server.standby or server.closed:
        what = "it is a standby: nothing can be written there" if server.standby else "its transactions are read-only"
        fix = "connect to its primary" if server.standby else f"ALTER ROLE {server.me} SET default_transaction_read_only = off"
        yield use.problem(True, what, fix, "settings")
    if not server.creates:
        what = f"no right to make schemas in {server.home}, where tables are loaded and kept"
        yield use.problem(True, what, f"GRANT CREATE ON DATABASE {server.home} TO {server.me}", "privileges")
    yield from _usable(connection, use, server)
    yield from _schemas(connection, use, server)
    if use.schema is not None and server.schema is None:
        what, fix = "no schema of the search_path can hold the journal", f"ALTER ROLE {server.me} SET search_path = <a schema>"
        yield use.problem(True, what, fix, "settings")
    if denied := connection.execute(_listed(_JOURNAL), {"names": list(use.journal)}).scalars().all():
        grant = f"GRANT SELECT, INSERT, UPDATE, DELETE ON TABLE {', '.join(f'{server.schema}.{name}' for name in denied)} TO {server.me}"
        yield use.problem(True, "no right to write the journal", grant, "privileges")
    yield from _owned(connection, use, server, use.moved, moved=True)
    yield from _owned(connection, use, server, use.shadows, moved=False)


def _schemas(connection: sa.Connection, use: AccessRequest, server: Any) -> Iterator[Problem]:
    """Whether tables can be made in the schemas where they will stand: the live one, the journal's, and a shadow's that is there."""
    wanted = {name for name in (use.schema, *(s.schema for s in use.shadows)) if name}
    closed = {q for _, q, usable, makes in connection.execute(_listed(_SCHEMAS), {"names": list(wanted)}) if usable and not makes}
    if server.schema is not None and not server.journals:
        closed.add(server.schema)
    for quoted in sorted(closed):
        grant = f"GRANT USAGE, CREATE ON SCHEMA {quoted} TO {server.me}"
        yield use.problem(True, f"no right to make tables in the schema {quoted}", grant, "privileges")


def _owned(connection: sa.Connection, use: AccessRequest, server: Any, places: Sequence[TableName], moved: bool) -> Iterator[Problem]:
    asked = {"schemas": [p.schema or use.schema for p in places], "names": [p.name for p in places], "moved": moved}
    others: dict[str, list[str]] = {}
    barred: dict[str, str] = {}
    for table, owner, ours, schema, creates in connection.execute(sa.text(_OWNERS), asked):
        if not ours:
            others.setdefault(owner, []).append(table)
        if not creates:
            barred[owner] = schema
    for owner, tables in others.items():
        what = f"{few(tables)} {'is' if len(tables) == 1 else 'are'} {owner}'s: only the owner can {'move' if moved else 'drop'} a table"
        yield use.problem(True, what, f"GRANT {owner} TO {server.me}", "privileges")
    for owner, schema in barred.items():
        what = f"after the switch the tables are {owner}'s again, who may not own any in the schema {schema}"
        yield use.problem(True, what, f"GRANT CREATE ON SCHEMA {schema} TO {owner}", "privileges")


def sizes(connection: sa.Connection, tables: Sequence[Table]) -> dict[str, Size]:
    found: dict[str, Size] = {}
    for schema in {t.name.schema for t in tables}:
        asked = {"schema": schema, "names": [t.name.name for t in tables if t.name.schema == schema]}
        query = _listed(_SIZES).bindparams(sa.bindparam("schema", type_=sa.Text()))
        for name, size, rows, unknown in connection.execute(query, asked):
            found[name] = Size(None if unknown else round(rows or 0), int(size or 0))
    return found


def _listed(text: str) -> sa.TextClause:
    return sa.text(text).bindparams(sa.bindparam("names", type_=ARRAY(sa.Text())))


def extension_remedy(connection: sa.Connection, name: str) -> tuple[str, str]:
    """As `Database.extension_remedy` says."""
    home, seen, available, quoted, place, database, path = connection.execute(sa.text(_EXTENSION), {"name": name}).one()
    if home is not None and not seen:
        path = f"ALTER ROLE CURRENT_USER IN DATABASE {database} SET search_path = {path}, {place}"
        return f"the extension is in the schema {place}, which the search_path lacks", path
    if home is not None:
        return "", f"ALTER EXTENSION {quoted} UPDATE"
    return "" if available else f"install the files of the extension {name} on the target's server", f"CREATE EXTENSION {quoted}"
