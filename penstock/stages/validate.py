"""Validate: the gates. Suites are run by Great Expectations in SQL, over staged files through DuckDB, or over the shadow tables.

Great Expectations lets some things pass that a gate must not: an expectation it can't read is dropped, one that crashes
counts as an ordinary failure, a column of NULLs only meets every rule about values. Each of these closes the gate here.
"""

from __future__ import annotations

import importlib.util
import logging
import os
import re
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow.fs as pafs
import sqlalchemy as sa
from sqlalchemy.engine.cursor import FullyBufferedCursorFetchStrategy

from penstock import databases, events, suites, verdicts
from penstock.errors import MigrationError, StagingDamaged
from penstock.plan import TablePlan
from penstock.schema import TableName
from penstock.session import Session
from penstock.suites import PARAMETER, Expectation, Suite
from penstock.verdicts import Outcome, Verdict

MEMORY_LIMIT = "256MB"
# Samples are fetched by nobody and shown to nobody; without them a map expectation is one scan.
_TOLD = 5  # keys that are there more than once, at most
_RESULT_FORMAT = {"result_format": "SUMMARY", "partial_unexpected_count": 0, "return_unexpected_index_query": False}


def gate(session: Session, stage: str) -> list[Verdict]:
    """Decide about every table that has rows at `stage`, and write the verdicts into the run's staging area.

    Raises GateClosed when a critical expectation is not met, MigrationError when a suite can't be understood.
    """
    plans = [p for p in session.plan.tables if stage != "transformed" or p.steps]
    shapes = {p.name: p.source if stage == "extracted" else p.target for p in plans}
    asked = [suites.of(session.folder, p.name, stage, shapes[p.name]) for p in plans]
    register(session.folder)
    receipts = {p.name: _receipts(session, p, p.staged if stage == "loaded" else stage) for p in session.plan.tables}
    rows = {name: sum(r.rows for r in of) for name, of in receipts.items()}
    sensitive = {p.name: p.hidden(stage) for p in plans}
    if stage == "loaded":
        decided = loaded(asked, session.target_url, {p.name: p.shadow for p in session.plan.tables}, rows, sensitive)
    else:
        files = {name: [session.staging.at(r.file) for r in of] for name, of in receipts.items() if of}
        decided = staged(asked, files, rows, sensitive, session.staging.filesystem)
    session.staging.write_json([asdict(v) for v in decided], "verdicts", f"{stage}.json")
    if fault := verdicts.closed(decided):
        raise fault
    return decided


def staged(
    asked: Sequence[Suite],
    files: Mapping[str, Sequence[str | Path]],
    rows: Mapping[str, int],
    sensitive: Mapping[str, Collection[str]],
    filesystem: pafs.FileSystem | None = None,
) -> list[Verdict]:
    """Decide about staged tables: `files` are the Parquet files of each, on `filesystem` (None: this machine's).

    Decimals of more than 38 digits are looked at as floats. Raises StagingDamaged when a file can't be read.
    """
    with tempfile.TemporaryDirectory(prefix="penstock-gate-") as folder:
        engine = sa.create_engine(
            f"duckdb:///{folder}/gate.duckdb",
            poolclass=sa.pool.NullPool,
            connect_args={"config": {"memory_limit": MEMORY_LIMIT, "temp_directory": f"{folder}/spill"}},
        )
        with engine.connect() as connection:  # kept open: the instance, and what is registered with it, lives as long
            prefix = _register_filesystem(connection, filesystem)
            places = {}
            for number, (table, paths) in enumerate(files.items()):
                places[table] = TableName(table, f"t{number}")  # names that differ in case only would meet in one schema
                _view(connection, places[table], [_pattern(str(p)) if not prefix else f"{prefix}{p}" for p in paths])
            connection.commit()
            return _decide(asked, engine, places, rows, sensitive)


def loaded(
    asked: Sequence[Suite],
    url: sa.URL,
    names: Mapping[str, TableName],
    rows: Mapping[str, int],
    sensitive: Mapping[str, Collection[str]],
) -> list[Verdict]:
    """Decide about tables that stand at the target under `names`. Raises ConnectionFailed."""
    engine = databases.connect(databases.of(url, target=True), url, "target")
    try:
        return _decide(asked, engine, names, rows, sensitive)
    finally:
        engine.dispose()


