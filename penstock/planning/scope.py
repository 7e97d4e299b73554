"""The scope and the switch kind of each table of a run: which of its rows are moved, and how they become live.

These go together; nothing else is planned:

    scope           is planned for                                      switch kind
    whole           a table moved by every run or once; the first       `switch.how` of the migration
                    run of an incremental table
    interval        a partitioned table                                 `how` of its partition
    changes         an incremental table, later                         replace_rows
    differences     a repair; an incremental table that is due for a    replace_rows
                    full refresh; a whole table that can't be swapped
                    with the others of the run

Whatever is planned, a table that does not exist at the target yet is swapped in (see `TablePlan.switch`). At the switch one more pair is
possible: a whole table that was planned to be swapped, to which another table refers by then, has all of its rows replaced.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

import sqlalchemy as sa

from penstock import databases
from penstock.databases import Database
from penstock.databases._shared import ddl
from penstock.errors import MigrationError, Problem
from penstock.migration.spec import IncrementSpec, Migration, PartitionSpec
from penstock.model import intervals
from penstock.model.intervals import CLOCKS, Clock, Interval
from penstock.model.plan import TablePlan, token
from penstock.model.schema import ForeignKey, TableName
from penstock.model.scope import Changes, Differences, Parent, Partition, Side, Whole
from penstock.planning import beside_live, switch_kinds
from penstock.state import coverage
from penstock.state.coverage import CoverageRecord
from penstock.transforms._mapping import map_table

REPLACE_ROWS = "replace_rows"


def first(migration: Migration) -> dt.datetime | None:
    """Where the migration's history begins."""
    return intervals.midnight(migration.start_date, migration.timezone) if migration.start_date else None


@dataclass(frozen=True)
class Request:
    """Which run it is, and what it is asked for.

    interval: None when only what can be said of any interval is looked for.  asked: tables named for this run.
    repair: of every table only what differs from the live one is sent.
    """

    run: str
    interval: Interval | None = None
    asked: tuple[str, ...] = ()
    repair: bool = False


@dataclass(frozen=True)
class Tables:
    """All tables of a migration as they are planned, those that a run leaves out included, and the target database."""

    migration: Migration
    plans: Mapping[str, TablePlan]
    to: Database

    def pending(self, plan: TablePlan) -> TableName | None:
        """Where rows of a table wait that refer to a row of an interval that is not live yet; None where that can't be."""
        partitioned = self.migration.partition_of
        if not self.to.foreign_keys or not plan.target.primary_key or partitioned(plan.name) is None:
            return None
        waits = any(partitioned(plan.refers_to(k)) for k in plan.source.foreign_keys)
        owner = beside_live.owner(self.migration.name, plan.target.name, plan.qualified)
        return self.to.kept(plan.target.name, owner, "pending") if waits else None

    def named(self, written: str) -> str:
        """The name of the table that the file calls so; as it is written when there is none."""
        return next((name for name in self.plans if self.migration.means(written, name)), written)


def cut(
    migration: Migration,
    request: Request,
    plans: Sequence[TablePlan],
    every: Sequence[TablePlan],
    source: sa.Connection,
    target: sa.Connection,
) -> tuple[tuple[TablePlan, ...], list[Problem]]:
    """The plans of a run of one interval, and what is wrong with them. every: all tables of the migration, those that don't run included.

    Tables declared `load: once` are left out when they have been, unless they are asked for by name.
    """
    ends = _Ends(databases.of(source.engine.url), source, databases.of(target.engine.url, target=True), target)
    done = {c.table: c for c in coverage.of(target, migration.name) if c.place == coverage.WHOLE and c.state == "proven"}
    tables = Tables(migration, {p.name: p for p in every}, ends.to)
    made: list[TablePlan] = []
    problems: list[Problem] = []
    for plan in plans:
        spec = migration.spec_of(plan.name)
        last = done.get(plan.name) if plan.live_exists else None
        if spec.load == "once" and last and plan.name not in request.asked and not request.repair:
            continue
        found: list[Problem] = []
        if spec.partition:
            plan, found = _partitioned(tables, plan, spec.partition, request.interval, ends)
        elif spec.incremental:
            plan, found = _incremental(plan, spec.incremental, last)
        if request.repair:
            plan = _repaired(plan)
            found += _unrepairable(plan)
        problems += found
        made.append(replace(plan, once=spec.load == "once" and not request.repair and plan.name not in request.asked))
    made = _together(migration, made, ends)
    problems += [*_misdeclared(migration, made), *switch_kinds.problems(made, ends.to, ends.writing)]
    if request.interval is not None or not migration.partitioned:
        problems += _new_beside_replaced(made, ends.to)
    if own_shadows(migration, made):
        made = [_placed(tables, plan, token(migration.name, request.run)) for plan in made]
    return tuple(made), problems


