"""Align: read both sides as of one position of the source's log, and hold their digests against each other, part by part.

The source gives a snapshot and its position. Changes are applied up to exactly there, and no further while the target is read. So nothing
has to wait at the source, and a row that differs does differ.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import pyarrow as pa
import sqlalchemy as sa

from penstock.databases._shared.column_checks import Sieve
from penstock.errors import SwitchRefused
from penstock.model import digest
from penstock.model.digest import Digest
from penstock.model.plan import Chunk, TablePlan
from penstock.planning import row_faults, shadow_facts
from penstock.planning.shadow_facts import ShadowFacts
from penstock.planning.statements import extract_select, readback_select
from penstock.runtime import events, parallel
from penstock.stages.live import kept
from penstock.stages.live.follow import Until, follow
from penstock.state import evidence, journal, recorded, streams
from penstock.state.evidence import Difference, Proof, TableProof
from penstock.state.run_context import RunContext
from penstock.transforms._hidden_columns import private_columns
from penstock.transforms._isolate import Sift, whole

_PATIENCE = 600.0  # seconds that applying may take, while the snapshot of the source is open


@dataclass(frozen=True)
class _Piece:
    """What was found of a part of a table. source: as read.  made: after the steps.  target: as it stands there."""

    source: Digest
    made: Digest
    target: Digest
    faults: tuple[Difference, ...]


def align(context: RunContext, seconds: float = _PATIENCE) -> Proof:
    """Prove every shadow against the source at one position, and write the proof down. seconds: for applying up to there.

    Raises GateClosed, naming the rows, when one does not hold; SwitchRefused when applying takes too long; what `follow` raises.
    """
    log = streams.log_of(context)
    with ExitStack() as opened:
        engine = opened.enter_context(streams.source_engine(context))
        reading = opened.enter_context(context.reading(context.plan.connections))
        with log.instant(engine) as (position, snapshot):
            log.join(snapshot, reading)
        with context.writing() as connection, connection.begin():
            stream = streams.require(context, connection).stream
        log.changed(reading[0], stream, streams.followed(context))
        events.emit("align.started", position=log.shown(position))
        if not follow(context, Until(seconds, position)).reached:
            what = f"the position {log.shown(position)} was not reached in {seconds:.0f} seconds"
            raise SwitchRefused(
                what, context.plan.source, "the source writes faster than changes are applied", "run the same command again"
            )
        proof = _proof(context, reading)
    why = f"at the position {log.shown(position)}, the target's rows are not what the steps make of the source's"
    fix = "start a new run: `penstock run --new`; look for somebody who writes into shadow tables, or truncates a partition"
    if fault := row_faults.closed(proof, why, fix):
        raise fault
    return proof


def _proof(context: RunContext, reading: list[sa.Connection]) -> Proof:
    """Compare every table, and write the proof down."""
    pieces = [(t, unit) for t in context.plan.tables for unit in t.readback_units]
    with context.abreast(len(pieces)) as writing:
        with writing[0].begin():
            shadows, digests = shadow_facts.read(context, writing[0]), streams.require(context, writing[0]).kept
        pairs = {id(target): source for target, source in zip(writing, reading, strict=False)}

        def compare(target: sa.Connection, piece: tuple[TablePlan, Chunk | None]) -> _Piece:
            return _compared(context, pairs[id(target)], target, piece)

        began = time.monotonic()
        found = parallel.each(
            pieces, writing[: len(pairs)], compare, lambda p: context.shares.weight(p[0].longest_row), context.shares.allotted
        )
        seconds = time.monotonic() - began
        of = {t.name: [f for (table, _), f in zip(pieces, found, strict=True) if table == t] for t in context.plan.tables}
        proof = Proof(tuple(_table(t, shadows[t.name], of[t.name], (digests.get(t.name), seconds)) for t in context.plan.tables))
        with writing[0].begin():
            journal.write_proof(writing[0], context.plan.migration, context.plan.run, proof)
        recorded.write(context, evidence.PROOF, proof, writing[0])
    events.emit("align.finished", tables=len(proof.tables), held=sum(p.holds for p in proof.tables))
    return proof


def _compared(context: RunContext, source: sa.Connection, target: sa.Connection, piece: tuple[TablePlan, Chunk | None]) -> _Piece:
    plan, unit = piece
    columns, room, taken = plan.target.columns, context.shares.room(plan.longest_row), list[Digest]()
    sift = Sift(plan.source, plan.steps, Sieve(()), context.secrets, private_columns(plan))

    def rows(keep: Callable[[pa.RecordBatch], None] = lambda batch: None) -> Iterator[pa.RecordBatch]:
        for chunk in plan.chunks_of(unit):
            for batch in context.source.read(source, extract_select(plan, context.source, chunk), plan.source.columns, room):
                keep(batch)
                yield whole(sift.apply(batch)) if plan.steps else batch

    made = digest.total(rows(lambda batch: taken.append(digest.of(batch, plan.source.columns))), columns)
    with target.begin():
        read = context.target.read(target, readback_select(plan, context.target, unit, plan.shadow), columns, room)
        found = digest.total(read, columns)
        faults = row_faults.find(context, target, plan, unit, rows()) if found != made else []
    events.emit("align.chunk", table=plan.name, chunk=unit.number if unit else 0, rows=found.rows, held=found == made)
    return _Piece(sum(taken, Digest()), made, found, tuple(faults))


def _table(plan: TablePlan, shadow: ShadowFacts, found: Sequence[_Piece], told: tuple[str | None, float]) -> TableProof:
    """told: the digest that the stream has kept, None where there is none; and how many seconds the proof took."""
    digest, seconds = told
    source, made, target = (sum((getattr(p, part) for p in found), Digest()) for part in ("source", "made", "target"))
    faults = tuple(fault for piece in found for fault in piece.faults)[: row_faults.NAMED]
    flaw = kept.differs(digest, target) if digest and digest != str(target) and made == target else ""
    return TableProof(
        table=plan.name,
        source=str(source),
        staged=str(made),
        target=str(target),
        chunks=len(plan.chunks),
        rows_read=source.rows,
        filtered=source.rows - made.rows,
        rejected=0,
        rows=target.rows,
        balanced=made.rows == target.rows,
        seal=shadow.seal,
        seconds=round(seconds, 3),
        load_seconds=0.0,
        broken=shadow.flaw or flaw,
        faults=faults,
        depth="source",
        definition=shadow.definition,
        schema=shadow.schema,
    )
