"""Great Expectations, as the gates use it: imported late and lightly, on one connection, over tables that are reflected at once.

Everything that leans on its insides stands here; it is pinned to one version, and tests/scenarios/test_gates.py holds what is leant on.
"""

from __future__ import annotations

import gc
import json
import logging
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from hashlib import md5
from importlib import import_module
from threading import Lock, Thread
from types import ModuleType
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.engine import IteratorResult
from sqlalchemy.engine.cursor import FullyBufferedCursorFetchStrategy
from sqlalchemy.engine.reflection import ObjectKind
from sqlalchemy.engine.result import SimpleResultMetaData

from penstock.errors import MigrationError, PenstockError
from penstock.migration.suites import PARAMETER, Suite
from penstock.model.schema import TableName

# Without samples a map expectation is one scan, and half as much to put together; `penstock.examples` asks for some where one was not met.
_RESULT_FORMAT = {"result_format": "BASIC", "partial_unexpected_count": 0, "return_unexpected_index_query": False}
_POSITION = "penstock.position"


class Validate(Protocol):
    """Runs a suite over a table of `rows` rows and answers Great Expectations' result by position. `samples`: how it shall be told."""

    def __call__(self, suite: Suite, place: TableName, rows: int, samples: Mapping[str, Any] | None = None) -> dict[int, Any]: ...


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
        reflected: _Reflected
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

        def resolve_metric_bundle(self, metric_fn_bundle: Any) -> Any:
            with _unwritten():
                return super().resolve_metric_bundle(metric_fn_bundle)

    # It fetches rows after it has given its connection back, which not every driver allows.
    sa.event.listen(engine, "after_cursor_execute", _buffer)
    execution = OneConnection(engine=engine, create_temp_table=False)
    execution.faults = []
    # Its names are equal to those of other case, and SQLAlchemy remembers how it has quoted a name: one table's Id would be another's id.
    preparer: Any = engine.dialect.identifier_preparer
    quote = preparer.quote
    preparer.quote = lambda name: quote(name if isinstance(name, sa.quoted_name) else str(name))

    def validate(suite: Suite, place: TableName, rows: int, samples: Mapping[str, Any] | None = None) -> dict[int, Any]:
        configurations = _read(gx.ExpectationSuite, suite)
        name, schema = (sa.quoted_name(n, quote=True) if n else None for n in (place.name, place.schema))
        data = SqlAlchemyBatchData(execution, schema_name=schema, table_name=name, create_temp_table=False)
        validator = Validator(execution_engine=execution, batches=[Batch(data=data)], data_context=_context())
        configurations = validator.process_expectations_for_validation(configurations, {PARAMETER: rows})
        form = {**_RESULT_FORMAT, **(samples or {})}
        results = validator.graph_validate(configurations, {"result_format": form, "catch_exceptions": True})
        if execution.faults:  # it has taken them for those of an expectation
            raise execution.faults[0] from None
        return {r.expectation_config.meta[_POSITION]: r for r in results}

    try:
        with quiet("sqlalchemy.pool"), engine.connect() as execution.connection:  # it closes cursors after their connection
            execution.reflected = _Reflected(execution.connection, places)
            yield validate
    finally:
        execution.close()
        sa.event.remove(engine, "after_cursor_execute", _buffer)


def load() -> None:
    """Import it, which takes a second and 90 MB: when a gate runs, or shortly before. Without what only other uses of it need.

    scipy and altair would be half of it. They are imported when they are first used: by tests of distributions.
    """
    with _LOADING:
        _load()


def load_meanwhile() -> None:
    """Import it in another thread; a gate that comes before it is done waits for it."""
    import sqlalchemy.orm  # noqa: F401  # it enters itself into SQLAlchemy, which must not find it half imported

    Thread(target=load, name="great_expectations", daemon=True).start()


_LOADING = Lock()


@cache
def _load() -> None:
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "False")
    later = {name: _Later(name) for name in ("scipy", "scipy.stats", "altair") if name not in sys.modules}
    if "scipy" in later:
        vars(later["scipy"]).update(__path__=[], stats=later["scipy.stats"])
    sys.modules.update(later)
    collecting = gc.isenabled()
    gc.disable()  # nothing that is imported is garbage: looking for some took a fifth of the time
    try:
        import great_expectations  # noqa: F401
    finally:
        for name in later:
            del sys.modules[name]
        gc.freeze()  # nor will it be: looking through it again and again was a seventh of a run of many tables
        if collecting:
            gc.enable()
    _remember()
    # after the import, which sets a level of its own
    for name in ("great_expectations", "great_expectations.data_context.types.base"):
        logging.getLogger(name).setLevel(logging.WARNING)


