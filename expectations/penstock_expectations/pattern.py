r"""`expect_column_values_to_match_pattern`: a regular expression is found in every value, on every database alike.

    {"type": "expect_column_values_to_match_pattern", "kwargs": {"column": "tailnum", "pattern": "^[A-Z0-9]+$"}}

Case matters everywhere. The dialects agree on ^ $ . [] () | * + ? {m,n}; classes such as \d they write differently: use [0-9].
"""

from typing import Any, ClassVar

import sqlalchemy as sa
from great_expectations.execution_engine import SqlAlchemyExecutionEngine
from great_expectations.expectations.expectation import ColumnMapExpectation
from great_expectations.expectations.metrics.map_metric_provider import ColumnMapMetricProvider, column_condition_partial

from penstock import databases
from penstock.databases import generic


class ColumnValuesMatchPattern(ColumnMapMetricProvider):
    """Whether the pattern is found in a value."""

    condition_metric_name = "column_values.match_pattern"
    condition_value_keys = ("pattern",)

    @column_condition_partial(engine=SqlAlchemyExecutionEngine)
    def _sqlalchemy(cls, column: Any, pattern: str, _sqlalchemy_engine: Any, **_: Any):  # type: ignore[no-untyped-def]
        database = databases.named(_sqlalchemy_engine.dialect.name) or generic.DATABASE
        return database.matches(sa.cast(column, sa.String), pattern)


class ExpectColumnValuesToMatchPattern(ColumnMapExpectation):
    """Expect `pattern` to be found in the values of a column."""

    pattern: str

    map_metric: ClassVar[str] = "column_values.match_pattern"
    success_keys: ClassVar[tuple[str, ...]] = ("pattern", "mostly")
    args_keys: ClassVar[tuple[str, ...]] = ("column", "pattern")
