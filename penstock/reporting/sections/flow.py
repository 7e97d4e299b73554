"""The picture of the data flow: source, staging, shadow tables and live tables, with the gates, the proof and the switch between them."""

from __future__ import annotations

from typing import Any

from penstock.reporting.inputs import Record
from penstock.runtime import formatting

order = {"report": 20, "run": 20}

_BOX, _HALF, _DROP, _WIDTH = 124, 27, 16, 1080


def view(report: Record) -> Record:
    """The coordinates of the picture: boxes where the rows are, lines between them, and marks on the lines, each with its state."""
    done = {s["stage"]: s["state"] for s in report["stages"]}
    gates = {g["stage"]: g for g in report["gates"]}
    totals, versions = report["totals"], report["versions"]
    switched = bool(report["switch"] and not report["undo"] and report["outcome"] != "overtaken")
    proof = report["proof"]
    proved = "open" if proof and proof["holds"] else "closed" if proof else "not reached"

    def gate(stage: str) -> dict[str, Any]:
        found = gates[stage]
        detail = f"{found['met']:,} of {found['asked']:,}" if found["asked"] else ""
        return {"kind": "gate", "words": "gate", "state": found["state"], "detail": detail}

    tried = "failed" in (done.get("switch"), done.get("approve"))
    switch = "open" if switched else "closed" if tried else "not reached"
    details = {"proof": {"open": "holds", "closed": "broken"}, "switch": {"open": "done", "closed": "refused"}}
    marks = [[], [gate("extracted")], [gate("loaded")]]
    marks[2] += [{"kind": k, "words": k, "state": s, "detail": details[k].get(s, "")} for k, s in (("proof", proved), ("switch", switch))]
    marks[2][2]["detail"] = "undone" if report["undo"] else marks[2][2]["detail"]
    boxes = [
        ("source", versions.get("source", ""), True),
        ("extracted", formatting.size(totals["bytes"]), done.get("extract") == "done"),
        ("shadow", versions.get("target", ""), done.get("load") == "done"),
        ("live", "new tables" if switched else "unchanged", switched),
    ]
    rows = [totals["rows_read"], totals["rows_read"], totals["rows_loaded"]]
    if "transformed" in gates:
        boxes.insert(2, ("transformed", "declared steps", done.get("transform") == "done"))
        marks.insert(2, [gate("transformed")])
        rows.insert(2, totals["rows_staged"] if boxes[2][2] else None)
    return _placed(boxes, marks, rows)


def _placed(boxes: list[tuple[str, str, bool]], marks: list[list[dict[str, Any]]], rows: list[int | None]) -> Record:
    """Each box is a level lower than the one before. The lines share the width that is left, by the number of marks on them."""
    weights = [1 + 0.75 * max(0, len(on_line) - 1) for on_line in marks]
    unit = (_WIDTH - 2 - _BOX * len(boxes)) / sum(weights)
    x, y = 1.0, 58.0
    drawn, lines = [], []
    for i, (words, detail, reached) in enumerate(boxes):
        drawn.append({"x": x, "y": y - _HALF, "words": words, "detail": detail, "reached": reached})
        x += _BOX
        if i == len(marks):
            break
        length = unit * weights[i]
        step = (length - 16) / (len(marks[i]) or 1)
        for n, mark in enumerate(marks[i]):
            mark |= {"x": x + step * (n + 0.5), "y": y}
        complete = boxes[i + 1][2]
        filled = x + length if complete else _filled(x, length, marks[i], reached)
        count = f"{rows[i]:,}" if rows[i] is not None and reached else ""
        middle = x + (step if marks[i] else length) / 2
        line = {"x": x, "y": y, "turn": x + length - 12, "end": x + length, "down": y + _DROP, "complete": complete, "filled": filled}
        lines.append(line | {"marks": marks[i], "rows": count, "middle": middle})
        x, y = x + length, y + _DROP
    return {"width": _WIDTH, "height": y + _HALF + 12, "box": _BOX, "boxes": drawn, "lines": lines}


def _filled(x: float, length: float, marks: list[dict[str, Any]], reached: bool) -> float:
    """How far a line is drawn as done when the next box is not reached: to the first mark that isn't open."""
    if not reached:
        return x
    closed = (mark["x"] for mark in marks if mark["state"] not in ("open", "warned"))
    return float(next(closed, x)) if marks else x
