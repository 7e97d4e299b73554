"""Load: staged Parquet into shadow tables, a chunk and its receipt in one transaction; then keys and indexes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from penstock import databases
from penstock.databases import Failure
from penstock.databases._shared import bisect, column_checks
from penstock.databases._shared.column_checks import Sieve
from penstock.errors import LoadFailed, RowsRefused, StagingDamaged, SwitchRefused
from penstock.model.bad_row import Bad
from penstock.model.digest import Digest
from penstock.model.plan import Plan, TablePlan
from penstock.model.schema import Table, TableName
from penstock.planning import beside_live, schema_proof
from penstock.planning import refused as refused_by
from penstock.planning.statements import Statement, key_statements, link_statements, prepare_statements, schema_statements
from penstock.runtime import events, parallel
from penstock.state import evidence, journal, quarantine, recorded, run_files, staged_rows
from penstock.state.evidence import Built
from penstock.state.quarantine import Rejects
from penstock.state.run_context import RunContext
from penstock.state.staging import Receipt

STAGE = "loaded"
_REFUSED = "refused by the target"
_WITHHELD = "withheld: there are sensitive columns"


def prepare(context: RunContext) -> bool:
    """Make the empty shadow tables, unless this run has made them already. Answers whether it made them.

    Shadows that an abandoned run of the same migration left are replaced; anybody else's are refused.
    """
    plan = context.plan
    owner = _owner(context)
    with context.writing() as connection, _explained(context, connection):
        journal.create(connection)
        with connection.begin():
            for statement in schema_statements(plan.new_schemas, context.target):
                databases.execute(connection, statement.text)
        with connection.begin():
            unswitched, left = _left_by_switch(context, connection)
            if _ours(connection, plan, owner) and not left:
                return False
            _refuse_outdated(context, connection)
            events.emit("prepare.started", tables=len(plan.tables))
            shadows = [p for t in plan.tables for p in t.shadow_tables]
            journal.claim_shadows(connection, shadows, plan.migration, f"being made for {plan.run}")
            journal.forget_receipts(connection, plan.migration, plan.run)
            if unswitched:  # once there are no shadows, a switch that was begun is taken for done
                journal.forget_unfinished_switch(connection, plan.token)
            # Where DDL commits by itself, the claims are written first: a shadow without a claim is never touched.
            _commit_unless_transactional(context, connection)
            for text in context.target.drops(left):
                databases.execute(connection, text)
            for statement in prepare_statements(plan.tables, context.target):
                _execute(connection, statement)
            journal.claim_shadows(connection, shadows, plan.migration, owner)
    events.emit("prepare.finished", tables=len(plan.tables))
    return True


class _Refused(Exception):
    """A statement that the target refuses. error: the driver's."""

    def __init__(self, statement: Statement, error: sa.exc.DBAPIError) -> None:
        super().__init__(statement.makes)
        self.statement, self.error = statement, error


def _execute(connection: sa.Connection, statement: Statement) -> None:
    try:
        databases.execute(connection, statement.text)
    except sa.exc.DBAPIError as error:
        raise _Refused(statement, error) from error


@contextmanager
def _explained(context: RunContext, connection: sa.Connection) -> Iterator[None]:
    """Inside, a statement that is refused is a fault that says why. It must not be inside of a transaction: that is over by then."""
    try:
        yield
    except _Refused as refused:
        raise refused_by.fault(refused.statement, refused.error, context.plan.tables, context.target, connection) from None


def _ours(connection: sa.Connection, plan: Plan, owner_now: str) -> bool:
    """Whether every shadow is made, for this run as it is now. Raises SwitchRefused when one is somebody else's."""
    mine = True
    places = [(t, p) for t in plan.tables for p in t.shadow_tables]
    standing = databases.existing_tables(connection, (p for _, p in places))
    owners = journal.shadow_owners(connection)
    for table, place in places:
        owner = owners.get(str(place))
        there = place in standing
        if there and (owner is None or owner[0] != plan.migration):
            raise SwitchRefused(
                f"the target already holds {place}, which is not a shadow of this migration",
                where=f"table {table.name}",
                fix="rename or drop it, or give this migration another name",
            )
        mine = mine and there and owner == (plan.migration, owner_now)
    return mine


