"""Prove: read every shadow table back and hold its digest against what was staged; name the rows where they differ."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from penstock import digest, events, journal, quarantine, workers
from penstock.digest import Digest
from penstock.errors import DifferentValue, ExtraRow, GateClosed, MissingRow, RowFault
from penstock.plan import Chunk, TablePlan, readback_select
from penstock.schema import Column
from penstock.session import Session
from penstock.staging import Receipt, proved

STAGE = "proved"
_NAMED = 20


@dataclass(frozen=True)
class TableProof:
    """What was proved of a table. The digests at the three points; `faults` names rows that differ, at most twenty.

    quarantined: the digest of the rows that the load left out, taken of their file: staged = target + quarantined.
    balanced: rows read = rows loaded + rejected + filtered.
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

    @property
    def holds(self) -> bool:
        return self.balanced and not self.broken and self.met

    @property
    def met(self) -> bool:
        """Whether the staged rows are those at the target and those in quarantine."""
        return Digest.parse(self.staged) == Digest.parse(self.target) + Digest.parse(self.quarantined)


def prove(session: Session) -> list[TableProof]:
    """Prove every table and write the proof down. Raises GateClosed, naming the hop and the rows, when one does not hold."""
    events.emit("prove.started", tables=len(session.plan.tables))
    pieces = [(t, p) for t in session.plan.tables for p in _pieces(t)]
    with session.abreast(len(pieces)) as connections:
        with connections[0].begin():  # taken before the rows are read: what changes meanwhile breaks the proof or the seal
            seals = {t.name: session.target.seal(connections[0], t.shadow) for t in session.plan.tables}
        taken = workers.each(pieces, connections, partial(_take, session))
        proofs = []
        for table in session.plan.tables:
            own = [t for (plan, _), t in zip(pieces, taken, strict=True) if plan is table]
            proofs.append(_table(session, connections[0], table, seals[table.name], own))
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
"""What is read back at once: a chunk where chunks can be found again at the target, else (None) the table."""


def _pieces(plan: TablePlan) -> Sequence[Piece]:
    return plan.chunks if plan.ranged and len(plan.chunks) > 1 else (None,)


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
    receipts = _receipts(session, plan, plan.staged, piece)
    staged = sum((Digest.parse(r.digest) for r in receipts), Digest())
    left_out = sum((_rejected(session, plan, "loaded", r.chunk) for r in receipts), Digest())
    columns = plan.target.columns
    with connection.begin():
        batches = session.target.read(connection, readback_select(plan, session.target, piece, plan.shadow), columns)
        found = digest.total(batches, columns)
    taken = _Taken(piece, staged, left_out, found, time.monotonic() - began)
    events.emit("prove.chunk", table=plan.name, chunk=piece.number if piece else 0, rows=found.rows, held=taken.held)
    return taken


def _rejected(session: Session, plan: TablePlan, stage: str, chunk: int) -> Digest:
    """Of the rows that a stage left out of a chunk, taken of what is in quarantine. Raises StagingDamaged."""
    held = quarantine.manifest(session.staging, plan.name, stage, chunk) if plan.quarantines else None
    return quarantine.digest_of(session.staging, held, plan.shape(stage)) if held else Digest()


def _table(session: Session, connection: sa.Connection, plan: TablePlan, seal: str | None, taken: Sequence[_Taken]) -> TableProof:
    source = _receipts(session, plan, "extracted")
    staged = _receipts(session, plan, plan.staged)
    with connection.begin():
        loaded = journal.receipts(connection, session.plan.run, "loaded", plan.name)
    if len(taken) > 1:  # for the report: which chunk it was, where one differs
        session.staging.write_json([t.record() for t in taken], *proved(plan.name))
    found = sum((t.target for t in taken), Digest())
    broken = _unchained(session, plan, source, staged, loaded)
    faults: list[RowFault] = []
    for piece in (t.piece for t in taken if not t.held):
        receipts = _receipts(session, plan, plan.staged, piece)
        broken = broken or _unstaged(session, plan, receipts)
        if len(faults) < _NAMED:
            with connection.begin():
                faults += _faults(session, connection, plan, piece, (b for r in receipts for b in _to_load(session, plan, r)))
    rows_read, filtered = sum(r.rows for r in source), sum(r.filtered for r in staged)
    rejected = sum(r.rejected for r in staged) + sum(r.rejected for r in loaded)
    proof = TableProof(
        table=plan.name,
        source=str(sum((Digest.parse(r.digest) for r in source), Digest())),
        staged=str(sum((t.staged for t in taken), Digest())),
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
    )
    with connection.begin():
        receipt = Receipt(plan.name, STAGE, 0, proof.rows, proof.rows, proof.target, proof.staged, seconds=proof.seconds)
        journal.write_receipt(connection, session.plan.migration, session.plan.run, receipt)
    return proof


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
            return f"chunk {receipt.chunk}: its staged file does not hold what was {plan.staged}"
    return ""


