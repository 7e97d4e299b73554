"""The switch: what it did with each table. It swapped it, replaced rows, exchanged a partition, or left it alone."""

from __future__ import annotations

from penstock.model.plan import TablePlan
from penstock.reporting.inputs import Record, Records
from penstock.reporting.sections import Inputs
from penstock.runtime.formatting import count
from penstock.state.evidence import Comparison, TableProof
from penstock.state.json_file import record as as_json
from penstock.state.switch_evidence import SwitchRecord

order = {"report": 90, "run": 90}


def collect(inputs: Inputs) -> Record | None:
    """The switch of the run; None before it.

    left_alone: by table, the run whose rows stay live.  taken_out: by live table, how many rows were deleted.
    undo: the command that undoes the switch.
    """
    records, switch = inputs.records, inputs.records.switch
    if not switch:
        return None
    made = {("left_alone" if name == "left" else name): value for name, value in as_json(switch).items()}
    made["moves"] = [move._asdict() for move in switch.moves]
    made.pop("changes", None)  # `tables` has them by table
    undo = f"penstock undo {inputs.report['migration']}.yaml"
    return made | {"how": records.plan and records.plan.how, "tables": _tables(records, switch), "undo": undo}


def _tables(found: Records, made: SwitchRecord) -> list[Record]:
    """One record for each table of the plan, in its order.

    change: `swapped`, `created`, `rows replaced`, `rows merged`, `partition exchanged`, `repaired`, `unchanged` or `left alone`.
    rows_in, rows_out: rows inserted into the live table and deleted from it; None where a whole table was swapped, or nothing counted them.
    kept: the table that keeps what was live before, None where there was nothing.  words: the same as a sentence.
    """
    proofs = {p.table: p for p in found.proof.tables} if found.proof else {}
    compared = {c.table: c for c in found.compared}
    return [_table(t, made, proofs.get(t.name), compared.get(t.name)) for t in found.tables]


def _table(table: TablePlan, made: SwitchRecord, proof: TableProof | None, compared: Comparison | None) -> Record:
    live = str(table.target.name)
    kept = {move.live: move.kept for move in made.moves} | dict(made.replaced)
    record: Record = {"table": table.name, "live": live, "rows_in": None, "rows_out": None, "kept": kept.get(live)}
    if run := made.left.get(table.name):
        why = f"the run {run} has loaded it, and it is loaded once" if table.once else f"the run {run} read the source later"
        return record | {"change": "left alone", "words": f"left alone: {why}"}
    if live in {move.live for move in made.moves}:
        change = "swapped" if kept[live] else "created"
        words = {"swapped": "swapped: the new table is live, the previous one is kept", "created": "new table: nothing was live before"}
        return record | {"change": change, "words": words[change]}
    if live not in kept:
        return record | {"change": "unchanged", "words": "unchanged: no row differed" if compared else "unchanged"}
    record |= {"rows_in": proof and proof.rows, "rows_out": made.taken_out.get(live)}
    if compared:
        record |= {"rows_in": compared.rows_put, "rows_out": compared.rows_leaving}
    change = made.changes.get(live) or _change(table)
    return record | {"change": change, "words": f"{change}: {_rows(record)}"}


def _change(table: TablePlan) -> str:
    return {"differences": "repaired", "changes": "rows merged"}.get(table.scope.type, "rows replaced")


def _rows(record: Record) -> str:
    parts = [(record["rows_in"], "inserted"), (record["rows_out"], "deleted")]
    return ", ".join(f"{count(rows, 'row')} {words}" for rows, words in parts if rows is not None) or "the rows were not counted"
