"""What PostgreSQL must allow, and how its tables must be, to be followed by logical replication. Each function is one check.

Manual: https://www.postgresql.org/docs/current/logical-replication-restrictions.html, …/logical-replication-publication.html (replica
identity), …/runtime-config-replication.html
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from penstock.databases._shared.ansi import qualified
from penstock.databases.change_log import Followed
from penstock.errors import Problem
from penstock.model.schema import TableName
from penstock.runtime.formatting import few, size

_SERVER = sa.text("""
SELECT current_setting('server_version_num')::int AS version, pg_is_in_recovery() AS standby, quote_ident(current_user) AS me,
  quote_ident(current_database()) AS home, current_setting('wal_level') AS wal_level, r.rolsuper OR r.rolreplication OR EXISTS (
    SELECT FROM pg_roles m WHERE m.rolname = 'rds_replication' AND pg_has_role(m.oid, 'USAGE')) AS replicates,
  has_database_privilege(current_database(), 'CREATE') AS creates,
  current_setting('max_replication_slots')::int - (SELECT count(*) FROM pg_replication_slots) AS slots,
  current_setting('max_wal_senders')::int - (SELECT count(*) FROM pg_stat_replication) AS senders,
  (SELECT setting FROM pg_settings WHERE name = 'max_slot_wal_keep_size') AS kept,
  (SELECT extract(epoch FROM clock_timestamp() - min(xact_start)) FROM pg_stat_activity WHERE backend_xid IS NOT NULL
    AND pid <> pg_backend_pid()) AS oldest,
  (SELECT count(*) FROM pg_prepared_xacts WHERE database = current_database()) AS prepared
FROM pg_roles r WHERE r.rolname = current_user
""")

# key: the columns that a change is sent with; all of them where the identity is FULL.
_TABLES = sa.text("""
SELECT n.nspname AS schema, c.relname AS name, c.relkind = 'p' AS partitioned, c.relpersistence = 'u' AS unlogged,
  pg_has_role(c.relowner, 'USAGE') AS ours, c.relreplident AS identity, EXISTS (
    SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated <> '') AS generated,
  EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attstorage <> 'p') AS toasts,
  coalesce((SELECT array_agg(a.attname::text) FROM pg_index i JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY (i.indkey)
    WHERE i.indrelid = c.oid AND i.indimmediate AND CASE c.relreplident WHEN 'd' THEN i.indisprimary WHEN 'i' THEN i.indisreplident END
  ), '{}') AS key,
  coalesce((SELECT bool_or(NOT i.indimmediate) FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary), false) AS deferrable,
  (SELECT coalesce(array_agg(p.oid::regclass::text ORDER BY 1), '{}') FROM pg_partition_tree(c.oid) t JOIN pg_class p ON p.oid = t.relid
    WHERE t.isleaf AND c.relkind = 'p' AND p.relreplident <> c.relreplident) AS unlike
