"""Great Expectations, as the gates use it: imported late, on one connection, over tables that are reflected at once.

It decides about everything that `built_in` does not find met. Nothing of it is rewritten: what it does otherwise here is done by a
subclass and by the engine that it is given. It is pinned to one version, and tests/scenarios/test_gx.py holds what is leant on.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import cache
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.engine import IteratorResult
from sqlalchemy.engine.cursor import FullyBufferedCursorFetchStrategy
from sqlalchemy.engine.result import SimpleResultMetaData

from penstock.errors import MigrationError, PenstockError
from penstock.migration.suites import PARAMETER, Suite
from penstock.model.schema import TableName
from penstock.stages.validate.references import named
from penstock.stages.validate.reflected import Reflected

# Without samples a map expectation is one scan, and half as much to put together; `failed_rows` asks for some where one was not met.
_RESULT_FORMAT = {"result_format": "BASIC", "partial_unexpected_count": 0, "return_unexpected_index_query": False}
_POSITION = "penstock.position"


class Validate(Protocol):
    """Runs expectations of a suite over a table of `rows` rows and answers Great Expectations' results by position.

    numbers: the positions of the expectations; None for all.  samples: result format that is added.
    """

    def __call__(
        self, suite: Suite, place: TableName, rows: int, numbers: Iterable[int] | None = None, samples: Mapping[str, Any] | None = None
    ) -> dict[int, Any]: ...


@contextmanager
def executing(engine: sa.Engine, places: Sequence[TableName]) -> Iterator[Validate]:
    """A function that runs a suite over one of these tables and answers Great Expectations' result by position.

    The engine is handed over as it is, so no password passes through a configuration, and names are quoted as they are.
    """
    load()
    import great_expectations as gx
    from great_expectations.core.batch import Batch
    from great_expectations.execution_engine import SqlAlchemyExecutionEngine
    from great_expectations.execution_engine.sqlalchemy_batch_data import SqlAlchemyBatchData
    from great_expectations.validator.validator import Validator

    class OneConnection(SqlAlchemyExecutionEngine):  # type: ignore[misc]
        """It would connect for each query, and ask for the columns and for the key of each table."""

        connection: sa.Connection
        reflected: Reflected
        faults: list[PenstockError]

        def get_connection(self) -> AbstractContextManager[sa.Connection]:
            return _recovered(self.connection, self.faults)

        def get_inspector(self) -> Any:
            return self.reflected

        def execute_query(self, query: Any) -> Any:
            # the samples that nobody asks for: each would be a statement compiled, sent and planned
            if getattr(getattr(query, "_limit_clause", None), "value", None) == 0:
                return IteratorResult(SimpleResultMetaData(query.selected_columns.keys()), iter(()))
            return super().execute_query(query)

    # It fetches rows after it has given its connection back, which not every driver allows.
    sa.event.listen(engine, "after_cursor_execute", _buffer)
    execution = OneConnection(engine=engine, create_temp_table=False)
    execution.faults = []
    # Its names are equal to those of other case, and SQLAlchemy remembers how it has quoted a name: one table's Id would be another's id.
    preparer: Any = engine.dialect.identifier_preparer
    quote = preparer.quote
    preparer.quote = lambda name: quote(name if isinstance(name, sa.quoted_name) else str(name))

    def validate(
        suite: Suite, place: TableName, rows: int, numbers: Iterable[int] | None = None, samples: Mapping[str, Any] | None = None
    ) -> dict[int, Any]:
        configurations = _read(gx.ExpectationSuite, suite, range(len(suite.expectations)) if numbers is None else numbers)
        name, schema = (named(n) if n else None for n in (place.name, place.schema))
        data = SqlAlchemyBatchData(execution, schema_name=schema, table_name=name, create_temp_table=False)
        validator = Validator(execution_engine=execution, batches=[Batch(data=data)], data_context=_context())
        configurations = validator.process_expectations_for_validation(configurations, {PARAMETER: rows})
        form = {**_RESULT_FORMAT, **(samples or {})}
        results = validator.graph_validate(configurations, {"result_format": form, "catch_exceptions": True})
        if execution.faults:  # it has taken them for those of an expectation
            raise execution.faults[0] from None
        return {r.expectation_config.meta[_POSITION]: r for r in results}

    try:
        # It closes cursors after their connection, and logs every step.
        with quiet("sqlalchemy.pool"), quiet(*_LOGGERS, level=logging.WARNING), engine.connect() as execution.connection:
            execution.reflected = Reflected(execution.connection, places)
            yield validate
    finally:
        execution.close()
        sa.event.remove(engine, "after_cursor_execute", _buffer)


@contextmanager
def when_needed(engine: sa.Engine, places: Sequence[TableName], register: Callable[[], None]) -> Iterator[Validate]:
    """As `executing`, which is entered when it is first called. register: makes custom expectations known before that."""
    with ExitStack() as opened:

        @cache
        def entered() -> Validate:
            register()
            return opened.enter_context(executing(engine, places))

        def validate(
            suite: Suite, place: TableName, rows: int, numbers: Iterable[int] | None = None, samples: Mapping[str, Any] | None = None
        ) -> dict[int, Any]:
            return entered()(suite, place, rows, numbers, samples)

        yield validate


def load() -> None:
    """Import it, which takes seconds: when a gate needs it, or in a process that tasks are forked from."""
    import great_expectations  # noqa: F401


_LOGGERS = ("great_expectations", "great_expectations.data_context.types.base")
"""Its import sets a level for the second one."""


@cache
def _context() -> Any:
    import great_expectations as gx

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    return context


@contextmanager
def _recovered(connection: sa.Connection, faults: list[PenstockError]) -> Iterator[sa.Connection]:
    """The connection, in a transaction in which something can be asked after a failure. faults: takes those that end the whole gate."""
    if faults:  # a lost connection would be made anew for each question
        raise faults[0]
    try:
        yield connection
    except sa.exc.DBAPIError:
        connection.rollback()
        raise
    except PenstockError as fault:
        faults.append(fault)
        raise


def _read(make: Callable[..., Any], suite: Suite, numbers: Iterable[int]) -> list[Any]:
    """Great Expectations' reading of a suite's expectations. Raises MigrationError for those that it refuses, or drops with a log line."""
    configurations = []
    for number in numbers:
        asked = suite.expectations[number]
        marked = {**asked, "kwargs": asked.get("kwargs", {}), "meta": {**(asked.get("meta") or {}), _POSITION: number}}
        marked.setdefault("severity", "critical")
        why = ""
        try:
            made = make(name=suite.name, expectations=[marked]).expectation_configurations
        except Exception as error:
            made, why = [], " ".join(str(error).split())[:300]
        if len(made) != 1:
            fix = "check its type and kwargs against Great Expectations' gallery"
            raise MigrationError("Great Expectations does not understand this expectation", where=suite.place(number), why=why, fix=fix)
        configurations += made
    return configurations


@contextmanager
def quiet(*names: str, level: int = logging.CRITICAL) -> Iterator[None]:
    """Nothing below `level` is logged by these loggers inside."""
    before = [(logger := logging.getLogger(name), logger.level) for name in names]
    for logger, _ in before:
        logger.setLevel(level)
    try:
        yield
    finally:
        for logger, own in before:
            logger.setLevel(own)


def _buffer(connection: sa.Connection, cursor: Any, statement: str, parameters: Any, context: Any, many: bool) -> None:
    if cursor.description and not context.isinsert:
        context.cursor_fetch_strategy = FullyBufferedCursorFetchStrategy(cursor, cursor.description)
