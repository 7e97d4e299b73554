"""One table of a run, with everything that was staged about it. A report of many tables holds less."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from penstock.model.plan import Chunk, TablePlan
from penstock.reporting.inputs import Record
from penstock.reporting.sections.changes import of_table
from penstock.state import evidence, plan_file, staged_rows
from penstock.state.staging import Receipt, Staging

_HIDDEN = "(sensitive)"


def one_table(area: Staging, report: Record, name: str) -> Record | None:
    """The table `name` of a report, and each of its chunks. None when the report has no such table.

    chunks: of each its key range, the rows read, filtered, rejected and staged, the digests, seconds, bytes;
    equal: whether the digests agree, None before the proof.
    removed: when the staged rows were removed, "" while they are there.
    """
    table = next((t for t in report["tables"] if t["table"] == name), None)
    if table is None:
        return None
    verdicts = [v | {"stage": g["stage"]} for g in report["gates"] for v in g["verdicts"] if v["table"] == name]
    proof = next((p for p in (report["proof"] or {"tables": ()})["tables"] if p["table"] == name), None)
    return {
        "table": table,
        "gates": verdicts,
        "proof": proof,
        "quarantine": [g for q in report["quarantine"] if q["table"] == name for g in q["groups"]],
        "changes": of_table(report["changes"], name),
        "switched": next((t for t in (report["switch"] or {}).get("tables", ()) if t["table"] == name), None),
        "chunks": _chunks(area, name, proof),
        "removed": staged_rows.removed(area),
    }


@dataclass(frozen=True)
class _AtTarget:
    """The digest of a chunk at the target, and whether it is that of its staged rows."""

    digest: str
    equal: bool


def _chunks(area: Staging, name: str, proof: Record | None) -> list[Record]:
    plan = plan_file.find(area)
    table = next((t for t in plan.tables if t.name == name), None) if plan else None
    if table is None:
        return []
    extracted, transformed = ({r.chunk: r for r in area.receipts(stage, name)} for stage in ("extracted", "transformed"))
    proved = {p.chunk: _AtTarget(p.target, p.held) for p in evidence.chunk_proofs(name).find(area) or ()}
    if proof and len(table.chunks) == 1:
        proved = {0: _AtTarget(proof["target"], proof["holds"])}
    return [_chunk(table, c, extracted.get(c.number), transformed.get(c.number), proved.get(c.number)) for c in table.chunks]


def _chunk(table: TablePlan, chunk: Chunk, read: Receipt | None, made: Receipt | None, proved: _AtTarget | None) -> Record:
    staged = made if table.steps else read
    return {
        "chunk": chunk.number,
        "range": _range(table.key, chunk, table.sensitive),
        "rows_read": read and read.rows_in,
        "rows_filtered": staged and staged.filtered,
        "rows_rejected": staged and staged.rejected,
        "rows_staged": staged and staged.rows,
        "bytes": sum(r.bytes for r in (read, made) if r) or None,
        "seconds": round(sum(r.seconds for r in (read, made) if r), 3),
        "source": read and read.digest,
        "staged": staged and staged.digest,
        "target": proved and proved.digest,
        "equal": proved and proved.equal,
    }


def _range(key: Sequence[str], chunk: Chunk, sensitive: Sequence[str]) -> str:
    """The key range of a chunk; withheld where a column of the key is sensitive."""
    if chunk.nulls:
        return f"{', '.join(key)} has a NULL"
    if not chunk.low and not chunk.high:
        return "all rows"
    if set(key) & set(sensitive):
        return _HIDDEN
    low, high = (", ".join(map(str, end)) if end else "" for end in (chunk.low, chunk.high))
    names = ", ".join(key) or "place"
    return f"{low} < {names} ≤ {high}" if low and high else f"{names} ≤ {high}" if high else f"{names} > {low}"
