"""The statements that a run will execute at the target, as far as they are known before it begins: what `penstock plan` prints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import sqlalchemy as sa

from penstock.databases import Database, Unbound
from penstock.model.plan import Plan, TablePlan
from penstock.planning.statements import build_statements, prepare_statements
from penstock.stages.switch import foreign_keys, kinds
from penstock.stages.switch.kinds import attach_partition, replace_rows


def statements(plan: Plan, target: Database, connection: sa.Connection) -> dict[str, list[str]]:
    """By stage: prepare, build, make room for rows that give place, switch. Only reads.

    A table of which a run replaces rows (a partition, an increment) has other statements at the switch than one that is swapped. What
    only the data decide is left out: that a later run has read the interval, and rows that would refer to nothing.
    """
    rows = [t for t in plan.tables if t.replaces and not t.exchanges]
    found = {"prepare": prepare_statements(plan, target), "build": build_statements(plan, target)}
    if rows:
        found["make room"] = replace_rows.make_room(rows, target)
    return found | {"switch": [*_moved(plan, target, connection), *_replaced(plan, rows, target, connection)]}


def _moved(plan: Plan, target: Database, connection: sa.Connection) -> list[str]:
    moved = tuple(t for t in plan.tables if not t.replaces)
    live = [t.target.name for t in moved if t.live_exists]
    dependents = target.dependents(connection, live) if live else []
    if not moved:
        return []
    kept = {t.target.name: t.kept for t in moved}
    cut = [target.cut(link, kept[link.table]) for link in target.links(connection, live)] if live else []
    return [*kinds.of(plan.how).apply(replace(plan, tables=moved), target, dependents), *cut]


def _replaced(plan: Plan, rows: Sequence[TablePlan], target: Database, connection: sa.Connection) -> list[str]:
    unbound = target.unbind(connection, [t.target.name for t in rows]) if rows else Unbound()
    found = [*unbound.before, *replace_rows.apply(rows, target), *unbound.after]
    found += foreign_keys.completed(plan, [t for t in plan.tables if not t.replaces], target)
    for table in (t for t in plan.tables if t.replaces and t.exchanges):
        part = table.partition
        assert part and target.exchange
        slot = target.exchange.slot(connection, table.target.name, part.to, part.low, part.high)
        found += attach_partition.apply(table, slot, target)
    return found
