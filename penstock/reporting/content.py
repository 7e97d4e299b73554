"""The report as one record: what report.json holds."""

from __future__ import annotations

import json
import logging
import platform
from importlib import metadata
from pathlib import Path
from typing import Any

from penstock.model.plan import Plan
from penstock.reporting import sections
from penstock.reporting.inputs import Record, Records
from penstock.reporting.outcome import headline, outcome
from penstock.reporting.sections import Inputs
from penstock.reporting.sections.tables import totals
from penstock.reporting.upgrade import VERSION
from penstock.state import journal
from penstock.state.json_file import record
from penstock.state.run_log import STAGES, WORK, busy

log = logging.getLogger(__name__)

_PACKAGES = ("penstock", "apache-airflow", "great-expectations", "duckdb", "pyarrow", "sqlalchemy")


def json_schema() -> Record:
    """The JSON Schema of report.json, of a run and of an undo."""
    return dict(json.loads(Path(__file__).with_name("report.schema.json").read_text(encoding="utf-8")))


class _Report(dict[str, Any]):
    """A report that is being made: the value of a section is collected when it is first read, by another section or for the file."""

    def __init__(self, records: Records, facts: Record) -> None:
        super().__init__(facts)
        self._inputs = Inputs(records, self)

    def __missing__(self, name: str) -> Any:
        collect = sections.find(name).collect
        if collect is None:
            raise KeyError(name)
        self[name] = collect(self._inputs)
        return self[name]


def collect(records: Records, migration: str, run: str) -> Record:
    """The report as one JSON-able record. It depends on nothing but the records, the clock and the installed versions."""
    report = _Report(records, _facts(records, migration, run))
    timings = [t for parts in records.timings.values() for t in parts]
    report["totals"] = totals(report["tables"], busy(timings), busy(t for t in timings if t.stage in WORK))
    for section in sections.every():
        if section.collect is None or section.name in report:
            continue
        try:
            value = report[section.name]
            if section.added:
                json.dumps(value)
        except Exception:
            if not section.added:
                raise
            log.exception("%s could not be collected: it is left out of report.json", section)
            report.pop(section.name, None)
    return dict(report)


def _facts(records: Records, migration: str, run: str) -> Record:
    """What the report holds besides its sections and the totals."""
    plan, failure, ended = records.plan, records.failure, outcome(records)
    started = [t.started for parts in records.timings.values() for t in parts]
    return {
        "report": VERSION,
        "migration": migration,
        "run": run,
        "written": journal.now(),
        "outcome": ended,
        "headline": headline(records, ended),
        "failure": failure and {**record(failure), "stage_words": STAGES.get(failure.stage, failure.stage)},
        "started": min(started, default=failure and failure.at),
        "source": plan and plan.source,
        "target": plan and plan.target,
        "approval": _approval(records),
        "undo": records.undo and record(records.undo),
        "redriven": _redriven(records),
        "consistency": _consistency(plan),
        "interval": list(records.interval) if records.interval else None,
        "timezone": records.timezone,
        "fingerprint": plan and plan.fingerprint,
        "versions": _versions(plan),
    }


def _approval(records: Records) -> Record | None:
    wanted = records.plan is not None and records.plan.approval
    return {"wanted": wanted, **(record(records.approval) if records.approval else {})} if wanted or records.approval else None


def _redriven(records: Records) -> Record | None:
    """How many quarantined rows a re-drive loaded, and how many remain."""
    found = records.redriven
    if found is None:
        return None
    return {"at": found.at, "tables": [{"table": t.table, "loaded": t.loaded, "remaining": t.left} for t in found.tables]}


def _consistency(plan: Plan | None) -> str | None:
    if plan is None:
        return None
    if plan.consistency == "run":
        return "All tables were read from one snapshot."
    return "Each table was read from a snapshot of its own. A change made between two snapshots can be in one table and not in the other."


def _versions(plan: Plan | None) -> dict[str, str]:
    found = {"source": plan.source_version, "target": plan.target_version} if plan else {}
    found["python"] = platform.python_version()
    for package in _PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found
