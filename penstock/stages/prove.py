"""Prove: read every shadow table back and hold its digest against what was staged; name the rows where they differ."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from penstock.errors import DifferentValue, ExtraRow, GateClosed, MissingRow, RowFault
from penstock.model import digest, row_diff
from penstock.model.digest import Digest
from penstock.model.plan import Chunk, TablePlan
from penstock.model.schema import Column
from penstock.planning.statements import extract_select, readback_select
from penstock.runtime import events, parallel
from penstock.state import journal, quarantine, staged_rows
from penstock.state.run_context import Session
from penstock.state.staging import COMPARED, Receipt, proved
from penstock.transforms._hidden_columns import hidden_columns

STAGE = "proved"
_NAMED = 20


@dataclass(frozen=True)
class TableProof:
    """What was proved of a table. The digests at the three points; `faults` names rows that differ, at most twenty.

    quarantined: the digest of the rows that the load left out, taken of their file: staged = target + quarantined.
    balanced: rows read = rows loaded + rejected + filtered.
    standing: of a repair, the digest of the live rows that are equal already and stay; they count as loaded.
    depth: of the proof; `source` when the source was read a second time and gave the same.
    """

    table: str
    source: str
    staged: str
    target: str
    chunks: int
    rows_read: int
    filtered: int
    rejected: int
    rows: int
    balanced: bool
    seal: str | None
    seconds: float
    load_seconds: float
    broken: str = ""
    faults: tuple[dict[str, str], ...] = field(default=())
    quarantined: str = str(Digest())
    standing: str = str(Digest())
    depth: str = "staged"

    @property
    def holds(self) -> bool:
        return self.balanced and not self.broken and self.met

    @property
    def met(self) -> bool:
        """Whether the staged rows are those at the target and those in quarantine."""
        return Digest.parse(self.staged) == Digest.parse(self.target) + Digest.parse(self.quarantined)


def prove(session: Session) -> list[TableProof]:
    """Prove every table and write the proof down. Raises GateClosed, naming the hop and the rows, when one does not hold."""
    session = staged_rows.ready(session)
    events.emit("prove.started", tables=len(session.plan.tables))
    pieces = [(t, p) for t in session.plan.tables for p in t.readback_units]
    with session.abreast(len(pieces)) as connections:
        with connections[0].begin():  # taken before the rows are read: what changes meanwhile breaks the proof or the seal
            seals = {t.name: session.target.seal(connections[0], t.shadow) for t in session.plan.tables}
        taken = parallel.each(pieces, connections, partial(_take, session), partial(_weight, session), session.shares.allotted)
        own, loaded = defaultdict[str, list[_Taken]](list), defaultdict[str, list[Receipt]](list)
        for (table, _), piece in zip(pieces, taken, strict=True):
            own[table.name].append(piece)
        with connections[0].begin():
            for (name, _), receipt in sorted(journal.all_receipts(connections[0], session.plan.run, "loaded").items()):
                loaded[name].append(receipt)
        proofs = [_table(session, connections[0], t, seals[t.name], loaded[t.name], own[t.name]) for t in session.plan.tables]
        receipts = [Receipt(p.table, STAGE, 0, p.rows, p.rows, p.target, p.staged, seconds=p.seconds) for p in proofs]
        with connections[0].begin():
            journal.write_receipts(connections[0], session.plan.migration, session.plan.run, STAGE, receipts)
    session.staging.write_json([_record(p) for p in proofs], "proof.json")
    events.emit("prove.finished", tables=len(proofs), held=sum(p.holds for p in proofs))
    broken = [p for p in proofs if not p.holds]
    if broken:
        raise GateClosed(
            f"the proof does not hold for {', '.join(p.table for p in broken)}",
            why="what stands in the target is not what was staged",
            fix="the shadow tables are kept for a look; a new run loads them again",
            stage="proof",
            failed=[line for p in broken for line in _lines(p)],
        )
    return proofs


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

    def record(self) -> dict[str, Any]:
        digests = {"staged": str(self.staged), "target": str(self.target), "quarantined": str(self.quarantined)}
        return {"chunk": self.piece.number if self.piece else 0, **digests, "held": self.held, "seconds": round(self.seconds, 3)}


def _take(session: Session, connection: sa.Connection, work: tuple[TablePlan, Piece]) -> _Taken:
    plan, piece = work
    began = time.monotonic()
    receipts = _receipts(session, plan, plan.loaded_from, piece)
    staged = _sum(receipts)
    left_out = sum((_rejected(session, plan, "loaded", r.chunk) for r in receipts), Digest())
    columns = plan.target.columns
    with connection.begin():
        select, room = readback_select(plan, session.target, piece, plan.shadow), session.shares.room(_longest(receipts))
        found = digest.total(session.target.read(connection, select, columns, room), columns)
    taken = _Taken(piece, staged, left_out, found, time.monotonic() - began)
    events.emit("prove.chunk", table=plan.name, chunk=piece.number if piece else 0, rows=found.rows, held=taken.held)
    return taken


def _weight(session: Session, work: tuple[TablePlan, Piece]) -> int:
    plan, piece = work
    return session.shares.weight(_longest(_receipts(session, plan, plan.loaded_from, piece)))


def _longest(receipts: Iterable[Receipt]) -> int:
    return max((r.longest for r in receipts), default=0)


def _rejected(session: Session, plan: TablePlan, stage: str, chunk: int) -> Digest:
    """Of the rows that a stage left out of a chunk, taken of what is in quarantine. Raises StagingDamaged."""
    held = quarantine.manifest(session.staging, plan.name, stage, chunk) if plan.quarantines else None
    return quarantine.digest_of(session.staging, held, plan.shape(stage)) if held else Digest()


def _table(
    session: Session, connection: sa.Connection, plan: TablePlan, seal: str | None, loaded: list[Receipt], taken: Sequence[_Taken]
) -> TableProof:
    source, made, staged = (_receipts(session, plan, stage) for stage in ("extracted", plan.staged_as, plan.loaded_from))
    if len(taken) > 1:  # for the report: which chunk it was, where one differs
        session.staging.write_json([t.record() for t in taken], *proved(plan.name))
    standing = _standing(session, plan)
    found = sum((t.target for t in taken), standing)
    broken = _unchained(session, plan, (source, made, staged, loaded), standing) or _unlike(session, plan, source)
    faults: list[RowFault] = []
    for piece in (t.piece for t in taken if not t.held):
        receipts = _receipts(session, plan, plan.loaded_from, piece)
        broken = broken or _unstaged(session, plan, receipts)
        if len(faults) < _NAMED:
            with connection.begin():
                faults += _faults(session, connection, plan, piece, (b for r in receipts for b in _to_load(session, plan, r)))
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
        seal=seal,
        seconds=round(sum(t.seconds for t in taken), 3),
        load_seconds=round(sum(r.seconds for r in loaded), 3),
        broken=broken,
        faults=tuple(_named(plan, f) for f in faults[:_NAMED]),
        quarantined=str(sum((t.quarantined for t in taken), Digest())),
        standing=str(standing),
        depth=session.plan.depth,
    )


def _to_load(session: Session, plan: TablePlan, staged: Receipt) -> Iterator[pa.RecordBatch]:
    """The staged rows of a chunk without those that are in quarantine."""
    held = quarantine.manifest(session.staging, plan.name, "loaded", staged.chunk) if plan.quarantines else None
    gone, before = np.array(quarantine.places(session.staging, held) if held else [], np.int64), 0
    for batch in session.staging.rows(staged):
        yield batch.take(pa.array(np.setdiff1d(np.arange(batch.num_rows), gone - before)))
        before += batch.num_rows


def _unstaged(session: Session, plan: TablePlan, receipts: Sequence[Receipt]) -> str:
    """The first chunk whose file does not hold the rows that were hashed before they were written; empty when all do."""
    for receipt in receipts:
        held = digest.total(session.staging.rows(receipt), plan.target.columns)
        if str(held) != receipt.digest:
            return f"chunk {receipt.chunk}: its staged file does not hold what was {plan.loaded_from}"
    return ""


def _receipts(session: Session, plan: TablePlan, stage: str, piece: Piece = None) -> list[Receipt]:
    """A stage's receipts of a piece, all of the table's for None."""
    found = [session.staging.receipt(stage, plan.name, c.number) for c in plan.chunks_of(piece)]
    return [r for r in found if r is not None]


def _standing(session: Session, plan: TablePlan) -> Digest:
    """Of the live rows of a repair that were found equal, and stay."""
    found = session.staging.read_json(COMPARED) if plan.repairs else []
    return next((Digest.parse(c["standing"]) for c in found if c["table"] == plan.name), Digest())


def _unlike(session: Session, plan: TablePlan, first: list[Receipt]) -> str:
    """Where the source, read a second time, gives other rows than at first, in words; empty when it doesn't, or is not to be asked."""
    if session.plan.depth != "source":
        return ""
    columns, room = plan.source.columns, session.shares.room(plan.longest_row)
    with session.reading() as (connection,):
        session.source.begin_snapshot(connection)
        for chunk, read in zip(plan.chunks, first, strict=False):
            now = digest.total(session.source.read(connection, extract_select(plan, session.source, chunk), columns, room), columns)
            if str(now) != read.digest:
                return f"chunk {chunk.number}: read a second time, the source gives other rows: {now}, at first {read.digest}"
    return ""


