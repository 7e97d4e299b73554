"""What a run moves of tables that are not moved whole each time: the rows of its interval, those that have changed, or nothing more."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import cast

import sqlalchemy as sa

from penstock import coverage, databases, intervals
from penstock.coverage import Covered
from penstock.databases import Database, ddl
from penstock.errors import MigrationError, Problem
from penstock.intervals import CLOCKS, Clock, Interval
from penstock.mapping import map_table
from penstock.migration import IncrementSpec, Migration, PartitionSpec, TableSpec
from penstock.plan import Increment, Partition, TablePlan, token


def first(migration: Migration) -> dt.datetime | None:
    """Where the migration's history begins."""
    return intervals.midnight(migration.start_date, migration.timezone) if migration.start_date else None


def cut(
    migration: Migration,
    run: str,
    interval: Interval | None,
    plans: Sequence[TablePlan],
    source: sa.Connection,
    target: sa.Connection,
    asked: Sequence[str] = (),
    repair: bool = False,
) -> tuple[tuple[TablePlan, ...], list[Problem]]:
    """The plans of a run of `interval`, and what stands in its way. Without an interval only what can be said of any is.

    Tables declared `moved: once` are left out when they have been, unless they are `asked` for by name.
    repair: of every table only what differs from the live one is sent.
    """
    ends = _Ends(databases.of(source.engine.url), source, databases.of(target.engine.url, target=True), target)
    done = {c.table: c for c in coverage.of(target, migration.name) if c.place == coverage.WHOLE and c.state == "proven"}
    own = token(migration.name, run)
    made: list[TablePlan] = []
    problems: list[Problem] = []
    for plan in plans:
        spec = migration.tables.specs.get(plan.name) or TableSpec()
        last = done.get(plan.name) if plan.live_exists else None
        if spec.moved == "once" and last and plan.name not in asked and not repair:
            continue
        found: list[Problem] = []
        if spec.partition:
            plan, found = _partitioned(migration, plan, spec.partition, interval, ends)
        elif spec.incremental:
            plan, found = _incremental(plan, spec.incremental, last, ends)
        if repair:
            plan = replace(plan, increment=None, repairs=True, exchanges=False)
            found += _unrepairable(plan, ends) if not spec.partition or not plan.live_exists else ()
        problems += found
        # runs of other intervals may load at the same time
        shadow = ends.to.shadow(plan.target.name, migration.name, own)
        leaving = ends.to.shadow(plan.target.name, migration.name, f"{own}k") if plan.repairs and plan.target.primary_key else None
        once = spec.moved == "once" and not repair
        kept = plan.kept
        if plan.exchanges:  # of names that are free among the live tables, for their indexes too
            begins = "".join(c for c in plan.partition.low if c.isdigit()) if plan.partition else ""
            alone = ddl.fitted(f"{plan.target.name.name}_{begins}_{own}", ends.to.max_identifier)
            shadow, kept = replace(shadow, name=alone), replace(kept, name=alone)
        made.append(replace(plan, once=once, shadow=shadow, kept=kept, leaving=leaving))
    if not ends.to.ddl_in_transaction and not all(p.replaces for p in made):
        # what can't become live beside a whole table in one step is moved whole too
        made = [replace(p, increment=None, repairs=False, leaving=None) for p in made]
    if interval is not None or not migration.partitioned:
        problems += _together(made, ends.to, target)
    return tuple(made), problems


@dataclass(frozen=True)
class _Ends:
    """Both databases, and a connection to each."""

    from_: Database
    reading: sa.Connection
    to: Database
    writing: sa.Connection


def _partitioned(
    migration: Migration, plan: TablePlan, spec: PartitionSpec, interval: Interval | None, ends: _Ends
) -> tuple[TablePlan, list[Problem]]:
    """The plan limited to the interval's rows, as far as that can be."""
    problems = list(_misfits(plan, spec))
    if problems or interval is None:
        return plan, problems
    try:
        plan = replace(plan, partition=partition(migration, plan, spec, interval))
    except MigrationError as error:
        return plan, [Problem(True, f"table {plan.name}", error.what, error.fix)]
    if spec.how == "attach":
        plan = replace(plan, exchanges=True)
        problems += _unattachable(plan, ends)
    return plan, [*problems, *_rest(plan, spec, migration, ends.from_, ends.reading), *_live_misfits(plan, ends.to, ends.writing)]


