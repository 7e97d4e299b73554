"""Extract: source rows to Parquet, a chunk a file, with the digest of what the source gave."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future

import pyarrow as pa
import sqlalchemy as sa

from penstock.errors import PenstockError, ReadFailed
from penstock.model import digest
from penstock.model.digest import Digest
from penstock.model.plan import Chunk, TablePlan
from penstock.model.schema import arrow_schema
from penstock.planning import unreadable
from penstock.planning.statements import extract_condition, extract_select
from penstock.runtime import events, parallel
from penstock.state import journal, readings, run_files, staged_rows, staging
from penstock.state.run_context import RunContext
from penstock.state.staging import Receipt
from penstock.transforms._hidden_columns import private_columns

STAGE = "extracted"


def extract(context: RunContext, tables: Sequence[str]) -> list[Receipt]:
    """Stage these tables under one snapshot of the source, and answer a receipt a chunk.

    A table that is staged already is left alone, unless the whole run must be of one snapshot and a part is missing:
    then all tables are read again, since the snapshot of the earlier try is gone.
    """
    context = staged_rows.ready(context, begin=True)
    plans = [context.plan.table(t) for t in tables]
    missing = [p for p in plans if not _complete(context, p)]
    if missing and context.plan.consistency == "run":
        missing = plans
    again = {p.name for p in missing}
    for kept in (_receipts(context, p) for p in plans if p.name not in again):
        facts = {"chunks": len(kept), "rows": sum(r.rows for r in kept), "bytes": sum(r.bytes for r in kept)}
        events.emit("extract.kept", table=kept[0].table, **facts)
    for together in [missing] if context.plan.consistency == "run" else [[plan] for plan in missing]:
        if together:
            context = _read(context, together)
    if all(_complete(context, t) for t in context.plan.tables if t.name not in tables):
        _finish(context)
    return [r for p in plans for r in _receipts(context, p)]


def _complete(context: RunContext, plan: TablePlan) -> bool:
    return len(_receipts(context, plan)) == len(plan.chunks)


def _receipts(context: RunContext, plan: TablePlan) -> list[Receipt]:
    return context.staging.receipts(STAGE, plan.name, (c.number for c in plan.chunks))


def _read(context: RunContext, plans: Sequence[TablePlan]) -> RunContext:
    """Stage the chunks of these tables, several at a time, all as of one instant. Answers the context with the new reading of each."""
    context = readings.begin(context, [p.name for p in plans])
    for plan in plans:
        events.emit("extract.started", table=plan.name, rows=plan.rows, chunks=len(plan.chunks))
    left = {p.name: len(p.chunks) for p in plans}
    chunks = [(p, c) for p in plans for c in p.chunks]

    def keep(connection: sa.Connection, chunk: tuple[TablePlan, Chunk]) -> None:
        plan, piece = chunk
        receipt = _chunk(context, connection, plan, piece)
        context.check_lease()
        context.staging.write_receipt(receipt)
        events.emit("extract.chunk", table=plan.name, chunk=piece.number, rows=receipt.rows, bytes=receipt.bytes, seconds=receipt.seconds)
        left[plan.name] -= 1
        if not left[plan.name]:
            events.emit("extract.finished", table=plan.name)

    with context.reading(len(chunks)) as (first, *others):
        shared = context.source.begin_snapshot(first, *others)
        connections, shares = [first, *others] if shared else [first], context.shares
        parallel.each(chunks, connections, keep, lambda chunk: shares.weight(chunk[0].longest_row), shares.allotted)
    return context


def _chunk(context: RunContext, connection: sa.Connection, plan: TablePlan, chunk: Chunk) -> Receipt:
    """Read one chunk while another thread hashes and writes what was read before."""
    began = time.monotonic()
    columns = plan.source.columns
    reading = context.staging.reading(plan.name)
    file = run_files.rows(STAGE, plan.name, chunk.number, reading)
    longest = 0
    try:
        select, room = extract_select(plan, context.source, chunk), context.shares.room(plan.longest_row)
        batches = context.source.read(connection, select, columns, room)
        plain = context.shares.plain(plan.longest_row)
        with context.staging.parquet(arrow_schema(columns), file, plain=plain) as staged:

            def keep(batch: pa.RecordBatch) -> Digest:
                nonlocal longest
                taken = digest.of(batch, columns)
                longest = max(longest, staging.longest(batch))
                staged.writer.write_batch(batch)
                events.emit("extract.batch", table=plan.name, chunk=chunk.number, rows=batch.num_rows, bytes=batch.nbytes)
                return taken

            total = sum(_behind(batches, keep, 2 * room.batch), Digest())
    except PenstockError as error:
        named = isinstance(error, ReadFailed) and _named(context, error, connection, plan, chunk)
        error.where = f"table {plan.name}, chunk {chunk.number}" + (f", {error.where}" if error.where else "")
        if private_columns(plan) and not error.retryable and not named:  # one that a retry can help is about a place, and quotes no value
            error.why = "withheld: the table has columns that are sensitive, masked or dropped"
        raise
    return Receipt(
        table=plan.name,
        stage=STAGE,
        chunk=chunk.number,
        rows_in=total.rows,
        rows=total.rows,
        digest=str(total),
        bytes=staged.bytes,
        seconds=round(time.monotonic() - began, 3),
        file=file,
        sha256=staged.sha256,
        longest=longest,
        reading=reading,
    )


def _named(context: RunContext, error: ReadFailed, connection: sa.Connection, plan: TablePlan, chunk: Chunk) -> bool:
    """Make the error name rows of the chunk that can't be read; False where none is found."""
    condition = extract_condition(plan, context.source, chunk)
    return bool(error.column) and unreadable.name_rows(error, plan, context.source, connection.engine, condition)


def _behind(batches: Iterator[pa.RecordBatch], work: Callable[[pa.RecordBatch], Digest], most: int) -> Iterator[Digest]:
    """`work` of each batch, done in one other thread, at most one batch behind; of one of more bytes than `most` before more is read."""
    with parallel.Pool(1) as pool:
        pending: Future[Digest] | None = None
        for batch in batches:
            if pending is not None:
                yield pending.result()
            pending = pool.submit(work, batch)
            if batch.nbytes > most:
                pending.result()
            del batch
        if pending is not None:
            yield pending.result()


def _finish(context: RunContext) -> None:
    """Write how the source was read: the sign that every table is staged."""
    if not context.staging.exists(run_files.EXTRACTED_MANIFEST):
        context.staging.write_json({"consistency": context.plan.consistency, "at": journal.now()}, run_files.EXTRACTED_MANIFEST)
