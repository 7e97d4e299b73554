"""What Penstock changes in SQLAlchemy's dialects, all in one place. Each function changes one dialect object, never a class of the library.

These are insides of SQLAlchemy 2.1, which another version may change.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa


def write_percents_once(dialect: sa.Dialect) -> None:
    """Let the dialect write a % of a name as it is. It doubles it for drivers that take parameters; finished statements have none."""
    dialect.identifier_preparer._double_percents = False


def read_as_text(dialect: Any, types: Iterable[str]) -> None:
    """Let the dialect describe columns of these types, which it does not know, as texts. Great Expectations can't name them otherwise."""
    dialect.ischema_names = dict.fromkeys(types, sa.Text) | dialect.ischema_names


def read_backticks_once(dialect: Any) -> None:
    """Let the dialect describe a column by its name. As of SQLAlchemy 2.1 a backtick comes doubled, as SHOW CREATE TABLE writes it."""
    described = dialect.get_columns
    dialect.get_columns = lambda *args, **more: [c | {"name": c["name"].replace("``", "`")} for c in described(*args, **more)]
