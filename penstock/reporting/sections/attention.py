"""The tables that need attention: failed checks first, then rejected rows, then changes since the last run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from penstock.reporting.inputs import Record
from penstock.runtime import formatting

order = {"run": 30}

_CHANGED_BY = 0.5
"""A number of rows that changed by this part needs attention."""


def view(report: Record) -> list[tuple[Record, list[str]]]:
    """The tables that a reviewer should look at, each with the reasons; the worst first."""
    changes = report.get("changes") or {"rows": (), "columns": (), "tables_added": ()}
    moved = {r["table"]: r for r in changes["rows"] if r["ratio"] is None or abs(r["ratio"]) >= _CHANGED_BY}
    changed = {c["table"] for c in changes["columns"]}
    found = []
    for table in report["tables"]:
        name = table["table"]
        why = [
            "the proof is broken" if table["proof"] == "broken" else "",
            {"stop": "a gate is closed", "warn": "a gate warned"}.get(table["gates"] or "", ""),
            f"{formatting.count(table['rows_rejected'], 'row')} rejected" if table["rows_rejected"] else "",
            "left alone" if table["left_alone_for"] else "",
            "columns changed" if name in changed else "",
            "not in the last run" if name in changes["tables_added"] else "",
            f"rows: {_change(moved[name])}" if name in moved else "",
        ]
        if any(why):
            found.append((table, list(filter(None, why))))
    weight = {"broken": 0, "stop": 1, "warn": 2}
    return sorted(found, key=lambda f: min(weight.get(f[0]["proof"] or "", 3), weight.get(f[0]["gates"] or "", 3)))


def _change(row: Mapping[str, Any]) -> str:
    return f"{formatting.number(row['before'])} in the last run" if row["ratio"] is None else f"{100 * row['ratio']:+.0f} %"
