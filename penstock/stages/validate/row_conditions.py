"""Row conditions as text, `col("month") == 5`: read without Great Expectations, and only what it certainly reads the same way.

Great Expectations looks at the rows of `SELECT * FROM table WHERE condition`. `part` is the same selection, with the same parameter, so
the database compares the same things. The grammar is that of great_expectations/expectations/legacy_row_conditions.py, version 1.24. It
ignores what follows a condition and unescapes names: neither is read here. Nor are `date(...)`, the conditions written as a mapping, and
those in the languages of Spark and pandas.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from penstock.stages.validate.references import named

KEYS = frozenset({"row_condition", "condition_parser"})
"""The keyword arguments of an expectation that say which rows it is about."""

_PARSERS = ("great_expectations", "great_expectations__experimental__")
"""The values of `condition_parser` that name this grammar."""
_OF_A_PART = re.compile("expect_column_(?!to_exist)|expect_table_row_count_")
"""Types that take a row condition. Of the others that Penstock's SQL knows, Great Expectations crashes for a key of several columns with
`ignore_row_if: never` (its metric compound_columns.count selects from a Select), and has no such field for the rest."""
_OPERATORS: Mapping[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_NUMBER = r"[+-]?[0-9]{1,19}(?:\.[0-9]{0,18})?(?:[eE][+-]?[0-9]{1,2})?"
_CHARACTER = r"!#-&(-~\xc0-\xd6\xd8-\xf6\xf8-\xff"  # no quotes; blanks at the start would be dropped
_TEXT = rf"[{_CHARACTER}][ {_CHARACTER}]*"
_CONDITION = re.compile(
    r' *col\("(?P<column>[^"\\\t\r\n]+)"\) *'
    rf"(?:(?i:\.notnull\(\))|(?P<operator>[=!<>]=|[<>]) *(?:(?P<number>{_NUMBER})|\"(?P<text>{_TEXT})\"|'(?P<quoted>{_TEXT})')) *"
)


@dataclass(frozen=True)
class RowCondition:
    """A comparison of a column with a value. operator: empty where the condition is that the column is not NULL."""

    column: str
    operator: str = ""
    value: int | float | str = ""

    def clause(self) -> sa.ColumnElement[bool]:
        """The condition as SQL. A comparison with NULL selects no row."""
        column: sa.ColumnClause[Any] = sa.column(named(self.column))
        if not self.operator:
            return column.is_not(None)
        compared: sa.ColumnElement[bool] = _OPERATORS[self.operator](column, sa.literal(self.value))
        return compared


def read(text: str) -> RowCondition | None:
    """The condition that `text` is; None where only Great Expectations can tell."""
    found = _CONDITION.fullmatch(text)
    if found is None:
        return None
    if not found["operator"]:
        return RowCondition(found["column"])
    number = found["number"]
    value = found["text"] or found["quoted"] if number is None else int(number) if number.lstrip("+-").isdigit() else float(number)
    return RowCondition(found["column"], found["operator"], value)


def written(expectation: Mapping[str, Any]) -> str | None:
    """The row condition of an expectation as its suite has it; empty where there is none. None where it is not a text of this grammar."""
    kwargs = expectation.get("kwargs", {})
    if not KEYS & kwargs.keys():
        return ""
    text = kwargs.get("row_condition")
    mine = isinstance(text, str) and kwargs.get("condition_parser") in _PARSERS and _OF_A_PART.match(str(expectation["type"]))
    return text if mine and text else None


def part(table: sa.FromClause, text: str, columns: Mapping[str, Any]) -> sa.FromClause | None:
    """The rows of `table` that meet the condition `text`; None where only Great Expectations can tell. columns: SQLAlchemy's types."""
    condition = read(text)
    if condition is None or not _suits(condition, columns):
        return None
    return sa.select(sa.text("*")).select_from(table).where(condition.clause()).subquery("penstock_part")


def _suits(condition: RowCondition, columns: Mapping[str, Any]) -> bool:
    """Whether there is the column, and a number is compared with a column of numbers, a text with one of texts."""
    if condition.column not in columns:
        return False
    type_ = columns[condition.column]
    kinds = (sa.String,) if isinstance(condition.value, str) else (sa.Integer, sa.Numeric, sa.Float)
    return not condition.operator or (isinstance(type_, kinds) and not isinstance(type_, sa.Enum))
