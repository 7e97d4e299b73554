"""Pending rows: proved rows that are not live yet, because a row that they refer to belongs to an interval that is not live yet.

A payment just after midnight refers to an order of the day before. When its day is moved first, its row waits here; the run that makes the
order live puts both in place, in one transaction. So intervals can be moved in any order, several at a time, and no reader ever sees a
row that refers to nothing. A row leaves the live table in the same way when the one that it refers to is taken out: by an undo, or by a run
of another interval that found it deleted at the source.

A row with a primary key is either live or pending, never both. All of this runs inside the transaction of a switch or an undo, under
the migration's lock, while foreign keys are held back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import sqlalchemy as sa

from penstock import databases
from penstock.databases import Database
from penstock.databases._shared import ddl
from penstock.errors import SwitchRefused
from penstock.model import intervals
from penstock.model.plan import TablePlan, waits
from penstock.model.schema import Column, ForeignKey, Table, TableName, Type
from penstock.planning.scope import of_interval
from penstock.planning.statements import referred_first, same_key, within_pending
from penstock.stages.switch.rows import bare, copied
from penstock.state import coverage, journal
from penstock.state.coverage import CoverageRecord


@dataclass(frozen=True)
class Changed:
    """What a switch or an undo has done to live tables, by their places.

    inserted: the table that has the rows that were inserted too; None where all rows of the live table are new.
    deleted: the table that keeps the rows that were deleted.
    """

    inserted: Mapping[TableName, TableName | None]
    deleted: Mapping[TableName, TableName]


def make_room(connection: sa.Connection, plans: Iterable[TablePlan], target: Database) -> None:
    """Make the tables that pending rows are kept in, where they are not there yet, or are of another shape and empty.

    Raises SwitchRefused when rows wait in one of another shape.
    """
    wanted = {p.pending: p for p in plans if p.pending}
    there = databases.existing_tables(connection, wanted)
    for place, plan in wanted.items():
        if place in there:
            (found,) = target.inspect(connection, place.schema, [place.name])
            if [c.name for c in found.columns] == [c.name for c in _table(plan, target).columns]:
                continue
            if count := _count(connection, place, target):
                what = f"{count:,} rows wait in {place}, which has other columns than {plan.target.name}"
                fix = "run the intervals that they wait for with the file as it was before"
                raise SwitchRefused(what, where=f"table {plan.name}", fix=fix)
            for statement in target.drops([place]):
                databases.execute(connection, statement)
        for statement in [*target.schemas([place]), room_for(plan, place, target)]:
            databases.execute(connection, statement)


def live_children(connection: sa.Connection, plans: Iterable[TablePlan]) -> list[TablePlan]:
    """The tables that `settle` may change: those with pending rows that are live."""
    children = [p for p in plans if p.pending]
    there = databases.existing_tables(connection, [p.target.name for p in children])
    return [p for p in children if p.target.name in there]


def settle(
    connection: sa.Connection, plans: Sequence[TablePlan], children: Sequence[TablePlan], changed: Changed, target: Database
) -> None:
    """Move rows that refer to nothing out of the live tables, and pending rows that refer to live rows into them.

    children: what `live_children` has answered.
    """
    while sum(_demote(connection, child, key, plans, changed, target) for child in children for key in _waiting(child, plans)):
        pass
    waiting = [c for c in children if c.pending and _count(connection, c.pending, target)]
    if waiting:
        _release(connection, waiting, target)


def park(
    connection: sa.Connection,
    plans: Sequence[TablePlan],
    children: Sequence[TablePlan],
    at: Mapping[TableName, TableName],
    into: Mapping[TableName, TableName],
    target: Database,
) -> None:
    """Move rows of shadows that would refer to nothing, before their tables become live.

    at: where the tables are now, by their live places; those that aren't named are live.  into: where the rows go, by the same.
    """
    moved = -1
    while moved:
        moved = 0
        for child in children:
            place, aside = at[child.target.name], into[child.target.name]
            for key in _waiting(child, plans):
                live = child.target.referred(key)
                parent = at.get(live, live)
                orphan = f"{_given(key, place, target)} AND NOT {_exists(key, place, parent, target)}"
                moved += _set_aside(connection, child, place, aside, orphan, target)


def room_for(plan: TablePlan, place: TableName, target: Database) -> str:
    """The statement that makes a table for pending rows of one run at `place`, where it is not there yet."""
    return ddl.create_table(target, _table(plan, target), place, if_not_exists=True)


def taken_over(plan: TablePlan, place: TableName, target: Database) -> str:
    """The statement that adds the rows of `place`, made by `room_for`, to the pending ones."""
    assert plan.pending
    return _parked(plan, place, plan.pending, "", target)


def _set_aside(connection: sa.Connection, child: TablePlan, place: TableName, aside: TableName, where: str, target: Database) -> int:
    """Move the rows of `place` that meet a condition to a table for pending rows. Answers how many.

    They are deleted by their keys, not by the condition: what it finds may have changed in between.
    """
    if not databases.execute(connection, _parked(child, place, aside, where, target)).rowcount:
        return 0
    return databases.execute(connection, _delete(place, target, same_key(child, target, aside, place))).rowcount


def _parked(child: TablePlan, place: TableName, aside: TableName, where: str, target: Database) -> str:
    fields, mark = _fields(child, target), databases.quote(target, _mark(child))
    select = f"SELECT {fields}, 0 FROM {databases.qualified(target, place)}" + (f" WHERE {where}" if where else "")
    return f"INSERT INTO {databases.qualified(target, aside)} ({fields}, {mark}) {select}"


def _waiting(child: TablePlan, plans: Sequence[TablePlan]) -> list[ForeignKey]:
    return [key for key in child.target.foreign_keys if waits(child, key, plans)]


def _demote(
    connection: sa.Connection, child: TablePlan, key: ForeignKey, plans: Sequence[TablePlan], changed: Changed, target: Database
) -> int:
    """Move the rows that refer to nothing by this foreign key from the live table to the pending ones. Answers how many.

    Only rows that the step may have made orphans are looked at: those that were put in place, and those that refer to a row that was taken
    out, or that waits. All rows of a large table need not be read for it.
    """
    live, place = child.target.name, child.pending
    assert place is not None
    parent = next(p for p in plans if p.target.name == child.target.referred(key))
    orphan = f"{_given(key, live, target)} AND NOT {_exists(key, live, parent.target.name, target)}"
    suspects: list[str] = []
    if live in changed.inserted:
        there = changed.inserted[live]
        suspects.append(same_key(child, target, there) if there else "")
    for others in (changed.deleted.get(parent.target.name), parent.pending):
        if others:
            suspects.append(_exists(key, live, others, target))
    if "" in suspects:
        return _set_aside(connection, child, live, place, orphan, target)
    return sum(_set_aside(connection, child, live, place, f"({suspect}) AND {orphan}", target) for suspect in suspects)


def _release(connection: sa.Connection, children: Sequence[TablePlan], target: Database) -> None:
    """Put the pending rows in place whose references are all live by then.

    The largest such set is found by marking all rows and taking the mark off those that refer to neither a live nor a marked row, until
    nothing changes: rows that refer to one another in a circle come together.
    """
    waiting = {c.target.name: c for c in children}
    live = databases.existing_tables(connection, {c.target.referred(k) for c in children for k in c.target.foreign_keys})
    for child in children:
        _marked(connection, child, target, 1, "")
    changing = True
    while changing:
        changing = False
        for child in children:
            assert child.pending
            misses = []
            for key, referred in ((k, r) for k in child.target.foreign_keys if (r := child.target.referred(k)) in live):
                found = [_exists(key, child.pending, referred, target)]
                if other := waiting.get(referred):
                    assert other.pending
                    found.append(_exists(key, child.pending, other.pending, target, f"{databases.quote(target, _mark(other))} = 1"))
                misses.append(f"({_given(key, child.pending, target)} AND NOT ({' OR '.join(found)}))")
            mark = databases.quote(target, _mark(child))
            if misses:
                changing |= _marked(connection, child, target, 0, f"{mark} = 1 AND ({' OR '.join(misses)})") > 0
    for child in referred_first(children):
        assert child.pending
        ready = f"{databases.quote(target, _mark(child))} = 1"
        databases.execute(connection, copied(child.target, child.pending, child.target.name, target, ready))
        databases.execute(connection, _delete(child.pending, target, ready))


def _marked(connection: sa.Connection, child: TablePlan, target: Database, value: int, where: str) -> int:
    assert child.pending
    update = f"UPDATE {databases.qualified(target, child.pending)} SET {databases.quote(target, _mark(child))} = {value}"
    return databases.execute(connection, update + (f" WHERE {where}" if where else "")).rowcount


def note(connection: sa.Connection, plans: Sequence[TablePlan], migration: str, zone: str, target: Database) -> None:
    """Write down how many rows wait of each record of the coverage, behind `settle` and the coverage itself."""
    children = [p for p in plans if p.pending and p.partition]
    records = coverage.of(connection, migration) if children else []
    for child in children:
        assert child.pending
        own = [r for r in records if r.table == child.name and r.place != coverage.WHOLE]
        counts = _by_record(connection, child, own, zone, target) if _count(connection, child.pending, target) else {}
        journal.write_pending(connection, migration, child.name, [(*place, rows) for place, rows in counts.items() if rows])


def _by_record(
    connection: sa.Connection, child: TablePlan, records: Sequence[CoverageRecord], zone: str, target: Database
) -> dict[tuple[str, str], int]:
    found: dict[tuple[str, str], int] = {}
    assert child.pending and child.partition
    for record in records:
        interval = intervals.between(record.low or intervals.BEGINNING, record.high, "UTC")
        there = of_interval(child, interval, zone, first=not record.low)
        query = f"SELECT count(*) FROM {databases.qualified(target, child.pending)} WHERE {within_pending(there, target)}"
        found[record.place] = int(databases.execute(connection, query).scalar_one())
    return found


def rows(connection: sa.Connection, plan: TablePlan, target: Database) -> str:
    """The select of the pending rows that belong to what the run moves; empty where there is no such table."""
    if plan.pending is None or plan.partition is None or plan.pending not in databases.existing_tables(connection, [plan.pending]):
        return ""
    own = same_key(plan, target, plan.shadow, plan.pending) if plan.by_key else within_pending(plan, target)
    return databases.select(target, plan.pending, plan.target.columns, own)


def _table(plan: TablePlan, target: Database) -> Table:
    """The pending rows' table: the columns of the live one, and the mark."""
    return replace(
        bare(plan.target),
        columns=(*bare(plan.target).columns, Column(_mark(plan), Type("int16"), False, native=target.native(Type("int16")))),
    )