def _unchained(session: Session, plan: TablePlan, receipts: Sequence[list[Receipt]], standing: Digest) -> str:
    """Where the chain of receipts source -> made -> staged -> loaded + quarantined breaks, in words; empty when it holds everywhere."""
    for stage, of in zip(("extracted", plan.staged_as, plan.loaded_from, "loaded"), receipts, strict=True):
        if len(of) != len(plan.chunks):
            return f"{len(plan.chunks) - len(of)} of {len(plan.chunks)} chunks have no receipt of the stage {stage}"
    if plan.repairs and _sum(receipts[2]) + standing != _sum(receipts[1]):
        return f"the rows that stay, and those that are put in place, are not those that were {plan.staged_as}"
    for links in zip(*receipts, strict=True):
        if broken := _unlinked(session, plan, *links):
            return broken
    return ""


def _unlinked(session: Session, plan: TablePlan, read: Receipt, kept: Receipt, sent: Receipt, put: Receipt) -> str:
    """The same of one chunk."""
    if plan.steps and kept.digest_in != read.digest:
        return f"chunk {read.chunk}: the transforms did not get what the source gave"
    if plan.repairs and sent.digest_in != kept.digest:
        return f"chunk {read.chunk}: what was compared is not what was {plan.staged_as}"
    if Digest.parse(put.digest) + _of(put.rejected_digest) != Digest.parse(sent.digest):
        return f"chunk {read.chunk}: what was loaded is not what was staged"
    for receipt in (kept, put) if plan.quarantines else ():
        if receipt.rows_in != receipt.rows + receipt.rejected + receipt.filtered:
            return f"chunk {read.chunk}: the books of the stage {receipt.stage} do not balance"
        if receipt.stage != "extracted" and _rejected(session, plan, receipt.stage, receipt.chunk) != _of(receipt.rejected_digest):
            return f"chunk {read.chunk}: what the stage {receipt.stage} rejected is not what is in quarantine"
    return ""


