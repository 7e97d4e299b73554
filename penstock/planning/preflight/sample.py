"""A sample of the rows of each table, moved as a run moves them: how long that takes, and which values fail.

The rows are loaded into a temporary table at the target, and never committed.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import pyarrow as pa
import sqlalchemy as sa

from penstock import databases, transforms
from penstock.databases import Database, Size
from penstock.databases._shared import ddl
from penstock.errors import BadValues, LoadFailed, PenstockError, Problem, ReadFailed, Remedy, RowsRefused, TransformFailed
from penstock.model import digest
from penstock.model.plan import TablePlan
from penstock.model.schema import TableName, arrow_schema
from penstock.planning import unreadable
from penstock.planning.preflight import other_types
from penstock.planning.preflight.endpoints import Endpoint
from penstock.state import quarantine, staging
from penstock.state.protection import SECRETS
from penstock.transforms._hidden_columns import private_columns
from penstock.transforms._mapping import trace

SECONDS = 2.0
_FIRST, _MOST, _BYTES = 1_000, 50_000, 32 << 20
_PLACE = TableName("penstock_sample")
_ANY_SECRETS = dict.fromkeys(SECRETS, "0" * 64)  # nothing that a step makes with them is kept


@dataclass(frozen=True)
class Pace:
    """What one table's sample took. bytes: in memory; staged: as Parquet.

    read: seconds to read, hash and stage it; write, back: to load it, and to read and hash it there; None where that was not possible.
    whole: the sample is the whole table.
    """

    table: str
    rows: int
    bytes: int
    staged: int
    read: float
    write: float | None = None
    back: float | None = None
    whole: bool = False


@dataclass(frozen=True)
class Sample:
    """How long the samples took, and which values failed. A table may be in one, in both or in neither."""

    paces: tuple[Pace, ...] = ()
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True)
class _Ends:
    """Both databases, each with an engine: a sample has connections of its own. whole: the tables all of whose rows the run moves."""

    from_: Database
    source: sa.Engine
    to: Database
    target: sa.Engine
    whole: frozenset[str]


def take(
    plans: Sequence[TablePlan],
    sizes: Mapping[str, Size],
    source: Endpoint,
    target: Endpoint,
    whole: Collection[str] = (),
    within: float = SECONDS,
) -> Sample:
    """Samples of these tables, the largest first, as many as fit `within` so many seconds: of each the first rows, then more of some.

    whole: the tables all of whose rows the run moves, so that a row that fails in the sample fails in the run.
    """
    until = time.monotonic() + within
    ends = _Ends(source.database, source.connection.engine, target.database, target.connection.engine, frozenset(whole))
    paces: dict[str, Pace] = {}
    problems: list[Problem] = []
    ordered = sorted(plans, key=lambda p: -(sizes[p.name].bytes or 0) if p.name in sizes else 0)
    for plan in ordered:
        if time.monotonic() >= until:
            break
        pace, fault = _tried(plan, ends, _FIRST)
        if pace is not None and not paces:  # the very first includes the time of imports and caches
            pace, fault = _tried(plan, ends, _FIRST)
        paces |= {plan.name: pace} if pace else {}
        problems += [fault] if fault else []
    for plan in (p for p in ordered if p.name in paces and paces[p.name].rows == _FIRST):
        pace, left = paces[plan.name], min(until - time.monotonic(), SECONDS)
        spent = pace.read + (pace.write or 0) + (pace.back or 0)
        more = min(_MOST, int(_FIRST * (left if len(plans) == 1 else left / 2) / max(spent, 0.001)))
        if more >= 2 * _FIRST:
            larger, fault = _tried(plan, ends, more)
            paces |= {plan.name: larger} if larger else {}
            problems += [fault] if fault else []
    return Sample(tuple(paces.values()), tuple(problems))


def _tried(plan: TablePlan, ends: _Ends, limit: int) -> tuple[Pace | None, Problem | None]:
    """How fast the first `limit` rows were moved, or what failed."""
    try:
        return _once(plan, ends, limit), None
    except PenstockError as error:
        shown = not private_columns(plan)
        if isinstance(error, ReadFailed) and error.column:
            shown = unreadable.name_rows(error, plan, ends.from_, ends.source, "") or shown
        problem = _problem(plan, error, shown, plan.name in ends.whole)
        return None, replace(problem, remedies=_remedies(plan, error, ends.to))
    except Exception as error:  # a driver's own: its text may hold values, and a failed sample must not hide what else was found
        return None, Problem(False, f"table {plan.name}", f"no sample could be taken: {type(error).__name__}", area="values")


def _problem(plan: TablePlan, error: PenstockError, shown: bool, whole: bool) -> Problem:
    """What stopped the sample. It blocks where it is sure to stop the run. shown: whether the cause may be shown, which may name values."""
    places = error.where if error.where.startswith(("column ", "row ")) else ""
    where = f"table {plan.name}" + (f", {places}" if places else "")
    why = f" ({error.why})" if error.why and shown else ""
    said = f"{error.what}{why}".replace(_PLACE.name, plan.target.name.name)
    return Problem(_stops(plan, error, whole), where, f"in a sample of the rows: {said}", error.fix, "values")


def _remedies(plan: TablePlan, error: PenstockError, to: Database) -> tuple[Remedy, ...]:
    """Of a value that the target's column can't hold, where no step has made the column: casts to types that may."""
    if not isinstance(error, RowsRefused) or error.column not in {c.name for c in plan.target.columns}:
        return ()
    found = trace([c.name for c in plan.source.columns], plan.steps)
    column = next((old for old, now in found.names.items() if now == error.column and old not in found.touched), "")
    if not column:
        return ()
    native = plan.target.column(error.column).native
    types = other_types.wider(replace(plan.source.column(column), native=native), to)
    return other_types.casts(plan, plan.target.column(error.column), types)


def _stops(plan: TablePlan, error: PenstockError, whole: bool) -> bool:
    """Whether the run will fail by it: the table is moved whole, and its bad rows do not go to quarantine."""
    for_its_rows = isinstance(error, BadValues | RowsRefused)
    return whole and (not plan.quarantines if for_its_rows else isinstance(error, ReadFailed | TransformFailed))


def _once(plan: TablePlan, ends: _Ends, limit: int) -> Pace:
    began, columns = time.monotonic(), plan.source.columns
    select = databases.select(ends.from_, plan.source.name, columns) + f" LIMIT {limit}"
    stream = pa.BufferOutputStream()
    batches, held = [], 0
    with ends.source.connect() as connection, staging.parquet_writer(stream, arrow_schema(columns)) as writer:
        for batch in ends.from_.read(connection, select, columns):
            digest.of(batch, columns)
            writer.write_batch(batch)
            batches.append(batch)
            held += batch.nbytes
            if held > _BYTES:  # enough, however wide the rows are
                break
        connection.rollback()
    rows = sum(b.num_rows for b in batches)
    whole = rows < limit and held <= _BYTES
    pace = Pace(plan.name, rows, held, stream.getvalue().size, time.monotonic() - began, whole=whole)
    if not rows or not all(transforms.of(name).samples for name, _ in plan.steps):
        return pace
    return _loaded(plan, ends, batches, pace)


def _loaded(plan: TablePlan, ends: _Ends, batches: Sequence[pa.RecordBatch], pace: Pace) -> Pace:
    """`pace` with what loading took. Raises LoadFailed, or TransformFailed, where a value can't be carried."""
    made = list(batches)
    if plan.steps:
        private = private_columns(plan)
        tables = [_transformed(plan, b, private) for b in batches]
        made = [batch for table in tables for batch in table.to_batches()]
    columns, to = plan.target.columns, ends.to
    with _temporary(plan, to, ends.target) as connection:
        if connection is None:
            return pace
        began = time.monotonic()
        try:
            to.write(connection, _PLACE, plan.target.given, map(plan.target.loadable, made))
        except LoadFailed as error:
            if error.rows:
                _name_row(error, plan, made, error.rows[0][0])
            raise
        written = time.monotonic()
        found = digest.total(to.read(connection, databases.select(to, _PLACE, columns), columns), columns)
        ended = time.monotonic()
    if found != digest.total(made, columns):
        raise RowsRefused(
            "values read back from the target are not those that were loaded", fix="cast or filter them in the migration file"
        )
    return replace(pace, write=written - began, back=ended - written)


