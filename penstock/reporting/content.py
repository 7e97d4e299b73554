"""The report as one record: what report.json holds."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import asdict
from importlib import metadata

from penstock.model.plan import Plan
from penstock.reporting.changes import since
from penstock.reporting.inputs import Record, Records, summed
from penstock.reporting.outcome import headline, outcome
from penstock.reporting.switch import switched
from penstock.reporting.tables import tables, totals
from penstock.state import journal, quarantine
from penstock.state.evidence import GATES
from penstock.state.json_file import record
from penstock.state.run_log import STAGES, WORK, busy

VERSION = 1
_PACKAGES = ("penstock", "apache-airflow", "great-expectations", "duckdb", "pyarrow", "sqlalchemy")


def collect(found: Records, migration: str, run: str) -> Record:
    """The report as one JSON-able record. Pure but for the clock and the versions of what is installed."""
    plan, ended = found.plan, outcome(found)
    each, all_parts = tables(found), [t for parts in found.timings.values() for t in parts]
    report: Record = {
        "report": VERSION,
        "migration": migration,
        "run": run,
        "written": journal.now(),
        "outcome": ended,
        "headline": headline(found, ended),
        "failure": found.failure and {**record(found.failure), "stage_words": STAGES.get(found.failure.stage, found.failure.stage)},
        "started": min((t.started for t in all_parts), default=found.failure and found.failure.at),
        "source": plan and plan.source,
        "target": plan and plan.target,
        "totals": totals(each, busy(all_parts), busy(t for t in all_parts if t.stage in WORK)),
        "stages": _stages(found, each),
        "pace": list(found.pace),
        "tables": each,
        "gates": _gates(found),
        "quarantine": [
            {"table": t.name, "groups": [asdict(g) for g in quarantine.summary(found.quarantine[t.name], t)]}
            for t in found.tables
            if found.quarantine.get(t.name)
        ],
        "proof": found.proof and {"holds": found.proof.holds, "depth": plan and plan.depth, "tables": record(found.proof)},
        "approval": _approval(found),
        "switch": _switch(found, migration),
        "undo": found.undo and record(found.undo),
        "redriven": found.redriven and record(found.redriven),
        "consistency": _consistency(plan),
        "interval": list(found.interval) if found.interval else None,
        "timezone": found.timezone,
        "assessment": found.assessment,
        "fingerprint": plan and plan.fingerprint,
        "versions": _versions(plan),
    }
    return report | {"since": since(report, found.before)}


def _stages(found: Records, each: Sequence[Record]) -> list[Record]:
    """The stages in their order. state: done, failed, or next for those never reached; a stage that isn't part of the run is left out."""
    counted = {"extract": "rows_read", "transform": "rows_read", "load": "rows_loaded", "prove": "rows_loaded"}
    transformed = {t.name for t in found.tables if t.steps}
    failed = found.failure and found.failure.stage
    optional = {"preflight", "compare", "approve", "undo"} | (set() if transformed else {"transform", "gate_transformed"})
    stages = []
    for stage, words in STAGES.items():
        parts = found.timings.get(stage, ())
        if not parts and stage != failed and stage in optional:
            continue
        of = [t for t in each if stage != "transform" or t["table"] in transformed]
        stages.append(
            {
                "stage": stage,
                "words": words,
                "state": "failed" if stage == failed else "done" if parts else "next",
                "rows": summed(t[counted[stage]] for t in of) if parts and stage in counted else None,
                "seconds": round(busy(parts), 3) if parts else None,
                "tasks": len(parts),
                "started": min((p.started for p in parts), default=None),
            }
        )
    return stages


def _gates(found: Records) -> list[Record]:
    """One entry a gate. state: open, warned, closed, or not reached."""
    stages = [s for s in GATES if s != "transformed" or found.plan is None or found.plan.transformed]
    gates = []
    for stage in stages:
        verdicts = found.verdicts.get(stage)
        decisions = {v.decision for v in verdicts or ()}
        state = "not reached" if verdicts is None else "closed" if "stop" in decisions else "warned" if "warn" in decisions else "open"
        results = [r for v in verdicts or () for r in v.results]
        gates.append(
            {
                "stage": stage,
                "state": state,
                "asked": len(results),
                "met": sum(r.success for r in results),
                "seconds": summed(v.seconds for v in verdicts or ()),
                "verdicts": [record(v) for v in verdicts or ()],
            }
        )
    return gates


def _approval(found: Records) -> Record | None:
    wanted = found.plan is not None and found.plan.approval
    return {"wanted": wanted, **(record(found.approval) if found.approval else {})} if wanted or found.approval else None


def _switch(found: Records, migration: str) -> Record | None:
    if not found.switch:
        return None
    moves = [move._asdict() for move in found.switch.moves]
    made = {**record(found.switch), "how": found.plan and found.plan.how, "moves": moves, "tables": switched(found)}
    return made | {"undo": f"penstock undo {migration}.yaml"}


def _consistency(plan: Plan | None) -> str | None:
    if plan is None:
        return None
    if plan.consistency == "run":
        return "All tables were read as of one instant, in one snapshot."
    return "Each table was read as of one instant of its own; what changed between two of them is in the one and not in the other."


def _versions(plan: Plan | None) -> dict[str, str]:
    found = {"source": plan.source_version, "target": plan.target_version} if plan else {}
    found["python"] = platform.python_version()
    for package in _PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found