def own_shadows(migration: Migration, plans: Iterable[TablePlan]) -> bool:
    """Whether the shadows of a run have names that no other run uses: runs of several intervals load at the same time, and the shadow of
    a table that stays is still needed after the switch.
    """
    return migration.in_parts or any(p.repairs or switch_kinds.keeps_live(p) for p in plans)


def _misdeclared(migration: Migration, plans: Sequence[TablePlan]) -> Iterator[Problem]:
    """Where a switch kind is declared for a scope that it can't switch."""
    for plan in plans:
        partitioned = migration.partition_of(plan.name) is not None and not plan.repairs  # a check may not know the interval yet
        scope = "interval" if partitioned else plan.scope.type
        if scope not in switch_kinds.of(plan.how).scopes:
            can = ", ".join(switch_kinds.for_scope(scope))
            field = "partition.how" if partitioned else "switch.how"
            what = f"{field}: the switch kind {plan.how} can't switch {'one interval' if partitioned else 'a whole table'}"
            yield Problem(True, f"table {plan.name}", what, f"declare another one: {can}", "migration")


def _repaired(plan: TablePlan) -> TablePlan:
    """The plan limited to what differs from the live table, of all of its rows or of its partition."""
    return replace(plan, scope=Differences(plan.partition or Whole()), how=REPLACE_ROWS)


def _placed(tables: Tables, plan: TablePlan, own: str) -> TablePlan:
    """The plan with places of its own: runs of other intervals may load at the same time. own: the run's token."""
    to, owner = tables.to, beside_live.owner(tables.migration.name, plan.target.name, plan.qualified)
    shadow, kept = to.shadow(plan.target.name, owner, own), plan.kept
    if switch_kinds.of(plan.how).effect == "partition":
        # The shadow keeps its name as a partition: one that is free among the live tables, as are the names of its indexes.
        begins = "".join(c for c in plan.partition.low if c.isdigit()) if plan.partition else ""
        alone = ddl.fitted(f"{plan.target.name.name}_{begins}_{own}", to.max_identifier)
        shadow, kept = replace(shadow, name=alone), replace(kept, name=alone)
    scope = plan.scope
    if isinstance(scope, Differences) and plan.target.primary_key:
        scope = replace(scope, delete_keys=to.shadow(plan.target.name, owner, f"{own}k"))
    return replace(plan, shadow=shadow, kept=kept, scope=scope, keys_at_switch="foreign key" in to.shared_names)


def _together(migration: Migration, plans: Sequence[TablePlan], ends: _Ends) -> list[TablePlan]:
    """The plans so that the run can switch in one step: of a whole table that can't be swapped, the rows that differ are sent.

    That is one that a table refers to which is not swapped with it; and, where DDL commits by itself, each one that is live when rows of
    others are replaced in the same run.
    """
    replaced = {p.name for p in plans if p.live_exists and (switch_kinds.keeps_live(p) or migration.partition_of(p.name) is not None)}
    whole = [p for p in plans if p.name not in replaced]
    staying = referred(ends.to, ends.writing, whole)
    if not ends.to.ddl_in_transaction and (replaced or staying):
        if not (staying or all(p.live_exists for p in whole) or any(migration.partition_of(name) for name in replaced)):
            # What can't become live with a new table in one step is moved whole too.
            return [replace(p, scope=Whole(), how=migration.switch.how) for p in plans]
        staying = frozenset(p.name for p in whole if p.live_exists)
    return [_repaired(p) if p.name in staying else p for p in plans]


def referred(target: Database, connection: sa.Connection, whole: Sequence[TablePlan]) -> frozenset[str]:
    """Those of the live tables to which a foreign key of a table refers that would not be swapped with them."""
    staying: set[str] = set()
    while served := [t for t in whole if t.live_exists and t.name not in staying]:
        found = target.dependents(connection, [t.target.name for t in served])
        hindered = {d.table for d in found if d.kind == "foreign key" and not d.follows}
        if not hindered:
            break
        staying |= {t.name for t in served if t.target.name in hindered}
    return frozenset(staying)


@dataclass(frozen=True)
class _Ends:
    """Both databases, and a connection to each."""

    from_: Database
    reading: sa.Connection
    to: Database
    writing: sa.Connection


def _partitioned(
    tables: Tables, plan: TablePlan, spec: PartitionSpec, interval: Interval | None, ends: _Ends
) -> tuple[TablePlan, list[Problem]]:
    """The plan limited to the interval's rows, as far as that can be."""
    try:
        problems = list(_misfits(plan, spec)) if spec.by else []
        if not problems and interval is not None:
            plan = replace(plan, scope=partition(tables, plan, spec, interval))
        elif spec.follows:
            parent(tables, plan, spec)
    except MigrationError as error:
        return plan, [Problem(True, error.where or f"table {plan.name}", error.what, error.fix, "migration")]
    if problems:
        return plan, problems
    return replace(plan, how=spec.how), list(_rest(plan, spec, tables, ends.from_, ends.reading))


