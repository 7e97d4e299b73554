"""Which live tables a switch or an undo changes, and so which locks it asks for before it changes the first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from penstock.databases import Reach
from penstock.model.plan import TablePlan
from penstock.model.schema import TableName
from penstock.planning.switch_kinds import Effect, Undoing
from penstock.stages.switch.decide import Decision


def of_switch(decision: Decision, children: Iterable[TablePlan]) -> Reach:
    """decision: with what the catalogue says of the live tables.  children: the tables whose pending rows may become live."""
    exchanged = [t for g in decision.of("partition") for t in g.tables]
    detached = [
        t for g in decision.of("partition") for t in g.tables if t.name in g.facts.partitions and g.facts.partitions[t.name].partition
    ]
    rows = [t for g in decision.of("rows") for t in g.tables]
    return Reach(
        moved=tuple(t.target.name for t in decision.becoming if t.live_exists),
        opened=(*_names(detached), *(t.shadow for t in (*decision.becoming, *exchanged))),
        changed=_names([*rows, *children]),
        # Without a partition to detach, a partitioned table gets one more while it is read.
        referred=(*_referred([*decision.becoming, *exchanged]), *_names(t for t in exchanged if t not in detached)),
    )


def of_undo(groups: Iterable[tuple[Effect, Sequence[Undoing]]], children: Iterable[TablePlan]) -> Reach:
    """groups: the tables by what their kind changes of a live table."""
    by_effect: dict[Effect, list[Undoing]] = {}
    for effect, tables in groups:
        by_effect.setdefault(effect, []).extend(tables)
    swapped, exchanged = by_effect.get("table", []), by_effect.get("partition", [])
    kept = [s.kept for _, s in (*swapped, *exchanged) if s.kept is not None]
    return Reach(
        moved=tuple(s.live for _, s in swapped),
        opened=(*(s.live for _, s in exchanged), *kept),
        changed=_names([*(t for t, _ in by_effect.get("rows", [])), *children]),
        referred=_referred([t for t, _ in (*swapped, *exchanged)]),
    )


def _names(tables: Iterable[TablePlan]) -> tuple[TableName, ...]:
    return tuple(dict.fromkeys(t.target.name for t in tables))


def _referred(tables: Iterable[TablePlan]) -> tuple[TableName, ...]:
    """The tables that foreign keys of these refer to: they may be made anew."""
    return tuple(dict.fromkeys(t.target.referred(k) for t in tables for k in t.target.foreign_keys))
