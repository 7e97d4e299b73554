"""The outcome of a run, in a word and in a sentence."""

from __future__ import annotations

from penstock.reporting.inputs import Records
from penstock.runtime.formatting import count
from penstock.state.run_log import STAGES
from penstock.state.switch_evidence import UndoRecord, overtaken


def outcome(found: Records) -> str:
    """switched, switched in part, undone, or the reason why nothing was switched.

    A run is overtaken when all of its tables were left to runs that read the source later, and is switched in part when some were.
    """
    failed_undo = found.failure is not None and found.failure.stage == "undo"
    if found.undo:
        return "undone"
    if found.failure and not failed_undo:
        return "not approved" if found.failure.type == "NotApproved" else "failed"
    if found.switch:
        left = _left(found)
        live = found.switch.moves or found.switch.replaced
        return "switched" if not left else "switched in part" if live else "overtaken"
    if found.approval and not found.approval.approved:
        return "not approved"
    if found.proof and found.proof.holds:
        return "proved, not switched"
    return "unfinished"


def _left(found: Records) -> dict[str, str]:
    return overtaken(found.switch, found.tables) if found.switch else {}


def _overtaken(found: Records) -> str:
    left = _left(found)
    runs = list(dict.fromkeys(left.values()))
    named = ", ".join(list(left)[:3]) + (f" and {len(left) - 3:,} more" if len(left) > 3 else "")
    were = "was" if len(left) == 1 else "were"
    return f"{named} {were} left to the {'run' if len(runs) == 1 else 'runs'} {', '.join(runs[:3])}, which read the source later."


def _repaired(found: Records) -> str:
    """What changed in the tables that the run compared with the live data."""
    if not found.compared:
        return ""
    put, leaving = sum(c.rows_put for c in found.compared), sum(c.rows_leaving for c in found.compared)
    where = f" In the {count(len(found.compared), 'table')} compared with the live data,"
    if not put and not leaving:
        return f"{where} no row differed."
    changed = f"{count(put, 'row')} inserted or updated, {leaving:,} deleted or overwritten"
    return f"{where} {changed}; all other rows were already identical."


def _undone(undo: UndoRecord) -> str:
    """What an undo has done: tables that it restored, and tables that are no longer live because the run had created them."""
    before = sum(bool(p.kept) for p in undo.put_back)
    parts = []
    if before:
        parts.append(f"{count(before, 'table')} {'is' if before == 1 else 'are'} restored")
    if removed := len(undo.put_back) - before:
        parts.append(f"{count(removed, 'table')} that this run had created {'is' if removed == 1 else 'are'} no longer live")
    return f"The switch of this run was undone{': ' if parts else ''}{', and '.join(parts)}."


def headline(found: Records, outcome: str) -> str:
    """The outcome as a sentence or two."""
    left = _left(found)
    own = [t.name for t in found.tables if t.name not in left]
    rows = sum(t.rows for t in found.proof.tables if t.table in own) if found.proof else 0
    proved = f"{count(len(own), 'table')} with {count(rows, 'row')}"
    are = "is" if len(own) == 1 else "are"
    if outcome == "overtaken":
        return f"No table of this run is live: {_overtaken(found)}"
    if outcome in ("switched", "switched in part"):
        left_out = found.proof.rejected if found.proof else 0
        text = f"{proved} {are} live. The proof holds for each table."
        text += f" {count(left_out, 'bad row')} {'is' if left_out == 1 else 'are'} in quarantine." if left_out else ""
        text += _repaired(found)
        text += f" {_overtaken(found)}" if left else ""
        return text + (" A later undo failed." if found.failure else "")
    if outcome == "proved, not switched":
        waiting = found.plan is not None and found.plan.approval and found.approval is None
        then = "The switch waits for approval." if waiting else "The switch was not performed; the live tables are unchanged."
        return f"{proved} {are} proved. {then}"
    if outcome == "undone" and found.undo:
        return _undone(found.undo)
    if outcome == "not approved":
        return "All tables are proved, but the switch was not approved. The live tables are unchanged."
    if outcome == "failed" and found.failure:
        what = found.failure.what
        end = "The switch itself was performed." if found.switch else "The switch was not performed; the live tables are unchanged."
        return f"{what[:1].upper()}{what[1:]}. {end}"
    done = [words for stage, words in STAGES.items() if stage in found.timings]
    if not done:
        return "No stage has completed yet."
    return f"The last completed stage is {done[-1]!r}. The switch was not performed; the live tables are unchanged."
