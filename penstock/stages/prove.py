"""Prove: read every shadow table back and hold its digest against what was staged; name the rows where they differ."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from penstock.model import digest
from penstock.model.digest import Digest
from penstock.model.plan import Chunk, TablePlan
from penstock.planning import row_faults, shadow_facts
from penstock.planning.shadow_facts import ShadowFacts
from penstock.planning.statements import extract_select, readback_select
from penstock.runtime import events, parallel
from penstock.state import evidence, journal, quarantine, recorded, staged_rows
from penstock.state.evidence import ChunkProof, Difference, Proof, TableProof
from penstock.state.run_context import RunContext
from penstock.state.staging import Receipt


def prove(context: RunContext) -> Proof:
    """Prove every table and write the proof down. Raises GateClosed, naming the hop and the rows, when one does not hold."""
    context = staged_rows.ready(context)
    events.emit("prove.started", tables=len(context.plan.tables))
    pieces = [(t, p) for t in context.plan.tables for p in t.readback_units]
    with context.abreast(len(pieces)) as connections:
        with connections[0].begin():  # taken before the rows are read: what changes meanwhile breaks the proof or the seal
            shadows = shadow_facts.read(context, connections[0])
        taken = parallel.each(pieces, connections, partial(_take, context), partial(_weight, context), context.shares.allotted)
        own, loaded = defaultdict[str, list[_Taken]](list), defaultdict[str, list[Receipt]](list)
        for (table, _), piece in zip(pieces, taken, strict=True):
            own[table.name].append(piece)
        with connections[0].begin():
            of_run = journal.all_receipts(connections[0], context.plan.migration, context.plan.run, "loaded")
            for (name, _), receipt in sorted(of_run.items()):
                loaded[name].append(receipt)
        proofs = (_table(context, connections[0], t, shadows[t.name], loaded[t.name], own[t.name]) for t in context.plan.tables)
        proof = Proof(tuple(proofs))
        with connections[0].begin():
            journal.write_proof(connections[0], context.plan.migration, context.plan.run, proof)
        recorded.write(context, evidence.PROOF, proof, connections[0])
    events.emit("prove.finished", tables=len(proof.tables), held=sum(p.holds for p in proof.tables))
    why, fix = (
        "what stands in the target is not what was staged and planned",
        "the shadow tables are kept for a look; a new run loads them again",
    )
    if fault := row_faults.closed(proof, why, fix):
        raise fault
    return proof


Piece = Chunk | None
"""What is read back at once: see `TablePlan.readback_units`."""


@dataclass(frozen=True)
class _Taken:
    """What stands at the target of a piece, beside what was staged, and what of that the load left out."""

    piece: Piece
    staged: Digest
    quarantined: Digest
    target: Digest
    seconds: float

    @property
    def held(self) -> bool:
        return self.target + self.quarantined == self.staged

    @property
    def proof(self) -> ChunkProof:
        digests = (str(self.staged), str(self.target), str(self.quarantined))
        return ChunkProof(self.piece.number if self.piece else 0, *digests, self.held, round(self.seconds, 3))


def _take(context: RunContext, connection: sa.Connection, work: tuple[TablePlan, Piece]) -> _Taken:
    plan, piece = work
    began = time.monotonic()
    receipts = _receipts(context, plan, plan.loaded_from, piece)
    staged = _sum(receipts)
    left_out = sum((_rejected(context, plan, "loaded", r.chunk) for r in receipts), Digest())
    columns = plan.target.columns
    with connection.begin():
        select, room = readback_select(plan, context.target, piece, plan.shadow), context.shares.room(_longest(receipts))
        found = digest.total(context.target.read(connection, select, columns, room), columns)
    taken = _Taken(piece, staged, left_out, found, time.monotonic() - began)
    events.emit("prove.chunk", table=plan.name, chunk=piece.number if piece else 0, rows=found.rows, held=taken.held)
    return taken


def _weight(context: RunContext, work: tuple[TablePlan, Piece]) -> int:
    plan, piece = work
    return context.shares.weight(_longest(_receipts(context, plan, plan.loaded_from, piece)))


def _longest(receipts: Iterable[Receipt]) -> int:
    return max((r.longest for r in receipts), default=0)


def _rejected(context: RunContext, plan: TablePlan, stage: str, chunk: int) -> Digest:
    """Of the rows that a stage left out of a chunk, taken of what is in quarantine. Raises StagingDamaged."""
    held = quarantine.manifest(context.staging, plan.name, stage, chunk) if plan.quarantines else None
    return quarantine.digest_of(context.staging, held, plan.shape(stage)) if held else Digest()


def _table(
    context: RunContext, connection: sa.Connection, plan: TablePlan, shadow: ShadowFacts, loaded: list[Receipt], taken: Sequence[_Taken]
) -> TableProof:
    source, made, staged = (_receipts(context, plan, stage) for stage in ("extracted", plan.staged_as, plan.loaded_from))
    if len(taken) > 1:  # for the report: which chunk it was, where one differs
        evidence.chunk_proofs(plan.name).write(context.staging, tuple(t.proof for t in taken))
    standing = _standing(context, plan)
    found = sum((t.target for t in taken), standing)
    broken = _unchained(context, plan, (source, made, staged, loaded), standing) or _unlike(context, plan, source)
    faults: list[Difference] = []
    for piece in (t.piece for t in taken if not t.held):
        receipts = _receipts(context, plan, plan.loaded_from, piece)
        broken = broken or _unstaged(context, plan, receipts)
        if len(faults) < row_faults.NAMED:
            with connection.begin():
                faults += row_faults.find(context, connection, plan, piece, (b for r in receipts for b in _to_load(context, plan, r)))
    rows_read, filtered = sum(r.rows for r in source), sum(r.filtered for r in made)
    rejected = sum(r.rejected for r in made) + sum(r.rejected for r in loaded)
    return TableProof(
        table=plan.name,
        source=str(_sum(source)),
        staged=str(sum((t.staged for t in taken), standing)),
        target=str(found),
        chunks=len(plan.chunks),
        rows_read=rows_read,
        filtered=filtered,
        rejected=rejected,
        rows=found.rows,
        balanced=rows_read == found.rows + filtered + rejected,
        seal=shadow.seal,
        seconds=round(sum(t.seconds for t in taken), 3),
        load_seconds=round(sum(r.seconds for r in loaded), 3),
        broken=broken or shadow.flaw,
        faults=tuple(faults[: row_faults.NAMED]),
        quarantined=str(sum((t.quarantined for t in taken), Digest())),
        standing=str(standing),
        depth=context.plan.depth,
        definition=shadow.definition,
        schema=shadow.schema,
    )


def _to_load(context: RunContext, plan: TablePlan, staged: Receipt) -> Iterator[pa.RecordBatch]:
    """The staged rows of a chunk without those that are in quarantine."""
    held = quarantine.manifest(context.staging, plan.name, "loaded", staged.chunk) if plan.quarantines else None
    gone, before = np.array(quarantine.places(context.staging, held) if held else [], np.int64), 0
    for batch in context.staging.rows(staged):
        yield batch.take(pa.array(np.setdiff1d(np.arange(batch.num_rows), gone - before)))
        before += batch.num_rows


def _unstaged(context: RunContext, plan: TablePlan, receipts: Sequence[Receipt]) -> str:
    """The first chunk whose file does not hold the rows that were hashed before they were written; empty when all do."""
    for receipt in receipts:
        held = digest.total(context.staging.rows(receipt), plan.target.columns)
        if str(held) != receipt.digest:
            return f"chunk {receipt.chunk}: its staged file does not hold what was {plan.loaded_from}"
    return ""


def _receipts(context: RunContext, plan: TablePlan, stage: str, piece: Piece = None) -> list[Receipt]:
    """A stage's receipts of a piece, all of the table's for None."""
    return context.staging.receipts(stage, plan.name, (c.number for c in plan.chunks_of(piece)))


def _standing(context: RunContext, plan: TablePlan) -> Digest:
    """Of the live rows of a repair that were found equal, and stay."""
    found = evidence.COMPARED.read(context.staging) if plan.repairs else ()
    return next((Digest.parse(c.standing) for c in found if c.table == plan.name), Digest())


def _unlike(context: RunContext, plan: TablePlan, first: list[Receipt]) -> str:
    """Where the source, read a second time, gives other rows than at first, in words; empty when it doesn't, or is not to be asked."""
    if context.plan.depth != "source":
        return ""
    columns, room = plan.source.columns, context.shares.room(plan.longest_row)
    with context.reading() as (connection,):
        context.source.begin_snapshot(connection)
        for chunk, read in zip(plan.chunks, first, strict=False):
            now = digest.total(context.source.read(connection, extract_select(plan, context.source, chunk), columns, room), columns)
            if str(now) != read.digest:
                return f"chunk {chunk.number}: read a second time, the source gives other rows: {now}, at first {read.digest}"
    return ""


