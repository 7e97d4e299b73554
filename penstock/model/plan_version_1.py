"""Plans as version 1 wrote them, with flags where there are scopes and switch kinds now. Read so that a finished run can be undone."""

from __future__ import annotations

from typing import Any

_RENAMED = {
    "ranged": "chunks_at_target",
    "longest": "longest_row",
    "follows": "watermark_column",
    "held": "source_primary_key",
}
_FLAGS = ("partition", "increment", "repairs", "leaving", "exchanges", "in_place", "pending")


def upgraded(plan: dict[str, Any]) -> dict[str, Any]:
    """The JSON object of a plan of version 1 in today's form. It keeps its version, so that nobody goes on with the run."""
    return plan | {"version": 1, "tables": [_table(t, plan["how"]) for t in plan["tables"]]}


def _table(table: dict[str, Any], how: str) -> dict[str, Any]:
    kept = {_RENAMED.get(name, name): value for name, value in table.items() if name not in _FLAGS}
    return kept | {"scope": _scope(table), "how": _how(table, how)}


def _scope(table: dict[str, Any]) -> dict[str, Any]:
    part, increment = table["partition"], table["increment"]
    if increment:
        return {**increment, "type": "changes"}
    rows = {**part, "type": "interval", "pending": table["pending"]} if part else {"type": "whole"}
    return {"type": "differences", "among": rows, "delete_keys": table["leaving"]} if table["repairs"] else rows


def _how(table: dict[str, Any], how: str) -> str:
    if table["exchanges"]:
        return "attach_partition"
    return "replace_rows" if table["repairs"] or table["increment"] or table["partition"] else how
