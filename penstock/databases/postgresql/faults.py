"""What errors of PostgreSQL mean, by their SQLSTATE. https://www.postgresql.org/docs/current/errcodes-appendix.html"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import psycopg
import sqlalchemy as sa

from penstock.databases import Failure, driver_faults
from penstock.errors import ConnectionFailed, LoadFailed, PenstockError, RowsRefused
from penstock.model.schema import Column

# A quoted value in a message, in any of the quotation marks of the server's languages.
_VALUE = re.compile("[\"'«»„“”「].*[\"'«»“”」]", re.DOTALL)
_FAILURES = {
    "42P07": Failure.ALREADY_EXISTS,  # a table or an index
    "42710": Failure.ALREADY_EXISTS,  # a constraint
    "23505": Failure.BREAKS_KEY,  # unique_violation
    "23503": Failure.BREAKS_KEY,  # foreign_key_violation
    "23502": Failure.BREAKS_KEY,  # not_null_violation
    "23514": Failure.BREAKS_KEY,  # check_violation
    "23P01": Failure.BREAKS_KEY,  # exclusion_violation
    "53200": Failure.OUT_OF_MEMORY,
    "53100": Failure.DISK_FULL,
    "25006": Failure.READ_ONLY,  # read_only_sql_transaction
    "53300": Failure.CONNECTION_LOST,  # too_many_connections
    "57P01": Failure.CONNECTION_LOST,  # the administrator shut the server down, or ended the session
    "57P02": Failure.CONNECTION_LOST,  # another session crashed
    "57P03": Failure.CONNECTION_LOST,  # the server starts or recovers
    "57P05": Failure.CONNECTION_LOST,  # idle_session_timeout
    "25P03": Failure.CONNECTION_LOST,  # idle_in_transaction_session_timeout
    "25P04": Failure.CONNECTION_LOST,  # transaction_timeout
    "55P03": Failure.LOCKED,  # lock_not_available
    "40P01": Failure.LOCKED,  # deadlock_detected
}


def classify(error: sa.exc.DBAPIError) -> Failure:
    """What an error of psycopg means."""
    return _meant(getattr(error.orig, "sqlstate", None) or "", error.connection_invalidated)


def _meant(state: str, broken: bool) -> Failure:
    """What a SQLSTATE means. broken: whether the connection can't be used any more."""
    lost = state.startswith("08") or broken
    return _FAILURES.get(state, Failure.CONNECTION_LOST if lost else Failure.OTHER)


@contextmanager
def raised(
    connection: sa.Connection,
    driver: psycopg.Connection,
    fault: type[PenstockError],
    what: str,
    where: str = "",
    columns: Sequence[Column] = (),
    table: str = "",
) -> Iterator[None]:
    """The driver's errors as `fault`, or as that of `driver_faults` when the server is gone. columns, table: of a load."""
    try:
        yield
    except psycopg.Error as error:
        if gone := driver_faults.fault(connection, _meant(error.sqlstate or "", driver.closed or driver.broken), str(error)):
            if isinstance(gone, ConnectionFailed):
                connection.invalidate()  # or SQLAlchemy's rollback would raise in our fault's place
            gone.where = ", ".join(p for p in (gone.where, where) if p)
            raise gone from None
        context = error.diag.context or ""
        named = error.diag.column_name or next((c.name for c in columns if _names(context, c.name)), "")
        place = ", ".join(p for p in (where, f"column {named}" if named else "") if p)
        fix = "cast or filter the values in the migration, or correct the key" if fault is LoadFailed else "see what the server says"
        if fault is LoadFailed and _by_values(error.sqlstate or ""):
            row = re.match(rf"COPY {re.escape(table)}, line (\d+)", context)
            rows = [(int(row[1]) - 1, named, _message(error))] if row else ()
            raise RowsRefused(what, place, _message(error), fix, named, rows) from None
        raise fault(what, where=place, why=_message(error), fix=fix) from None


def _by_values(state: str) -> bool:
    """Whether the server refused what is in rows: data exceptions and broken constraints, but for keys."""
    return state.startswith(("22", "23")) and state not in ("23503", "23505")


def _names(context: str, column: str) -> bool:
    """Whether COPY was at this column: `COPY t, line 1, column a` in binary, with `: "value"` behind it in text."""
    return context.endswith(f", column {column}") or f", column {column}: " in context


def _message(error: psycopg.Error) -> str:
    """The server's words without row contents, save the key of a broken key."""
    message = error.diag.message_primary or str(error).partition("\n")[0]
    state = error.sqlstate or ""
    if state.startswith("22"):  # data exceptions quote the value
        return _VALUE.sub("a value", message)
    if state in ("23503", "23505") and error.diag.message_detail:
        return f"{message}: {error.diag.message_detail}"
    return message
