"""What every database says in the same words: of values that can't be read exactly, and of those that a column can't hold."""

from __future__ import annotations

from penstock.errors import SET_APART, ReadFailed, RowsRefused
from penstock.model.schema import Column
from penstock.runtime.formatting import yaml


def unread(column: Column, why: str) -> ReadFailed:
    """A value of the source that is not of its column's type."""
    return ReadFailed(
        f"a value of {column.name} is not a {column.type}",
        where=f"column {column.name}, {column.native or column.type}",
        why=why.splitlines()[0],
        fix=f"correct it, or {text_first(column)}: it carries the source's text",
        column=column.name,
    )


def text_first(column: Column) -> str:
    """How such a value can be carried all the same: see `takes_text` in penstock/transforms."""
    return f"let `cast: {{{yaml(column.name)}: string}}` be the first step that touches the column"


def unheld(column: str, why: str, fix: str = f"cast or filter the values in the migration, or {SET_APART}") -> RowsRefused:
    """A value that the target's column called `column` can't hold, or would hold as another."""
    return RowsRefused(f"{column} has a value that its column can't hold", f"column {column}", why, fix, column)