FROM unnest(CAST(:schemas AS text[]), CAST(:names AS text[])) AS wanted (schema, name)
JOIN pg_namespace n ON n.nspname = wanted.schema JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = wanted.name ORDER BY 1, 2
""").bindparams(sa.bindparam("schemas", type_=ARRAY(sa.Text())), sa.bindparam("names", type_=ARRAY(sa.Text())))

_LONG = 60  # seconds


@dataclass(frozen=True)
class _Seen:
    """What the checks look at. rows: of the catalogue, by table.  published: the tables that the publication has already."""

    server: Any
    tables: Sequence[Followed]
    rows: dict[str, Any]
    publication: str
    published: frozenset[TableName]

    def each(self) -> Iterator[tuple[Followed, Any]]:
        return ((t, self.rows[t.name]) for t in self.tables if t.name in self.rows)


def problems(connection: sa.Connection, published: frozenset[TableName], publication: str, tables: Sequence[Followed]) -> list[Problem]:
    """As `ChangeLog.problems` says. published: the tables that the publication has already."""
    asked = {"schemas": [t.place.schema for t in tables], "names": [t.place.name for t in tables]}
    found = {(row.schema, row.name): row for row in connection.execute(_TABLES, asked)}
    rows = {t.name: found[t.place.schema, t.place.name] for t in tables if (t.place.schema, t.place.name) in found}
    seen = _Seen(connection.execute(_SERVER).one(), tables, rows, publication, published)
    return [problem for check in _CHECKS for problem in check(seen)]


def _source(blocking: bool, what: str, fix: str, area: Any = "settings") -> Problem:
    return Problem(blocking, "source", what, fix, area)


def _version(seen: _Seen) -> Iterator[Problem]:
    if seen.server.version < 140_000:
        yield _source(True, "a source can be followed from PostgreSQL 14 on", "upgrade it, or remove `live: true`", "version")
    if seen.server.standby:
        yield _source(True, "it is a standby, and changes are read from the primary", "name the primary as the source")


def _rights(seen: _Seen) -> Iterator[Problem]:
    server = seen.server
    if not server.replicates:
        yield _source(True, "no right to read the stream of changes", f"ALTER ROLE {server.me} REPLICATION", "privileges")
    if seen.published >= {t.place for t in seen.tables}:
        return
    places = ", ".join(qualified(t.place) for t in seen.tables)
    made = f"CREATE PUBLICATION {seen.publication} FOR TABLE {places} WITH (publish_via_partition_root = true)"
    if not server.creates:
        grant = f"GRANT CREATE ON DATABASE {server.home} TO {server.me}; or, as the tables' owner: {made}"
        yield _source(True, f"no right to make a publication in {server.home}", grant, "privileges")
    if theirs := [qualified(t.place) for t, row in seen.each() if not row.ours]:
        what = f"only the owner of {few(theirs)} may publish {'it' if len(theirs) == 1 else 'them'}"
        yield _source(True, what, f"let their owner run: {made}", "privileges")


def _closing(seen: _Seen) -> Iterator[Problem]:
    """Found out now, and not when the switch begins. Where these rights are needed for the publication, that has been said."""
    if not seen.published >= {t.place for t in seen.tables}:
        return
    theirs = [qualified(t.place) for t, row in seen.each() if not row.ours]
    if theirs or not seen.server.creates:
        what = f"the switch closes {few(theirs or [qualified(t.place) for t in seen.tables])} by a trigger, which takes more rights"
        fix = f"before the switch: GRANT CREATE ON DATABASE {seen.server.home} TO {seen.server.me}, and the role of the tables' owner"
        yield _source(False, what, fix, "privileges")


def _level(seen: _Seen) -> Iterator[Problem]:
    if seen.server.wal_level != "logical":
        what = f"wal_level is {seen.server.wal_level}, and changes can be read where it is logical"
        yield _source(True, what, "ALTER SYSTEM SET wal_level = logical, and restart the server")


def _slots(seen: _Seen) -> Iterator[Problem]:
    for free, name, wanted in ((seen.server.slots, "max_replication_slots", 2), (seen.server.senders, "max_wal_senders", 2)):
        if free < wanted:
            what = f"{max(free, 0)} of {name} are free, and a live migration needs {wanted}: one lasting, one while a proof begins"
            yield _source(free < 1, what, f"drop slots that nobody reads (pg_replication_slots), or raise {name}")


def _kept_log(seen: _Seen) -> Iterator[Problem]:
    if seen.server.kept == "-1":
        what = "max_slot_wal_keep_size is -1: if nobody follows for long, the source's log fills its disk"
        yield _source(False, what, "ALTER SYSTEM SET max_slot_wal_keep_size = '50GB', or as much as the disk has room for")
    elif seen.server.kept is not None and int(seen.server.kept) < 1024:
        limit = size(int(seen.server.kept) << 20)
        what = f"max_slot_wal_keep_size is {limit}: a stream that falls behind by more is lost, and a new run reads all again"
        yield _source(False, what, "raise it: ALTER SYSTEM SET max_slot_wal_keep_size = '50GB'")


def _identity(seen: _Seen) -> Iterator[Problem]:
    """A change must say which row it is of. A table without an identity that is published refuses the application's updates and deletes."""
    for table, row in seen.each():
        place, where = qualified(table.place), f"table {table.name}"
        full = f"ALTER TABLE {place} REPLICA IDENTITY FULL"
        if not table.key:
            what = "it has no key, so a change does not say which row it is of"
            yield Problem(True, where, what, "declare a `key` in the migration where columns name a row, or exclude the table", "key")
        elif any(c.nullable for c in table.columns if c.name in table.key):
            yield Problem(True, where, "a column of its key can be NULL", "declare it NOT NULL, or exclude the table", "key")
        elif row.deferrable:
            what = "its primary key is deferrable: within a transaction two rows may have the same key"
            yield Problem(True, where, what, "make the key NOT DEFERRABLE, or exclude the table", "key")
        elif row.identity == "n" or (row.identity != "f" and not set(table.key) <= set(row.key)):
            what = f"its replica identity does not have the key ({', '.join(table.key)})"
            yield Problem(True, where, what, f"{full}; it makes the source's log larger", "key")
        elif table.whole and row.toasts and row.identity != "f":
            what = "it has steps, and long values that a change leaves out when they stay the same"
            yield Problem(True, where, what, f"{full}; it makes the source's log larger", "key")
        if row.unlike:
            each = "; ".join(f"ALTER TABLE {leaf} REPLICA IDENTITY {'FULL' if row.identity == 'f' else 'DEFAULT'}" for leaf in row.unlike)
            yield Problem(True, where, f"partitions have another replica identity than the table: {few(row.unlike)}", each, "key")


def _unlogged(seen: _Seen) -> Iterator[Problem]:
    for table, row in seen.each():
        if row.unlogged:
            fix = f"ALTER TABLE {qualified(table.place)} SET LOGGED, or exclude it"
            yield Problem(True, f"table {table.name}", "it is unlogged, so its changes are in no log", fix, "schema")


def _generated(seen: _Seen) -> Iterator[Problem]:
    """What is generated is not in the stream: it is computed again at the target, unless steps need it."""
    for table, row in seen.each():
        if table.whole and row.generated:
            what = "it has steps and generated columns, whose values a change does not have"
            fix = "remove the steps, or make the columns plain ones"
            yield Problem(True, f"table {table.name}", what, fix, "schema")


def _partitions(seen: _Seen) -> Iterator[Problem]:
    if parted := [t.name for t, row in seen.each() if row.partitioned]:
        what = "TRUNCATE, ATTACH and DETACH of a partition are not in the stream; the proof finds what they changed"
        fix = "use DELETE and INSERT while the migration is live"
        yield Problem(False, f"{'table' if len(parted) == 1 else 'tables'} {few(parted)}", what, fix, "schema")


def _open_transactions(seen: _Seen) -> Iterator[Problem]:
    if seen.server.oldest is not None and seen.server.oldest > _LONG:
        what = f"a transaction that writes is open for {int(seen.server.oldest)} seconds; the stream begins when it has ended"
        yield _source(False, what, "end it, or start the run when it has ended: see pg_stat_activity")
    if seen.server.prepared:
        what = f"{seen.server.prepared} prepared transactions are open; the stream begins when they have ended"
        yield _source(False, what, "COMMIT PREPARED or ROLLBACK PREPARED: see pg_prepared_xacts")


_CHECKS = (_version, _rights, _closing, _level, _slots, _kept_log, _identity, _unlogged, _generated, _partitions, _open_transactions)
