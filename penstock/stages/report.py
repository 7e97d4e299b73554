"""Report: what a run leaves to be reviewed, as JSON and as one HTML page. It reads what was staged and judges nothing itself."""

from __future__ import annotations

import datetime as dt
import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from typing import Any

from penstock import events, journal, quarantine
from penstock.pages.report import document
from penstock.plan import Plan, Step, TablePlan
from penstock.quarantine import Manifest
from penstock.record import FAILURE
from penstock.staging import Receipt, Staging, folder
from penstock.units import count

VERSION = 1
GATES = ("extracted", "transformed", "loaded")
STAGES = {
    "preflight": "preflight",
    "plan": "plan",
    "extract": "extract",
    "gate_extracted": "gate: what was extracted",
    "transform": "transform",
    "gate_transformed": "gate: what was transformed",
    "prepare": "prepare the shadow",
    "load": "load into the shadow",
    "build": "build keys and indexes",
    "gate_loaded": "gate: what was loaded",
    "prove": "proof",
    "approve": "approval",
    "switch": "switch",
    "verify": "verify what is live",
    "finish": "drop what earlier switches kept",
    "undo": "undo",
}
_PACKAGES = ("penstock", "apache-airflow", "great-expectations", "duckdb", "pyarrow", "sqlalchemy")
# Steps whose arguments can hold values, not only names.
_VALUED = frozenset({"fill", "map", "filter", "derive", "python"})

Record = dict[str, Any]


@dataclass(frozen=True)
class Records:
    """Everything that a run has staged about itself; None and empty for what it never came to."""

    plan: Plan | None
    assessment: Record | None
    failure: Record | None
    timings: Mapping[str, Sequence[Record]]
    receipts: Mapping[tuple[str, str], Sequence[Receipt]]
    quarantine: Mapping[str, Sequence[Manifest]]
    verdicts: Mapping[str, Sequence[Record]]
    proof: Sequence[Record] | None
    approval: Record | None
    switch: Record | None
    undo: Record | None
    redriven: Record | None

    @property
    def tables(self) -> Sequence[TablePlan]:
        return self.plan.tables if self.plan else ()


def report(area: Staging, migration: str, run: str) -> dict[str, Any]:
    """Write report.json and report.html of a run from what it has staged so far, and answer the first's content."""
    found = collect(read(area), migration, run)
    area.write_json(found, "report.json")
    area.write_text(document(found), "report.html")
    events.emit("report.written", url=f"{area.url}/report.html", outcome=found["outcome"])
    return found


def read(area: Staging) -> Records:
    """A run's records, whichever are there."""
    plan = Plan.from_json(area.read_text("plan.json")) if area.exists("plan.json") else None
    timings: dict[str, list[Record]] = {}
    for name in area.names("timings"):
        timing = area.read_json("timings", name)
        timings.setdefault(timing["stage"], []).append(timing)

    def there(*parts: str) -> Any:
        return area.read_json(*parts) if area.exists(*parts) else None

    def receipts(stage: str, table: TablePlan) -> list[Receipt]:
        chunks = [n for n in area.names(stage, folder(table.name)) if n.endswith(".json")]
        return [Receipt(**area.read_json(stage, folder(table.name), n)) for n in chunks]

    tables = plan.tables if plan else ()
    return Records(
        plan,
        there("assessment.json"),
        there(FAILURE),
        timings,
        {(stage, t.name): receipts(stage, t) for t in tables for stage in ("extracted", "transformed")},
        {t.name: quarantine.manifests(area, t.name) for t in tables if t.quarantines},
        {stage: verdicts for stage in GATES if (verdicts := there("verdicts", f"{stage}.json")) is not None},
        there("proof.json"),
        there("approval.json"),
        there("switch.json"),
        there("undo.json"),
        there("redriven.json"),
    )


def collect(found: Records, migration: str, run: str) -> Record:
    """The report as one JSON-able record. Pure but for the clock and the versions of what is installed."""
    plan, outcome = found.plan, _outcome(found)
    tables = [_table(found, t) for t in found.tables]
    spans = [span for parts in found.timings.values() for span in map(_span, parts)]
    return {
        "report": VERSION,
        "migration": migration,
        "run": run,
        "written": journal.now(),
        "outcome": outcome,
        "headline": _headline(found, outcome),
        "failure": found.failure and {**found.failure, "stage_words": STAGES.get(found.failure["stage"], found.failure["stage"])},
        "started": min((t["started"] for parts in found.timings.values() for t in parts), default=found.failure and found.failure["at"]),
        "source": plan and plan.source,
        "target": plan and plan.target,
        "totals": _totals(tables, _busy(spans)),
        "stages": _stages(found, tables),
        "tables": tables,
        "gates": _gates(found),
        "quarantine": [
            {"table": t.name, "groups": [asdict(g) for g in quarantine.summary(found.quarantine[t.name], t)]}
            for t in found.tables
            if found.quarantine.get(t.name)
        ],
        "proof": found.proof and {"holds": all(p["holds"] for p in found.proof), "tables": list(found.proof)},
        "approval": _approval(found),
        "switch": _switch(found, migration),
        "undo": found.undo,
        "redriven": found.redriven,
        "consistency": _consistency(plan),
        "interval": list(plan.interval) if plan and plan.interval else None,
        "assessment": found.assessment,
        "fingerprint": plan and plan.fingerprint,
        "versions": _versions(plan),
    }


