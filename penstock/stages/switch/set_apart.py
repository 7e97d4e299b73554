"""Shadows out of everybody's reach, where DDL commits by itself and so ends whatever a transaction has locked.

There the rows of a shadow can't be locked from their last check to the one statement that makes them live: a row that was written before
the check, and committed while that statement waited, would go live unproved. So the shadows are renamed before the check. The rename
waits for every transaction that has touched a shadow, so none is left whose rows the check can't see. Whoever writes later, or has queued
behind the rename, finds no table of the name that he knows. Nothing is locked while the check reads, and no second session is needed.

(gh-ost renames under a lock that another session holds, and lets that go once the rename is seen to wait. This tells only that it waits,
not for which table: when it waits for a reader of a live table first, queued writers of the shadow get in before it.)

A try that is killed leaves shadows under the other name: the next one puts them back first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

import sqlalchemy as sa

from penstock import databases
from penstock.databases import Database, Reach
from penstock.model.plan import Plan, TablePlan
from penstock.model.schema import TableName
from penstock.planning import beside_live
from penstock.runtime import events
from penstock.stages.switch import waiting
from penstock.stages.switch.decide import Decision
from penstock.state.run_context import RunContext


def statements(plan: Plan, tables: Iterable[TablePlan], target: Database) -> list[str]:
    """The statement that sets the shadows of these tables apart."""
    tables = list(tables)
    found = beside_live.apart(plan, tables, target)
    return target.moves([(t.shadow, found[t.name]) for t in tables]) if found else []


def moved(tables: Iterable[TablePlan], apart: Mapping[str, TableName]) -> tuple[TablePlan, ...]:
    """The tables with their shadows where they are then."""
    return tuple(replace(t, shadow=apart.get(t.name, t.shadow)) for t in tables)


def take(context: RunContext, connection: sa.Connection, decision: Decision) -> tuple[RunContext, Decision]:
    """Set the shadows apart that become live, once nobody has an open transaction on them. Raises LockRefused.

    Answers the run and the decision with the shadows where they are then.
    """
    tables, plan = (*decision.becoming, *decision.staying), context.plan
    apart = beside_live.apart(plan, tables, context.target)
    for statement in statements(plan, tables, context.target):
        waiting.run(context, connection, [statement], Reach(opened=tuple(t.shadow for t in tables)))
        events.emit("switch.statement", statement=statement)
    groups = tuple(replace(g, tables=moved(g.tables, apart)) for g in decision.groups)
    return replace(context, plan=replace(plan, tables=moved(plan.tables, apart))), replace(decision, groups=groups)


def put_back(context: RunContext, connection: sa.Connection) -> None:
    """Give the shadows that are still apart their own names again, for an undo or for a look. Done already: does nothing.

    A run that was killed meanwhile and started again has missed the shadow, and has loaded and proved another one in its place. Then the
    one that is apart is of no use, and is dropped.
    """
    target, tables = context.target, context.plan.tables
    apart = beside_live.apart(context.plan, tables, target)
    if not apart:
        return
    there = databases.existing_tables(connection, (*apart.values(), *(t.shadow for t in tables)))
    left = [(apart[t.name], t.shadow) for t in tables if apart[t.name] in there]
    for statement in target.drops([place for place, shadow in left if shadow in there]):
        databases.execute(connection, statement)
    if back := [(place, shadow) for place, shadow in left if shadow not in there]:
        waiting.run(context, connection, target.moves(back), Reach(opened=tuple(place for place, _ in back)))
