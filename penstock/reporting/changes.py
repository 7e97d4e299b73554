"""What changed since the last run of the same migration and kind: two reports are compared, and only what differs is told.

Rows are compared with what earlier runs have read where as much was moved (penstock/state/previous_run.py): an increment with
increments, an interval with the intervals before, a whole table with the last whole load.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from penstock.reporting.inputs import Record
from penstock.runtime.formatting import count, number, seconds

# Clocks and loads differ: a stage is slower or faster when it is so by this much.
_SECONDS, _RATIO = 1.0, 1.25
# So do days and increments: of these a number of rows is told when it is off the usual by this part.
_OFF = 0.2
# Asked of every table, and told by other lines: how many rows it has, and its columns.
_COUNTED = ("penstock.rows", "penstock.columns")


def since(now: Record, before: Record | None) -> Record | None:
    """What `now` has that `before`, the report of the last run of its kind, had not. None when there was none, or one of another version.

    Each part lists what changed, the largest change first; `told` says it in short lines, and none when nothing changed.
    """
    if before is None or before.get("report") != now["report"]:
        return None
    ours, theirs = _by_table(now), _by_table(before)
    both = [(ours[name], theirs[name]) for name in ours if name in theirs]
    found: Record = {
        "run": before["run"],
        "outcome": before["outcome"],
        "written": before["written"],
        "interval": before["interval"],
        "tables_added": [name for name in ours if name not in theirs],
        "tables_missing": [name for name in theirs if name not in ours],
        "columns": [c for pair in both for c in _columns(*pair)],
        "rows": sorted((r for table in ours.values() if (r := _rows(table))), key=lambda r: -abs(r["now"] - r["before"])),
        "expectations": _expectations(now, before, {n["table"] for n, b in both if n["sensitive"] or b["sensitive"]}, _alike(both)),
        "quarantine": _quarantine(now, before),
        "seconds": _seconds(now, before),
        "declared": _declared(now, before, both),
        "versions": _differing(now["versions"], before["versions"]),
    }
    return found | {"told": list(_told(found, now, before))}


def of_table(found: Record | None, name: str) -> Record | None:
    """The part of it that is about one table; None when nothing of it changed."""
    if found is None:
        return None
    parts = ("columns", "rows", "expectations", "quarantine", "declared")
    own = {part: [c for c in found[part] if c.get("table") == name] for part in parts}
    return (
        {"run": found["run"], "added": name in found["tables_added"], **own} if any(own.values()) or name in found["tables_added"] else None
    )


def _by_table(report: Record) -> dict[str, Record]:
    return {t["table"]: t for t in report["tables"]}


def _columns(now: Record, before: Record) -> Iterable[Record]:
    ours, theirs = ({c["to"] or f"{c['from']} (left out)": _column(c) for c in t.get("columns", ())} for t in (now, before))
    if not theirs:
        return  # a report of an earlier version does not say
    for change in _differing(ours, theirs):
        yield {"table": now["table"], "column": change["name"], "before": change["before"], "now": change["now"]}


def _column(column: Record) -> str:
    if column["from"] is None:
        return str(column["to_type"])
    if column["to"] is None:
        return str(column["from_type"])
    same = column["from_type"] == column["to_type"]
    return str(column["to_type"]) if same else f"{column['from_type']} → {column['to_type']}"


def _rows(now: Record) -> Record | None:
    ours, usual = now["rows_read"], now["rows_usual"]
    if ours is None or usual is None or ours == usual:
        return None
    ratio = round(ours / usual - 1, 4) if usual else None
    if now["moves"] != "whole" and ratio is not None and abs(ratio) < _OFF:
        return None
    return {"table": now["table"], "moves": now["moves"], "before": usual, "now": ours, "ratio": ratio}


def _alike(both: Sequence[tuple[Record, Record]]) -> dict[str, str]:
    """What both runs moved of a table, of tables where it is the same."""
    return {now["table"]: now["moves"] for now, before in both if now["moves"] == before.get("moves")}


def _expectations(now: Record, before: Record, withheld: set[str], alike: Mapping[str, str]) -> list[Record]:
    """Those that are met no longer, then those that are met again, then, of whole tables, those that saw something else.

    withheld: tables of which no observed value is repeated: what was shown then may be declared sensitive since.
    """
    ours, theirs = _results(now), _results(before)
    found = []
    for which, result in ours.items():
        earlier = theirs.get(which)
        if earlier is None or (result["success"] == earlier["success"] and _saw(result) == _saw(earlier)):
            continue
        table, stage, code = which
        if table not in alike or (alike[table] != "whole" and result["success"] == earlier["success"]):
            continue
        if result["success"] == earlier["success"] and code.startswith(_COUNTED):
            continue
        change = {"table": table, "stage": stage, "code": code, "columns": result["columns"], "expected": result["expected"]}
        told = ["" if table in withheld else _saw(r) for r in (earlier, result)]
        change |= {"met_before": earlier["success"], "met": result["success"], "before": told[0], "now": told[1]}
        if any(told) or earlier["success"] != result["success"]:
            found.append(change)
    return sorted(found, key=lambda c: (c["met"], c["met_before"]))


def _results(report: Record) -> dict[tuple[str, str, str], Record]:
    verdicts = ((g["stage"], v) for g in report["gates"] for v in g["verdicts"])
    return {(v["table"], stage, r["code"]): r for stage, v in verdicts for r in v["results"]}


def _saw(result: Record) -> str:
    if result["observed"]:
        return str(result["observed"])
    return f"{result['unexpected']:,} unexpected" if result["unexpected"] else ""


def _quarantine(now: Record, before: Record) -> list[Record]:
    ours, theirs = _rejected(now), _rejected(before)
    found = []
    for which in {**theirs, **ours}:
        change = {"before": theirs.get(which, 0), "now": ours.get(which, 0)}
        over = bool(now["proof"])  # before that, rows that are not there yet may come
        if change["now"] > change["before"] or (over and change["now"] < change["before"]):
            found.append(dict(zip(("table", "column", "reason"), which, strict=True)) | change)
    return sorted(found, key=lambda c: -abs(c["now"] - c["before"]))


def _rejected(report: Record) -> dict[tuple[str, str, str], int]:
    return {(q["table"], g["column"], g["reason"]): g["rows"] for q in report["quarantine"] for g in q["groups"]}


def _seconds(now: Record, before: Record) -> list[Record]:
    ours, theirs = ({s["stage"]: s for s in r["stages"] if s["seconds"] is not None} for r in (now, before))
    found = []
    for name in (n for n in ours if n in theirs and n != "approve"):
        spent, earlier = ours[name]["seconds"], theirs[name]["seconds"]
        if abs(spent - earlier) >= _SECONDS and max(spent, earlier) >= _RATIO * min(spent, earlier):
            found.append({"stage": name, "words": ours[name]["words"], "before": earlier, "now": spent})
    return sorted(found, key=lambda c: -abs(c["now"] - c["before"]))


def _declared(now: Record, before: Record, both: Sequence[tuple[Record, Record]]) -> list[Record]:
    """What the migration file says otherwise, as far as reports tell; its fingerprint when nothing of that differs."""
    found = []
    for name in ("source", "target", "consistency"):
        if now[name] != before[name]:
            found.append({"table": None, "what": name, "before": before[name], "now": now[name]})
    for ours, theirs in both:
        for name in ("to", "transforms", "sensitive"):
            if ours[name] != theirs[name]:
                then, here = (", ".join(v) if isinstance(v, list) else v for v in (theirs[name], ours[name]))
                if name == "transforms" and set(ours["sensitive"]) - set(theirs["sensitive"]):
                    then = "(withheld: a column is sensitive now)"  # a step could say values of it then
                found.append({"table": ours["table"], "what": name, "before": then, "now": here})
    if not found and now["fingerprint"] != before["fingerprint"]:
        prints = [str(r["fingerprint"])[:12] for r in (before, now)]
        found.append({"table": None, "what": "something else in the file", "before": prints[0], "now": prints[1]})
    return found


def _differing(now: Mapping[str, Any], before: Mapping[str, Any]) -> list[Record]:
    names = [*now, *(n for n in before if n not in now)]
    return [{"name": n, "before": before.get(n), "now": now.get(n)} for n in names if now.get(n) != before.get(n)]


def _told(found: Record, now: Record, before: Record) -> Iterable[str]:
    broken, mended, moved = _turned(found["expectations"])
    if broken:
        yield f"{count(broken, 'expectation')} met then, not now"
    yield from _of_tables(found)
    if found["quarantine"]:
        yield f"rows in quarantine: {_moved(*(sum(q[end] for q in found['quarantine']) for end in ('before', 'now')))}"
    if found["rows"]:
        largest = found["rows"][0]
        rest = f", most in {largest['table']}" if len(found["rows"]) > 1 else ""
        totals = [sum(r[end] for r in found["rows"]) for end in ("before", "now")]
        then = "then" if all(r["moves"] == "whole" for r in found["rows"]) else "usually"
        yield f"rows of {count(len(found['rows']), 'table')}: {_moved(totals[0], totals[1], then)}{rest}"
    if mended:
        yield f"{count(mended, 'expectation')} met again"
    if moved:
        yield f"{count(moved, 'expectation')} saw something else"
    if found["declared"]:
        yield f"the migration file: {_few(' of '.join(filter(None, (d['what'], d['table']))) for d in found['declared'])}"
    if found["versions"]:
        yield f"versions: {_few(v['name'] for v in found['versions'])}"
    if found["seconds"]:
        most = found["seconds"][0]
        yield f"time of {most['words']}: {seconds(most['before'])} then, {seconds(most['now'])} now"


def _turned(expectations: Sequence[Record]) -> tuple[int, int, int]:
    """How many are met no longer, are met again, and are as met as they were."""
    turned = [e["met"] for e in expectations if e["met"] != e["met_before"]]
    return turned.count(False), turned.count(True), len(expectations) - len(turned)


def _of_tables(found: Record) -> Iterable[str]:
    for part, words in (("tables_added", "not in the last run: "), ("tables_missing", "not in this run: ")):
        if found[part]:
            yield f"{count(len(found[part]), 'table')} {words}{_few(found[part])}"
    if found["columns"]:
        names = [f"{c['table']}.{c['column']}" for c in found["columns"]]
        yield f"{count(len(names), 'column')} changed: {_few(names)}"


def _moved(before: int, now: int, then: str = "then") -> str:
    ratio = f" ({100 * (now / before - 1):+.1f} %)" if before and abs(now / before - 1) >= 0.0005 else ""
    return f"{number(before)} {then}, {number(now)} now{ratio}"


def _few(names: Iterable[str]) -> str:
    listed = list(names)
    return ", ".join(listed[:3]) + (f" and {len(listed) - 3:,} more" if len(listed) > 3 else "")