def _outcome(found: Records) -> str:
    """Where the data stands: switched, undone, or nothing switched and why."""
    failed_undo = found.failure is not None and found.failure["stage"] == "undo"
    if found.undo:
        return "undone"
    if found.failure and not failed_undo:
        return "not approved" if found.failure["type"] == "NotApproved" else "failed"
    if found.switch:
        return "switched"
    if found.approval and not found.approval["approved"]:
        return "not approved"
    if found.proof and all(p["holds"] for p in found.proof):
        return "proved, not switched"
    return "unfinished"


def _headline(found: Records, outcome: str) -> str:
    rows = sum(p["rows"] for p in found.proof or ())
    proved = f"{count(len(found.tables), 'table')} with {count(rows, 'row')}"
    if outcome == "switched":
        left_out = sum(p["rejected"] for p in found.proof or ())
        text = f"{proved} are live, and each was proved equal to what the source gave."
        text += f" {count(left_out, 'bad row')} {'is' if left_out == 1 else 'are'} in quarantine." if left_out else ""
        return text + (" A later undo did not happen." if found.failure else "")
    if outcome == "proved, not switched":
        waiting = found.plan is not None and found.plan.approval and found.approval is None
        then = "an approval is awaited" if waiting else "readers see what they saw before"
        return f"{proved} are proved, and nothing is switched: {then}."
    if outcome == "undone":
        return "The tables that served before the switch serve again."
    if outcome == "not approved":
        return "Everything is proved, and nothing is switched: the switch was not approved. Readers see what they saw before."
    if outcome == "failed" and found.failure:
        what = str(found.failure["what"])
        end = "The switch itself had been made." if found.switch else "Nothing is switched: readers see what they saw before."
        return f"{what[:1].upper()}{what[1:]}. {end}"
    done = [words for stage, words in STAGES.items() if stage in found.timings]
    if not done:
        return "Nothing has been done yet."
    return f"The last stage done is {done[-1]!r}. Nothing is switched: readers see what they saw before."


def _table(found: Records, table: TablePlan) -> Record:
    extracted, transformed = found.receipts["extracted", table.name], found.receipts["transformed", table.name]
    staged, held = transformed if table.steps else extracted, found.quarantine.get(table.name, ())
    proof = next((p for p in found.proof or () if p["table"] == table.name), None)
    verdicts = [v for stage in GATES for v in found.verdicts.get(stage, ()) if v["table"] == table.name]
    spent = {
        "extract": _sum(r.seconds for r in extracted),
        "transform": _sum(r.seconds for r in transformed),
        "load": proof and proof.get("load_seconds"),
        "gates": _sum(v["seconds"] for v in verdicts),
        "prove": proof and proof["seconds"],
    }
    rows, seconds = _sum(r.rows_in for r in extracted), sum(s or 0 for s in spent.values())
    return {
        "table": table.name,
        "to": str(table.target.name),
        "part": _part(table),
        "left": ((found.switch or {}).get("left") or {}).get(table.name),
        "rows_planned": table.rows,
        "rows_read": rows,
        "rows_filtered": _sum(r.filtered for r in staged),
        "rows_staged": _sum(r.rows for r in staged),
        "rows_rejected": _sum([*(r.rejected for r in staged), *(m.rows for m in held if m.stage == "loaded")]),
        "rows_loaded": proof and proof["rows"],
        "bytes": _sum(r.bytes for r in [*extracted, *transformed]),
        "chunks": len(table.chunks),
        "seconds": spent,
        "rows_per_second": round(rows / seconds) if rows and seconds else None,
        "transforms": [_words(step, table.sensitive) for step in table.steps],
        "sensitive": list(table.sensitive),
        "gates": next((d for d in ("stop", "warn", "go") if any(v["decision"] == d for v in verdicts)), None),
        "proof": proof and ("holds" if proof["holds"] else "broken"),
    }


def _part(table: TablePlan) -> str | None:
    """What the run moves of a table that it doesn't move whole, in words."""
    if table.partition:
        rest = ", and the rows before it or without a time" if table.partition.first else ""
        return f"{table.partition.by} from {table.partition.low} to before {table.partition.high}{rest}"
    if table.increment:
        return f"{table.increment.by} from {table.increment.low} on, or without a time"
    return None


