"""Foreign keys of tables that are moved in intervals: what can't work, and what works better otherwise, with the lines to paste."""

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
            if key.ref_table in tables.plans and migration.partition_of(key.ref_table):
                yield from _to_partitioned(tables, plan, key, interval, context.source.connection)
            elif key.ref_table in tables.plans:
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
    where, other = f"table {plan.name}", key.ref_table
    spec = tables.migration.partition_of(plan.name)
    lines = _lines(plan.name, other, key, plan)
    if spec is None:
        how = "moved by its changes" if plan.watermark_column else "moved whole"
        what = f"it is {how} and refers to {other}, of which a run moves one interval: it would refer to rows that are not there yet"
        if tables.to.foreign_keys:
            yield Problem(True, where, what, f"move it in intervals, too:\n{lines}", "key")
        return
    if spec.follows == other or not tables.to.foreign_keys:
        return
    if not plan.target.primary_key:
        what = (
            f"it refers to {other}, whose row may belong to another interval, and has no primary key by which its rows could wait for that"
        )
        yield Problem(True, where, what, f"declare its `key`, or move both together:\n{lines}", "key")
        return
    crossing = _crossing(tables, plan, key, interval, source)
    if crossing and other != plan.name and spec.by:
        rows = (
            f"{count(crossing, 'row')} of the interval {interval} {'refers' if crossing == 1 else 'refer'} to {other} of another interval"
        )
        what = f"{rows}: such rows wait beside the live table until that interval is live"
        yield Problem(False, where, what, f"nothing needs to be done; to move them with the rows that they refer to:\n{lines}", "key")


def _crossing(tables: Tables, plan: TablePlan, key: ForeignKey, interval: Interval | None, source: sa.Connection) -> int:
    """How many rows of an interval refer to a row of another one, at the source; 0 where that can't be told."""
    spec = tables.migration.partition_of(plan.name)
    if interval is None or spec is None:
        return 0
    database: Database = databases.of(source.engine.url)
    try:
        own = scope.partition(tables, plan, spec, interval)
        followed = PartitionSpec(follows=key.ref_table, through=key.name)
        inside = scope.partition(tables, plan, followed, interval)
    except MigrationError:  # said elsewhere
        return 0
    given = [f"{databases.quote(database, c)} IS NOT NULL" for c in key.columns]
    outside = f"NOT ({within(replace(plan, scope=inside), database, plan.source)})"
    query = f"SELECT count(*) FROM {rows_of(replace(plan, scope=own), database, *given, outside)}"
    return int(databases.execute(source, query).scalar_one())


def _to_once(tables: Tables, plan: TablePlan, key: ForeignKey) -> Iterator[Problem]:
    """A table that refers to one that is moved once: new rows of that one never come."""
    specs = tables.migration.tables.specs
    spec, mine = specs.get(key.ref_table), specs.get(plan.name)
    if spec is None or spec.load != "once" or key.ref_table == plan.name or (mine and mine.load == "once"):
        return
    what = f"it refers to {key.ref_table}, which is moved once: a run that needs a row that was added there later is refused"
    fix = f"leave out `load: once` of {key.ref_table}, or move it again when rows were added: --tables {key.ref_table}"
    yield Problem(False, f"table {plan.name}", what, fix, "key")


def _lines(name: str, other: str, key: ForeignKey, plan: TablePlan) -> str:
    """What to write into the file, indented as it stands under `tables`."""
    several = sum(k.ref_table == other for k in plan.source.foreign_keys) > 1
    through = f", through: {key.name}" if several else ""
    if other == name:  # a table can't follow itself
        clocks = [c.name for c in plan.source.columns if c.type.name in CLOCKS]
        return f"        {name}:\n          partition: {{by: {clocks[0] if clocks else '<a column of dates or times>'}}}"
    return f"        {name}:\n          partition: {{with: {other}{through}}}"
