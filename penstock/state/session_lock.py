"""A lock of the database session, for databases whose DDL commits by itself and so ends what a transaction locks."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import sqlalchemy as sa

from penstock.databases import Database
from penstock.errors import ConnectionFailed, LockRefused

_PATIENCE = 3600  # seconds


@contextmanager
def held(connection: sa.Connection, database: Database, name: str, busy: str, patience: int = _PATIENCE) -> Iterator[None]:
    """Inside, no other session holds the lock `name` of this database. Where transactions lock, it does nothing.

    busy: who holds the lock, for the fault. Raises LockRefused when the others take longer than `patience` seconds.
    """
    if not database.session_lock:
        yield
        return
    home = connection.engine.url.database or ""
    lock = "penstock_" + hashlib.sha256(f"{home}/{name}".encode()).hexdigest()[:40]
    take, give = database.session_lock
    if not connection.execute(sa.text(take), {"name": lock, "seconds": patience}).scalar():
        raise LockRefused.of(home, f"{busy} for {patience} s")
    connection.commit()
    try:
        yield
    finally:
        if not connection.invalidated:  # a session that is gone has given it back
            with suppress(sa.exc.DBAPIError, ConnectionFailed):
                connection.rollback()
                connection.execute(sa.text(give), {"name": lock})
                connection.commit()
