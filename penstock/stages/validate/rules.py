"""What the built-in expectations ask of a table, in the SQL by which Great Expectations decides about them.

A rule here may be stricter than Great Expectations, never laxer: a condition is the same expression with the same parameters, so both
get the same answer from the same database. Where it is not certain that they do, a rule does not know the expectation (`Unknown`):
bounds of another kind than the column's, regular expressions of the dialect.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from penstock.databases import Database
from penstock.migration.suites import PARAMETER
from penstock.stages.validate import references
from penstock.stages.validate.references import named

_DATE, _MOMENT = re.compile(r"\d{4}-\d\d-\d\d"), re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d{6})?")

Measured = Mapping[str, Any]
"""What the scan found, by the names of a question's measures."""


class Unknown(Exception):
    """Great Expectations decides about this expectation."""


@dataclass(frozen=True)
class Asked:
    """An expectation on a table. kwargs: the parameter filled in, no row condition.  columns: as they are, with SQLAlchemy's types.

    rows: the table, or the part of it that meets the expectation's row condition.
    """

    kwargs: Mapping[str, Any]
    columns: Mapping[str, Any]
    rows: sa.FromClause
    database: Database

    def column(self, key: str = "column") -> sa.ColumnClause[Any]:
        """The column that the expectation names. Raises Unknown when there is none of exactly this name."""
        name = self.kwargs.get(key)
        if not isinstance(name, str) or name not in self.columns:
            raise Unknown
        return sa.column(named(name))

    def listed(self, key: str) -> list[sa.ColumnClause[Any]]:
        """The columns in a list of names. Raises Unknown as `column` does."""
        names = self.kwargs.get(key)
        if not isinstance(names, list) or not names or not all(isinstance(n, str) and n in self.columns for n in names):
            raise Unknown
        return [sa.column(named(n)) for n in names]

    def is_a(self, *kinds: type[Any]) -> bool:
        """Whether the column is of one of these types. An enumeration is no text: not every database compares it with one."""
        type_ = self.columns[self.kwargs["column"]]
        return isinstance(type_, kinds) and not isinstance(type_, sa.Enum)


@dataclass(frozen=True)
class Question:
    """What tells whether an expectation is met.

    measures: aggregates of all rows, by name, for the one scan.  apart: statements of their own, whose number must be 0.
    result: the numbers of Great Expectations' result when the expectation is met, else None.
    """

    result: Callable[[Measured], Mapping[str, Any] | None]
    measures: Mapping[str, sa.ColumnElement[Any]] = field(default_factory=dict)
    apart: Sequence[sa.Select[Any]] = ()


Rule = Callable[[Asked], Question]


