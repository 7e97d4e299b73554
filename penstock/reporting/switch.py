"""What a switch did with each table of a run: swapped it, replaced rows of it, exchanged a partition, or left it alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from penstock.model.digest import Digest
from penstock.model.plan import TablePlan
from penstock.reporting.inputs import Record, Records
from penstock.runtime.formatting import count


def switched(found: Records) -> list[Record]:
    """One record for each table of the plan, in its order, as the run's switch.json has it.

    change: `swapped`, `created`, `rows replaced`, `rows merged`, `partition exchanged`, `repaired`, `unchanged` or `left alone`.
    rows_in, rows_out: rows put into the live table and taken out of it; None where a whole table was swapped or nobody has counted.
    kept: the table that keeps what was live before, None where there was nothing.  words: the same as a sentence.
    """
    made = found.switch or {}
    proofs = {p["table"]: p for p in found.proof or ()}
    compared = {c["table"]: c for c in found.compared}
    return [_table(t, made, proofs.get(t.name, {}), compared.get(t.name)) for t in found.tables]


def _table(table: TablePlan, made: Mapping[str, Any], proof: Mapping[str, Any], compared: Mapping[str, Any] | None) -> Record:
    live = str(table.target.name)
    kept = {place: keeps for place, _, keeps in made["moves"]} | dict(made.get("replaced", ()))
    record: Record = {"table": table.name, "live": live, "rows_in": None, "rows_out": None, "kept": kept.get(live)}
    if run := (made.get("left") or {}).get(table.name):
        why = f"the run {run} had moved it, and it is moved once" if table.once else f"the run {run} read the source later"
        return record | {"change": "left alone", "words": f"left alone: {why}"}
    if live in {place for place, _, _ in made["moves"]}:
        change = "swapped" if kept[live] else "created"
        words = {"swapped": "swapped: the new table is live, the old one is kept", "created": "new table: nothing was live before"}
        return record | {"change": change, "words": words[change]}
    if live not in kept:
        return record | {"change": "unchanged", "words": "unchanged: no row differed" if compared else "unchanged"}
    record |= {"rows_in": proof.get("rows"), "rows_out": (made.get("taken_out") or {}).get(live)}
    if compared:
        record |= {part: Digest.parse(compared[name]).rows for part, name in (("rows_in", "put"), ("rows_out", "leaving"))}
    change = (made.get("changes") or {}).get(live) or _change(table)
    return record | {"change": change, "words": f"{change}: {_rows(record)}"}


def _change(table: TablePlan) -> str:
    return {"differences": "repaired", "changes": "rows merged"}.get(table.scope.type, "rows replaced")


def _rows(record: Record) -> str:
    parts = [(record["rows_in"], "put in"), (record["rows_out"], "taken out")]
    return ", ".join(f"{count(rows, 'row')} {words}" for rows, words in parts if rows is not None) or "nobody has counted the rows"