def _transformed(plan: TablePlan, batch: pa.RecordBatch, private: Collection[str]) -> pa.Table:
    try:
        return transforms.apply(batch, plan.source.columns, plan.steps, _ANY_SECRETS, private)
    except BadValues as error:
        if error.rows and transforms.keeps_rows(plan.steps[: error.step]):
            error.where = f"column {error.column}"
            _name_row(error, plan, [batch], error.rows[0])
        raise


def _name_row(error: PenstockError, plan: TablePlan, batches: Sequence[pa.RecordBatch], place: int) -> None:
    """Name the row at a place of these batches by its key, where that may be shown."""
    for batch in batches:
        if place < batch.num_rows:
            if key := quarantine.key_of(batch, place, plan):
                error.where = f"row {key}, {error.where}" if error.where.startswith("column ") else f"row {key}"
            return
        place -= batch.num_rows


@contextmanager
def _temporary(plan: TablePlan, to: Database, target: sa.Engine) -> Iterator[sa.Connection | None]:
    """A connection with an empty temporary table like the target's, gone when it is closed; None where none can be made."""
    bare = replace(plan.target, indexes=(), foreign_keys=(), partitioning=None, logged=True)
    statement = ddl.create_table(to, bare, _PLACE).replace("CREATE TABLE", "CREATE TEMPORARY TABLE", 1)
    with target.connect() as connection:
        connection.begin()
        try:
            databases.execute(connection, statement)
        except sa.exc.DBAPIError:
            yield None
            return
        yield connection