def count_of(condition: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
    """How many rows meet a condition."""
    return sa.func.coalesce(sa.func.sum(sa.case((condition, 1), else_=0)), 0)


ROWS: sa.ColumnElement[int] = sa.func.count()


# ---- a value at a time


def _mapped(condition: Callable[[Asked, sa.ColumnClause[Any]], sa.ColumnElement[bool]], *keys: str) -> Rule:
    """An expectation on the values of a column that are not NULL."""

    def rule(asked: Asked) -> Question:
        only(asked, "column", "mostly", *keys)
        column, mostly = asked.column(), _mostly(asked)
        broken = sa.and_(sa.not_(column.is_(None)), sa.not_(condition(asked, column)))

        def result(found: Measured) -> Mapping[str, Any] | None:
            rows, values, unexpected = (int(found[name]) for name in ("rows", "values", "unexpected"))
            met = not values or (float(values) - float(unexpected)) / float(values) >= mostly
            return {"element_count": rows, "missing_count": rows - values, "unexpected_count": unexpected} if met else None

        return Question(result, {"rows": ROWS, "values": sa.func.count(column), "unexpected": count_of(broken)})

    return rule


def _nulls(wanted: bool) -> Rule:
    def rule(asked: Asked) -> Question:
        only(asked, "column", "mostly")
        column, mostly = asked.column(), _mostly(asked)

        def result(found: Measured) -> Mapping[str, Any] | None:
            rows, values = int(found["rows"]), int(found["values"])
            unexpected = values if wanted else rows - values
            met = not rows or (rows - unexpected) / rows >= mostly
            return {"element_count": rows, "unexpected_count": unexpected} if met else None

        return Question(result, {"rows": ROWS, "values": sa.func.count(column)})

    return rule


def _between(asked: Asked, column: sa.ColumnClause[Any]) -> sa.ColumnElement[bool]:
    low: Any = _bound(asked, "min_value")
    high: Any = _bound(asked, "max_value")
    if low is not None and high is not None and (type(low) is not type(high) or low > high):
        raise Unknown
    return _within(asked, column, *(None if bound is None else sa.literal(bound) for bound in (low, high)))


def _lengths(asked: Asked, column: sa.ColumnClause[Any]) -> sa.ColumnElement[bool]:
    return _within(asked, sa.func.length(column), _integer(asked, "min_value"), _integer(asked, "max_value"))


def _length(asked: Asked, column: sa.ColumnClause[Any]) -> sa.ColumnElement[bool]:
    value = _integer(asked, "value")
    if value is None:
        raise Unknown
    return sa.func.length(column) == float(value)


def _within(asked: Asked, value: Any, low: Any, high: Any) -> sa.ColumnElement[bool]:
    if low is None and high is None:
        raise Unknown
    parts = []
    if low is not None:
        parts.append(value > low if _flag(asked, "strict_min") else value >= low)
    if high is not None:
        parts.append(value < high if _flag(asked, "strict_max") else value <= high)
    return sa.and_(*parts)


def _in_set(asked: Asked, column: sa.ColumnClause[Any]) -> sa.ColumnElement[bool]:
    return column.in_(_values(asked))


def _not_in_set(asked: Asked, column: sa.ColumnClause[Any]) -> sa.ColumnElement[bool]:
    return column.notin_(_values(asked))


def _pattern(asked: Asked, column: sa.ColumnClause[Any]) -> sa.ColumnElement[bool]:
    pattern = asked.kwargs.get("pattern")
    if not isinstance(pattern, str):
        raise Unknown
    return asked.database.matches(sa.cast(column, sa.String), pattern)


# ---- all rows together


def _unique(asked: Asked) -> Question:
    only(asked, "column", "mostly")
    column, _ = asked.column(), _mostly(asked)

    def result(found: Measured) -> Mapping[str, Any]:
        rows, values = int(found["rows"]), int(found["values"])
        return {"element_count": rows, "missing_count": rows - values, "unexpected_count": 0}

    repeated = _repeated(asked.rows, [column]).where(column.is_not(None))
    return Question(result, {"rows": ROWS, "values": sa.func.count(column)}, [_how_many(repeated)])


def _compound_unique(asked: Asked) -> Question:
    only(asked, "column_list", "ignore_row_if", "mostly")
    columns, _ = asked.listed("column_list"), _mostly(asked)
    if len(columns) < 2 or len(set(asked.kwargs["column_list"])) < len(columns):
        raise Unknown
    nulls = [c.is_(None) for c in columns]
    ignored = {"never": sa.false(), "all_values_are_missing": sa.and_(*nulls), "any_value_is_missing": sa.or_(*nulls)}
    when = ignored.get(str(asked.kwargs.get("ignore_row_if", "all_values_are_missing")))
    if when is None:
        raise Unknown

    def result(found: Measured) -> Mapping[str, Any]:
        return {"element_count": int(found["rows"]), "missing_count": int(found["ignored"]), "unexpected_count": 0}

    # stricter: keys with NULLs in them are compared too
    return Question(result, {"rows": ROWS, "ignored": count_of(when)}, [_how_many(_repeated(asked.rows, columns))])


def _repeated(rows: sa.FromClause, columns: Sequence[sa.ColumnClause[Any]]) -> sa.Select[Any]:
    return sa.select(sa.literal_column("1").label("one")).select_from(rows).group_by(*columns).having(ROWS > 1).limit(1)


def _how_many(found: sa.Select[Any]) -> sa.Select[Any]:
    return sa.select(ROWS).select_from(found.subquery("penstock_found"))


def _foreign_key(asked: Asked) -> Question:
    only(asked, "columns", "ref_table", "ref_schema", "ref_columns", "live_table", "live_schema")
    columns, referred = asked.listed("columns"), asked.kwargs.get("ref_columns")
    if not isinstance(referred, list) or len(referred) != len(columns) or not all(isinstance(c, str) for c in referred):
        raise Unknown
    if not isinstance(asked.kwargs.get("ref_table"), str):
        raise Unknown
    rows = references.referring(asked.rows, asked.kwargs["columns"])
    lost = sa.select(ROWS).select_from(rows).where(*references.lost(rows, asked.kwargs))
    return Question(
        lambda found: {"element_count": int(found["referring"]), "unexpected_count": 0},
        {"referring": count_of(sa.and_(*(c.is_not(None) for c in columns)))},
        [lost],
    )


def _aggregate(of: Callable[[Any], sa.ColumnElement[Any]]) -> Rule:
    """An expectation on one value that is computed of a column of numbers or moments."""

    def rule(asked: Asked) -> Question:
        only(asked, "column", *_BOUNDS)
        column = asked.column()
        low, high = (_bound(asked, key) for key in ("min_value", "max_value"))
        if low is not None and high is not None and type(low) is not type(high):
            raise Unknown

        def result(found: Measured) -> Mapping[str, Any] | None:
            forms = _forms(found["value"], low if high is None else high)
            return {"observed_value": forms[-1]} if forms and all(_holds(asked, v, low, high) for v in forms) else None

        return Question(result, {"value": of(column)})

    return rule


def _forms(value: Any, bound: float | date | None) -> list[Any]:
    """The forms of a computed value that must be within the bounds, the last as Great Expectations compares it; none when it can't."""
    if isinstance(bound, date):
        moment = datetime.fromisoformat(value if isinstance(value, str) else value.isoformat()) if value is not None else None
        return [] if moment is None or moment.tzinfo else [moment if isinstance(bound, datetime) else moment.date()]
    if isinstance(value, Decimal):
        return [value, float(value)]
    return [value] if type(value) in (int, float) else []


def _distinct(asked: Asked) -> Question:
    only(asked, "column", *_BOUNDS)
    column = asked.column()
    low, high = (_integer(asked, key) for key in ("min_value", "max_value"))

    def result(found: Measured) -> Mapping[str, Any] | None:
        value = int(found["value"])
        return {"observed_value": value} if _holds(asked, value, low, high) else None

    return Question(result, {"value": sa.func.count(sa.distinct(column))})


# ---- the table itself


def _row_count(asked: Asked) -> Question:
    only(asked, "value")
    return _counted(asked, _integer(asked, "value"), _integer(asked, "value"))


def _row_count_between(asked: Asked) -> Question:
    only(asked, *_BOUNDS)
    return _counted(asked, _integer(asked, "min_value"), _integer(asked, "max_value"))


def _counted(asked: Asked, low: int | None, high: int | None) -> Question:
    if low is None and high is None:
        raise Unknown

    def result(found: Measured) -> Mapping[str, Any] | None:
        return {"observed_value": int(found["rows"])} if _holds(asked, int(found["rows"]), low, high) else None

    return Question(result, {"rows": ROWS})


def _columns_in_order(asked: Asked) -> Question:
    only(asked, "column_list")
    names = list(asked.columns)
    return Question(lambda _: {"observed_value": names} if asked.kwargs.get("column_list") == names else None)


def _columns_as_set(asked: Asked) -> Question:
    only(asked, "column_set", "exact_match")
    wanted, names = asked.kwargs.get("column_set"), sorted(asked.columns)
    exact = asked.kwargs.get("exact_match", True)
    if not isinstance(wanted, list) or not all(isinstance(c, str) and '"' not in c for c in wanted) or not isinstance(exact, bool):
        raise Unknown
    met = set(wanted) == set(names) if exact else set(wanted) <= set(names)
    return Question(lambda _: {"observed_value": names} if met else None)


def _column_count(asked: Asked) -> Question:
    only(asked, "value")
    count, value = len(asked.columns), _integer(asked, "value")
    return Question(lambda _: {"observed_value": count} if count == value else None)


def _column_exists(asked: Asked) -> Question:
    only(asked, "column")
    asked.column()
    return Question(lambda _: {})


# ---- what a suite writes


def only(asked: Asked, *keys: str) -> None:
    """Raises Unknown for any other keyword argument than these."""
    if not set(asked.kwargs) <= set(keys):
        raise Unknown


def _mostly(asked: Asked) -> float:
    value = asked.kwargs.get("mostly", 1)
    if type(value) not in (int, float) or not 0 <= value <= 1:
        raise Unknown
    return float(value)


def _flag(asked: Asked, key: str) -> bool:
    value = asked.kwargs.get(key, False)
    if not isinstance(value, bool):
        raise Unknown
    return value


def _integer(asked: Asked, key: str) -> int | None:
    value = asked.kwargs.get(key)
    if value is not None and type(value) is not int:
        raise Unknown
    return value


def _bound(asked: Asked, key: str) -> float | date | None:
    """A bound as Great Expectations reads it: numbers are floats, texts of dates are dates. It must suit the column's type."""
    value = asked.kwargs.get(key)
    if value is None:
        return None
    if type(value) in (int, float) and asked.is_a(sa.Integer, sa.Numeric):
        return float(value)
    if isinstance(value, str) and asked.is_a(sa.Date, sa.DateTime):
        try:
            if _DATE.fullmatch(value):
                return date.fromisoformat(value)
            if _MOMENT.fullmatch(value):
                return datetime.fromisoformat(value)
        except ValueError:
            raise Unknown from None
    raise Unknown


def _values(asked: Asked) -> list[Any]:
    values = asked.kwargs.get("value_set")
    if not isinstance(values, list) or not values or not all(type(v) in (str, bool, int, float) for v in values):
        raise Unknown
    return values


def _holds(asked: Asked, value: Any, low: Any, high: Any) -> bool:
    above = low is None or (value > low if _flag(asked, "strict_min") else value >= low)
    return above and (high is None or (value < high if _flag(asked, "strict_max") else value <= high))


def filled(value: Any, rows: int) -> Any:
    """Keyword arguments with the parameter `rows` filled in. Raises Unknown for anything that is computed of it."""
    if isinstance(value, dict):
        if value == {"$PARAMETER": PARAMETER}:
            return rows
        if "$PARAMETER" in value:
            raise Unknown
        return {k: filled(v, rows) for k, v in value.items()}
    return [filled(v, rows) for v in value] if isinstance(value, list) else value


_BOUNDS = ("min_value", "max_value", "strict_min", "strict_max")

RULES: Mapping[str, Rule] = {
    "expect_column_max_to_be_between": _aggregate(sa.func.max),
    "expect_column_mean_to_be_between": _aggregate(lambda column: sa.func.avg(1.0 * column)),
    "expect_column_min_to_be_between": _aggregate(sa.func.min),
    "expect_column_sum_to_be_between": _aggregate(sa.func.sum),
    "expect_column_to_exist": _column_exists,
    "expect_column_unique_value_count_to_be_between": _distinct,
    "expect_column_value_lengths_to_be_between": _mapped(_lengths, *_BOUNDS),
    "expect_column_value_lengths_to_equal": _mapped(_length, "value"),
    "expect_column_values_to_be_between": _mapped(_between, *_BOUNDS),
    "expect_column_values_to_be_in_set": _mapped(_in_set, "value_set"),
    "expect_column_values_to_be_null": _nulls(wanted=True),
    "expect_column_values_to_be_unique": _unique,
    "expect_column_values_to_match_pattern": _mapped(_pattern, "pattern"),
    "expect_column_values_to_not_be_in_set": _mapped(_not_in_set, "value_set"),
    "expect_column_values_to_not_be_null": _nulls(wanted=False),
    "expect_compound_columns_to_be_unique": _compound_unique,
    "expect_foreign_key": _foreign_key,
    "expect_table_column_count_to_equal": _column_count,
    "expect_table_columns_to_match_ordered_list": _columns_in_order,
    "expect_table_columns_to_match_set": _columns_as_set,
    "expect_table_row_count_to_be_between": _row_count_between,
    "expect_table_row_count_to_equal": _row_count,
}
