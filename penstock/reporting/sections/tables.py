"""The tables: rows, columns and times of each, and the states of its gates and its proof."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from penstock import transforms
from penstock.model.digest import Digest
from penstock.model.plan import Step, TablePlan
from penstock.model.schema import Column
from penstock.model.scope import Changes
from penstock.reporting.inputs import GATES, Record, Records, summed
from penstock.reporting.sections import Inputs
from penstock.state import previous_run
from penstock.transforms._mapping import origin

order = {"report": 50}


def collect(inputs: Inputs) -> list[Record]:
    """A record of each table of the plan.

    compared: of a repair, what the comparison with the live table found.
    left_alone_for: the run whose rows stay live, where the switch left the table alone.
    """
    found = inputs.records
    proofs = {p["table"]: p for p in found.proof or ()}
    verdicts: dict[str, list[Record]] = {}
    for verdict in (v for stage in GATES for v in found.verdicts.get(stage, ())):
        verdicts.setdefault(verdict["table"], []).append(verdict)
    return [_table(found, t, proofs.get(t.name), verdicts.get(t.name, ())) for t in found.tables]


def _table(found: Records, table: TablePlan, proof: Record | None, verdicts: Sequence[Record]) -> Record:
    extracted, transformed = found.receipts["extracted", table.name], found.receipts["transformed", table.name]
    staged, held = transformed if table.steps else extracted, found.quarantine.get(table.name, ())
    spent = {
        "extract": summed(r.seconds for r in extracted),
        "transform": summed(r.seconds for r in transformed),
        "load": proof and proof.get("load_seconds"),
        "gates": summed(v["seconds"] for v in verdicts),
        "prove": proof and proof["seconds"],
    }
    rows, seconds = summed(r.rows_in for r in extracted), sum(s or 0 for s in spent.values())
    return {
        "table": table.name,
        "to": str(table.target.name),
        "part": _part(table),
        "moves": previous_run.moves(table),
        "rows_usual": found.usual.get(table.name),
        "compared": next((_compared(c) for c in found.compared if c["table"] == table.name), None),
        "left_alone_for": ((found.switch or {}).get("left") or {}).get(table.name),
        "rows_planned": table.rows,
        "rows_read": rows,
        "rows_filtered": summed(r.filtered for r in staged),
        "rows_staged": summed(r.rows for r in staged),
        "rows_rejected": summed([*(r.rejected for r in staged), *(m.rows for m in held if m.stage == "loaded")]),
        "rows_loaded": proof and proof["rows"],
        "bytes": summed(r.bytes for r in [*extracted, *transformed]),
        "chunks": len(table.chunks),
        "seconds": spent,
        "rows_per_second": round(rows / seconds) if rows and seconds else None,
        "columns": _columns(table),
        "transforms": [_words(step, table.sensitive) for step in table.steps],
        "sensitive": list(table.sensitive),
        "gates": next((d for d in ("stop", "warn", "go") if any(v["decision"] == d for v in verdicts)), None),
        "proof": proof and ("holds" if proof["holds"] else "broken"),
    }


def _columns(table: TablePlan) -> list[Record]:
    """The target's columns, each with its source column, None where a transform makes it; then the source columns that are dropped."""
    types = {c.name: _type(c) for c in table.source.columns}
    made = []
    for column in table.target.columns:
        old = origin(table.source, table.steps, column.name)
        made.append({"from": old if old in types else None, "from_type": types.get(old), "to": column.name, "to_type": _type(column)})
    used = {c["from"] for c in made}
    return made + [{"from": name, "from_type": kind, "to": None, "to_type": None} for name, kind in types.items() if name not in used]


def _type(column: Column) -> str:
    kind = column.native if column.type.name == "unsupported" else str(column.type)
    return kind + ("" if column.nullable else " not NULL")


def _compared(found: Record) -> Record:
    """What a repair found in a table: how many pieces differ, and how many rows it inserts, deletes and does not touch."""
    names = {"rows_in": "put", "rows_out": "leaving", "rows_unchanged": "standing"}
    rows = {name: Digest.parse(found[digest]).rows for name, digest in names.items()}
    return {"pieces": found["pieces"], "differ": found["differ"], **rows}


def _part(table: TablePlan) -> str | None:
    """The part of a table that the run moves, in words; None for the whole table."""
    if table.partition:
        rest = ", and the rows before it or without a time" if table.partition.first else ""
        return f"{table.partition.by} from {table.partition.low} to before {table.partition.high}{rest}"
    if isinstance(table.scope, Changes):
        return f"{table.scope.by} from {table.scope.low} on, or without a time"
    return None


def totals(tables: Sequence[Record], seconds: float, work_seconds: float) -> Record:
    """The sums over all tables.

    seconds: the time in which some stage ran.  work_seconds: the time in which a stage worked on rows. The rate is over these.
    """
    names = ("rows_read", "rows_filtered", "rows_staged", "rows_rejected", "rows_loaded", "bytes", "chunks")
    totals: Record = {"tables": len(tables)} | {n: summed(t[n] for t in tables) for n in names}
    rows = totals["rows_read"]
    totals |= {"seconds": round(seconds, 3), "work_seconds": round(work_seconds, 3)}
    return totals | {"rows_per_second": round(rows / work_seconds) if rows and work_seconds else None}


def _words(step: Step, sensitive: Sequence[str]) -> str:
    """A transform in words: `rename dep_time → departed_at`. Values for a sensitive column are withheld."""
    name, args = step
    transform = transforms.of(name)
    if transform.args_hold_values and any(column in str(args) for column in sensitive):
        return f"{name} (withheld: it names a sensitive column)"
    if isinstance(args, Mapping):
        return f"{name} " + ", ".join(f"{k}{transform.sign}{_listed(v)}" for k, v in args.items())
    return f"{name} {_listed(args)}"


def _listed(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{k} → {v}" for k, v in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
