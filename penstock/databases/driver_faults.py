"""What a driver's error means where no value and no statement is at fault: a server that is gone, a full disk, a read-only target.

One place turns these into faults that name the end. `watch` does it for all that goes through SQLAlchemy; what a package asks of its
driver directly, it hands to `fault`. No stage catches a lost connection.
"""

from __future__ import annotations

import sqlalchemy as sa

from penstock.databases.base import Database
from penstock.databases.values import Failure
from penstock.errors import ConnectionFailed, LockRefused, NoSpace, NotWritable, PenstockError
from penstock.model import address

_ROLE = "penstock_role"
_GO_ON = "run the same command again, or retry the task: it reads from the journal what was done, and goes on from there"


def watch(engine: sa.Engine, database: Database, role: str) -> None:
    """Let every error of this engine's connections be a fault where it is one of these. role: source, target."""
    engine.update_execution_options(**{_ROLE: role})

    @sa.event.listens_for(engine, "set_connection_execution_options")
    def _heard(_: sa.Connection, options: dict[str, object]) -> None:
        # SQLAlchemy sets it for one question about a table of MySQL, and leaves it at the connection for ever
        options.pop("skip_user_error_events", None)

    @sa.event.listens_for(engine, "handle_error")
    def _named(context: sa.engine.ExceptionContext) -> None:
        error = context.sqlalchemy_exception
        if context.connection is None:
            raise unreachable(database, engine.url, role, context.original_exception)
        if isinstance(error, sa.exc.DBAPIError):
            failure = database.classify(error)
            # SQLAlchemy then leaves the connection alone: it would roll back, and that error would replace this one
            context.is_disconnect = context.is_disconnect or failure is Failure.CONNECTION_LOST
            if failure is Failure.LOCKED and database.embedded:
                raise _file_held(context.connection.engine.url, role, str(error.orig))
            if found := fault(context.connection, failure, str(error.orig)):
                raise found


def fault(connection: sa.Connection, failure: Failure, why: str) -> PenstockError | None:
    """The fault that a driver's error is at this end; None where it is about a statement or its values. why: the driver's words."""
    url = connection.engine.url
    role = connection.get_execution_options().get(_ROLE, "database")
    where, said = address.shown(url), first_line(address.without_secrets(why, url))
    if failure is Failure.CONNECTION_LOST:
        return ConnectionFailed(f"lost the connection to the {role}", where, said, f"when the {role} can be reached: {_GO_ON}")
    if failure is Failure.DISK_FULL:
        return _no_space(url, role, said)
    if failure is Failure.READ_ONLY:
        fix = f"connect to the primary, or let this user write; then {_GO_ON}"
        return NotWritable(f"the {role} can only be read", where, said, fix)
    return None


def _no_space(url: sa.URL, role: str, said: str) -> NoSpace:
    return NoSpace(f"the {role} has no disk space left", address.shown(url), said, f"free or add space there, then {_GO_ON}")


def _file_held(url: sa.URL, role: str, why: str) -> LockRefused:
    """The fault of a file that another process has not let go of for as long as this one waits."""
    what = f"another process holds the lock of the {role}'s file"
    return LockRefused(what, address.shown(url), first_line(why), f"let that process finish, or end it; then {_GO_ON}")


def unreachable(database: Database, url: sa.URL, role: str, cause: BaseException | None) -> ConnectionFailed | NoSpace:
    """The fault of a connection that could not be made: also because an embedded database can't create its file on a full disk."""
    fix = "check that the server runs, the address, the user and the password of this connection"
    if database.embedded:
        fix = "check the path, this user's rights on the file and its folder, and that no other process holds it"
    why = str(cause.args[1] if cause and len(cause.args) == 2 else cause)  # mysqlclient's errors are a number and a text
    said = first_line(address.without_secrets(why, url))
    if cause is not None and database.classify(sa.exc.DBAPIError("", None, cause)) is Failure.DISK_FULL:
        return _no_space(url, role, said)
    return ConnectionFailed(f"can't connect to the {role}", where=address.shown(url), why=said, fix=fix)


def first_line(text: str) -> str:
    """The first line of a driver's words; empty where it has none."""
    return next(iter(text.strip().splitlines()), "")
