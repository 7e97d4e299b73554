"""The evidence of a run as Markdown: what a person needs to decide about a switch. The approval task shows it.

Names and values come from databases, and Airflow renders Markdown: they are escaped, so that they can't format, link or be HTML.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from penstock.reporting.inputs import Record
from penstock.runtime.formatting import count, number, seconds

_LISTED = 20
# The characters that have a meaning in Markdown or HTML.
_SPECIAL = re.compile(r"([\\`*_{}\[\]()<>#+\-!|~&:@.])")


def evidence(report: Record, keep_seconds: int, address: str = "") -> str:
    """The report of a run, in short. keep_seconds: how long the previous tables are kept.  address: of the whole report."""
    parts = [
        f"{inert(report['headline'])}",
        f"From {_code(report['source'])} to {_code(report['target'])}. The live tables are unchanged until you approve. "
        f"After the switch the previous tables are kept for {_kept(keep_seconds)}; an undo can restore them in that time.",
        _figures(report),
        _tables(report),
        _listed("Gate warnings", _warned(report)),
        _listed("Quarantine", _quarantine(report)),
        _changes(report),
        f"[The whole report]({address})" if address else "The whole report is in the tab *Migration report* of this run.",
    ]
    return "\n\n".join(filter(None, parts))


def _figures(report: Record) -> str:
    totals, gates = report["totals"], report["gates"]
    met, asked = sum(g["met"] for g in gates), sum(g["asked"] for g in gates)
    proof = "holds for every table" if report["proof"] and report["proof"]["holds"] else "**does not hold**"
    rejected = f"**{number(totals['rows_rejected'])} rejected**" if totals["rows_rejected"] else "none rejected"
    filtered = f"{number(totals['rows_filtered'])} filtered"
    return "\n".join(
        [
            f"- Proof: {proof}",
            f"- Gates: {met:,} of {count(asked, 'expectation')} met",
            f"- Rows: {number(totals['rows_read'])} read, {filtered}, {rejected}, {number(totals['rows_loaded'])} loaded",
            f"- Tables: {totals['tables']:,}, time without waiting {seconds(totals['seconds'])}",
        ]
    )


def _tables(report: Record) -> str:
    """A line for each table, those with rejected rows first, then the largest."""
    ordered = sorted(report["tables"], key=lambda t: (-(t["rows_rejected"] or 0), -(t["rows_loaded"] or 0)))
    digests = {p["table"]: p["target"] for p in (report["proof"] or {"tables": ()})["tables"]}
    lines = ["| table | rows | rejected | proof | digest |", "| --- | ---: | ---: | --- | --- |"]
    for t in ordered[:_LISTED]:
        proof = {"holds": "holds", "broken": "**BROKEN**"}.get(t["proof"] or "", "")
        figures = f"{number(t['rows_loaded'])} | {number(t['rows_rejected'])} | {proof}"
        lines.append(f"| {inert(t['table'])} | {figures} | {_code(digests.get(t['table'], ''))} |")
    rest = f"\n\nand {count(len(ordered) - _LISTED, 'more table')}" if len(ordered) > _LISTED else ""
    return "\n".join(lines) + rest


def _warned(report: Record) -> Iterable[str]:
    for gate in report["gates"]:
        for verdict in gate["verdicts"]:
            for result in verdict["results"] if verdict["decision"] == "warn" else ():
                if not result["success"]:
                    rows = f", {number(result['unexpected'])} unexpected" if result["unexpected"] else ""
                    about = ", ".join(result["columns"]) or "the table"
                    yield f"{inert(verdict['table'])} ({gate['stage']}), {inert(about)}: expected {inert(result['expected'])}{rows}"


def _quarantine(report: Record) -> Iterable[str]:
    for table in report["quarantine"]:
        for group in table["groups"]:
            keys = f", for example {', '.join(map(_code, group['keys']))}" if group["keys"] else ""
            yield f"{inert(table['table'])}: {number(group['rows'])} × {inert(group['column'])} {inert(group['reason'])}{keys}"


def _changes(report: Record) -> str:
    changes = report["changes"]
    if changes is None:
        return "There is no earlier run of this kind to compare with."
    if not changes["lines"]:
        return f"Nothing changed since the last run ({inert(changes['run'])})."
    return _listed(f"Changes since the last run ({inert(changes['run'])})", map(inert, changes["lines"]))


def _listed(words: str, lines: Iterable[str]) -> str:
    found = list(lines)
    rest = [f"- and {len(found) - _LISTED:,} more"] if len(found) > _LISTED else []
    return "\n".join([f"**{words}**", "", *(f"- {line}" for line in found[:_LISTED]), *rest]) if found else ""


def _kept(keep_seconds: int) -> str:
    days, rest = divmod(keep_seconds, 86_400)
    return count(days, "day") if days and not rest else f"{keep_seconds / 3600:g} hours"


def inert(text: object) -> str:
    """`text` on one line, with every special character escaped."""
    return _SPECIAL.sub(r"\\\1", " ".join(str(text or "").split()))


def _code(text: object) -> str:
    """`text` as code on one line, in more backticks than it contains."""
    plain = " ".join(str(text or "").split())
    if not plain:
        return ""
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", plain)), default=0))
    return f"{fence} {plain} {fence}" if fence != "`" or plain[0] == "`" else f"`{plain}`"
