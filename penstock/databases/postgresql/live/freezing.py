"""Closing tables to all writers by a trigger that refuses every statement that would change them.

A trigger with ENABLE ALWAYS stops owners and superusers too, and also sessions with session_replication_role = replica; a setting such as
default_transaction_read_only stops no session that is open. It is made under a lock that waits for every writer: a statement that waited
for the lock fires it. Manual: https://www.postgresql.org/docs/current/sql-createtrigger.html
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import sqlalchemy as sa

from penstock.databases import execute
from penstock.databases._shared.ansi import qualified
from penstock.databases.change_log import Freeze
from penstock.errors import LockRefused, SwitchRefused
from penstock.model import address
from penstock.model.schema import TableName

HOME = "penstock_freeze"
_FUNCTION = f"""CREATE OR REPLACE FUNCTION {HOME}.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  RAISE EXCEPTION 'the table % is closed: penstock is moving it to another database', TG_RELID::regclass USING ERRCODE = '25006';
END $$"""
# A statement that names a partition fires the trigger of the partition alone.
_PLACES = sa.text("""
SELECT n.nspname, c.relname FROM (SELECT to_regclass(:place)::oid AS oid UNION SELECT relid FROM pg_partition_tree(to_regclass(:place))) t
JOIN pg_class c ON c.oid = t.oid JOIN pg_namespace n ON n.oid = c.relnamespace ORDER BY 1, 2
""")
_EVENTS = "INSERT OR UPDATE OR DELETE OR TRUNCATE"


def freeze(connection: sa.Connection, asked: Freeze, mark: Callable[[sa.Connection, str], None]) -> None:
    """As `ChangeLog.freeze` says. mark: writes the mark."""
    try:
        with connection.begin():
            execute(connection, f"SET LOCAL lock_timeout = '{asked.patience}s'")
            execute(connection, f"LOCK TABLE {', '.join(map(qualified, asked.tables))} IN EXCLUSIVE MODE")
            execute(connection, f"CREATE SCHEMA IF NOT EXISTS {HOME}")
            execute(connection, _FUNCTION)
            for place in _places(connection, asked.tables):
                execute(connection, f"DROP TRIGGER IF EXISTS {HOME} ON {qualified(place)}")
                made = f"CREATE TRIGGER {HOME} BEFORE {_EVENTS} ON {qualified(place)} FOR EACH STATEMENT EXECUTE FUNCTION {HOME}.refuse()"
                execute(connection, made)
                execute(connection, f"ALTER TABLE {qualified(place)} ENABLE ALWAYS TRIGGER {HOME}")
            mark(connection, asked.mark)
    except sa.exc.DBAPIError as error:
        state, where = getattr(error.orig, "sqlstate", ""), address.shown(connection.engine.url)
        if state == "42501":  # insufficient_privilege
            what, fix = "this user may not close the source's tables", "connect as the tables' owner, with CREATE on the source's database"
            raise SwitchRefused(what, where, str(error.orig).splitlines()[0], fix) from None
        if state != "55P03":  # lock_not_available
            raise
        raise LockRefused(
            "writers of the source did not end in time, so it could not be closed",
            where=where,
            why=f"a transaction held a table for more than {asked.patience} seconds",
            fix="see pg_stat_activity for the oldest xact_start; run the same command again",
        ) from None


def unfreeze(connection: sa.Connection, tables: Sequence[TableName]) -> None:
    """As `ChangeLog.unfreeze` says."""
    with connection.begin():
        for place in _places(connection, tables):
            execute(connection, f"DROP TRIGGER IF EXISTS {HOME} ON {qualified(place)}")
        inside = sa.text("SELECT count(*) FROM pg_trigger WHERE tgname = :name")
        if not connection.execute(inside, {"name": HOME}).scalar_one():
            execute(connection, f"DROP FUNCTION IF EXISTS {HOME}.refuse()")
            execute(connection, f"DROP SCHEMA IF EXISTS {HOME}")


def _places(connection: sa.Connection, tables: Sequence[TableName]) -> list[TableName]:
    """The tables and their partitions."""
    found = (row for t in tables for row in connection.execute(_PLACES, {"place": qualified(t)}).all())
    return list(dict.fromkeys(TableName(name, schema) for schema, name in found))
