"""The tables of a dry build where DDL commits by itself: written down before they are made, dropped afterwards, whoever is killed.

They are written into a table of their own, so that a check of a target without a journal leaves none. One dry build of a migration is
made at a time, under a lock of the session that ends with it. So whoever has the lock and finds that table finds what a process that was
killed has left, and removes it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import sqlalchemy as sa

from penstock import databases
from penstock.databases import Database
from penstock.model.schema import TableName
from penstock.state import session_lock
from penstock.state.journal_tables import long_text

_WAIT = 60  # seconds that another check of the same migration may take


def token(migration: str) -> str:
    """Eight hex digits for the names of the dry builds of a migration."""
    return hashlib.sha256(f"dry build of {migration}".encode()).hexdigest()[:8]


def homes(connection: sa.Connection, missing: Sequence[str], schemas: Sequence[str]) -> Mapping[str | None, str | None]:
    """By schema that is not there, a schema of the target in whose place the tables of a dry build are made."""
    there = next((s for s in schemas if s not in missing), sa.inspect(connection).default_schema_name)
    return dict.fromkeys(missing, there)


@contextmanager
def claimed(connection: sa.Connection, database: Database, migration: str, places: Sequence[TableName]) -> Iterator[None]:
    """Inside, these tables may be made. Before and after, none of them is there, nor what an earlier dry build has left.

    Raises LockRefused when another dry build of the migration takes longer than a minute.
    """
    register = sa.Table(
        f"penstock_dry_{token(migration)}",
        sa.MetaData(),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("home", long_text),
        sa.Column("name", long_text, nullable=False),
        schema=places[0].schema if places else None,
    )
    busy = f"another check of {migration} has been trying its statements"
    with session_lock.held(connection, database, f"dry build of {migration}", busy, _WAIT):
        _clear(connection, database, register)
        register.create(connection)
        rows = [{"number": n, "home": place.schema, "name": place.name} for n, place in enumerate(places)]
        if rows:
            connection.execute(register.insert(), rows)
        connection.commit()
        try:
            yield
        finally:
            if not connection.invalidated:
                connection.rollback()
                _clear(connection, database, register)


def _clear(connection: sa.Connection, database: Database, register: sa.Table) -> None:
    """Drop the tables that are written down, then the table that they are written into."""
    place = TableName(register.name, register.schema)
    if databases.existing_tables(connection, [place]):
        found = [TableName(row.name, row.home) for row in connection.execute(sa.select(register))]
        there = sorted(databases.existing_tables(connection, found), key=str)
        connection.commit()
        for statement in [*database.drops(there), *database.drops([place])]:
            databases.execute(connection, statement)
    connection.commit()
