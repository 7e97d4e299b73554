"""What a switch did with each table of a run: swapped it, replaced rows of it, exchanged a partition, or left it alone."""

from __future__ import annotations

from penstock.model.plan import TablePlan
from penstock.reporting.inputs import Record, Records
from penstock.runtime.formatting import count
from penstock.state.evidence import Comparison, TableProof
from penstock.state.switch_evidence import SwitchRecord


def switched(found: Records) -> list[Record]:
    """One record for each table of the plan, in its order, as the run's switch.json has it.

    change: `swapped`, `created`, `rows replaced`, `rows merged`, `partition exchanged`, `repaired`, `unchanged` or `left alone`.
    rows_in, rows_out: rows put into the live table and taken out of it; None where a whole table was swapped or nobody has counted.
    kept: the table that keeps what was live before, None where there was nothing.  words: the same as a sentence.
    """
    made = found.switch
    proofs = {p.table: p for p in found.proof.tables} if found.proof else {}
    compared = {c.table: c for c in found.compared}
    return [_table(t, made, proofs.get(t.name), compared.get(t.name)) for t in found.tables] if made else []


def _table(table: TablePlan, made: SwitchRecord, proof: TableProof | None, compared: Comparison | None) -> Record:
    live = str(table.target.name)
    kept = {move.live: move.kept for move in made.moves} | dict(made.replaced)
    record: Record = {"table": table.name, "live": live, "rows_in": None, "rows_out": None, "kept": kept.get(live)}
    if run := made.left.get(table.name):
        why = f"the run {run} had moved it, and it is moved once" if table.once else f"the run {run} read the source later"
        return record | {"change": "left alone", "words": f"left alone: {why}"}
    if live in {move.live for move in made.moves}:
        change = "swapped" if kept[live] else "created"
        words = {"swapped": "swapped: the new table is live, the old one is kept", "created": "new table: nothing was live before"}
        return record | {"change": change, "words": words[change]}
    if live not in kept:
        return record | {"change": "unchanged", "words": "unchanged: no row differed" if compared else "unchanged"}
    record |= {"rows_in": proof and proof.rows, "rows_out": made.taken_out.get(live)}
    if compared:
        record |= {"rows_in": compared.rows_put, "rows_out": compared.rows_leaving}
    change = _change(table)
    return record | {"change": change, "words": f"{change}: {_rows(record)}"}


def _change(table: TablePlan) -> str:
    if table.exchanges:
        return "partition exchanged"
    if table.repairs:
        return "repaired"
    return "rows merged" if table.increment else "rows replaced"


def _rows(record: Record) -> str:
    parts = [(record["rows_in"], "put in"), (record["rows_out"], "taken out")]
    return ", ".join(f"{count(rows, 'row')} {words}" for rows, words in parts if rows is not None) or "nobody has counted the rows"
