"""Whether a database can be reached at all: what the *Test* button of a connection asks."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from penstock import databases
from penstock.errors import ConnectionFailed
from penstock.model import address


def reach(url: sa.URL, may_be_new: bool = False) -> str:
    """Connect once, as a migration does, and say in a sentence what answered. Changes and creates nothing; the sentence has no password.

    may_be_new: whether a database file that does not exist yet is fine, because a run creates it.
    Raises ConnectionFailed.
    """
    database = databases.of(url)
    if database.embedded and not file(url) and not elsewhere(url):  # its driver would create an empty one
        return _new(url, may_be_new)
    try:
        engine = databases.connect(database, url, "database")
    except ImportError as error:
        what = f"the driver of {database.label} is not installed"
        raise ConnectionFailed(what, why=str(error), fix="install the driver where Airflow's API server and its workers run") from None
    try:
        tables = f" Tables in the default schema: {_tables(engine)}." if url.database else ""
    except sa.exc.DBAPIError as error:
        fix = "correct the path" if database.embedded else "check what this user may read"
        raise ConnectionFailed("can't read the list of tables", _address(url), str(error.orig).strip(), fix) from None
    finally:
        engine.dispose()
    return f"Connected to {database.label} at {_address(url)}.{tables}"


def file(url: sa.URL) -> Path | None:
    """The file of a database that is one, where it exists."""
    path = Path((url.database or "").removeprefix("file:"))
    return path if path.is_file() else None


def elsewhere(url: sa.URL) -> bool:
    """Whether the database's name is an address that its own driver understands (`md:sales`), not a path."""
    return ":" in (url.database or "").removeprefix("file:").partition("/")[0]


def _tables(engine: sa.Engine) -> int:
    with engine.connect() as connection:
        return len(sa.inspect(connection).get_table_names())


def _address(url: sa.URL) -> str:
    """Without options: they are in the connection's own form, beside the button."""
    return address.shown(url.set(query={}))


def _new(url: sa.URL, may_be_new: bool) -> str:
    path = Path(url.database or "")
    if not path.parent.is_dir():
        raise ConnectionFailed(f"there is no folder {path.parent}", _address(url), fix="correct the path, or make the folder")
    if may_be_new:
        return f"There is no file {path} yet. That is fine for a target: the first run creates it. A source must exist."
    fix = "correct the path if this is a source; a target needs nothing, its first run creates the file"
    raise ConnectionFailed(f"there is no file {path}", _address(url), fix=fix)
