"""Attach partition: the shadow becomes the native partition of its interval, in one transaction; the one before is detached and kept."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from penstock.databases import Database, PartitionSlot
from penstock.errors import Problem, SwitchRefused
from penstock.model.plan import TablePlan
from penstock.model.schema import Table, TableName
from penstock.planning.live_columns import column_problems
from penstock.planning.switch_kinds import LiveFacts, SwitchedTable, SwitchKind, Undoing

_ROWS = "declare `how: rows`, which is for any table"


class AttachPartition(SwitchKind):
    effect = "partition"
    scopes = frozenset({"interval"})
    change = "partition exchanged"

    def check(self, tables: Sequence[TablePlan], target: Database, connection: sa.Connection) -> Iterable[Problem]:
        for table in tables:
            yield from column_problems(table, target, connection)
            if table.partition:
                yield from _unattachable(table, target, connection)

    def shadow(self, table: TablePlan) -> Table:
        """Without keys: `make_shadow` copies those of the live table."""
        return replace(table.target, primary_key=(), indexes=(), foreign_keys=(), partitioning=None)

    def make_shadow(self, table: TablePlan, target: Database) -> list[str] | None:
        if not (target.exchange and (part := table.partition)):
            return None
        return target.exchange.make(table.target.name, table.shadow, table.target.column(part.to), part.low, part.high)

    def read(self, tables: Sequence[TablePlan], target: Database, connection: sa.Connection) -> LiveFacts:
        found = {t.name: _slot(t, target, connection) for t in tables}
        for table in tables:
            if misfit := found[table.name].misfit:
                what = f"the shadow can't become a partition of {table.target.name}"
                fix = "declare `how: rows`, or change the partitions of the live table; then start a new run"
                raise SwitchRefused(what, f"table {table.name}", misfit, fix)
        return LiveFacts(partitions=found)

    def apply(self, tables: Sequence[TablePlan], target: Database, facts: LiveFacts) -> list[str]:
        return [s for table in tables for s in _applied(table, facts.partitions[table.name], target)]

    def keeps(self, table: TablePlan, facts: LiveFacts) -> TableName | None:
        return table.kept if facts.partitions[table.name].partition else None

    def notes(self, table: TablePlan, facts: LiveFacts) -> dict[str, Any]:
        place = _place(table, facts.partitions[table.name])
        return {"place": [place.name, place.schema]}

    def undo(self, tables: Sequence[Undoing], target: Database, facts: LiveFacts) -> list[str]:
        return [s for table, switched in tables for s in _undone(table, switched, target)]


def _unattachable(table: TablePlan, target: Database, connection: sa.Connection) -> Iterable[Problem]:
    """Why the interval can't be a native partition of the live table."""
    where, part = f"table {table.name}", table.partition
    assert part
    if target.exchange is None:
        yield Problem(True, where, f"{target.label} has no partitions that could be exchanged in one step", _ROWS)
    elif not table.live_exists:
        made = f"make it: CREATE TABLE … PARTITION BY RANGE ({part.to})"
        yield Problem(True, where, f"there is no live table {table.target.name} to attach a partition to", made)
    elif part.first:
        yield Problem(True, where, "rows before the first interval, or without a time, fit into no partition", _ROWS)
    else:
        (live,) = target.inspect(connection, table.target.name.schema, [table.target.name.name])
        names, wanted = [c.name for c in live.columns], [c.name for c in table.target.columns]
        if names != wanted and sorted(names) == sorted(wanted):
            yield Problem(True, where, f"the columns of {table.target.name} are in another order", _ROWS)
        if misfit := _slot(table, target, connection).misfit:
            yield Problem(True, where, misfit, f"{_ROWS}; or change the partitions of {table.target.name}")


def _slot(table: TablePlan, target: Database, connection: sa.Connection) -> PartitionSlot:
    part = table.partition
    assert part and target.exchange
    return target.exchange.slot(connection, table.target.name, part.to, part.low, part.high)


def _place(table: TablePlan, slot: PartitionSlot) -> TableName:
    """The partition's name: that of the partition that it replaces, else the shadow's, which says where the interval begins."""
    return slot.partition or TableName(table.shadow.name, table.target.name.schema)


def _applied(table: TablePlan, slot: PartitionSlot, target: Database) -> list[str]:
    assert target.exchange and table.partition
    live, place, out = table.target.name, _place(table, slot), list[str]()
    if slot.partition:
        out = [*target.exchange.detach(live, place), *target.schemas([table.kept]), *target.moves([(place, table.kept)])]
    attached = target.exchange.attach(live, place, table.partition.low, table.partition.high)
    return [*out, *target.moves([(table.shadow, place)]), *attached, *target.renumber(table.target, live)]


def _undone(table: TablePlan, switched: SwitchedTable, target: Database) -> list[str]:
    assert target.exchange and table.partition
    live, place, aside = switched.live, TableName(*switched.notes["place"]), switched.aside
    out = [*target.exchange.detach(live, place), *target.schemas([aside]), *target.moves([(place, aside)])]
    if switched.kept is None:
        return out
    attached = target.exchange.attach(live, place, table.partition.low, table.partition.high)
    return [*out, *target.moves([(switched.kept, place)]), *attached]


KIND = AttachPartition()
