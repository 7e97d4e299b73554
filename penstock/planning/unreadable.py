"""Which rows of a table have a value that is not of its column's type, and the step that reads them.

A reader stops at the first such value and knows its column only. The rows are read again, of this column the source's own text, so that
the message can name key and value, and offer a cast for the forms that the column has.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa
import sqlalchemy as sa

from penstock import databases
from penstock.databases import Database
from penstock.errors import PenstockError, ReadFailed
from penstock.model.plan import TablePlan
from penstock.model.schema import DECIMALS, INTEGERS, Column, Type
from penstock.runtime.formatting import yaml
from penstock.transforms import _forms, _recognise
from penstock.transforms._hidden_columns import secret_columns

_ROWS = 1_000_000
_NAMED = 3
_LOOKED_AT = 1_000
_TEXT = Type("unsupported")
_KINDS = INTEGERS | DECIMALS | {"boolean", "number", "float32", "float64", "date", "time", "timestamp", "timestamptz"}


@dataclass(frozen=True)
class Unreadable:
    """A value that can't be read, and the key of its row as text; empty for a table without one."""

    key: str
    value: str


def name_rows(error: ReadFailed, plan: TablePlan, database: Database, engine: sa.Engine, condition: str) -> bool:
    """Make the error name rows of `condition` that have such a value, and a step that reads them; False where none is found.

    Values and keys of sensitive columns are not named.
    """
    column = plan.source.column(error.column)
    if column.type.name not in _KINDS and not database.misfits(column):
        return False
    try:
        with engine.connect() as connection:
            found = list(_first(_unreadable(plan, column, database, connection, condition)))
            connection.rollback()
    except (PenstockError, sa.exc.DBAPIError, pa.ArrowException):  # what the error says already is true
        return False
    if not found:
        return False
    hidden = secret_columns(plan)
    shown = [u if not hidden & {*plan.source.key} else replace(u, key="") for u in found[:_NAMED]]
    if shown[0].key:
        error.where = f"row {shown[0].key}, {error.where}"
    error.why = ""
    values = [] if column.name in hidden else [f"{_short(u.value)}{f' in the row {u.key}' if u.key else ''}" for u in shown]
    if values:
        more = f", and others ({len(found):,} were looked at)" if len(found) > _NAMED else ""
        error.why = f"it has {', '.join(values)}{more}"
    texts = [u.value for u in found]
    bytes_too = any(re.fullmatch(r"X'(?:[0-9A-F]{2})*'", text) for text in texts)
    if (column.type.name not in _KINDS or bytes_too) and (correction := database.correction(plan.source.name, column)):
        error.fix = f"correct the values at the source: `{correction}`"
    else:
        error.fix = _fix(plan, column, texts)
    return True


def _first(found: Iterator[Unreadable]) -> Iterator[Unreadable]:
    for _, each in zip(range(_LOOKED_AT), found, strict=False):
        yield each


def _unreadable(plan: TablePlan, column: Column, database: Database, connection: sa.Connection, condition: str) -> Iterator[Unreadable]:
    """The rows whose text of the column can't be read as its type, of the first million."""
    keys = [c for c in plan.source.columns if c.name in plan.source.key and c.name != column.name]
    named = [*keys, column]
    fields = ", ".join(f"{database.shown_expression(c)} AS {databases.quote(database, c.name)}" for c in named)
    misfits = database.misfits(column)
    where = " AND ".join(f"({part})" for part in (condition, misfits) if part)
    select = f"SELECT {fields} FROM {databases.qualified(database, plan.source.name)}{f' WHERE {where}' if where else ''} LIMIT {_ROWS}"
    for batch in database.read(connection, select, [replace(c, type=_TEXT) for c in named]):
        texts = batch.column(len(keys)).cast(pa.string())
        for place in range(batch.num_rows) if misfits else _odd(texts, column):
            row = {c.name: batch.column(n)[place].as_py() for n, c in enumerate(named)}
            yield Unreadable(", ".join(f"{name}={row[name]}" for name in plan.source.key), row[column.name])


def _odd(texts: pa.Array, column: Column) -> list[int]:
    """The places of the texts that are none of the column's type."""
    wanted = column.type if column.type.name != "number" else Type("float64")
    return _forms.read(pa.chunked_array([texts]), wanted, ())[1]


def _fix(plan: TablePlan, column: Column, values: Sequence[str]) -> str:
    name, in_key = yaml(column.name), column.name in plan.source.key
    text = f"`cast: {{{name}: {{to: string, from: text}}}}`" if in_key else f"`cast: {{{name}: string}}`"
    advice = _recognise.advice(column.name, column.type, values, required=not column.nullable)
    first = "be the first step that touches the column"
    offered = f"let {advice} {first}; {text} carries the source's text" if advice else f"let {text} {first}: it carries the source's text"
    reads = _recognise.step(column.name, column.type, ["text"], required=False)
    apart = f"with {reads} such a row goes to quarantine where `bad_rows: {{action: quarantine, at_most: 100}}` is declared"
    return f"{offered}; {apart}" if plan.quarantines or not advice else offered


def _short(value: str) -> str:
    return repr(value) if len(value) <= 80 else f"{value[:80]!r}…"
