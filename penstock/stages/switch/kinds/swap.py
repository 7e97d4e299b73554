"""Swap: the live tables move aside and the shadow tables take their names, in one atomic step."""

from __future__ import annotations

from collections.abc import Sequence

from penstock.databases import Database, Dependent
from penstock.model.plan import Plan
from penstock.model.schema import TableName
from penstock.state.journal import Switch


def apply(plan: Plan, target: Database, dependents: Sequence[Dependent]) -> list[str]:
    aside = [(t.target.name, t.kept) for t in plan.tables if t.live_exists]
    inward = [(t.shadow, t.target.name) for t in plan.tables]
    follow = [s for d in dependents for s in d.statements]
    return [*target.schemas([kept for _, kept in aside]), *target.moves([*aside, *inward]), *follow]


def undo(switch: Switch, target: Database, dependents: Sequence[Dependent]) -> list[str]:
    aside = [(live, set_aside(live, switch, target)) for live, _, _ in switch.moves]
    back = [(kept, live) for live, _, kept in switch.moves if kept is not None]
    follow = [s for d in dependents for s in d.statements]
    return [*target.schemas([place for _, place in aside]), *target.moves([*aside, *back]), *follow]


def finish(switch: Switch, target: Database) -> list[str]:
    if switch.state == "undone":
        old = [set_aside(live, switch, target) for live, _, _ in (*switch.moves, *switch.replaced)]
        old += [kept for _, _, kept in switch.replaced if kept is not None]
    else:
        old = [kept for _, _, kept in (*switch.moves, *switch.replaced) if kept is not None]
    old += [shadow for _, shadow, _ in switch.replaced]
    return target.drops(old)


def set_aside(live: TableName, switch: Switch, target: Database) -> TableName:
    """Where the tables of an undone switch stand."""
    return target.kept(live, switch.migration, "undone" + switch.token[:6])
