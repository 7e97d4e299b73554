"""Columns with values that can't be read as the column's type: the steps that carry them all the same, tried on the first rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from penstock import transforms
from penstock.databases import Database
from penstock.errors import PenstockError, Problem, ReadFailed, Remedy
from penstock.init import profile
from penstock.model.schema import Column, Table, Type
from penstock.transforms import _forms, _recognise

_LOOKED_AT = 1_000
_Steps = Sequence[Mapping[str, Any]]


def problem(name: str, database: Database, connection: sa.Connection, table: Table, fault: ReadFailed, alike: bool) -> Problem:
    """A value that stops every run, with the changes of the file that carry the column. alike: both ends are of one kind of database.

    What the reader said of the value is not part of it: nobody has said yet which columns are sensitive.
    """
    column = next((c for c in table.columns if c.name == fault.column), None)
    found: list[_Steps] = []
    if column:
        connection.rollback()
        texts = _found(database, connection, table, column, alike) if column.type.name in database.types_with_invalid_values else []
        found = [*texts, *([] if column.name in table.key else [[{"drop": [column.name]}]])]
    remedies = tuple(Remedy(name, {"transform": steps}) for steps in found)
    return Problem(True, f"table {name}, column {fault.column}", fault.what, fault.fix, "values", remedies)


def _found(database: Database, connection: sa.Connection, table: Table, column: Column, alike: bool) -> list[_Steps]:
    """The safest first: a type where all rows were tried, else the text, which no value can break."""
    text = replace(column, type=Type("unsupported"))
    as_text: _Steps = [{"cast": {column.name: {"to": "string", "from": "text"} if column.name in table.key else "string"}}]
    try:
        rows = profile.first_rows(database, connection, table, [text])
    except PenstockError:
        return [as_text]
    if rows is None:
        return [as_text]
    exact, lossy = ([s for s in each if _fits(rows, text, s)] for each in _typed(rows, column))
    first = exact if profile.whole(rows) and not alike else []
    return [*first, as_text, *([] if first else exact), *lossy]


def _typed(rows: pa.Table, column: Column) -> tuple[list[_Steps], list[_Steps]]:
    """Steps that make the column's type, or a wider one of its kind: those that keep each value, and those that make NULL of some."""
    exact: list[_Steps] = []
    lossy: list[_Steps] = []
    if column.type.name == "timestamp":
        exact.append([{"cast": {column.name: {"to": "timestamptz", "from": "text"}}}])
    unread = _forms.read(rows.column(0).cast(pa.string()), column.type, ())[1][:_LOOKED_AT]
    texts = [rows.column(0)[place].as_py() for place in unread]
    for kind, forms in _recognise.casts(column.type, texts):
        names = forms[0] if len(forms) == 1 else forms
        steps = [{"cast": {column.name: {"to": str(kind), "from": names}}}]
        (lossy if _forms.NOTHING & {*forms} else exact).append(steps)
    return exact, lossy


def _fits(rows: pa.Table, column: Column, steps: _Steps) -> bool:
    try:
        transforms.apply(rows, (column,), [next(iter(s.items())) for s in steps], {})
    except PenstockError:
        return False
    return True
