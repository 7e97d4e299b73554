"""Compare: which live rows differ from what was staged, and so which are sent, and which give place.

A piece of a table whose digest is the same at both ends is left alone. Of another one the rows are held against each other by the primary
key: those to be put are staged anew, in `compared/`, and the live ones that give place in `leaving/`. What stays is checked by arithmetic:
staged less put, and live less leaving, must be the same digest; where they aren't, every row of the piece is sent.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from tempfile import TemporaryDirectory

import duckdb
import pyarrow as pa
import pyarrow.fs as pafs
import sqlalchemy as sa

from penstock.errors import StagingDamaged
from penstock.model import digest, row_diff
from penstock.model.digest import Digest
from penstock.model.file_names import folder
from penstock.model.plan import Chunk, TablePlan
from penstock.model.schema import arrow_schema
from penstock.planning.statements import live_select
from penstock.runtime import events, parallel
from penstock.state import evidence, recorded, run_files, staged_rows
from penstock.state.evidence import Comparison
from penstock.state.run_context import RunContext
from penstock.state.staging import Receipt, Staging

STAGE, LEAVING = "compared", "leaving"


@dataclass(frozen=True)
class _Found:
    """What was found of a piece."""

    live: Digest
    put: Digest
    leaving: Digest
    differs: bool
    seconds: float = 0.0


def compare(context: RunContext) -> None:
    """Compare the live tables that the run repairs with what it has staged, and write down what differs. Done already: does nothing."""
    plans = [t for t in context.plan.tables if t.repairs]
    if not plans or context.staging.exists(run_files.COMPARED):
        return
    context = staged_rows.ready(context)
    events.emit("compare.started", tables=len(plans))
    for plan in plans:
        for stage in (STAGE, LEAVING):
            context.staging.delete(stage, folder(plan.name))
    work = [(t, p) for t in plans for p in t.readback_units]
    with context.abreast(len(work)) as connections:
        with connections[0].begin():  # taken before the rows are read: what changes meanwhile is seen at the switch
            seals = {t.name: context.target.seal(connections[0], t.target.name) for t in plans}
        found = parallel.each(work, connections, partial(_piece, context), lambda _: row_diff.MEMORY, context.shares.allotted)
        told = [_told(t, seals[t.name], [f for (plan, _), f in zip(work, found, strict=True) if plan is t]) for t in plans]
        recorded.write(context, evidence.COMPARED, tuple(told), connections[0])
    events.emit("compare.finished", tables=len(told), differ=sum(c.differ > 0 for c in told))


def _told(plan: TablePlan, seal: str | None, found: Sequence[_Found]) -> Comparison:
    live, put, leaving = (sum((getattr(f, part) for f in found), Digest()) for part in ("live", "put", "leaving"))
    differ, seconds = sum(f.differs for f in found), round(sum(f.seconds for f in found), 3)
    return Comparison(plan.name, len(found), differ, str(live), str(put), str(leaving), str(live - leaving), seal, seconds)


def _piece(context: RunContext, connection: sa.Connection, work: tuple[TablePlan, Chunk | None]) -> _Found:
    plan, piece = work
    began = time.monotonic()
    staged = [_made(context, plan, chunk) for chunk in plan.chunks_of(piece)]
    whole = sum((Digest.parse(r.digest) for r in staged), Digest())
    columns = plan.target.columns
    select, room = live_select(plan, context.target, piece), context.shares.room(plan.longest_row)
    with connection.begin():
        live = digest.total(context.target.read(connection, select, columns, room), columns)
    if live == whole:
        for receipt in staged:
            _publish(context.staging, STAGE, plan, receipt, ())
        found = _Found(live, Digest(), Digest(), False)
    elif plan.delete_keys is None:
        found = _all(context, plan, staged, _Found(live, whole, live, True))
    else:
        with TemporaryDirectory(prefix="penstock-") as folder:
            standing = Staging(pafs.LocalFileSystem(), folder, folder)
            with connection.begin(), standing.parquet(arrow_schema(columns), "live.parquet") as copy:
                for batch in context.target.read(connection, select, columns, room):
                    copy.writer.write_batch(batch)
            live = digest.total(standing.batches("live.parquet"), columns)
            found = _rows(context, plan, staged, standing, live, whole)
    found = replace(found, seconds=time.monotonic() - began)
    events.emit("compare.chunk", table=plan.name, chunk=piece.number if piece else 0, rows=live.rows, put=found.put.rows)
    return found


def _made(context: RunContext, plan: TablePlan, chunk: Chunk) -> Receipt:
    receipt = context.staging.receipt(plan.staged_as, plan.name, chunk.number)
    if receipt is None:
        raise StagingDamaged(f"chunk {chunk.number} of {plan.name} was never {plan.staged_as}", fix="run the stage before again")
    return receipt


def _rows(context: RunContext, plan: TablePlan, staged: Sequence[Receipt], standing: Staging, live: Digest, whole: Digest) -> _Found:
    """Stage the rows of a piece that differ, those to be put and those that give place."""
    columns, area = plan.target.columns, context.staging
    keys = [i for i, c in enumerate(columns) if c.name in plan.target.primary_key]
    rows = (batch for receipt in staged for batch in area.rows(receipt))
    with row_diff.beside(columns, rows, standing.batches("live.parquet")) as compare:
        compare.execute(
            "CREATE TABLE pairs AS SELECT s.place AS put, t.place AS leaving FROM staged_rows AS s"
            f" FULL JOIN target_rows AS t ON {row_diff.same(keys)}"
            f" WHERE s.place IS NULL OR t.place IS NULL OR {' OR '.join(row_diff.unequal(columns))}"
        ).fetchall()
        for side in ("put", "leaving"):  # in order, so that the places of a batch are found without reading all of them
            compare.execute(
                f"CREATE TABLE {side} AS SELECT DISTINCT {side} AS place FROM pairs WHERE {side} IS NOT NULL ORDER BY 1"
            ).fetchall()
        put, before = Digest(), 0
        for receipt in staged:
            put += _publish(area, STAGE, plan, receipt, _chosen(compare, "put", area.batches(receipt.file), before))
            before += receipt.rows
        leaving = _publish(area, LEAVING, plan, staged[0], _chosen(compare, "leaving", standing.batches("live.parquet")))
    if whole - put == live - leaving:
        return _Found(live, put, leaving, True)
    _publish(area, LEAVING, plan, staged[0], standing.batches("live.parquet"))
    return _all(context, plan, staged, _Found(live, whole, live, True))


def _all(context: RunContext, plan: TablePlan, staged: Sequence[Receipt], found: _Found) -> _Found:
    """Send every row of a piece: the files are those that are staged already."""
    for r in staged:
        sent = replace(r, stage=STAGE, rows_in=r.rows, digest_in=r.digest, rejected=0, filtered=0, seconds=0.0, rejected_digest="")
        context.staging.write_receipt(sent)
    return found


def _chosen(compare: duckdb.DuckDBPyConnection, side: str, batches: Iterable[pa.RecordBatch], before: int = 0) -> Iterator[pa.RecordBatch]:
    """The rows that differ. before: so many rows of the piece come before these."""
    query = f"SELECT place FROM {side} WHERE place >= ? AND place < ? ORDER BY 1"
    for batch in batches:
        places = [place - before for (place,) in compare.execute(query, [before, before + batch.num_rows]).fetchall()]
        before += batch.num_rows
        if places:
            yield batch.take(pa.array(places))


def _publish(area: Staging, stage: str, plan: TablePlan, of: Receipt, batches: Iterable[pa.RecordBatch]) -> Digest:
    """Stage rows of a chunk with their receipt, and answer their digest."""
    columns, file, taken = plan.target.columns, run_files.rows(stage, plan.name, of.chunk, of.reading), Digest()
    with area.parquet(arrow_schema(columns), file) as staged:
        for batch in batches:
            taken += digest.of(batch, columns)
            staged.writer.write_batch(batch)
    area.write_receipt(
        Receipt(
            table=plan.name,
            stage=stage,
            chunk=of.chunk,
            rows_in=taken.rows,
            rows=taken.rows,
            digest=str(taken),
            digest_in=of.digest,
            bytes=staged.bytes,
            file=file,
            sha256=staged.sha256,
            longest=of.longest,
            reading=of.reading,
        )
    )
    return taken
