"""`expect_foreign_key`: every value of some columns stands in the columns of another table of the migration.

    {"type": "expect_foreign_key", "kwargs": {"columns": ["carrier"], "ref_table": "airlines", "ref_columns": ["carrier"]}}

NULLs refer to nothing and are passed over. The database counts; no row is fetched.
"""

from typing import Any, ClassVar

import sqlalchemy as sa
from great_expectations.compatibility import pydantic
from great_expectations.execution_engine import SqlAlchemyExecutionEngine
from great_expectations.expectations.expectation import BatchExpectation
from great_expectations.expectations.metrics.metric_provider import metric_value
from great_expectations.expectations.metrics.table_metric_provider import TableMetricProvider

from penstock.stages.validate import references

_KEYS = ("columns", "ref_table", "ref_schema", "ref_columns", "live_table", "live_schema")


class ForeignKey(TableMetricProvider):
    """How many rows refer to something, and how many of them to nothing that is there."""

    metric_name = "table.foreign_key"
    value_keys = _KEYS

    @metric_value(engine=SqlAlchemyExecutionEngine)
    def _sqlalchemy(  # type: ignore[no-untyped-def]
        cls,
        execution_engine: SqlAlchemyExecutionEngine,
        metric_domain_kwargs: dict[str, Any],
        metric_value_kwargs: dict[str, Any],
        **_: Any,
    ):
        referring = references.referring(execution_engine.get_domain_records(metric_domain_kwargs), metric_value_kwargs["columns"])
        lost = references.lost(referring, metric_value_kwargs)
        count = sa.select(sa.func.count()).select_from(referring)
        return tuple(int(execution_engine.execute_query(q).scalar_one()) for q in (count, count.where(*lost)))


class ExpectForeignKey(BatchExpectation):
    """Expect the values of `columns` to stand in `ref_columns` of `ref_table`."""

    columns: list[str]
    ref_table: str
    ref_columns: list[str]
    ref_schema: str | None = None
    live_table: str | None = None
    live_schema: str | None = None
    """Set by the gate, which knows where the tables stand: of one whose rows go into the live table, that one too."""

    metric_dependencies = ("table.foreign_key",)
    success_keys: ClassVar[tuple[str, ...]] = _KEYS
    args_keys: ClassVar[tuple[str, ...]] = _KEYS
    domain_keys: ClassVar[tuple[str, ...]] = ("row_condition", "condition_parser")

    @pydantic.validator("ref_columns")
    def _as_many(cls, value: list[str], values: dict[str, Any]) -> list[str]:
        if not value or len(value) != len(values.get("columns", ())):
            raise ValueError("columns and ref_columns must be as many, one at least")
        return value

    def _validate(self, metrics: dict[str, Any], runtime_configuration: Any = None, execution_engine: Any = None) -> dict[str, Any]:
        referring, lost = metrics["table.foreign_key"]
        return {"success": lost == 0, "result": {"element_count": referring, "unexpected_count": lost}}