def _receipts(session: Session, plan: TablePlan, stage: str, piece: Piece = None) -> list[Receipt]:
    """A stage's receipts of a piece, all of the table's for None."""
    found = [session.staging.receipt(stage, plan.name, c.number) for c in (plan.chunks if piece is None else [piece])]
    return [r for r in found if r is not None]


def _unchained(session: Session, plan: TablePlan, source: list[Receipt], staged: list[Receipt], loaded: list[Receipt]) -> str:
    """Where the chain of receipts source -> staged -> loaded + quarantined breaks, in words; empty when it holds for every chunk."""
    for stage, receipts in (("extracted", source), (plan.staged, staged), ("loaded", loaded)):
        if len(receipts) != len(plan.chunks):
            return f"{len(plan.chunks) - len(receipts)} of {len(plan.chunks)} chunks have no receipt of the stage {stage}"
    for read, kept, put in zip(source, staged, loaded, strict=True):
        if plan.steps and kept.digest_in != read.digest:
            return f"chunk {read.chunk}: the transforms did not get what the source gave"
        if Digest.parse(put.digest) + _of(put.rejected_digest) != Digest.parse(kept.digest):
            return f"chunk {read.chunk}: what was loaded is not what was staged"
        for receipt in (kept, put) if plan.quarantines else ():
            if receipt.rows_in != receipt.rows + receipt.rejected + receipt.filtered:
                return f"chunk {read.chunk}: the books of the stage {receipt.stage} do not balance"
            if receipt.stage != "extracted" and _rejected(session, plan, receipt.stage, receipt.chunk) != _of(receipt.rejected_digest):
                return f"chunk {read.chunk}: what the stage {receipt.stage} rejected is not what is in quarantine"
    return ""


def _of(rejected: str) -> Digest:
    return Digest.parse(rejected) if rejected else Digest()


def _faults(session: Session, connection: sa.Connection, plan: TablePlan, piece: Piece, staged: Iterable[pa.RecordBatch]) -> list[RowFault]:
    """The rows of a piece that differ, by their key; by the whole row where the table has none."""
    columns = plan.target.columns
    found = session.target.read(connection, readback_select(plan, session.target, piece, plan.shadow), columns)
    kinds = [pa.string() if pa.types.is_decimal256(c.type.arrow) else c.type.arrow for c in columns]
    shape = pa.schema([pa.field(f"c{i}", kind) for i, kind in enumerate(kinds)])
    # in a file, so that a table of any size is compared within bounds
    with TemporaryDirectory(prefix="penstock-") as folder, duckdb.connect(f"{folder}/rows", config={"memory_limit": "256MB"}) as compare:
        names = ", ".join(f"c{i}" for i in range(len(columns)))
        for side, batches in (("staged", staged), ("target", found)):
            plain = (pa.RecordBatch.from_arrays([_readable(c) for c in b.columns], schema=shape) for b in batches)
            compare.register("batches", pa.RecordBatchReader.from_batches(shape, plain))
            compare.execute(f"CREATE TABLE {side}_rows AS SELECT {names} FROM batches").fetchall()
            compare.unregister("batches")
        keys = [i for i, c in enumerate(columns) if c.name in plan.target_key]
        return _keyed(compare, plan, columns, keys) if keys else _keyless(compare, plan, columns)


def _readable(array: pa.Array) -> pa.Array:
    """DuckDB holds decimals up to 38 digits; wider ones are compared by the text that Arrow gives them."""
    return array.cast(pa.string()) if pa.types.is_decimal256(array.type) else array


def _keyed(compare: duckdb.DuckDBPyConnection, plan: TablePlan, columns: Sequence[Column], keys: list[int]) -> list[RowFault]:
    # NULLs, NaNs and zeros are told apart, or not, as the digest does
    match = " AND ".join(f"s.c{i} IS NOT DISTINCT FROM t.c{i}" for i in keys)
    shown = ", ".join(f"coalesce(s.c{i}, t.c{i})::VARCHAR" for i in keys)
    unequal = [f"s.c{i} IS DISTINCT FROM t.c{i}" for i in range(len(columns))]
    differs = " OR ".join(unequal)
    values = ", ".join(f"CASE WHEN {other} THEN [s.c{i}::VARCHAR, t.c{i}::VARCHAR] END" for i, other in enumerate(unequal))
    k = keys[0]
    query = (
        f"SELECT [{shown}], s.here IS NULL, t.here IS NULL, {values} FROM (SELECT *, 1 AS here FROM staged_rows) AS s"
        f" FULL JOIN (SELECT *, 1 AS here FROM target_rows) AS t ON {match}"
        f" WHERE s.here IS NULL OR t.here IS NULL OR {differs} ORDER BY coalesce(s.c{k}, t.c{k}) LIMIT {_NAMED}"
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
    hidden = plan.hidden("loaded")
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
