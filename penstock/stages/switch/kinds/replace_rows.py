"""Replacing: rows of a live table give place to those of the shadow, in one transaction. What stood there is kept.

Of an increment those go that the shadow has under the same key. Of a partition its own rows go, and such rows too: at the source they
have moved into this partition. Of a repair those go that were found to differ, by their keys; without a key all do.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import cast

import sqlalchemy as sa

from penstock import databases
from penstock.databases import Database, Unbound
from penstock.databases._shared import ddl
from penstock.errors import SwitchRefused
from penstock.model import intervals
from penstock.model.intervals import Clock, Interval
from penstock.model.plan import TablePlan
from penstock.model.schema import Table, TableName
from penstock.planning.statements import same_key, within, within_pending


def make_room(plans: Sequence[TablePlan], target: Database) -> list[str]:
    """Empty tables for the rows that will be replaced. Run before the transaction: not every database has DDL inside one."""
    kept = [p.kept for p in plans]
    return [*target.drops(kept), *target.schemas(kept), *(ddl.create_table(target, bare(p.target), p.kept) for p in plans)]


def apply(plans: Sequence[TablePlan], target: Database) -> list[str]:
    """Statements that put each shadow's rows in place of the live ones: what refers to other tables goes first, and comes last."""
    ordered = referred_first(plans)
    statements = []
    for plan in reversed(ordered):
        statements += _withdrawn(plan, target)
        for gone in leaving(plan, target):
            statements += _out_of(plan.target.name, plan, gone, plan.kept, target)
    for plan in ordered:
        statements.append(copied(plan.target, plan.shadow, plan.target.name, target))
        statements += target.renumber(plan.target, plan.target.name)
    return statements


def undo(plans: Sequence[TablePlan], aside: dict[str, TableName], target: Database) -> list[str]:
    """Statements that put the kept rows back; those that stand in the partition now are set aside, in tables that are there already."""
    ordered = referred_first(plans)
    statements = []
    for plan in reversed(ordered):
        if plan.pending and plan.partition:
            own = same_key(plan, target, plan.shadow, plan.pending) if plan.by_key else within_pending(plan, target)
            statements += _out_of(plan.pending, plan, own, aside[plan.name], target)
        statements += _out_of(plan.target.name, plan, _put(plan, target), aside[plan.name], target)
    return statements + [copied(plan.target, plan.kept, plan.target.name, target) for plan in ordered]


def _withdrawn(plan: TablePlan, target: Database) -> list[str]:
    """Statements that take out the pending rows that this run replaces: those of its interval, and those under a key that it puts."""
    if plan.pending is None:
        return []
    own = within_pending(plan, target) if plan.partition and not plan.repairs else ""
    of_leaving = same_key(plan, target, plan.leaving, plan.pending) if plan.leaving else ""
    conditions = filter(None, (own, of_leaving, same_key(plan, target, plan.shadow, plan.pending)))
    return [s for condition in conditions for s in _out_of(plan.pending, plan, condition, plan.kept, target)]


def _out_of(place: TableName, plan: TablePlan, where: str, to: TableName, target: Database) -> list[str]:
    """Statements that move rows of `place` to a table for rows that were taken out."""
    return [copied(plan.target, place, to, target, where), f"DELETE FROM {databases.qualified(target, place)} WHERE {where}"]


def make_room_for_undo(plans: Sequence[TablePlan], aside: dict[str, TableName], target: Database) -> list[str]:
    """Empty tables for the rows that an undo sets aside."""
    places = list(aside.values())
    return [*target.drops(places), *target.schemas(places), *(ddl.create_table(target, bare(p.target), aside[p.name]) for p in plans)]


def leaving(plan: TablePlan, target: Database) -> list[str]:
    """The predicates of the live rows that give place, one after the other: joined by OR, no index would help to find them."""
    same = same_key(plan, target)
    if plan.increment:
        return [same]
    inside = same_key(plan, target, plan.leaving) if plan.leaving else f"({within(plan, target, plan.target) or _ALL})"
    return [inside, same] if same and plan.partition else [inside]