def _left_by_switch(context: RunContext, connection: sa.Connection) -> tuple[bool, list[TableName]]:
    """Whether there are shadows of this run, so that it has not switched; and the tables that a switch left which was killed too early.

    Those are shadows under another name, and parked rows. Then the shadows are loaded again: they are not what was loaded any more.
    """
    plan, target = context.plan, context.target
    if target.ddl_in_transaction:  # there a switch leaves nothing
        return False, []
    apart, parked = (list(places.values()) for places in (beside_live.apart(plan, plan.tables, target), beside_live.parked(plan, target)))
    there = databases.existing_tables(connection, [*apart, *parked, *(t.shadow for t in plan.tables)])
    unswitched = any(place in there for place in (*apart, *(t.shadow for t in plan.tables)))
    return unswitched, [place for place in (*apart, *parked) if place in there] if unswitched else []


def _refuse_outdated(context: RunContext, connection: sa.Connection) -> None:
    """Raise SwitchRefused when a table of the run is live that was not when it was planned, where both would have the same names.

    The plan gives indexes and keys the names that they are to have, since no other table had them.
    """
    plan, shared = context.plan, context.target.shared_names
    if plan.own_shadows or not shared:
        return
    named = [t.target for t in plan.tables if not t.live_exists and shared & _with_names(t.target)]
    for name in sorted(databases.existing_tables(connection, [t.name for t in named]), key=str):
        raise SwitchRefused(
            f"{name} was not there when the run {plan.run} was planned, and is live now",
            where=plan.target,
            why="another run has switched since: the names of this run's indexes and keys are taken",
            fix="start a new run: `penstock run … --new`, or trigger the DAG again",
        )


def _with_names(table: Table) -> set[str]:
    """What a table has that has a name of its own, as `Database.shared_names` calls it."""
    has = {"index": table.indexes, "foreign key": table.foreign_keys, "check": table.checks}
    return {kind for kind, found in has.items() if found}


def _owner(context: RunContext) -> str:
    """Whose shadow it is: this run's, as planned from this very file, for the rows of these readings of the source."""
    plan, area = context.plan, context.with_readings().staging
    last = max((area.reading(t.name) for t in plan.tables), default=0)
    return f"{plan.fingerprint[:12]} {plan.run}" + (f" r{last}" if last else "")


def _commit_unless_transactional(context: RunContext, connection: sa.Connection) -> None:
    if not context.target.ddl_in_transaction:
        databases.execute(connection, "COMMIT")


def load(context: RunContext, chunks: Sequence[tuple[str, int]]) -> list[Receipt]:
    """Load these chunks into their shadow tables and answer their receipts. Chunks in the journal are left alone.

    Raises StagingDamaged when a file is not what its receipt says, LoadFailed when the target refuses rows, TooManyBadRows
    when more of them are bad than may go to quarantine.
    """
    context = staged_rows.ready(context)
    with context.abreast(len(chunks)) as connections:
        with connections[0].begin():
            done = journal.all_receipts(connections[0], context.plan.migration, context.plan.run, STAGE)

        def put(connection: sa.Connection, chunk: tuple[str, int]) -> Receipt:
            table, number = chunk
            if earlier := done.get((table, number)):
                events.emit("load.kept", table=table, chunk=number, rows=earlier.rows, bytes=earlier.bytes)
                return earlier
            events.emit("load.started", table=table, chunk=number)
            receipt = _chunk(context, connection, context.plan.table(table), number)
            events.emit("load.chunk", table=table, chunk=number, rows=receipt.rows, bytes=receipt.bytes, seconds=receipt.seconds)
            return receipt

        def weight(chunk: tuple[str, int]) -> int:
            staged = context.staging.receipt(context.plan.table(chunk[0]).loaded_from, *chunk)
            return context.shares.weight(staged.longest if staged else 0)

        receipts = parallel.each(chunks, connections, put, weight, context.shares.allotted)
    events.emit("load.finished", chunks=len(receipts))
    return receipts


def _chunk(context: RunContext, connection: sa.Connection, plan: TablePlan, number: int) -> Receipt:
    staged = context.staging.receipt(plan.loaded_from, plan.name, number)
    if staged is None:
        raise StagingDamaged(f"chunk {number} of {plan.name} was never {plan.loaded_from}", fix="run the stage before again")
    sieved = partial(_sieved, column_checks.of(context.target, plan.target)) if plan.quarantines else _all_good
    culprits: Mapping[int, Bad] = {}
    try:
        try:
            return _put(context, connection, plan, staged, sieved)
        except RowsRefused:
            bad = _refused(context, connection, plan, staged)
            culprits = {} if plan.quarantines else bad
            if not plan.quarantines or not bad:
                raise
            return _put(context, connection, plan, staged, partial(_known, bad))
    except LoadFailed as error:
        raise _named(context, plan, staged, error, culprits) from None


