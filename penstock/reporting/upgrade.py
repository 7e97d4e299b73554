"""Reports that earlier versions of Penstock wrote, in the form of this version. Pages and comparisons read this form only."""

from __future__ import annotations

from collections.abc import Mapping

from penstock.reporting.inputs import Record

VERSION = 2
"""The version of report.json, its field `report`."""

_REPORT = {"since": "changes", "assessment": "preflight"}
_CHANGES = {"told": "lines"}
_PREFLIGHT = {"told": "lines", "outlook": "estimate"}
_TABLE = {"left": "left_alone_for"}
_COMPARED = {"put": "rows_in", "leaving": "rows_out", "standing": "rows_unchanged"}
_PROOF = {"standing": "unchanged"}
_SWITCH = {"left": "left_alone"}
_REDRIVEN = {"left": "remaining"}


def upgraded(report: Record) -> Record:
    """A report.json of a run or an undo in the form of this version. One of this version, or of a later one, is returned as it is."""
    if report.get("report") != 1:
        return report
    return _undo(report) if report.get("kind") == "undo" else _run(report)


def _undo(report: Record) -> Record:
    return report | {"report": VERSION}


def _run(old: Record) -> Record:
    report = _renamed(old, _REPORT) | {"report": VERSION}
    report.setdefault("changes", None)
    report.setdefault("schema", None)
    report.setdefault("pace", [])
    for name, names in (("changes", _CHANGES), ("preflight", _PREFLIGHT), ("switch", _SWITCH)):
        report[name] = report.get(name) and _renamed(report[name], names)
    report["tables"] = [_table(t) for t in report["tables"]]
    for name, names in (("proof", _PROOF), ("redriven", _REDRIVEN)):
        if found := report.get(name):
            report[name] = found | {"tables": [_renamed(t, names) for t in found["tables"]]}
    return report


def _table(old: Record) -> Record:
    table = {"left_alone_for": None, "compared": None} | _renamed(old, _TABLE)
    return table | {"compared": table["compared"] and _renamed(table["compared"], _COMPARED)}


def _renamed(record: Record, names: Mapping[str, str]) -> Record:
    return {names.get(name, name): value for name, value in record.items()}