def _unattachable(plan: TablePlan, ends: _Ends) -> Iterator[Problem]:
    """Why the interval can't be a native partition of the live table."""
    where, part = f"table {plan.name}", plan.partition
    rows = "declare `how: rows`, which is for any table"
    if ends.to.exchange is None:
        yield Problem(True, where, f"{ends.to.label} has no partitions that could be exchanged in one step", rows)
    elif not plan.live_exists:
        made = f"make it: CREATE TABLE … PARTITION BY RANGE ({part.to if part else ''})"
        yield Problem(True, where, f"there is no live table {plan.target.name} to attach a partition to", made)
    elif part and part.first:
        yield Problem(True, where, "rows before the first interval, or without a time, fit into no partition", rows)
    elif part:
        (live,) = ends.to.inspect(ends.writing, plan.target.name.schema, [plan.target.name.name])
        names, wanted = [c.name for c in live.columns], [c.name for c in plan.target.columns]
        if names != wanted and sorted(names) == sorted(wanted):
            yield Problem(True, where, f"the columns of {plan.target.name} stand in another order", rows)
        slot = ends.to.exchange.slot(ends.writing, plan.target.name, part.to, part.low, part.high)
        if slot.misfit:
            yield Problem(True, where, slot.misfit, f"{rows}; or change the partitions of {plan.target.name}")


def _incremental(plan: TablePlan, spec: IncrementSpec, last: Covered | None, ends: _Ends) -> tuple[TablePlan, list[Problem]]:
    """The plan limited to what has changed since `last`, as far as that can be."""
    problems = [*_misfits(plan, spec), *_unkeyed(plan)]
    if problems:
        return plan, problems
    plan = replace(plan, follows=_names(plan)[spec.by])
    if last is None:
        return plan, []
    changed = increment(plan, spec, last)
    return replace(plan, increment=changed, repairs=changed is None), list(_live_misfits(plan, ends.to, ends.writing))


def span(migration: Migration, target: sa.Connection, only: Sequence[str] = ()) -> Interval:
    """The interval of a repair that names none: all that is covered. Raises MigrationError where that is nothing, or has gaps."""
    names = [n for n, spec in migration.tables.specs.items() if spec.partition and (not only or n in only)]
    where = str(migration.path)
    covered = [c for c in coverage.of(target, migration.name) if c.table in names and c.place != coverage.WHOLE]
    begin = first(migration)
    if not covered:
        raise MigrationError("nothing of the partitioned tables is covered yet", where, fix="run their intervals, or name one")
    lows = [c.low or (intervals.written(begin) if begin else "") for c in covered]
    low, high = min(lows), max(c.high for c in covered)
    for name in names:
        reached = low
        for c in sorted((c for c in covered if c.table == name), key=lambda c: c.low):
            if c.low > reached:
                break
            reached = max(reached, c.high)
        if reached < high:
            what = f"{name} is covered from {low} to {high}, but for a gap at {reached}"
            raise MigrationError(what, where, fix="say which interval to repair, or `penstock backfill` what is missing")
    return intervals.between(low, high, "UTC")


def _unrepairable(plan: TablePlan, ends: _Ends) -> Iterator[Problem]:
    """Why a table has nothing that could be repaired."""
    if not plan.live_exists:
        what = f"there is no live table {plan.target.name} to be repaired"
        yield Problem(True, f"table {plan.name}", what, "start a usual run, or repair the other tables alone")
    yield from _live_misfits(plan, ends.to, ends.writing)


def partition(migration: Migration, plan: TablePlan, spec: PartitionSpec, interval: Interval) -> Partition:
    """The slice of a table that an interval is. Raises MigrationError when the column can't tell."""
    clock = cast(Clock, plan.source.column(spec.by).type.name)
    low, high = intervals.bounds(interval, clock, migration.timezone)
    is_first = spec.rest == "first" and interval.low == first(migration)
    return Partition(spec.by, _names(plan)[spec.by], low, high, is_first)


def increment(plan: TablePlan, spec: IncrementSpec, last: Covered) -> Increment | None:
    """What has changed since the last run; None when it is time for the whole table, or nobody knows since when."""
    now = dt.datetime.now(dt.UTC)
    if not last.watermark or not last.whole_at or now - dt.datetime.fromisoformat(last.whole_at) >= spec.whole:
        return None
    # whole seconds, which every database compares exactly
    since = (dt.datetime.fromisoformat(last.watermark) - spec.lag).replace(microsecond=0)
    is_date = plan.source.column(spec.by).type.name == "date"
    return Increment(spec.by, _names(plan)[spec.by], since.date().isoformat() if is_date else since.isoformat(sep=" "))