def _totals(tables: Sequence[Record], seconds: float) -> Record:
    names = ("rows_read", "rows_filtered", "rows_staged", "rows_rejected", "rows_loaded", "bytes", "chunks")
    totals: Record = {"tables": len(tables)} | {n: _sum(t[n] for t in tables) for n in names}
    rows = totals["rows_read"]
    return totals | {"seconds": round(seconds, 3), "rows_per_second": round(rows / seconds) if rows and seconds else None}


def _stages(found: Records, tables: Sequence[Record]) -> list[Record]:
    """The stages in their order. state: done, failed, or next for those never reached; a stage that isn't part of the run is left out."""
    counted = {"extract": "rows_read", "transform": "rows_read", "load": "rows_loaded", "prove": "rows_loaded"}
    transformed = {t.name for t in found.tables if t.steps}
    failed = found.failure and found.failure["stage"]
    optional = {"preflight", "approve", "undo"} | (set() if transformed else {"transform", "gate_transformed"})
    stages = []
    for stage, words in STAGES.items():
        parts = found.timings.get(stage, ())
        if not parts and stage != failed and stage in optional:
            continue
        of = [t for t in tables if stage != "transform" or t["table"] in transformed]
        stages.append(
            {
                "stage": stage,
                "words": words,
                "state": "failed" if stage == failed else "done" if parts else "next",
                "rows": _sum(t[counted[stage]] for t in of) if parts and stage in counted else None,
                "seconds": round(_busy(map(_span, parts)), 3) if parts else None,
                "tasks": len(parts),
                "started": min((p["started"] for p in parts), default=None),
            }
        )
    return stages


def _gates(found: Records) -> list[Record]:
    """One entry a gate. state: open, warned, closed, or not reached."""
    stages = [s for s in GATES if s != "transformed" or found.plan is None or found.plan.transformed]
    gates = []
    for stage in stages:
        verdicts = found.verdicts.get(stage)
        decisions = {v["decision"] for v in verdicts or ()}
        state = "not reached" if verdicts is None else "closed" if "stop" in decisions else "warned" if "warn" in decisions else "open"
        results = [r for v in verdicts or () for r in v["results"]]
        gates.append(
            {
                "stage": stage,
                "state": state,
                "asked": len(results),
                "met": sum(bool(r["success"]) for r in results),
                "seconds": _sum(v["seconds"] for v in verdicts or ()),
                "verdicts": list(verdicts or ()),
            }
        )
    return gates


def _approval(found: Records) -> Record | None:
    wanted = found.plan is not None and found.plan.approval
    return {"wanted": wanted, **(found.approval or {})} if wanted or found.approval else None


def _switch(found: Records, migration: str) -> Record | None:
    if not found.switch:
        return None
    moves = [{"live": live, "shadow": shadow, "kept": kept} for live, shadow, kept in found.switch["moves"]]
    return {**found.switch, "how": found.plan and found.plan.how, "moves": moves, "undo": f"penstock undo {migration}.yaml"}


def _consistency(plan: Plan | None) -> str | None:
    if plan is None:
        return None
    if plan.consistency == "run":
        return "All tables were read as of one instant, in one snapshot."
    return "Each table was read as of one instant of its own; what changed between two of them is in the one and not in the other."


def _words(step: Step, sensitive: Sequence[str]) -> str:
    """A transform in words: `rename dep_time → departed_at`. Values given for a sensitive column are withheld."""
    name, args = step
    if name in _VALUED and any(column in str(args) for column in sensitive):
        return f"{name} (withheld: it speaks of a sensitive column)"
    if isinstance(args, Mapping):
        sign = {"rename": " → ", "derive": " = ", "fill": " with ", "cast": " to ", "mask": " by "}.get(name, ": ")
        return f"{name} " + ", ".join(f"{k}{sign}{_listed(v)}" for k, v in args.items())
    return f"{name} {_listed(args)}"


def _listed(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{k} → {v}" for k, v in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _versions(plan: Plan | None) -> dict[str, str]:
    found = {"source": plan.source_version, "target": plan.target_version} if plan else {}
    found["python"] = platform.python_version()
    for package in _PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def _sum(values: Iterable[float | None]) -> Any:
    """The sum of what is there; None when nothing is."""
    there = [v for v in values if v is not None]
    total = sum(there)
    return (round(total, 3) if isinstance(total, float) else total) if there else None


def _span(timing: Record) -> tuple[float, float]:
    began = dt.datetime.fromisoformat(timing["started"]).timestamp()
    return began, began + timing["seconds"]


def _busy(spans: Iterable[tuple[float, float]]) -> float:
    """Seconds in which at least one of the spans was going on: tasks that ran beside each other count once, waiting not at all."""
    total, until = 0.0, float("-inf")
    for began, ended in sorted(spans):
        total += max(0.0, ended - max(began, until))
        until = max(until, ended)
    return total
