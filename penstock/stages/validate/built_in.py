"""Built-in expectations in Penstock's own SQL: one scan of a table for all of them, and one statement more for each key.

It only ever says that an expectation is met. Whatever it does not know, or does not find met, Great Expectations decides. So a gate that
opens needs no Great Expectations, whose import takes seconds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from penstock.databases import Database
from penstock.migration.suites import Expectation, Suite
from penstock.model.schema import TableName
from penstock.stages.validate import row_conditions
from penstock.stages.validate.references import named
from penstock.stages.validate.reflected import Reflected
from penstock.stages.validate.rules import RULES, Asked, Question, Unknown, filled

_AT_ONCE = 300
"""How many aggregates one statement asks for: every database allows more columns and parameters than that."""


@dataclass(frozen=True)
class Met:
    """What Great Expectations' result object says of an expectation that is met."""

    result: Mapping[str, Any]
    success: bool = True
    exception_info: Mapping[str, Any] = field(default_factory=dict)


def met(connection: sa.Connection, database: Database, reflected: Reflected, suite: Suite, place: TableName, rows: int) -> dict[int, Met]:
    """The expectations of `suite` that the table at `place` meets for certain, by position. rows: the value of the suite's parameter."""
    columns = {str(c["name"]): c["type"] for c in reflected.get_columns(place.name, place.schema)}
    table = sa.table(named(place.name), schema=named(place.schema) if place.schema else None)
    found: dict[int, Met] = {}
    for condition, numbers in _by_condition(suite).items():
        part = row_conditions.part(table, condition, columns) if condition else table
        if part is None:
            continue
        asked = {n: _question(suite.expectations[n], columns, part, database, rows) for n in numbers}
        questions = {n: question for n, question in asked.items() if question}
        found |= {n: Met(result) for n, result in _answered(connection, part, questions).items() if result is not None}
    return found


def _by_condition(suite: Suite) -> dict[str, list[int]]:
    """The positions of expectations by their row condition; an empty text is for those without one. Not those that have another form."""
    numbers: dict[str, list[int]] = {}
    for number, expectation in enumerate(suite.expectations):
        if (condition := row_conditions.written(expectation)) is not None:
            numbers.setdefault(condition, []).append(number)
    return numbers


def _answered(connection: sa.Connection, table: sa.FromClause, questions: Mapping[int, Question]) -> dict[int, Mapping[str, Any] | None]:
    """The results of those that are met. Where the database refuses a statement, it is asked for the halves."""
    try:
        measured = _scanned(connection, table, list(questions.values()))
        return {n: _answer(connection, q, measured) for n, q in questions.items()}
    except (sa.exc.SQLAlchemyError, ArithmeticError, AttributeError, TypeError, ValueError):
        connection.rollback()
    if len(questions) < 2:
        return {}
    numbers, half = list(questions), len(questions) // 2
    parts = ({n: questions[n] for n in part} for part in (numbers[:half], numbers[half:]))
    return {n: result for part in parts for n, result in _answered(connection, table, part).items()}


def _question(expectation: Expectation, columns: Mapping[str, Any], table: sa.FromClause, database: Database, rows: int) -> Question | None:
    rule, kwargs = RULES.get(str(expectation["type"])), expectation.get("kwargs", {})
    kwargs = {k: v for k, v in kwargs.items() if k not in row_conditions.KEYS}
    try:
        return rule and rule(Asked(filled(kwargs, rows), columns, table, database))
    except Unknown:
        return None


def _scanned(connection: sa.Connection, table: sa.FromClause, questions: Sequence[Question]) -> dict[sa.ColumnElement[Any], Any]:
    """What all measures of these questions are. The same measure is asked for once."""
    wanted: dict[Any, list[sa.ColumnElement[Any]]] = {}
    for measure in (m for q in questions for m in q.measures.values()):
        wanted.setdefault(_identity(measure, connection.dialect), []).append(measure)
    measures = list(wanted.values())
    found: dict[sa.ColumnElement[Any], Any] = {}
    for first in range(0, len(measures), _AT_ONCE):
        part = measures[first : first + _AT_ONCE]
        select = sa.select(*(same[0].label(f"m{n}") for n, same in enumerate(part))).select_from(table)
        for same, value in zip(part, connection.execute(select).one(), strict=True):
            found |= dict.fromkeys(same, value)
    return found


def _identity(measure: sa.ColumnElement[Any], dialect: sa.Dialect) -> Any:
    compiled = measure.compile(dialect=dialect)
    return str(compiled), tuple((name, type(value), str(value)) for name, value in compiled.params.items())


def _answer(connection: sa.Connection, question: Question, measured: Mapping[sa.ColumnElement[Any], Any]) -> Mapping[str, Any] | None:
    result = question.result({name: measured[measure] for name, measure in question.measures.items()})
    if result is not None and any(connection.execute(statement).scalar_one() for statement in question.apart):
        return None
    return result