def _sum(receipts: Sequence[Receipt]) -> Digest:
    return sum((Digest.parse(r.digest) for r in receipts), Digest())


def _of(rejected: str) -> Digest:
    return Digest.parse(rejected) if rejected else Digest()


def _faults(session: Session, connection: sa.Connection, plan: TablePlan, piece: Piece, staged: Iterable[pa.RecordBatch]) -> list[RowFault]:
    """The rows of a piece that differ, by their key; by the whole row where the table has none."""
    columns = plan.target.columns
    found = session.target.read(connection, readback_select(plan, session.target, piece, plan.shadow), columns)
    with row_diff.beside(columns, staged, found) as compare:
        keys = [i for i, c in enumerate(columns) if c.name in plan.target_key]
        return _keyed(compare, plan, columns, keys) if keys else _keyless(compare, plan, columns)


def _keyed(compare: duckdb.DuckDBPyConnection, plan: TablePlan, columns: Sequence[Column], keys: list[int]) -> list[RowFault]:
    match = row_diff.same(keys)
    shown = ", ".join(f"coalesce(s.c{i}, t.c{i})::VARCHAR" for i in keys)
    unequal = row_diff.unequal(columns)
    differs = " OR ".join(unequal)
    values = ", ".join(f"CASE WHEN {other} THEN [s.c{i}::VARCHAR, t.c{i}::VARCHAR] END" for i, other in enumerate(unequal))
    k = keys[0]
    query = (
        f"SELECT [{shown}], s.place IS NULL, t.place IS NULL, {values}"
        f" FROM staged_rows AS s FULL JOIN target_rows AS t ON {match}"
        f" WHERE s.place IS NULL OR t.place IS NULL OR {differs} ORDER BY coalesce(s.c{k}, t.c{k}) LIMIT {_NAMED}"
    )
    faults: list[RowFault] = []
    for key_values, extra, missing, *pairs in compare.execute(query).fetchall():
        key = ", ".join(f"{columns[i].name}={v}" for i, v in zip(keys, key_values, strict=True))
        if missing:
            faults.append(MissingRow(plan.name, key))
        elif extra:
            faults.append(ExtraRow(plan.name, key))
        for column, pair in zip(columns, pairs, strict=True):
            if pair is not None and not (missing or extra):
                faults.append(DifferentValue(plan.name, key, column.name, str(pair[0]), str(pair[1])))
    return faults