def _unkeyed(plan: TablePlan) -> Iterator[Problem]:
    if not plan.target.primary_key:
        yield Problem(
            True, f"table {plan.name}", "incremental: it has no primary key, by which a changed row would be found", "declare its `key`"
        )


def _names(plan: TablePlan) -> dict[str, str]:
    """Source columns whose values arrive as they were, and their names at the target."""
    return map_table(plan.source, plan.target.columns, plan.steps, plan.target.name).untouched


def _misfits(plan: TablePlan, spec: PartitionSpec | IncrementSpec) -> Iterator[Problem]:
    """Why the table can't be moved in parts by that column."""
    where = f"table {plan.name}"
    way = "partition" if isinstance(spec, PartitionSpec) else "incremental"
    try:
        column = plan.source.column(spec.by)
    except KeyError:
        known = ", ".join(c.name for c in plan.source.columns if c.type.name in CLOCKS)
        yield Problem(True, where, f"{way}: it has no column {spec.by}", f"of dates or times there are: {known}")
        return
    if column.type.name not in CLOCKS:
        fix = f"say a column of {', '.join(CLOCKS)}"
        yield Problem(True, where, f"{way}: {spec.by} is a {column.type}, not a date or time", fix)
    elif spec.by not in _names(plan):
        fix = "leave it as it is, and derive another column from it"
        yield Problem(True, where, f"{way}: the transforms change {spec.by}, so its rows could not be found at the target", fix)


def _rest(plan: TablePlan, spec: PartitionSpec, migration: Migration, database: Database, connection: sa.Connection) -> Iterator[Problem]:
    """The rows that no interval has a place for."""
    assert plan.partition
    if spec.rest == "first":
        return
    column = plan.source.column(spec.by)
    moment, begin = database.moment(column), first(migration)
    outside = [f"{moment} IS NULL"] if column.nullable else []
    if begin is not None:
        bound = intervals.bounds(Interval(begin, begin), cast(Clock, column.type.name), migration.timezone)[0]
        outside.append(f"{moment} < {database.moment_literal(bound, column)}")
    if not outside:
        return
    table = databases.qualified(database, plan.source.name)
    count = int(databases.execute(connection, f"SELECT count(*) FROM {table} WHERE {' OR '.join(outside)}").scalar_one())
    if count:
        what = f"{count:,} rows have no {spec.by}, or one before the start_date: no interval moves them"
        yield Problem(True, f"table {plan.name}", what, "correct them, set an earlier start_date, or declare `rest: first`")


def _live_misfits(plan: TablePlan, database: Database, connection: sa.Connection) -> Iterator[Problem]:
    """How the live table differs from what its rows are replaced by."""
    if not plan.live_exists:
        return
    (live,) = database.inspect(connection, plan.target.name.schema, [plan.target.name.name])
    there = {c.name: c.native for c in live.columns}
    for column in plan.target.columns:
        if column.name not in there:
            yield _misfit(plan, f"it has no column {column.name}")
    for name in there.keys() - {c.name for c in plan.target.columns}:
        yield _misfit(plan, f"it has a column {name} that the migration does not fill")


def _misfit(plan: TablePlan, what: str) -> Problem:
    fix = "change the live table or the transforms; or move it away, and backfill all of it"
    return Problem(True, f"table {plan.name}", f"rows of {plan.target.name} can't be replaced: {what}", fix)


def _together(plans: Sequence[TablePlan], database: Database, connection: sa.Connection) -> Iterator[Problem]:
    """What can't become live in one step."""
    replaced = [p for p in plans if p.replaces]
    whole = [p for p in plans if not p.replaces]
    if replaced and whole and not database.ddl_in_transaction:
        for plan in whole:
            what = f"{database.label} can't make a whole table and a partition of another one live in one step"
            yield Problem(True, f"table {plan.name}", what, "declare `moved: once`, or give it a migration of its own")
    served = [p.target.name for p in whole if p.live_exists]
    for dependent in database.dependents(connection, served) if replaced and served else ():
        if not dependent.follows:
            what = f"{dependent.kind} {dependent.name} hangs on {dependent.table} and would not follow the switch"
            yield Problem(True, f"table {dependent.table}", what, "declare `moved: once` for what partitions refer to")
