"""Foreign keys between tables that are moved in intervals: what can't work, and what can be declared better. The fix can be pasted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import sqlalchemy as sa

from penstock import databases
from penstock.databases import Database
from penstock.errors import MigrationError, Problem
from penstock.migration.spec import PartitionSpec
from penstock.model import intervals
from penstock.model.intervals import CLOCKS, Interval
from penstock.model.plan import TablePlan
from penstock.model.schema import ForeignKey
from penstock.planning import scope
from penstock.planning.preflight.context import Context
from penstock.planning.scope import Tables
from penstock.planning.statements import rows_of, within
from penstock.runtime.formatting import count

phase = "scope"
order = 20


def check(context: Context) -> Iterator[Problem]:
    """Each such key. Rows are counted in the run's interval; in the second one of the schedule where none is given."""
    migration = context.migration
    if not migration.partitioned:
        return
    tables = Tables(migration, {p.name: p for p in context.planned.plans}, context.target.database)
    interval = context.request.interval or _second(tables)
    for plan in context.run_plans:
        for key in plan.source.foreign_keys:
            other = plan.refers_to(key)
            if other in tables.plans and migration.partition_of(other):
                yield from _to_partitioned(tables, plan, key, interval, context.source.connection)
            elif other in tables.plans:
                yield from _to_once(tables, plan, key)


def _second(tables: Tables) -> Interval | None:
    """The second interval of the schedule: rows of the first one can't refer to an earlier one."""
    migration = tables.migration
    begin = scope.first(migration)
    if begin is None or not migration.schedule:
        return None
    first = intervals.following(migration.schedule, migration.timezone, begin)
    return intervals.following(migration.schedule, migration.timezone, first.high)


def _to_partitioned(
    tables: Tables, plan: TablePlan, key: ForeignKey, interval: Interval | None, source: sa.Connection
) -> Iterator[Problem]:
    """A table that refers to one that is moved in intervals."""
    where, other = f"table {plan.name}", plan.refers_to(key)
    spec = tables.migration.partition_of(plan.name)
    lines = _lines(plan.name, other, key, plan)
    if spec is None:
        moved = "by its changes" if plan.watermark_column else "whole"
        what = f"it is moved {moved}, and {other} in intervals: its rows would refer to rows of {other} that are not at the target yet"
        if tables.to.foreign_keys:
            yield Problem(True, where, what, f"move this table in intervals as well:\n{lines}", "key")
        return
    if (spec.follows and tables.named(spec.follows) == other) or not tables.to.foreign_keys:
        return
    if not plan.target.primary_key:
        what = f"a row may refer to a row of {other} in another interval, and without a primary key it can't wait for that interval"
        yield Problem(True, where, what, f"declare its `key`, or move both tables together:\n{lines}", "key")
        return
    crossing = _crossing(tables, plan, key, interval, source)
    if crossing and other != plan.name and spec.by:
        refer = "refers" if crossing == 1 else "refer"
        rows = f"{count(crossing, 'row')} of the interval {interval} {refer} to rows of {other} in another interval"
        what = f"{rows}: such rows are kept in a pending table until that interval is live"
        yield Problem(False, where, what, f"no action is needed; to move them together with the rows that they refer to:\n{lines}", "key")


def _crossing(tables: Tables, plan: TablePlan, key: ForeignKey, interval: Interval | None, source: sa.Connection) -> int:
    """How many rows of an interval refer to a row of another one, at the source; 0 where that is not known."""
    spec = tables.migration.partition_of(plan.name)
    if interval is None or spec is None:
        return 0
    database: Database = databases.of(source.engine.url)
    try:
        own = scope.partition(tables, plan, spec, interval)
        followed = PartitionSpec(follows=plan.refers_to(key), through=key.name)
        inside = scope.partition(tables, plan, followed, interval)
    except MigrationError:  # the check `scope` reports it
        return 0
    given = [f"{databases.quote(database, c)} IS NOT NULL" for c in key.columns]
    outside = f"NOT ({within(replace(plan, scope=inside), database, plan.source)})"
    query = f"SELECT count(*) FROM {rows_of(replace(plan, scope=own), database, *given, outside)}"
    return int(databases.execute(source, query).scalar_one())


def _to_once(tables: Tables, plan: TablePlan, key: ForeignKey) -> Iterator[Problem]:
    """A table that refers to one that is loaded once: rows that are added to that one later are never moved."""
    other = plan.refers_to(key)
    spec, mine = tables.migration.spec_of(other), tables.migration.spec_of(plan.name)
    if spec.load != "once" or other == plan.name or mine.load == "once":
        return
    what = f"it refers to {other}, which is loaded once: a run is refused when a row refers to one that was added there later"
    fix = f"remove `load: once` from {other}, or load it again when rows were added: --tables {other}"
    yield Problem(False, f"table {plan.name}", what, fix, "key")


def _lines(name: str, other: str, key: ForeignKey, plan: TablePlan) -> str:
    """What to write into the file, indented as it stands under `tables`."""
    several = sum(plan.refers_to(k) == other for k in plan.source.foreign_keys) > 1
    through = f", through: {key.name}" if several else ""
    if other == name:  # a table can't follow itself
        clocks = [c.name for c in plan.source.columns if c.type.name in CLOCKS]
        return f"        {name}:\n          partition: {{by: {clocks[0] if clocks else '<a column of dates or times>'}}}"
    return f"        {name}:\n          partition: {{with: {other}{through}}}"
