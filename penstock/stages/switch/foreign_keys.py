"""Foreign keys at the switch: those that a shadow could not have before, and those that a kept table must lose.

A shadow has no foreign key to a live table, and a kept table has none to a table that was not set aside with it: a run that failed, or the
copy for an undo, holds nobody back. What a table is declared to refer to it gets in the switch itself, and what it has lost in its undo.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import sqlalchemy as sa

from penstock import databases
from penstock.databases import Database, Failure, ForeignKeySuspension, Link, Reach
from penstock.databases._shared import ddl
from penstock.errors import SwitchRefused
from penstock.model.plan import TablePlan
from penstock.model.schema import ForeignKey, TableName
from penstock.planning import beside_live
from penstock.planning.statements import built_with
from penstock.stages.switch import pending_rows, waiting
from penstock.stages.switch.decide import Decision
from penstock.state.journal import Switch
from penstock.state.run_context import RunContext


def complete_shadows(context: RunContext, connection: sa.Connection, decision: Decision, check: Callable[[], None]) -> None:
    """The same before the switch, where DDL commits by itself: rows that would refer to nothing are parked, then the keys are made.

    check: raises when a shadow is not what was proved; asked before a row is parked. May be killed anywhere and be done again.
    Raises SwitchRefused when a row refers to nothing that a later run would bring.
    """
    target, plans = context.target, context.plan.tables
    lacking = any(not built_with(plans, t, key) for t in decision.becoming for key in t.target.foreign_keys)
    if not (target.foreign_keys and target.follows_renames and (lacking or any(t.pending for t in decision.becoming))):
        return
    with connection.begin():
        check()
        at = {t.target.name: t.shadow for t in decision.becoming}
        children = [t for t in decision.becoming if t.pending]
        places = beside_live.parked(context.plan, target)
        into = {t.target.name: places[t.name] for t in children}
        for table in children:
            databases.execute(connection, pending_rows.room_for(table, into[table.target.name], target))
    with connection.begin():
        pending_rows.park(connection, plans, children, at, into, target)
    with connection.begin():
        for table in decision.becoming:
            there = [f for t in target.inspect(connection, table.shadow.schema, [table.shadow.name]) for f in t.foreign_keys]
            for key in table.target.foreign_keys:
                referred = table.target.referred(key)
                place = at.get(referred, referred)
                if built_with(plans, table, key) or any(f.name == key.name or _same(f, key, place) for f in there):
                    continue
                try:
                    _add(context, connection, table, key, place)
                except sa.exc.IntegrityError as error:
                    other = next((t.name for t in plans if t.target.name == referred), key.ref_table)
                    what = f"rows of {table.target.name} refer to rows of {other} that are not there"
                    why = str(error.orig).splitlines()[0]
                    fix = f"move {other} too, with its rows as they are now: --tables {other},{table.name}"
                    raise SwitchRefused(what, f"table {table.name}, foreign key {key.name}", why, fix) from None


def _same(found: ForeignKey, key: ForeignKey, place: TableName) -> bool:
    """Whether a foreign key of a shadow is `key`, which refers to the table at `place`, under another name."""
    return (found.columns, found.ref_table, found.ref_columns) == (key.columns, place.name, key.ref_columns)


def _add(context: RunContext, connection: sa.Connection, table: TablePlan, key: ForeignKey, referred: TableName) -> None:
    """Give a shadow a foreign key. Where a table of another run has its name by now, it gets the next one that is free."""
    target, named, taken = context.target, key, set[str]()
    while True:
        try:
            for statement in _added(target, table, named, table.shadow, referred):
                waiting.ddl(context, connection, statement, Reach(opened=(table.shadow, referred)))
            return
        except sa.exc.DBAPIError as error:
            if target.classify(error) is not Failure.ALREADY_EXISTS:
                raise
        taken.add(named.name)
        named = replace(key, name=ddl.free_name(key.name, taken, target.max_identifier))


def refuse_orphans(connection: sa.Connection, unbound: ForeignKeySuspension, tables: Sequence[TablePlan]) -> None:
    """Raise SwitchRefused when rows refer to nothing now, where the database does not look itself. tables: of the run."""
    names = {t.target.name: t.name for t in tables}
    for orphans in unbound.orphans:
        if databases.execute(connection, orphans.select).first() is not None:
            child, parent = (names.get(place, place.name) for place in (orphans.child, orphans.parent))
            raise orphaned(orphans.key, child, parent, f"found by {orphans.select}")


def orphaned(key: str, child: str, parent: str, why: str) -> SwitchRefused:
    """The fault of rows of `child` that refer, by the foreign key `key`, to rows of `parent` that are not there."""
    fix = f"move {parent} as well, with the rows that it has now: run again with --tables {parent},{child}, or leave out its `load: once`"
    return SwitchRefused(f"rows of {child} would refer to rows of {parent} that are not there", f"foreign key {key}", why, fix)


def parked(context: RunContext, connection: sa.Connection) -> dict[str, TableName]:
    """By table, where `complete_shadows` has parked rows of its shadow, if an earlier try got so far."""
    places = beside_live.parked(context.plan, context.target)
    there = databases.existing_tables(connection, places.values())
    return {name: place for name, place in places.items() if place in there}


def take_over_parked(context: RunContext, connection: sa.Connection, decision: Decision) -> None:
    """Make the rows that were parked pending ones, once their tables are live."""
    places = parked(context, connection)
    for table in decision.becoming:
        if place := places.get(table.name):
            databases.execute(connection, pending_rows.taken_over(table, place, context.target))
            databases.execute(connection, f"DELETE FROM {databases.qualified(context.target, place)}")


def cut_kept(context: RunContext, connection: sa.Connection, record: Switch) -> None:
    """Drop what is left of the foreign keys that kept tables must not have, after a switch that was not one transaction."""
    if context.target.ddl_in_transaction:
        return
    kept = [k for _, _, k in record.moves if k is not None]
    with connection.begin():
        for link in context.target.links(connection, sorted(databases.existing_tables(connection, kept), key=str)):
            waiting.ddl(context, connection, context.target.drop_foreign_key(link, link.table), Reach(opened=(link.table,)))
        for statement in context.target.drops(list(parked(context, connection).values())):
            databases.execute(connection, statement)


def lost(record: Switch) -> list[Link]:
    """The foreign keys that the tables of a switch lost when they were set aside."""
    return [Link(TableName(key.table, key.schema), key.name, key.definition) for key in record.evidence.links]


def _added(target: Database, table: TablePlan, key: ForeignKey, place: TableName, referred: TableName) -> list[str]:
    return ddl.foreign_keys(target, replace(table.target, foreign_keys=(key,)), place, {table.target.referred(key): referred})