def register(folder: Path) -> None:
    """Make the custom expectations that suites in `folder` can use known to Great Expectations."""
    for path in suites.modules(folder):
        name = f"penstock_expectations_{sha256(str(path).encode()).hexdigest()[:16]}"
        spec = importlib.util.spec_from_file_location(name, path)
        if name in sys.modules or spec is None or spec.loader is None:
            continue
        sys.modules[name] = module = importlib.util.module_from_spec(spec)
        try:
            spec.loader.exec_module(module)
        except Exception as error:
            del sys.modules[name]
            why = f"{type(error).__name__}: {error}"
            raise MigrationError("a custom expectation can't be imported", where=str(path), why=why) from None


def _decide(
    asked: Sequence[Suite],
    engine: sa.Engine,
    places: Mapping[str, TableName],
    rows: Mapping[str, int],
    sensitive: Mapping[str, Collection[str]],
) -> list[Verdict]:
    with _quiet("sqlalchemy.pool"), _executing(engine) as validate:  # it closes cursors after their connection
        decided = []
        for suite in asked:
            events.emit("gate.started", table=suite.table, stage=suite.stage)
            began = time.monotonic()
            count, hidden = rows[suite.table], frozenset(sensitive.get(suite.table, ()))
            results = validate(_placed(suite, places), places[suite.table], count)
            outcomes = tuple(verdicts.outcome(suite, n, results.get(n), count, hidden) for n in range(len(suite.expectations)))
            outcomes = tuple(_with_keys(o, engine, places[suite.table]) if _repeats(o, hidden) else o for o in outcomes)
            seconds = round(time.monotonic() - began, 3)
            verdict = Verdict(suite.table, suite.stage, suite.name, suite.sha256, verdicts.decide(outcomes), seconds, outcomes)
            events.emit("gate.decided", table=suite.table, stage=suite.stage, decision=verdict.decision, seconds=seconds)
            decided.append(verdict)
        return decided


def _repeats(outcome: Outcome, hidden: frozenset[str]) -> bool:
    """Whether keys are repeated, and may be told."""
    return outcome.code == "penstock.key" and not outcome.success and not outcome.crashed and not hidden & set(outcome.columns)


def _with_keys(outcome: Outcome, engine: sa.Engine, place: TableName) -> Outcome:
    """`outcome` with some of the keys that are there more than once: of texts that look alike, or of moments written in two zones, too."""
    database = databases.of(engine.url)
    fields = ", ".join(databases.quote(database, c) for c in outcome.columns)
    query = (
        f"SELECT {fields} FROM {databases.qualified(database, place)} GROUP BY {fields} HAVING count(*) > 1 ORDER BY {fields} LIMIT {_TOLD}"
    )
    with engine.connect() as connection:
        found = databases.execute(connection, query).fetchall()
    keys = "; ".join(", ".join(f"{c}={v}" for c, v in zip(outcome.columns, row, strict=True)) for row in found)
    return replace(outcome, observed=f"{outcome.unexpected} of {outcome.elements} not unique: {keys}") if keys else outcome


Validate = Callable[[Suite, TableName, int], dict[int, Any]]


@contextmanager
def _executing(engine: sa.Engine) -> Iterator[Validate]:
    """A function that runs a suite over a table through `engine` and answers Great Expectations' result by position.

    The engine is handed over as it is, so no password passes through a configuration, and names are quoted as they are.
    """
    import great_expectations as gx
    from great_expectations.core.batch import Batch
    from great_expectations.execution_engine import SqlAlchemyExecutionEngine
    from great_expectations.execution_engine.sqlalchemy_batch_data import SqlAlchemyBatchData
    from great_expectations.validator.validator import Validator

    context = _context()
    # It fetches rows after it has given its connection back, which not every driver allows.
    sa.event.listen(engine, "after_cursor_execute", _buffer)
    execution = SqlAlchemyExecutionEngine(engine=engine, create_temp_table=False)
    # Its names are equal to those of other case, and SQLAlchemy remembers how it has quoted a name: one table's Id would be another's id.
    preparer: Any = engine.dialect.identifier_preparer
    quote = preparer.quote
    preparer.quote = lambda name: quote(name if isinstance(name, sa.quoted_name) else str(name))

    def validate(suite: Suite, place: TableName, rows: int) -> dict[int, Any]:
        configurations = _read(gx.ExpectationSuite, suite)
        name, schema = (sa.quoted_name(n, quote=True) if n else None for n in (place.name, place.schema))
        data = SqlAlchemyBatchData(execution, schema_name=schema, table_name=name, create_temp_table=False)
        validator = Validator(execution_engine=execution, batches=[Batch(data=data)], data_context=context)
        configurations = validator.process_expectations_for_validation(configurations, {PARAMETER: rows})
        results = validator.graph_validate(configurations, {"result_format": dict(_RESULT_FORMAT), "catch_exceptions": True})
        return {r.expectation_config.meta[_POSITION]: r for r in results}

    try:
        yield validate
    finally:
        execution.close()
        sa.event.remove(engine, "after_cursor_execute", _buffer)