def _put(context: RunContext, connection: sa.Connection, plan: TablePlan, staged: Receipt, find: Find) -> Receipt:
    """Load a chunk, but for the rows that `find` finds bad, and its receipt, in one transaction."""
    began = time.monotonic()
    rejects = Rejects(plan, context.plan, plan.target.columns)

    def found_good() -> Iterator[pa.RecordBatch]:
        before = 0
        for batch in context.staging.rows(staged):
            bad = find(batch, before)
            rejects.add(batch, bad, before)
            if rejects.too_many:
                return
            size = {"rows": batch.num_rows, "bytes": batch.nbytes}
            good = [plan.target.loadable(_without(batch, bad))]
            del batch
            yield good.pop()  # held by nobody but who loads it
            before += size["rows"]
            events.emit("load.batch", table=plan.name, chunk=staged.chunk, **size)

    with connection.begin():
        context.target.write(connection, plan.shadow, plan.target.given, found_good())
        if plan.delete_keys and (leaving := context.staging.receipt("leaving", plan.name, staged.chunk)):
            names = [c.name for c in plan.delete_keys_table.columns]
            keys = (batch.select(names) for batch in context.staging.rows(leaving))
            context.target.write(connection, plan.delete_keys, plan.delete_keys_table.columns, keys)
        # published first: a receipt is never there without what it speaks of
        out = rejects.publish(context.staging, STAGE, staged.chunk)
        receipt = Receipt(
            table=plan.name,
            stage=STAGE,
            chunk=staged.chunk,
            rows_in=staged.rows,
            rows=staged.rows - rejects.count,
            digest=str(Digest.parse(staged.digest) - Digest.parse(out)) if out else staged.digest,
            digest_in=staged.digest,
            rejected=rejects.count,
            bytes=staged.bytes,
            seconds=round(time.monotonic() - began, 3),
            rejected_digest=out,
            reading=staged.reading,
        )
        journal.write_receipt(connection, context.plan.migration, context.plan.run, receipt)
    return receipt


Find = Callable[[pa.RecordBatch, int], list[Bad]]
"""find(batch, before): the bad rows of a batch by their places in it; before it, the chunk has so many rows."""


def _all_good(batch: pa.RecordBatch, before: int) -> list[Bad]:
    """Where one bad row stops the run, the target may be the one to find it."""
    return []


def _sieved(held: Sieve, batch: pa.RecordBatch, before: int) -> list[Bad]:
    return [Bad(place, column, reason) for place, column, reason in held.refused(batch)]


def _known(bad: Mapping[int, Bad], batch: pa.RecordBatch, before: int) -> list[Bad]:
    return [replace(bad[n], place=n - before) for n in range(before, before + batch.num_rows) if n in bad]


def _without(batch: pa.RecordBatch, bad: Sequence[Bad]) -> pa.RecordBatch:
    return batch.take(pa.array(np.delete(np.arange(batch.num_rows), [b.place for b in bad]))) if bad else batch


def _refused(context: RunContext, connection: sa.Connection, plan: TablePlan, staged: Receipt) -> dict[int, Bad]:
    """The bad rows of a chunk by their place in it: those that the sieve holds back, and those that the target refuses though it doesn't.

    No more are looked for than it takes to stop the run.
    """
    held, columns = column_checks.of(context.target, plan.target), plan.target.columns
    room = Rejects(plan, context.plan, columns).room if plan.quarantines else 0
    found: dict[int, Bad] = {}
    before = 0
    for batch in context.staging.rows(staged):
        bad = _sieved(held, batch, before)
        rows = plan.target.loadable(_without(batch, bad))
        left = np.delete(np.arange(batch.num_rows), [b.place for b in bad])
        for n, column, why in bisect.refused(context.target, connection, plan.shadow, plan.target.given, rows):
            bad.append(Bad(int(left[n]), column, why if not plan.sensitive else _REFUSED))
            if len(found) + len(bad) > room:
                break
        found |= {before + b.place: replace(b, place=before + b.place) for b in bad}
        before += batch.num_rows
        if len(found) > room:
            break
    return found


