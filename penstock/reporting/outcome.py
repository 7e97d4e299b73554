"""How a run ended, in a word and in a sentence."""

from __future__ import annotations

from penstock.reporting.inputs import Records
from penstock.runtime.formatting import count
from penstock.state.run_log import STAGES
from penstock.state.switch_evidence import UndoRecord


def outcome(found: Records) -> str:
    """Where the data stands: switched, undone, or nothing switched and why."""
    failed_undo = found.failure is not None and found.failure.stage == "undo"
    if found.undo:
        return "undone"
    if found.failure and not failed_undo:
        return "not approved" if found.failure.type == "NotApproved" else "failed"
    if found.switch:
        return "switched"
    if found.approval and not found.approval.approved:
        return "not approved"
    if found.proof and found.proof.holds:
        return "proved, not switched"
    return "unfinished"


def _repaired(found: Records) -> str:
    """What a comparison with live tables has changed: of a repair, or of tables whose changes a run looks for by comparing."""
    if not found.compared:
        return ""
    put, leaving = sum(c.rows_put for c in found.compared), sum(c.rows_leaving for c in found.compared)
    where = f" In the {count(len(found.compared), 'table')} compared with the live data,"
    if not put and not leaving:
        return f"{where} no row differed."
    was, were = ("was" if n == 1 else "were" for n in (put, leaving))
    return f"{where} {count(put, 'row')} {was} put in and {count(leaving, 'row')} {were} taken out; all other rows were right."


def _undone(undo: UndoRecord) -> str:
    """What an undo has done: tables that are as before, and tables that no longer exist because the run had created them."""
    before = sum(bool(p.kept) for p in undo.put_back)
    parts = []
    if before:
        parts.append(f"{count(before, 'table')} {'is' if before == 1 else 'are'} as before it")
    if removed := len(undo.put_back) - before:
        parts.append(f"{count(removed, 'table')} that this run had created {'is' if removed == 1 else 'are'} no longer live")
    return f"The switch of this run was undone{': ' if parts else ''}{', and '.join(parts)}."


def headline(found: Records, outcome: str) -> str:
    rows = found.proof.rows if found.proof else 0
    proved = f"{count(len(found.tables), 'table')} with {count(rows, 'row')}"
    are = "is" if len(found.tables) == 1 else "are"
    if outcome == "switched":
        left_out = found.proof.rejected if found.proof else 0
        text = f"{proved} {are} live, and each was proved equal to what the source gave."
        text += f" {count(left_out, 'bad row')} {'is' if left_out == 1 else 'are'} in quarantine." if left_out else ""
        text += _repaired(found)
        return text + (" A later undo failed." if found.failure else "")
    if outcome == "proved, not switched":
        waiting = found.plan is not None and found.plan.approval and found.approval is None
        then = "the switch waits for approval" if waiting else "the live tables are unchanged"
        return f"{proved} {are} proved, and nothing is switched: {then}."
    if outcome == "undone" and found.undo:
        return _undone(found.undo)
    if outcome == "not approved":
        return "All tables are proved, but the switch was not approved. The live tables are unchanged."
    if outcome == "failed" and found.failure:
        what = found.failure.what
        end = "The switch itself had been made." if found.switch else "Nothing was switched: the live tables are unchanged."
        return f"{what[:1].upper()}{what[1:]}. {end}"
    done = [words for stage, words in STAGES.items() if stage in found.timings]
    if not done:
        return "Nothing has been done yet."
    return f"The last completed stage is {done[-1]!r}. Nothing was switched: the live tables are unchanged."