class _Later(ModuleType):
    """A module that is imported when something of it is asked for."""

    def __getattr__(self, name: str) -> Any:
        return getattr(import_module(self.__name__), name)


def _remember() -> None:
    """Give it back what it makes again and again: of a small table's gate that was more than half of the time.

    Of an expectation it makes a configuration, and of that the expectation again, some forty times; a metric's id walks through its values
    before it hashes them.
    """
    from great_expectations.core.id_dict import IDDict
    from great_expectations.expectations.expectation import Expectation
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

    make, read, identify = Expectation.configuration.fget, ExpectationConfiguration.to_domain_obj, IDDict.to_id
    configurations, expectations = _Made(), _Made()

    def configuration(self: Any) -> Any:
        state = vars(self)
        known = configurations.of(self, state)
        if known is None:
            known = make(self)
            configurations.keep(self, dict(state), known)
            expectations.keep(known, said(known), self)
        return known

    def to_domain_obj(self: Any) -> Any:
        state = said(self)
        known = expectations.of(self, state)
        if known is None:
            known = read(self)
            expectations.keep(self, state, known)
        return known

    def said(configuration: Any) -> Any:
        return {**vars(configuration), "_kwargs": dict(configuration.kwargs)}

    def to_id(self: Any, id_keys: Any = None, id_ignore_keys: Any = None) -> Any:
        plain = id_keys is None and id_ignore_keys is None and len(self) > 1 and _PLAIN.issuperset(map(type, self.values()))
        if plain and not self._id_ignore_keys:
            return md5(json.dumps(self, sort_keys=True).encode(), usedforsecurity=False).hexdigest()
        return identify(self, id_keys, id_ignore_keys)

    Expectation.configuration = property(configuration)
    ExpectationConfiguration.to_domain_obj = to_domain_obj
    IDDict.to_id = to_id


class _Made:
    """What was made of some objects, for as long as they are in the state that they were in."""

    def __init__(self) -> None:
        self.made: dict[int, tuple[Any, Any, Any]] = {}

    def of(self, object: Any, state: Any) -> Any:
        known = self.made.get(id(object))
        return known[2] if known is not None and known[1] == state else None

    def keep(self, object: Any, state: Any, made: Any) -> None:
        if len(self.made) >= _REMEMBERED:
            self.made.clear()
        self.made[id(object)] = (object, state, made)  # held, so that its id is not another's


_REMEMBERED = 64
_PLAIN = frozenset({str, int, bool, type(None)})


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


@contextmanager
def _unwritten() -> Iterator[None]:
    """Selects whose text is not asked for: it asks for that of each one for a log that is off, which compiles it a second time."""
    sa.Select.__str__ = object.__repr__  # type: ignore[method-assign]
    try:
        yield
    finally:
        sa.Select.__str__ = _WRITTEN  # type: ignore[method-assign]


_WRITTEN = sa.Select.__str__


class _Reflected:
    """An inspector that has asked for the columns and keys of these tables already, as one question a schema where the dialect can."""

    def __init__(self, connection: sa.Connection, places: Sequence[TableName]) -> None:
        self.inspector = sa.inspect(connection)
        self.columns: dict[Any, Any] = {}
        self.keys: dict[Any, Any] = {}
        for schema in {p.schema for p in places}:
            names = [p.name for p in places if p.schema == schema]
            self.columns |= self.inspector.get_multi_columns(schema, names, ObjectKind.ANY)
            self.keys |= self.inspector.get_multi_pk_constraint(schema, names, ObjectKind.ANY)

    def get_columns(self, table_name: str, schema: str | None = None) -> Any:
        return self.columns.get((schema, table_name)) or self.inspector.get_columns(table_name, schema)

    def get_pk_constraint(self, table_name: str, schema: str | None = None) -> Any:
        return self.keys.get((schema, table_name)) or self.inspector.get_pk_constraint(table_name, schema)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inspector, name)


def _read(make: Callable[..., Any], suite: Suite) -> list[Any]:
    """Great Expectations' reading of a suite. Raises MigrationError for expectations that it refuses, or drops with a log line."""
    configurations = []
    for number, asked in enumerate(suite.expectations):
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
def quiet(name: str) -> Iterator[None]:
    """Nothing below a critical error is logged by `name` inside."""
    logger = logging.getLogger(name)
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)


def _buffer(connection: sa.Connection, cursor: Any, statement: str, parameters: Any, context: Any, many: bool) -> None:
    if cursor.description and not context.isinsert:
        context.cursor_fetch_strategy = FullyBufferedCursorFetchStrategy(cursor, cursor.description)