@cache
def _context() -> Any:
    """Great Expectations, quiet. Importing it takes seconds and 250 MB, so that is done when a gate runs, never before."""
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "False")
    import great_expectations as gx

    # after the import, which sets a level of its own
    for name in ("great_expectations", "great_expectations.data_context.types.base"):
        logging.getLogger(name).setLevel(logging.WARNING)
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    return context


_POSITION = "penstock.position"


def _read(make: Callable[..., Any], suite: Suite) -> list[Any]:
    """Great Expectations' reading of a suite. Raises MigrationError for expectations that it refuses, or drops with a log line."""
    configurations = []
    for number, asked in enumerate(suite.expectations):
        marked = {**asked, "kwargs": asked.get("kwargs", {}), "meta": {**(asked.get("meta") or {}), _POSITION: number}}
        marked.setdefault("severity", "critical")
        why = ""
        with _quiet("great_expectations"):
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
def _quiet(name: str) -> Iterator[None]:
    logger = logging.getLogger(name)
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)


def _placed(suite: Suite, places: Mapping[str, TableName]) -> Suite:
    """`suite` with each `ref_table` standing where this stage has it."""

    def put(number: int, expectation: Expectation) -> Expectation:
        table = expectation.get("kwargs", {}).get("ref_table")
        if table is None:
            return expectation
        if table not in places:
            what = f"it refers to {table!r}, which is no table of this run"
            raise MigrationError(what, where=suite.place(number), fix=suites.nearest(str(table), places))
        place = places[table]
        return {**expectation, "kwargs": {**expectation["kwargs"], "ref_table": place.name, "ref_schema": place.schema}}

    return replace(suite, expectations=tuple(put(n, e) for n, e in enumerate(suite.expectations)))


def _receipts(session: Session, plan: TablePlan, stage: str) -> list[Any]:
    return [r for c in plan.chunks if (r := session.staging.receipt(stage, plan.name, c.number))]


def _register_filesystem(connection: sa.Connection, filesystem: pafs.FileSystem | None) -> str:
    """Let DuckDB read from `filesystem`; the prefix of its paths, empty for this machine's disk."""
    if filesystem is None or isinstance(filesystem, pafs.LocalFileSystem):
        return ""
    from fsspec.implementations.arrow import ArrowFSWrapper  # type: ignore[import-untyped]

    class Staged(ArrowFSWrapper):  # type: ignore[misc]
        protocol = "penstock"

        @classmethod
        def _strip_protocol(cls, path: str) -> str:
            return path.removeprefix("penstock://")

        def glob(self, path: str, **_: Any) -> list[str]:
            return [f"penstock://{self._strip_protocol(path)}"]  # a path, never a pattern

    connection.connection.driver_connection.register_filesystem(Staged(filesystem))  # type: ignore[union-attr]
    return "penstock://"


def _view(connection: sa.Connection, place: TableName, paths: Sequence[str]) -> None:
    target = databases.of(connection.engine.url)
    listed = ", ".join("'" + p.replace("'", "''") + "'" for p in paths)
    databases.execute(connection, f"CREATE SCHEMA {databases.quote(target, place.schema or '')}")
    try:
        select = f"SELECT * FROM read_parquet([{listed}], hive_partitioning = false)"
        databases.execute(connection, f"CREATE VIEW {databases.qualified(target, place)} AS {select}")
    except sa.exc.DBAPIError as error:
        why = str(error.orig).splitlines()[0]
        fix = "start a new run, which reads the source again"
        raise StagingDamaged(f"a staged file of {place.name} can't be read", where=f"table {place.name}", why=why, fix=fix) from None


def _pattern(path: str) -> str:
    """A path as the pattern that matches it alone."""
    return re.sub(r"([\[*?])", r"[\1]", path)


def _buffer(connection: sa.Connection, cursor: Any, statement: str, parameters: Any, context: Any, many: bool) -> None:
    if cursor.description and not context.isinsert:
        context.cursor_fetch_strategy = FullyBufferedCursorFetchStrategy(cursor, cursor.description)