def _incremental(plan: TablePlan, spec: IncrementSpec, last: CoverageRecord | None) -> tuple[TablePlan, list[Problem]]:
    """The plan limited to what has changed since `last`, as far as that can be."""
    problems = [*_misfits(plan, spec), *_unkeyed(plan)]
    if problems:
        return plan, problems
    plan = replace(plan, watermark_column=_names(plan)[spec.by])
    if last is None:
        return plan, []
    changed = changes(plan, spec, last)
    return (replace(plan, scope=changed, how=REPLACE_ROWS) if changed else _repaired(plan)), []


def span(migration: Migration, target: sa.Connection, only: Sequence[str] = ()) -> Interval:
    """The interval of a repair that names none: all that is covered. Raises MigrationError where that is nothing, or has gaps."""
    where = str(migration.path)

    def asked(table: str) -> bool:
        return not only or any(migration.means(written, table) for written in only)

    every = [c for c in coverage.of(target, migration.name) if c.place != coverage.WHOLE and migration.partition_of(c.table)]
    declared = [n for n, spec in migration.tables.specs.items() if spec.partition]
    # In full, as the journal has them: of a table without a record nothing says which schema it is in.
    names = [n for d in declared if asked(n := next((c.table for c in every if migration.means(d, c.table)), d))]
    covered = [c for c in every if c.table in names]
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


def _unrepairable(plan: TablePlan) -> Iterator[Problem]:
    """Why a table has nothing that could be repaired."""
    if not plan.live_exists:
        what = f"there is no live table {plan.target.name} to be repaired"
        yield Problem(True, f"table {plan.name}", what, "start a usual run, or repair the other tables alone")


def of_interval(plan: TablePlan, interval: Interval, zone: str, first: bool = False) -> TablePlan:
    """The plan of a partitioned table for another interval. first: it is the one that has the rows that no other has."""
    assert plan.partition
    followed = plan.partition.parent
    clock = followed.clock if followed else plan.source.column(plan.partition.by)
    low, high = intervals.bounds(interval, cast(Clock, clock.type.name), zone)
    return replace(plan, scope=replace(plan.partition, low=low, high=high, first=first))


def partition(tables: Tables, plan: TablePlan, spec: PartitionSpec, interval: Interval) -> Partition:
    """The slice of a table that an interval is. Raises MigrationError when nothing says which rows those are."""
    migration = tables.migration
    is_first = interval.low == first(migration) and _takes_rest(migration, spec)
    if spec.by:
        low, high = intervals.bounds(interval, cast(Clock, plan.source.column(spec.by).type.name), migration.timezone)
        return Partition(spec.by, _names(plan)[spec.by], low, high, is_first, pending=tables.pending(plan))
    followed = parent(tables, plan, spec)
    low, high = intervals.bounds(interval, cast(Clock, followed.clock.type.name), migration.timezone)
    return Partition("", "", low, high, is_first, followed, tables.pending(plan))


def _takes_rest(migration: Migration, spec: PartitionSpec) -> bool:
    """Whether the first interval has the rows that no other one has: as declared, of the table or of one that it follows."""
    above = migration.partition_of(spec.follows) if spec.follows else None
    return spec.out_of_range == "first" or (above is not None and _takes_rest(migration, above))


def _followed_by(plan: TablePlan, followed: str, through: str | None) -> list[ForeignKey]:
    """The foreign keys by which a table may follow another: just one, where `parent` has found no fault."""
    return [k for k in plan.source.foreign_keys if plan.refers_to(k) == followed and through in (None, k.name)]


