"""Changes since the last run of the same migration and kind. Two reports are compared, and only the differences are listed.

The number of rows is compared with runs that moved the same part of the table (penstock/state/previous_run.py): an increment with
increments, an interval with the intervals before it, a whole table with the last whole load.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from penstock.reporting.inputs import Record
from penstock.reporting.sections import Inputs
from penstock.reporting.upgrade import upgraded
from penstock.runtime.formatting import count, number, seconds

order = {"report": 10, "run": 10}

# Clocks and loads vary: a stage counts as slower or faster only from this difference on.
_SECONDS, _RATIO = 1.0, 1.25
# So do days and increments: their number of rows is listed when it differs from the usual one by this part.
_UNUSUAL = 0.2
# Built-in expectations about the number of rows and the columns: other lines list these changes.
_COUNTED = ("penstock.rows", "penstock.columns")


def collect(inputs: Inputs) -> Record | None:
    """What changed since the last run of this kind; None when there was none."""
    before = inputs.records.before
    return compare(inputs.report, before and upgraded(before))


def compare(now: Mapping[str, Any], before: Record | None) -> Record | None:
    """The differences between a report and `before`, the report of the last run of its kind. None without one of the same version.

    Each part lists what changed, the largest change first. `lines` is a summary in words, empty when nothing changed.
    """
    if before is None or before.get("report") != now["report"]:
        return None
    new, old = _by_table(now), _by_table(before)
    both = [(new[name], old[name]) for name in new if name in old]
    found: Record = {
        "run": before["run"],
        "outcome": before["outcome"],
        "written": before["written"],
        "interval": before["interval"],
        "tables_added": [name for name in new if name not in old],
        "tables_missing": [name for name in old if name not in new],
        "columns": [c for pair in both for c in _columns(*pair)],
        "rows": sorted((r for table in new.values() if (r := _rows(table))), key=lambda r: -abs(r["now"] - r["before"])),
        "expectations": _expectations(now, before, {n["table"] for n, b in both if n["sensitive"] or b["sensitive"]}, _comparable(both)),
        "quarantine": _quarantine(now, before),
        "seconds": _seconds(now, before),
        "declared": _declared(now, before, both),
        "versions": _differing(now["versions"], before["versions"]),
    }
    return found | {"lines": list(_lines(found))}


def of_table(found: Record | None, name: str) -> Record | None:
    """The changes of one table; None when it did not change."""
    if found is None:
        return None
    parts = ("columns", "rows", "expectations", "quarantine", "declared")
    own = {part: [c for c in found[part] if c.get("table") == name] for part in parts}
    return (
        {"run": found["run"], "added": name in found["tables_added"], **own} if any(own.values()) or name in found["tables_added"] else None
    )


def _by_table(report: Mapping[str, Any]) -> dict[str, Record]:
    return {t["table"]: t for t in report["tables"]}


def _columns(now: Record, before: Record) -> Iterable[Record]:
    new, old = ({c["to"] or f"{c['from']} (left out)": _column(c) for c in t.get("columns", ())} for t in (now, before))
    if not old:
        return  # reports of early versions have no columns
    for change in _differing(new, old):
        yield {"table": now["table"], "column": change["name"], "before": change["before"], "now": change["now"]}


def _column(column: Record) -> str:
    if column["from"] is None:
        return str(column["to_type"])
    if column["to"] is None:
        return str(column["from_type"])
    same = column["from_type"] == column["to_type"]
    return str(column["to_type"]) if same else f"{column['from_type']} → {column['to_type']}"


def _rows(now: Record) -> Record | None:
    rows, usual = now["rows_read"], now["rows_usual"]
    if rows is None or usual is None or rows == usual:
        return None
    ratio = round(rows / usual - 1, 4) if usual else None
    if now["moves"] != "whole" and ratio is not None and abs(ratio) < _UNUSUAL:
        return None
    return {"table": now["table"], "moves": now["moves"], "before": usual, "now": rows, "ratio": ratio}


def _comparable(both: Sequence[tuple[Record, Record]]) -> dict[str, str]:
    """By table, the part that both runs moved; without the tables where the parts differ."""
    return {now["table"]: now["moves"] for now, before in both if now["moves"] == before.get("moves")}


def _expectations(now: Mapping[str, Any], before: Record, withheld: set[str], comparable: Mapping[str, str]) -> list[Record]:
    """The expectations that are no longer met, then those that are met again, then, for whole tables, those that observed another value.

    withheld: tables whose observed values are not repeated: a column may have been declared sensitive after the last run.
    """
    new, old = _results(now), _results(before)
    found = []
    for which, result in new.items():
        earlier = old.get(which)
        if earlier is None or (result["success"] == earlier["success"] and _observed(result) == _observed(earlier)):
            continue
        table, stage, code = which
        if table not in comparable or (comparable[table] != "whole" and result["success"] == earlier["success"]):
            continue
        if result["success"] == earlier["success"] and code.startswith(_COUNTED):
            continue
        change = {"table": table, "stage": stage, "code": code, "columns": result["columns"], "expected": result["expected"]}
        observed = ["" if table in withheld else _observed(r) for r in (earlier, result)]
        change |= {"met_before": earlier["success"], "met": result["success"], "before": observed[0], "now": observed[1]}
        if any(observed) or earlier["success"] != result["success"]:
            found.append(change)
    return sorted(found, key=lambda c: (c["met"], c["met_before"]))


def _results(report: Mapping[str, Any]) -> dict[tuple[str, str, str], Record]:
    verdicts = ((g["stage"], v) for g in report["gates"] for v in g["verdicts"])
    return {(v["table"], stage, r["code"]): r for stage, v in verdicts for r in v["results"]}


def _observed(result: Record) -> str:
    if result["observed"]:
        return str(result["observed"])
    return f"{result['unexpected']:,} unexpected" if result["unexpected"] else ""


def _quarantine(now: Mapping[str, Any], before: Record) -> list[Record]:
    new, old = _rejected(now), _rejected(before)
    found = []
    for which in {**old, **new}:
        change = {"before": old.get(which, 0), "now": new.get(which, 0)}
        complete = bool(now["proof"])  # before the proof, rows can still be added
        if change["now"] > change["before"] or (complete and change["now"] < change["before"]):
            found.append(dict(zip(("table", "column", "reason"), which, strict=True)) | change)
    return sorted(found, key=lambda c: -abs(c["now"] - c["before"]))


def _rejected(report: Mapping[str, Any]) -> dict[tuple[str, str, str], int]:
    return {(q["table"], g["column"], g["reason"]): g["rows"] for q in report["quarantine"] for g in q["groups"]}


def _seconds(now: Mapping[str, Any], before: Record) -> list[Record]:
    new, old = ({s["stage"]: s for s in r["stages"] if s["seconds"] is not None} for r in (now, before))
    found = []
    for name in (n for n in new if n in old and n != "approve"):
        spent, earlier = new[name]["seconds"], old[name]["seconds"]
        if abs(spent - earlier) >= _SECONDS and max(spent, earlier) >= _RATIO * min(spent, earlier):
            found.append({"stage": name, "words": new[name]["words"], "before": earlier, "now": spent})
    return sorted(found, key=lambda c: -abs(c["now"] - c["before"]))


def _declared(now: Mapping[str, Any], before: Record, both: Sequence[tuple[Record, Record]]) -> list[Record]:
    """What changed in the migration file: what reports contain of it, else its fingerprint."""
    found = []
    for name in ("source", "target", "consistency"):
        if now[name] != before[name]:
            found.append({"table": None, "what": name, "before": before[name], "now": now[name]})
    for new, old in both:
        for name in ("to", "transforms", "sensitive"):
            if new[name] != old[name]:
                earlier, current = (", ".join(v) if isinstance(v, list) else v for v in (old[name], new[name]))
                if name == "transforms" and set(new["sensitive"]) - set(old["sensitive"]):
                    earlier = "(withheld: a column is sensitive now)"  # the arguments of a step can contain values of it
                found.append({"table": new["table"], "what": name, "before": earlier, "now": current})
    if not found and now["fingerprint"] != before["fingerprint"]:
        hashes = [str(r["fingerprint"])[:12] for r in (before, now)]
        found.append({"table": None, "what": "another setting", "before": hashes[0], "now": hashes[1]})
    return found


def _differing(now: Mapping[str, Any], before: Mapping[str, Any]) -> list[Record]:
    names = [*now, *(n for n in before if n not in now)]
    return [{"name": n, "before": before.get(n), "now": now.get(n)} for n in names if now.get(n) != before.get(n)]


def _lines(found: Record) -> Iterable[str]:
    broken, met_again, changed = _by_result(found["expectations"])
    if broken:
        yield f"{count(broken, 'expectation')} no longer met"
    yield from _of_tables(found)
    if found["quarantine"]:
        yield f"rows in quarantine: {_from_to(*(sum(q[end] for q in found['quarantine']) for end in ('before', 'now')))}"
    if found["rows"]:
        largest = found["rows"][0]
        rest = f", mostly {largest['table']}" if len(found["rows"]) > 1 else ""
        totals = [sum(r[end] for r in found["rows"]) for end in ("before", "now")]
        earlier = "before" if all(r["moves"] == "whole" for r in found["rows"]) else "usually"
        yield f"rows of {count(len(found['rows']), 'table')}: {_from_to(totals[0], totals[1], earlier)}{rest}"
    if met_again:
        yield f"{count(met_again, 'expectation')} met again"
    if changed:
        yield f"{count(changed, 'expectation')} observed another value"
    if found["declared"]:
        yield f"migration file: {_few(' of '.join(filter(None, (d['what'], d['table']))) for d in found['declared'])}"
    if found["versions"]:
        yield f"versions: {_few(v['name'] for v in found['versions'])}"
    if found["seconds"]:
        most = found["seconds"][0]
        yield f"time of {most['words']}: {seconds(most['before'])} before, {seconds(most['now'])} now"


def _by_result(expectations: Sequence[Record]) -> tuple[int, int, int]:
    """How many are no longer met, how many are met again, and how many only observed another value."""
    changed = [e["met"] for e in expectations if e["met"] != e["met_before"]]
    return changed.count(False), changed.count(True), len(expectations) - len(changed)


def _of_tables(found: Record) -> Iterable[str]:
    for part, words in (("tables_added", "not in the last run: "), ("tables_missing", "not in this run: ")):
        if found[part]:
            yield f"{count(len(found[part]), 'table')} {words}{_few(found[part])}"
    if found["columns"]:
        names = [f"{c['table']}.{c['column']}" for c in found["columns"]]
        yield f"{count(len(names), 'column')} changed: {_few(names)}"


def _from_to(before: int, now: int, earlier: str = "before") -> str:
    ratio = f" ({100 * (now / before - 1):+.1f} %)" if before and abs(now / before - 1) >= 0.0005 else ""
    return f"{number(before)} {earlier}, {number(now)} now{ratio}"


def _few(names: Iterable[str]) -> str:
    listed = list(names)
    return ", ".join(listed[:3]) + (f" and {len(listed) - 3:,} more" if len(listed) > 3 else "")
