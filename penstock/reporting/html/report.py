"""The report of a run as one self-contained HTML file, and its pictures."""

from __future__ import annotations

from typing import Any

from penstock.reporting import html
from penstock.reporting.html.pace import pace
from penstock.runtime import formatting

_PLACE, _HALF, _DROP, _WIDTH = 124, 27, 16, 1080


def document(report: dict[str, Any]) -> str:
    """A report as one file, without scripts and without links. Names, values and messages in it may be hostile: they stay text."""
    return html.render("report.html.j2", report=report, flow=flow(report), pace=pace(report), shown=None)


def undo_document(report: dict[str, Any]) -> str:
    """The report of an undo as one file."""
    return html.render("undo_report.html.j2", report=report, shown=None)


def ledger(proof: dict[str, Any]) -> list[tuple[str, str, bool]]:
    """The digests at the three points as (points, digest, whether it is as it must be), equal ones on one line.

    Where the load left rows out, what is at the target is not what was staged; with them it must be.
    """
    lines = [("source", proof["source"], True)]
    left_out = not proof.get("quarantined", "0:").startswith("0:")  # runs of earlier versions say nothing of it
    for point, before in (("staged", "source"), ("target", "staged")):
        if proof[point] == proof[before]:
            lines[-1] = (f"{lines[-1][0]} = {point}", proof[point], True)
        else:
            lines.append((point, proof[point], point == "staged" or (left_out and proof["holds"])))
    return [*lines, ("+ quarantined", proof["quarantined"], proof["holds"])] if left_out else lines


def flow(report: dict[str, Any]) -> dict[str, Any]:
    """The picture of the run: places where the rows stand, pipes between them, valves on the pipes, each with its place and state."""
    done = {s["stage"]: s["state"] for s in report["stages"]}
    gates = {g["stage"]: g for g in report["gates"]}
    totals, versions = report["totals"], report["versions"]
    switched = report["outcome"] == "switched" or bool(report["switch"] and not report["undo"])
    proof = report["proof"]
    proved = "open" if proof and proof["holds"] else "closed" if proof else "not reached"

    def gate(stage: str) -> dict[str, Any]:
        found = gates[stage]
        told = f"{found['met']:,} of {found['asked']:,}" if found["asked"] else ""
        return {"kind": "gate", "words": "gate", "state": found["state"], "told": told}

    tried = "failed" in (done.get("switch"), done.get("approve"))
    switch = "open" if switched else "closed" if tried else "not reached"
    said = {"proof": {"open": "holds", "closed": "broken"}, "switch": {"open": "made", "closed": "refused"}}
    valves = [[], [gate("extracted")], [gate("loaded")]]
    valves[2] += [{"kind": k, "words": k, "state": s, "told": said[k].get(s, "")} for k, s in (("proof", proved), ("switch", switch))]
    valves[2][2]["told"] = "undone" if report["undo"] else valves[2][2]["told"]
    places = [
        ("source", versions.get("source", ""), True),
        ("extracted", formatting.size(totals["bytes"]), done.get("extract") == "done"),
        ("shadow", versions.get("target", ""), done.get("load") == "done"),
        ("live", "new tables" if switched else "as before", switched),
    ]
    rows = [totals["rows_read"], totals["rows_read"], totals["rows_loaded"]]
    if "transformed" in gates:
        places.insert(2, ("transformed", "by declared steps", done.get("transform") == "done"))
        valves.insert(2, [gate("transformed")])
        rows.insert(2, totals["rows_staged"] if places[2][2] else None)
    return _placed(places, valves, rows)


def _placed(places: list[tuple[str, str, bool]], valves: list[list[dict[str, Any]]], rows: list[int | None]) -> dict[str, Any]:
    """Each place a level lower than the one before; pipes share the width that is left by the valves they have."""
    weights = [1 + 0.75 * max(0, len(v) - 1) for v in valves]
    unit = (_WIDTH - 2 - _PLACE * len(places)) / sum(weights)
    x, y = 1.0, 58.0
    boxes, pipes = [], []
    for i, (words, told, reached) in enumerate(places):
        boxes.append({"x": x, "y": y - _HALF, "words": words, "told": told, "reached": reached})
        x += _PLACE
        if i == len(valves):
            break
        length = unit * weights[i]
        step = (length - 16) / (len(valves[i]) or 1)
        for n, valve in enumerate(valves[i]):
            valve |= {"x": x + step * (n + 0.5), "y": y}
        ahead = places[i + 1][2]
        wet = x + length if ahead else _reach(x, length, valves[i], reached)
        count = f"{rows[i]:,}" if rows[i] is not None and reached else ""
        middle = x + (step if valves[i] else length) / 2
        pipe = {"x": x, "y": y, "turn": x + length - 12, "end": x + length, "down": y + _DROP, "full": ahead, "wet": wet}
        pipes.append(pipe | {"valves": valves[i], "rows": count, "middle": middle})
        x, y = x + length, y + _DROP
    return {"width": _WIDTH, "height": y + _HALF + 12, "place": _PLACE, "boxes": boxes, "pipes": pipes}


def _reach(x: float, length: float, valves: list[dict[str, Any]], reached: bool) -> float:
    """How far the water stands in a pipe whose end is dry: at the first valve that isn't open."""
    if not reached:
        return x
    shut = (v["x"] for v in valves if v["state"] not in ("open", "warned"))
    return float(next(shut, x)) if valves else x