def _keyless(compare: duckdb.DuckDBPyConnection, plan: TablePlan, columns: Sequence[Column]) -> list[RowFault]:
    """A table without a key is a multiset: rows that one side has more often than the other."""
    names = ["'" + c.name.replace("'", "''") + "'" for c in columns]
    row = "concat_ws(', ', " + ", ".join(f"{name} || '=' || coalesce(c{i}::VARCHAR, 'NULL')" for i, name in enumerate(names)) + ")"
    faults: list[RowFault] = []
    for kind, one, other in ((MissingRow, "staged", "target"), (ExtraRow, "target", "staged")):
        query = f"SELECT {row} FROM {one}_rows EXCEPT ALL SELECT {row} FROM {other}_rows LIMIT {_NAMED}"
        faults += [kind(plan.name, text) for (text,) in compare.execute(query).fetchall()]
    return faults


def _named(plan: TablePlan, fault: RowFault) -> dict[str, str]:
    """A fault as the report shows it: values of sensitive columns withheld."""
    record = {"fault": type(fault).__name__, **asdict(fault)}
    hidden = hidden_columns(plan, "loaded")
    if isinstance(fault, DifferentValue) and fault.column in hidden:
        record |= {"staged": "(sensitive)", "target": "(sensitive)"}
    if hidden & set(plan.target_key) or (hidden and not plan.target_key):
        record["key"] = "(sensitive)"
    return record


def _record(proof: TableProof) -> dict[str, Any]:
    return asdict(proof) | {"holds": proof.holds}


def _lines(proof: TableProof) -> list[str]:
    lines = [f"{proof.table}: {proof.broken}"] if proof.broken else []
    if not proof.balanced:
        books = f"{proof.rows_read} read, {proof.rows} loaded, {proof.filtered} filtered, {proof.rejected} rejected"
        lines.append(f"{proof.table}: the books do not balance: {books}")
    if not proof.met:
        left_out = f", in quarantine {proof.quarantined}" if proof.quarantined != str(Digest()) else ""
        lines.append(f"{proof.table}: digest staged {proof.staged}, at the target {proof.target}{left_out}")
    for f in proof.faults:
        what = {"MissingRow": " is missing at the target", "ExtraRow": " was never staged"}.get(f["fault"])
        what = what or f": {f['column']} is {f['target']!r}, staged was {f['staged']!r}"
        lines.append(f"{proof.table}: row {f['key']}{what}")
    return lines
