"""Exchanging: the shadow becomes the native partition of its interval, in one transaction; the one that served is detached and kept."""

from __future__ import annotations

from penstock.databases import Database, Slot
from penstock.model.plan import TablePlan
from penstock.model.schema import TableName
from penstock.state.switch_evidence import Exchanged, Place


def place(plan: TablePlan, slot: Slot) -> TableName:
    """Where the partition stands: under the name of the one that it takes the place of, else one that says where it begins."""
    return slot.partition or TableName(plan.shadow.name, plan.target.name.schema)


def apply(plan: TablePlan, slot: Slot, target: Database) -> list[str]:
    """Statements that put the shadow in place."""
    assert target.exchange and plan.partition
    live, part = plan.target.name, place(plan, slot)
    out = [*target.exchange.detach(live, part), *target.schemas([plan.kept]), *target.moves([(part, plan.kept)])] if slot.partition else []
    into = target.exchange.attach(live, part, plan.partition.low, plan.partition.high)
    return [*out, *target.moves([(plan.shadow, part)]), *into, *target.renumber(plan.target, live)]


def undo(plan: TablePlan, exchanged: Exchanged, aside: TableName, target: Database) -> list[str]:
    """Statements that put the kept partition back where the other stands, which is set aside. exchanged: what `record` answered."""
    assert target.exchange and plan.partition
    live, part = plan.target.name, TableName(*exchanged.place)
    out = [*target.exchange.detach(live, part), *target.schemas([aside]), *target.moves([(part, aside)])]
    if not exchanged.kept:
        return out
    return [*out, *target.moves([(plan.kept, part)]), *target.exchange.attach(live, part, plan.partition.low, plan.partition.high)]


def record(plan: TablePlan, slot: Slot) -> Exchanged:
    """What an undo has to know."""
    part = place(plan, slot)
    return Exchanged(Place(part.name, part.schema), kept=slot.partition is not None)
