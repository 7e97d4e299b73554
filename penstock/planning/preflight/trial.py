"""Statements that are tried at the target one after the other, and undone in the end, whatever some of them fail with."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from penstock import databases
from penstock.databases import Database, Failure
from penstock.errors import LockRefused
from penstock.model import address

_SAVEPOINT = "penstock_dry"
PATIENCE = 2
"""Seconds to wait for a lock."""


class Trial:
    """Statements tried over one connection. Where DDL is transactional, nothing is ever committed.

    A statement that fails leaves what was made before: by a savepoint; where there are none, by doing it again.
    """

    def __init__(self, connection: sa.Connection, database: Database) -> None:
        self.connection, self._database = connection, database
        self._done: list[str] = []
        self._careful = False  # from the first failure on: a savepoint for each statement takes three times as long
        self._begin()

    def attempt(self, statement: str) -> sa.exc.DBAPIError | None:
        """Run a statement; the error with which it failed. Raises LockRefused when a lock could not be had in time."""
        saved = self._careful and self._database.savepoints
        try:
            if saved:
                databases.execute(self.connection, f"SAVEPOINT {_SAVEPOINT}")
            databases.execute(self.connection, statement)
            if saved:
                databases.execute(self.connection, f"RELEASE SAVEPOINT {_SAVEPOINT}")
        except sa.exc.DBAPIError as error:
            if self._database.classify(error) is Failure.LOCKED:
                raise LockRefused.of(address.shown(self.connection.engine.url), self._database.words(error)) from None
            self._undo(saved)
            return error
        self._done.append(statement)
        return None

    def attempt_all(self, statements: Sequence[str]) -> sa.exc.DBAPIError | None:
        """Run statements up to the first that fails; its error."""
        return next(filter(None, map(self.attempt, statements)), None)

    def _begin(self) -> None:
        for statement in self._database.wait_at_most(PATIENCE):
            databases.execute(self.connection, statement)

    def _undo(self, saved: bool) -> None:
        """Take back a statement that failed."""
        if saved:
            databases.execute(self.connection, f"ROLLBACK TO SAVEPOINT {_SAVEPOINT}")
        elif self._database.ddl_in_transaction:
            self._careful = True
            self.connection.rollback()
            self._begin()
            for statement in self._done:
                databases.execute(self.connection, statement)