def _unchained(context: RunContext, plan: TablePlan, receipts: Sequence[list[Receipt]], standing: Digest) -> str:
    """Where the chain of receipts source -> made -> staged -> loaded + quarantined breaks, in words; empty when it holds everywhere."""
    for stage, of in zip(("extracted", plan.staged_as, plan.loaded_from, "loaded"), receipts, strict=True):
        if len(of) != len(plan.chunks):
            return f"{len(plan.chunks) - len(of)} of {len(plan.chunks)} chunks have no receipt of the stage {stage}"
    if plan.repairs and _sum(receipts[2]) + standing != _sum(receipts[1]):
        return f"the rows that stay, and those that are put in place, are not those that were {plan.staged_as}"
    for links in zip(*receipts, strict=True):
        if broken := _unlinked(context, plan, *links):
            return broken
    return ""


def _unlinked(context: RunContext, plan: TablePlan, read: Receipt, kept: Receipt, sent: Receipt, put: Receipt) -> str:
    """The same of one chunk."""
    if len({r.reading for r in (read, kept, sent, put)}) > 1:
        return f"chunk {read.chunk}: its rows come from two readings of the source"
    if plan.steps and kept.digest_in != read.digest:
        return f"chunk {read.chunk}: the transforms did not get what the source gave"
    if plan.repairs and sent.digest_in != kept.digest:
        return f"chunk {read.chunk}: what was compared is not what was {plan.staged_as}"
    if Digest.parse(put.digest) + _of(put.rejected_digest) != Digest.parse(sent.digest):
        return f"chunk {read.chunk}: what was loaded is not what was staged"
    for receipt in (kept, put) if plan.quarantines else ():
        if receipt.rows_in != receipt.rows + receipt.rejected + receipt.filtered:
            return f"chunk {read.chunk}: the books of the stage {receipt.stage} do not balance"
        if receipt.stage != "extracted" and _rejected(context, plan, receipt.stage, receipt.chunk) != _of(receipt.rejected_digest):
            return f"chunk {read.chunk}: what the stage {receipt.stage} rejected is not what is in quarantine"
    return ""


def _sum(receipts: Sequence[Receipt]) -> Digest:
    return sum((Digest.parse(r.digest) for r in receipts), Digest())


def _of(rejected: str) -> Digest:
    return Digest.parse(rejected) if rejected else Digest()
