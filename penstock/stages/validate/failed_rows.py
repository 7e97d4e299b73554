"""Examples: a few of the rows by which an expectation was not met, by their key. Never a value of a sensitive column.

Asked for when a gate has decided, of what was not met alone: an expectation that holds costs nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from penstock import databases
from penstock.migration.suites import Expectation
from penstock.model.schema import TableName
from penstock.state.evidence import Example, Outcome

AT_MOST = 5
_SHORT = 80
_MAPS = ("expect_column_values_", "expect_column_pair_", "expect_multicolumn_", "expect_compound_", "expect_select_")
"""Great Expectations looks at a row at a time by expectations whose names begin so."""


@dataclass(frozen=True)
class Table:
    """Where a table stands, what names a row of it, and what of it nothing may show."""

    place: TableName
    key: Sequence[str]
    hidden: Collection[str]

    @property
    def shown_key(self) -> list[str]:
        """The key's columns; none when one of them is hidden: a part of a key names no row."""
        return [] if set(self.key) & set(self.hidden) else list(self.key)


def wanted(outcome: Outcome, expectation: Expectation, table: Table) -> bool:
    """Whether there are rows to show, and they may be shown. A condition written as text may speak of any column."""
    if table.hidden and isinstance(expectation.get("kwargs", {}).get("row_condition"), str):
        return False
    broken = not outcome.success and not outcome.crashed and bool(outcome.unexpected)
    return broken and bool(outcome.columns) and not set(outcome.columns) & set(table.hidden)


def format_of(table: Table) -> dict[str, Any]:
    """Great Expectations' result format that fetches them."""
    keys = {"unexpected_index_column_names": table.shown_key} if table.shown_key else {}
    return {"result_format": "SUMMARY", "partial_unexpected_count": AT_MOST} | keys


def told(outcome: Outcome, numbers: Mapping[str, Any], table: Table) -> Outcome:
    """`outcome` with the rows of Great Expectations' result in that format."""
    rows = numbers.get("partial_unexpected_index_list") or [
        _by_column(v, outcome.columns) for v in numbers.get("partial_unexpected_list") or ()
    ]
    return replace(outcome, examples=_distinct(_row(r, outcome.columns, table) for r in rows[:AT_MOST]))


def orphans(outcome: Outcome, expectation: Expectation, engine: sa.Engine, table: Table) -> Outcome:
    """`outcome` of a foreign key with rows that refer to nothing. `expectation`: as placed, so that it says where the referred table is."""
    database, kwargs = databases.of(engine.url), expectation["kwargs"]
    columns = list(kwargs["columns"])
    referred = [TableName(name, kwargs.get(f"{of}_schema")) for of in ("ref", "live") if (name := kwargs.get(f"{of}_table"))]

    def quoted(name: str, of: str) -> str:
        return f"{of}.{databases.quote(database, name)}"

    key = [k for k in table.shown_key if k not in columns]
    fields = ", ".join(quoted(c, "t") for c in [*key, *columns])
    there = " AND ".join(f"{quoted(r, 'r')} = {quoted(c, 't')}" for c, r in zip(columns, kwargs["ref_columns"], strict=True))
    present = " AND ".join(f"{quoted(c, 't')} IS NOT NULL" for c in columns)
    absent = [f"NOT EXISTS (SELECT 1 FROM {databases.qualified(database, place)} AS r WHERE {there})" for place in referred]
    where = " AND ".join([present, *absent])
    query = f"SELECT {fields} FROM {databases.qualified(database, table.place)} AS t WHERE {where} LIMIT {AT_MOST}"
    with engine.connect() as connection:
        found = databases.execute(connection, query).fetchall()
    rows = (dict(zip([*key, *columns], row, strict=True)) for row in found)
    return replace(outcome, examples=_distinct(_row(r, columns, table) for r in rows))


def is_foreign_key(outcome: Outcome) -> bool:
    return outcome.type == "expect_foreign_key"


def is_map(outcome: Outcome) -> bool:
    """Whether Great Expectations looks at a row at a time, and so can name some."""
    return outcome.type.startswith(_MAPS)


def _by_column(value: Any, columns: Sequence[str]) -> dict[str, Any]:
    if isinstance(value, Mapping):
        return dict(value)
    values = value if isinstance(value, tuple | list) and len(columns) > 1 else [value]
    return dict(zip(columns, values, strict=False))


def _row(row: Mapping[str, Any], columns: Sequence[str], table: Table) -> Example:
    return Example(_listed(row, table.shown_key), _listed(row, columns))


def _listed(row: Mapping[str, Any], names: Sequence[str]) -> str:
    return ", ".join(f"{n}={_text(row[n])}" for n in names if n in row)


def _text(value: Any) -> str:
    if value is None:
        return "NULL"
    text = bytes(value).hex() if isinstance(value, bytes | bytearray | memoryview) else str(value)
    return text if len(text) <= _SHORT else text[: _SHORT - 1] + "…"


def _distinct(rows: Iterable[Example]) -> tuple[Example, ...]:
    return tuple(dict.fromkeys(rows))