def _named(context: RunContext, plan: TablePlan, staged: Receipt, error: LoadFailed, bad: Mapping[int, Bad]) -> LoadFailed:
    """The fault with the chunk in it, and the key of the first row that is at fault where it is known."""
    error.where = f"table {plan.name}, chunk {staged.chunk}" + (f", {error.where}" if error.where else "")
    error.why = error.why if not plan.sensitive else _WITHHELD
    before, first = 0, min(bad, default=-1)
    for batch in context.staging.rows(staged) if bad else ():
        if first < before + batch.num_rows:
            key = quarantine.key_of(batch, first - before, plan)
            error.where += f", column {bad[first].column}" if bad[first].column and ", column " not in error.where else ""
            error.where += f", row {key}" if key else ""
            break
        before += batch.num_rows
    return error


def build(context: RunContext) -> list[str]:
    """Give the loaded shadow tables their keys, indexes, foreign keys and numbering. Answers the statements that ran.

    Keys and indexes of several tables are built at a time. Raises LoadFailed when the data breaks a key: a duplicate, an orphan.
    """
    events.emit("build.started")
    keys = key_statements(context.plan.tables, context.target)
    links = list(enumerate(link_statements(context.plan.tables, context.target), len(keys)))
    units = _units(keys)
    with context.abreast(len(units)) as connections:
        with connections[0].begin():
            built = journal.built(connections[0], context.plan.migration, context.plan.run)
        todo = [[(n, s) for n, s in unit if n not in built] for unit in units]
        ran = [s for done in parallel.each(filter(None, todo), connections, partial(_build, context)) for s in done]
        ran += _build(context, connections[0], [(n, s) for n, s in links if n not in built])
        if ran or not context.staging.exists(run_files.BUILT):  # what a later try finds may be what somebody has changed since
            with connections[0].begin():
                made = _as_built(context, connections[0])
            recorded.write(context, evidence.BUILT, made, connections[0])
    events.emit("build.finished", statements=len(ran))
    return ran


def _as_built(context: RunContext, connection: sa.Connection) -> dict[str, Built]:
    """What the catalogue says of each shadow."""
    tables, target = context.plan.tables, context.target
    shadows = schema_proof.read(target, connection, [t.shadow for t in tables])
    return {t.name: Built(target.definition(connection, t.shadow), shadows.get(t.shadow)) for t in tables}


_SMALL = 64 << 20


Numbered = tuple[int, Statement]


def _units(keys: Sequence[tuple[TablePlan, Statement]]) -> list[list[Numbered]]:
    """Numbered statements, in transactions: one for each index of a large table, one for many small tables together."""
    units: list[list[Numbered]] = []
    room = 0
    for number, (table, statement) in enumerate(keys):
        size = table.rows * table.row_bytes
        if not units or size > room:
            units.append([])
            room = _SMALL
        units[-1].append((number, statement))
        room -= size
    return units


class _OutOfMemory(Exception):
    """The target has no memory left for a statement, and its limit can be lifted."""


def _build(context: RunContext, connection: sa.Connection, statements: Sequence[Numbered]) -> list[str]:
    with _explained(context, connection):
        try:
            return _built(context, connection, statements)
        except _OutOfMemory:  # an index is the one thing that can't be made in pieces
            databases.execute(connection, context.target.more_memory)
            connection.rollback()
            return _built(context, connection, statements, again=True)


def _built(context: RunContext, connection: sa.Connection, statements: Sequence[Numbered], again: bool = False) -> list[str]:
    """Run these statements. Raises _OutOfMemory when the database can be given more memory, but not `again`; _Refused for all else."""
    plan, target = context.plan, context.target
    together: list[int] = []
    with connection.begin():
        for number, statement in statements:
            try:
                _execute(connection, statement)
            except _Refused as refused:
                failure = target.classify(refused.error)
                if failure is Failure.OUT_OF_MEMORY and target.more_memory and not again:
                    raise _OutOfMemory from None
                # where DDL commits by itself, an earlier try may have been killed between the statement and its receipt
                if target.ddl_in_transaction or failure is not Failure.ALREADY_EXISTS:
                    raise
            if target.ddl_in_transaction:
                together.append(number)
            else:  # each statement is recorded by itself, so that a retry continues after it
                journal.write_built(connection, plan.migration, plan.run, [number])
            _commit_unless_transactional(context, connection)
            events.emit("build.statement", number=number, statement=statement.text)
        journal.write_built(connection, plan.migration, plan.run, together)
    return [s.text for _, s in statements]
