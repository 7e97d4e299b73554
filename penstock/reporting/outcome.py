"""How a run ended, in a word and in a sentence."""

from __future__ import annotations

from penstock.record import STAGES
from penstock.reporting.records import Records
from penstock.units import count


def outcome(found: Records) -> str:
    """Where the data stands: switched, undone, or nothing switched and why."""
    failed_undo = found.failure is not None and found.failure["stage"] == "undo"
    if found.undo:
        return "undone"
    if found.failure and not failed_undo:
        return "not approved" if found.failure["type"] == "NotApproved" else "failed"
    if found.switch:
        return "switched"
    if found.approval and not found.approval["approved"]:
        return "not approved"
    if found.proof and all(p["holds"] for p in found.proof):
        return "proved, not switched"
    return "unfinished"


def headline(found: Records, outcome: str) -> str:
    rows = sum(p["rows"] for p in found.proof or ())
    proved = f"{count(len(found.tables), 'table')} with {count(rows, 'row')}"
    if outcome == "switched":
        left_out = sum(p["rejected"] for p in found.proof or ())
        text = f"{proved} are live, and each was proved equal to what the source gave."
        text += f" {count(left_out, 'bad row')} {'is' if left_out == 1 else 'are'} in quarantine." if left_out else ""
        return text + (" A later undo did not happen." if found.failure else "")
    if outcome == "proved, not switched":
        waiting = found.plan is not None and found.plan.approval and found.approval is None
        then = "an approval is awaited" if waiting else "readers see what they saw before"
        return f"{proved} are proved, and nothing is switched: {then}."
    if outcome == "undone":
        return "The tables that served before the switch serve again."
    if outcome == "not approved":
        return "Everything is proved, and nothing is switched: the switch was not approved. Readers see what they saw before."
    if outcome == "failed" and found.failure:
        what = str(found.failure["what"])
        end = "The switch itself had been made." if found.switch else "Nothing is switched: readers see what they saw before."
        return f"{what[:1].upper()}{what[1:]}. {end}"
    done = [words for stage, words in STAGES.items() if stage in found.timings]
    if not done:
        return "Nothing has been done yet."
    return f"The last stage done is {done[-1]!r}. Nothing is switched: readers see what they saw before."
