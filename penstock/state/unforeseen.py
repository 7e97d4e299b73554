"""What is said of a database's error that no stage expected: the stage, the statement without values, and the server's words."""

from __future__ import annotations

import re

import sqlalchemy as sa

from penstock.databases._shared.query_shape import shape
from penstock.errors import Unforeseen

_DEFINES = re.compile(r"\s*(?:CREATE|ALTER|DROP|RENAME|COMMENT|SET|PRAGMA|LOCK|GRANT|REVOKE|TRUNCATE)\b", re.IGNORECASE)
_QUOTED = re.compile("['\"«„“「](.*?)['\"»“”」]")  # in the quotation marks of the servers' languages
REPORT = "this is a defect of Penstock: report it in the project's issue tracker, with this message"


def fault(error: BaseException, stage: str = "") -> Unforeseen | None:
    """The fault of an error of a database's driver in a stage; None for any other error, whose text is not known to hold no values."""
    if not isinstance(error, sa.exc.DBAPIError):
        return None
    statement = error.statement or ""
    said = f"{type(error.orig).__name__}: {_words(str(error.orig), statement)}"
    where = (f"stage {stage}, " if stage else "") + f"statement: {shape(statement)}"
    return Unforeseen("an error that Penstock did not foresee", where, said, REPORT)


def _words(said: str, statement: str) -> str:
    """The first line of the server's words. Of a statement about rows, what is in quotes and no name of the statement may be a value."""
    line = said.strip().partition("\n")[0]
    if _DEFINES.match(statement):
        return line
    names = set(re.findall(r"\w+", shape(statement)))
    return _QUOTED.sub(lambda found: found[0] if found[1] in names else "a value", line)
