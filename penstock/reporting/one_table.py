"""One table of a run, with everything that was staged about it. A report of many tables holds less."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from penstock.model.file_names import folder
from penstock.reporting.inputs import Record
from penstock.reporting.sections.changes import of_table
from penstock.state.staging import Staging, proved

_HIDDEN = "(sensitive)"
_REMOVED = "removed.json"  # written when the staged rows are removed; the receipts, from which the chunks are read, stay


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
        "removed": str(area.read_json(_REMOVED).get("rows") or "") if area.exists(_REMOVED) else "",
    }


def _chunks(area: Staging, name: str, proof: Record | None) -> list[Record]:
    plan = (
        next((t for t in area.read_json("plan.json")["tables"] if t["source"]["name"]["name"] == name), None)
        if area.exists("plan.json")
        else None
    )
    if plan is None:
        return []
    extracted, transformed = (_receipts(area, stage, name) for stage in ("extracted", "transformed"))
    pieces = {p["chunk"]: p for p in area.read_json(*proved(name))} if area.exists(*proved(name)) else {}
    if proof and len(plan["chunks"]) == 1:
        pieces = {0: {"target": proof["target"], "held": proof["holds"]}}
    return [_chunk(plan, c, extracted.get(c["number"]), transformed.get(c["number"]), pieces.get(c["number"])) for c in plan["chunks"]]


def _receipts(area: Staging, stage: str, name: str) -> dict[int, Record]:
    found = (area.read_json(stage, folder(name), n) for n in area.names(stage, folder(name)) if n.endswith(".json"))
    return {r["chunk"]: r for r in found}


def _chunk(plan: Record, chunk: Record, read: Record | None, made: Record | None, piece: Record | None) -> Record:
    staged = made if plan["steps"] else read
    return {
        "chunk": chunk["number"],
        "range": _range(plan["key"], chunk, plan["sensitive"]),
        "rows_read": read and read["rows_in"],
        "rows_filtered": staged and staged["filtered"],
        "rows_rejected": staged and staged["rejected"],
        "rows_staged": staged and staged["rows"],
        "bytes": sum(r["bytes"] for r in (read, made) if r) or None,
        "seconds": round(sum(r["seconds"] for r in (read, made) if r), 3),
        "source": read and read["digest"],
        "staged": staged and staged["digest"],
        "target": piece and piece["target"],
        "equal": piece and piece["held"],
    }


def _range(key: Sequence[str], chunk: Mapping[str, Any], sensitive: Sequence[str]) -> str:
    """The key range of a chunk; withheld where a column of the key is sensitive."""
    if chunk["nulls"]:
        return f"{', '.join(key)} has a NULL"
    ends = [chunk["low"], chunk["high"]]
    if not any(ends):
        return "all rows"
    if set(key) & set(sensitive):
        return _HIDDEN
    low, high = (", ".join(map(str, end)) if end else "" for end in ends)
    names = ", ".join(key) or "place"
    return f"{low} < {names} ≤ {high}" if low and high else f"{names} ≤ {high}" if high else f"{names} > {low}"