def _put(plan: TablePlan, target: Database) -> str:
    """The predicate of the live rows that an undo takes out again: those that came, and what has come for those that went."""
    if plan.by_key:
        both = [same_key(plan, target), same_key(plan, target, plan.kept)] if plan.leaving else [same_key(plan, target)]
        return " OR ".join(both)
    return within(plan, target, plan.target) or _ALL


_ALL = "1 = 1"


def moved_in(plan: TablePlan, target: Database, interval: Interval | None = None, zone: str = "UTC") -> str | None:
    """A select of one live row that stands in another partition (in `interval`, when given) and in the shadow too.

    None for a table without a key: nothing says that two of its rows are the same.
    """
    same = same_key(plan, target)
    if not same or plan.partition is None:
        return None
    conditions = [same, f"NOT coalesce({within(plan, target, plan.target)}, false)"]
    if interval is not None:
        conditions.append(within(of_interval(plan, interval, zone), target, plan.target))
    both = " AND ".join(f"({c})" for c in conditions)
    return f"SELECT 1 FROM {databases.qualified(target, plan.target.name)} WHERE {both} LIMIT 1"


def of_interval(plan: TablePlan, interval: Interval, zone: str, first: bool = False) -> TablePlan:
    """The plan of a partitioned table for another interval. first: it is the one that has the rows that no other has."""
    assert plan.partition
    followed = plan.partition.parent
    clock = followed.clock if followed else plan.source.column(plan.partition.by)
    low, high = intervals.bounds(interval, cast(Clock, clock.type.name), zone)
    return dataclasses.replace(plan, partition=dataclasses.replace(plan.partition, low=low, high=high, first=first))


def refuse_orphans(connection: sa.Connection, unbound: Unbound) -> None:
    """Raise SwitchRefused when rows that were put in place, or others, refer to nothing now."""
    for orphans in unbound.orphans:
        if databases.execute(connection, orphans.select).first() is not None:
            raise orphaned(orphans.key, orphans.child.name, orphans.parent.name, f"found by {orphans.select}")


def orphaned(key: str, child: str, parent: str, why: str) -> SwitchRefused:
    """The fault of rows of `child` that refer, by the foreign key `key`, to rows of `parent` that are not there."""
    fix = f"move {parent} as well, with the rows that it has now: run again with --tables {parent},{child}, or leave out its `load: once`"
    return SwitchRefused(f"rows of {child} would refer to rows of {parent} that are not there", f"foreign key {key}", why, fix)


def copied(table: Table, from_: TableName, to: TableName, target: Database, where: str = "") -> str:
    fields = ", ".join(databases.quote(target, c.name) for c in table.given)
    select = f"SELECT {fields} FROM {databases.qualified(target, from_)}" + (f" WHERE {where}" if where else "")
    return f"INSERT INTO {databases.qualified(target, to)} ({fields}){target.keep_numbers} {select}"


def bare(table: Table) -> Table:
    """The table as a place to keep rows: nothing that refers, numbers or forbids."""
    columns = tuple(dataclasses.replace(c, identity=False, numbering=None, default=None, expression="") for c in table.columns)
    return dataclasses.replace(table, columns=columns, primary_key=(), indexes=(), foreign_keys=(), checks=(), partitioning=None)


def referred_first(plans: Sequence[TablePlan]) -> list[TablePlan]:
    """The tables in an order in which each comes behind those that it refers to; a circle is left as it is."""
    left, ordered = {p.target.name.name: p for p in plans}, list[TablePlan]()
    while left:
        free = [n for n, p in left.items() if not {f.ref_table for f in p.target.foreign_keys} & (left.keys() - {n})] or list(left)
        ordered += [left.pop(n) for n in free]
    return ordered