def parent(tables: Tables, plan: TablePlan, spec: PartitionSpec, below: tuple[str, ...] = ()) -> Parent:
    """The table that another one follows, and those that this one follows in turn.

    below: the tables that led here.
    Raises MigrationError where the file's `with` names none that can be followed.
    """
    migration, name = tables.migration, tables.named(str(spec.follows))
    where = f"{migration.path}: tables.{plan.name}.partition.with"
    other, declared = tables.plans.get(name), migration.partition_of(name)
    if other is None or declared is None:
        can = sorted({n for k in plan.source.foreign_keys if migration.partition_of(n := plan.refers_to(k))})
        fix = (
            f"name a partitioned table that {plan.name} refers to: {', '.join(can)}"
            if can
            else f"partition {name} by a column of its own first"
        )
        raise MigrationError(f"{name} is not a partitioned table of this migration", where=where, fix=fix)
    if name in (*below, plan.name):
        raise MigrationError(
            f"{' → '.join((*below, plan.name, name))} goes round in a circle", where=where, fix="partition one of them `by` a column"
        )
    keys = _followed_by(plan, name, spec.through)
    if len(keys) != 1:
        known = ", ".join(k.name for k in plan.source.foreign_keys if plan.refers_to(k) == name)
        if known:
            fix = f"say which: `through: {known.partition(',')[0]}`"
            raise MigrationError(f"{plan.name} has several foreign keys to {name}: {known}", where=where, fix=fix)
        raise MigrationError(f"{plan.name} has no foreign key to {name}", where=where, fix="partition it `by` a column of dates or times")
    pairs = tuple(zip(keys[0].columns, keys[0].ref_columns, strict=True))
    mine, theirs = _names(plan), _names(other)
    changed = [f"{t}.{c}" for pair in pairs for t, c, known in zip((plan.name, name), pair, (mine, theirs), strict=True) if c not in known]
    if changed:
        what = f"the transforms change {', '.join(changed)}, so the rows could not be found at the target"
        raise MigrationError(what, where=where, fix="leave these columns as they are, or partition it `by` a column")
    clock = other.source.column(declared.by) if declared.by and not list(_misfits(other, declared)) else None
    if declared.by and clock is None:
        raise MigrationError(f"{name} can't be partitioned by {declared.by}", where=where, fix=f"see what is said of {name}")
    source = Side(other.source.name, pairs, clock)
    target = Side(
        other.target.name, tuple((mine[m], theirs[t]) for m, t in pairs), other.target.column(theirs[clock.name]) if clock else None
    )
    above = parent(tables, other, declared, (*below, plan.name)) if declared.follows else None
    return Parent(name, source, target, tables.pending(other), above)


def changes(plan: TablePlan, spec: IncrementSpec, last: CoverageRecord) -> Changes | None:
    """What has changed since the last run; None when it is time for the whole table, or nobody knows since when."""
    now = dt.datetime.now(dt.UTC)
    if not last.watermark or not last.whole_at or now - dt.datetime.fromisoformat(last.whole_at) >= spec.full_refresh_every:
        return None
    # whole seconds, which every database compares exactly
    since = (dt.datetime.fromisoformat(last.watermark) - spec.lookback).replace(microsecond=0)
    is_date = plan.source.column(spec.by).type.name == "date"
    return Changes(spec.by, _names(plan)[spec.by], since.date().isoformat() if is_date else since.isoformat(sep=" "))


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
        column = plan.source.column(str(spec.by))
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


def _rest(plan: TablePlan, spec: PartitionSpec, tables: Tables, database: Database, connection: sa.Connection) -> Iterator[Problem]:
    """The rows that no interval has a place for."""
    if spec.out_of_range == "first":
        return
    if spec.follows:
        keys = _followed_by(plan, tables.named(spec.follows), spec.through)
        yield from _unfollowed(plan, spec.follows, keys[0], database, connection)
        return
    migration = tables.migration
    column = plan.source.column(str(spec.by))
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
        yield Problem(True, f"table {plan.name}", what, "correct them, set an earlier start_date, or declare `out_of_range: first`")


def _unfollowed(plan: TablePlan, followed: str, key: ForeignKey, database: Database, connection: sa.Connection) -> Iterator[Problem]:
    """The rows that refer to no row of the table that they are to follow."""
    empty = [f"{databases.quote(database, c)} IS NULL" for c in key.columns if plan.source.column(c).nullable]
    if not empty:
        return
    query = f"SELECT count(*) FROM {databases.qualified(database, plan.source.name)} WHERE {' OR '.join(empty)}"
    if count := int(databases.execute(connection, query).scalar_one()):
        what = f"{count:,} rows refer to no row of {followed} ({', '.join(key.columns)} is NULL): no interval moves them"
        fix = "declare `out_of_range: first`, which makes them part of the first interval, or partition it `by` a column"
        yield Problem(True, f"table {plan.name}", what, fix)


def _new_beside_replaced(plans: Sequence[TablePlan], database: Database) -> Iterator[Problem]:
    """New tables that can't become live in one step with rows of other tables."""
    if database.ddl_in_transaction or not any(map(switch_kinds.keeps_live, plans)):
        return
    new = [p for p in plans if not p.live_exists]
    for plan in new:
        yield Problem(True, f"table {plan.name}", *two_steps(plan, new, database))


def two_steps(plan: TablePlan, new: Sequence[TablePlan], database: Database) -> tuple[str, str]:
    """What is wrong with a new table, one of `new`, in a run that replaces rows of others, where DDL commits by itself; and what to do."""
    what = f"{database.label} can't make the new table {plan.target.name.name} and rows of other tables live in one step"
    return what, f"run the new tables alone first: --tables {','.join(p.name for p in new)}"