def _mark(plan: TablePlan) -> str:
    """The name of the mark's column: one that the table does not have."""
    return ddl.free_name("penstock_ready", {c.name for c in plan.target.columns}, 60)


def _given(key: ForeignKey, place: TableName, target: Database) -> str:
    return " AND ".join(f"{databases.qualified(target, place)}.{databases.quote(target, c)} IS NOT NULL" for c in key.columns)


def _exists(key: ForeignKey, place: TableName, other: TableName, target: Database, condition: str = "") -> str:
    """The SQL predicate: a row of `place` refers, by this key, to a row of `other`."""
    child, alias = databases.qualified(target, place), "penstock_referred"
    pairs = zip(key.columns, key.ref_columns, strict=True)
    same = " AND ".join(f"{alias}.{databases.quote(target, theirs)} = {child}.{databases.quote(target, mine)}" for mine, theirs in pairs)
    of = databases.qualified(target, other)
    if other == place and condition:  # MySQL refuses an UPDATE that reads its own table, but for a derived one that it can't merge
        of = f"(SELECT * FROM {of} LIMIT {2**62})"
    return f"EXISTS (SELECT 1 FROM {of} AS {alias} WHERE {same}" + (f" AND {alias}.{condition})" if condition else ")")


def _fields(plan: TablePlan, target: Database) -> str:
    return ", ".join(databases.quote(target, c.name) for c in plan.target.given)


def _delete(place: TableName, target: Database, where: str) -> str:
    return f"DELETE FROM {databases.qualified(target, place)} WHERE {where}"


def _count(connection: sa.Connection, place: TableName, target: Database) -> int:
    return int(databases.execute(connection, f"SELECT count(*) FROM {databases.qualified(target, place)}").scalar_one())
