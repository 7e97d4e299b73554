"""The journal's record of a switch: written with the switch, and read for its undo and for dropping what it kept.

moves are the tables whose shadow became the live table, replaced those whose live table stayed. evidence.kinds has the switch kind of each,
evidence.notes what the kind wrote down, both by the live table's name. Records written before there were these two are read as well: all of
their moves are swaps, and what evidence.exchanged names, by source table, are attached partitions.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from penstock.databases import Database, Link
from penstock.model.plan import SWAP, Plan
from penstock.model.schema import TableName
from penstock.planning import beside_live
from penstock.planning.scope import REPLACE_ROWS
from penstock.planning.switch_kinds import ORDER, SwitchedTable, Undoing, of
from penstock.stages.switch.decide import Decision
from penstock.state import journal
from penstock.state.coverage import CoverageRecord
from penstock.state.journal import Switch
from penstock.state.switch_evidence import Evidence, LostKey

_Move = tuple[TableName, TableName, TableName | None]


def made(plan: Plan, evidence: Evidence, decision: Decision, taken: Sequence[CoverageRecord] = ()) -> Switch:
    """The record of a switch that is about to happen. taken: the records of coverage out of which it takes rows.

    decision: with what the catalogue says of the live tables.
    """
    until = (dt.datetime.now(dt.UTC) + dt.timedelta(seconds=plan.keep_old_seconds)).isoformat(timespec="microseconds")
    moves, replaced = list[_Move](), list[_Move]()
    kinds, notes, links = dict[str, str](), dict[str, dict[str, Any]](), list[Link]()
    for group in decision.groups:
        links += group.facts.links
        for table in group.tables:
            live = table.target.name
            (moves if group.kind.effect == "table" else replaced).append((live, table.shadow, group.kind.keeps(table, group.facts)))
            kinds[str(live)] = group.name
            if found := group.kind.notes(table, group.facts):
                notes[str(live)] = found
    evidence = replace(
        evidence,
        overlapped=(*decision.overlapped, *taken),
        left={name: c.run for name, c in decision.left.items()},
        links=tuple(LostKey(link.table.name, link.table.schema, link.name, link.definition) for link in links),
        kinds=kinds,
        notes=notes,
    )
    token, name, run = plan.token, plan.migration, plan.run
    return Switch(token, name, run, "switching", journal.now(), until, tuple(moves), evidence, tuple(replaced))


def kinds(record: Switch, plan: Plan | None = None) -> dict[TableName, str]:
    """The switch kind of each live table. plan: of the run; without it an attached partition of an older record counts as replaced rows.

    Both kinds drop the same tables in the end.
    """
    known = record.evidence.kinds
    exchanged = {plan.table(name).target.name for name in record.evidence.exchanged} if plan else set()
    found = {live: known.get(str(live), SWAP) for live, _, _ in record.moves}
    older = {live: "attach_partition" if live in exchanged else REPLACE_ROWS for live, _, _ in record.replaced}
    return found | {live: known.get(str(live), kind) for live, kind in older.items()}


def tables(record: Switch, target: Database, plan: Plan | None = None) -> dict[str, list[SwitchedTable]]:
    """The tables of a switch by the name of their kind, in the order in which kinds are applied."""
    notes = {**record.evidence.notes}
    if plan:
        notes |= {str(plan.table(name).target.name): found for name, found in record.evidence.exchanged.items()}
    of_table, found = kinds(record, plan), dict[str, list[SwitchedTable]]()
    for live, shadow, kept in (*record.moves, *record.replaced):
        switched = SwitchedTable(live, shadow, kept, set_aside(live, record, target), notes.get(str(live), {}))
        found.setdefault(of_table[live], []).append(switched)
    return {name: found[name] for name in sorted(found, key=lambda n: (ORDER.index(of(n).effect), n))}


def undoing(record: Switch, plan: Plan, target: Database) -> dict[str, list[Undoing]]:
    """The same, each table with its plan."""
    planned = {t.target.name: t for t in plan.tables}
    return {name: [(planned[s.live], s) for s in found] for name, found in tables(record, target, plan).items()}


def finish_statements(records: Iterable[Switch], target: Database) -> list[str]:
    """Statements that drop what these switches kept, or what their undo set aside."""
    return [
        statement
        for record in records
        for name, found in tables(record, target).items()
        for statement in of(name).finish(found, target, record.state == "undone")
    ]


def set_aside(live: TableName, record: Switch, target: Database) -> TableName:
    """Where the undo of a switch puts what the switch made live."""
    several = beside_live.several_schemas(name for name, _, _ in (*record.moves, *record.replaced))
    return target.kept(live, beside_live.owner(record.migration, live, several), "undone" + record.token[:6])
