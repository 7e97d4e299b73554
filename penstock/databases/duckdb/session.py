"""Connections to a DuckDB file, which one process at a time can open, and what its errors mean."""

from __future__ import annotations

import random
import time
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from penstock.databases import Failure

MEMORY_LIMIT = "256MB"
_FULL = ("no space left on device", "disk quota exceeded", "file too large")
_HEADERS = 3 * 4096  # bytes that each database file has at least
PATIENCE = 60.0
"""Seconds to wait until another process closes the file."""


def engine(url: sa.URL) -> sa.Engine:
    """An engine whose sessions use UTC and keep within `MEMORY_LIMIT`."""
    made = sa.create_engine(url, poolclass=sa.pool.NullPool)
    file = Path(url.database) if url.database and not url.database.startswith(":") else None

    @sa.event.listens_for(made, "do_connect")
    def _connect(dialect: sa.Dialect, record: object, arguments: list[Any], settings: dict[str, Any]) -> Any:
        new = file is not None and not file.exists()
        try:
            return _connected(dialect, arguments, settings)
        except dialect.loaded_dbapi.Error as error:
            # A file that is created on a full disk stays, and is no database: it could not be opened when there is room again.
            if file and new and meant(error) is Failure.DISK_FULL and file.exists() and file.stat().st_size < _HEADERS:
                file.unlink()
            raise

    @sa.event.listens_for(made, "connect")
    def _session(connection: Any, _: object) -> None:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(f"SET memory_limit = '{MEMORY_LIMIT}'")

    return made


def _connected(dialect: sa.Dialect, arguments: list[Any], settings: dict[str, Any]) -> Any:
    """A connection, when no other process has the file open: DuckDB lets in one, and runs of several intervals take turns."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            return dialect.connect(*arguments, **settings)
        except dialect.loaded_dbapi.Error as error:
            if "Could not set lock" not in str(error) or time.monotonic() > end:
                raise
            time.sleep(random.uniform(0.05, 0.3))


def meant(error: BaseException | None) -> Failure:
    """What an error of the driver means, by its class and its words: DuckDB has no codes, and never translates."""
    import duckdb

    said = str(error).lower()
    if isinstance(error, duckdb.OutOfMemoryException) or "out of memory" in said:
        return Failure.OUT_OF_MEMORY
    if isinstance(error, duckdb.ConstraintException):
        return Failure.BREAKS_KEY
    if isinstance(error, duckdb.CatalogException) and "already exists" in said:
        return Failure.ALREADY_EXISTS
    if isinstance(error, duckdb.Error) and any(words in said for words in _FULL):
        return Failure.DISK_FULL
    if "attached in read-only mode" in said:
        return Failure.READ_ONLY
    return Failure.LOCKED if "locked" in said else Failure.OTHER
