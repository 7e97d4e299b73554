"""What a switch does with each table, decided while nobody else can switch the same migration."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import sqlalchemy as sa

from penstock import databases
from penstock.databases import Database
from penstock.errors import SwitchRefused
from penstock.model import digest, intervals
from penstock.model.digest import Digest
from penstock.model.intervals import Interval
from penstock.model.plan import Plan, TablePlan
from penstock.model.schema import TableName
from penstock.model.scope import Changes, Partition
from penstock.planning import scope, switch_kinds
from penstock.planning.statements import same_key, within
from penstock.planning.switch_kinds import Effect, LiveFacts, SwitchKind
from penstock.stages.switch import change_detection, pending_rows
from penstock.state import coverage, evidence, journal, recorded, staging
from penstock.state.coverage import CoverageRecord
from penstock.state.evidence import Comparison, Proof, TableProof
from penstock.state.run_context import RunContext


@dataclass(frozen=True)
class KindGroup:
    """The tables of a run that one kind switches. facts: what `read` has found of their live tables."""

    name: str
    tables: tuple[TablePlan, ...]
    facts: LiveFacts = field(default_factory=LiveFacts)

    @property
    def kind(self) -> SwitchKind:
        return switch_kinds.of(self.name)


@dataclass(frozen=True)
class Decision:
    """groups: the tables that are switched, by kind, in the order in which kinds are applied. A repair that found no difference in a table
    does not switch it.

    left: by table, the record of the run that it is left to.  covered: what the run will have made live.
    before: the coverage before this switch, of all of the migration's tables.
    """

    groups: tuple[KindGroup, ...]
    left: Mapping[str, CoverageRecord]
    covered: tuple[CoverageRecord, ...]
    before: tuple[CoverageRecord, ...]

    def of(self, effect: Effect) -> tuple[KindGroup, ...]:
        """The groups whose kinds have this effect on a live table."""
        return tuple(g for g in self.groups if g.kind.effect == effect)

    @property
    def becoming(self) -> tuple[TablePlan, ...]:
        """The tables whose shadow becomes the live table."""
        return tuple(t for g in self.of("table") for t in g.tables)

    @property
    def staying(self) -> tuple[TablePlan, ...]:
        """The tables whose live table stays, and is changed."""
        return tuple(t for g in self.groups if g.kind.effect != "table" for t in g.tables)

    @property
    def kinds(self) -> dict[str, str]:
        """By table, the name of the kind that switches it."""
        return {t.name: g.name for g in self.groups for t in g.tables}

    @property
    def overlapped(self) -> tuple[CoverageRecord, ...]:
        """The records that the run's own will replace or overlay."""
        return tuple(b for b in self.before if any(b.table == c.table and b.overlaps(c) for c in self.covered))


def decide(context: RunContext, connection: sa.Connection, proof: Proof) -> Decision:
    """What becomes of each table. Raises SwitchRefused when a later reading has the last word over a part of one."""
    plan = context.plan
    before = tuple(coverage.of(connection, plan.migration))
    left, covered = {}, []
    for table in plan.tables:
        mine = _covered(context, table, proof.of(table.name))
        others = [b for b in before if b.table == table.name and b.run != plan.run]
        other = next(iter(others), None) if table.once else coverage.superseded(mine, others)
        if other is None:
            covered.append(mine)
        else:
            left[table.name] = other
    going = _as_live_now(connection, [t for t in plan.tables if t.name not in left])
    equal = {c.table for c in comparisons(context, connection).values() if not c.differ}
    staying = [t for t in going if switch_kinds.keeps_live(t) and t.name not in equal]
    becoming, in_rows = _parted(context, connection, [t for t in going if not switch_kinds.keeps_live(t)], bool(staying))
    by_kind = switch_kinds.grouped([*becoming, *staying, *in_rows])
    groups = tuple(KindGroup(name, tuple(tables)) for name, tables in by_kind.items())
    return Decision(groups, left, tuple(covered), before)


def read(context: RunContext, connection: sa.Connection, decision: Decision) -> Decision:
    """The decision with what the catalogue says of the live tables. Raises SwitchRefused when a kind can't switch them as they are."""
    groups = (replace(g, facts=g.kind.read(g.tables, context.target, connection)) for g in decision.groups)
    return replace(decision, groups=tuple(groups))


def _parted(
    context: RunContext, connection: sa.Connection, whole: Sequence[TablePlan], in_rows: bool
) -> tuple[list[TablePlan], list[TablePlan]]:
    """Which of the tables that are to be swapped are, and of which all rows are replaced instead.

    A table can't be swapped when a table refers to it that stays: that one would go on referring to the table that is set aside. The plan
    has seen to that for the tables that were live when it was made. in_rows: rows of other tables are replaced in the same step.
    Raises SwitchRefused where the target can't do what is needed in one step.
    """
    target = context.target
    if in_rows and not target.ddl_in_transaction:
        if new := [t for t in whole if not t.live_exists]:
            what, fix = scope.two_steps(new[0], new, target)
            raise SwitchRefused(what, where=f"table {new[0].name}", fix=fix)
        return [], [replace(t, how=scope.REPLACE_ROWS) for t in whole]
    staying = scope.referred(target, connection, whole)
    in_place = [replace(t, how=scope.REPLACE_ROWS) for t in whole if t.name in staying]
    return [t for t in whole if t.name not in staying], in_place


def _as_live_now(connection: sa.Connection, tables: Sequence[TablePlan]) -> list[TablePlan]:
    """The tables, and whether each is live now: a run of another interval may have made one since this run was planned.

    Raises SwitchRefused when one is gone. The shadow of a partition becomes the live table then, as in the first run.
    """
    there = databases.existing_tables(connection, [t.target.name for t in tables])
    for table in tables:
        changes_live = switch_kinds.keeps_live(table) and not isinstance(table.scope, Partition)
        if changes_live and table.target.name not in there:
            what, why = f"the live table {table.target.name} is gone", "this run was planned to change the rows that it had"
            raise SwitchRefused(what, f"table {table.name}", why, "start a new run, which moves all of it")
    return [replace(t, live_exists=t.target.name in there) for t in tables]


def comparisons(context: RunContext, connection: sa.Connection) -> dict[str, Comparison]:
    """By table, what the comparison of a repair has found. Raises SwitchRefused when that is not what the journal has a record of."""
    if not any(t.repairs for t in context.plan.tables):
        return {}
    return {c.table: c for c in recorded.find(context, connection, evidence.COMPARED) or ()}


def changed_since(context: RunContext, connection: sa.Connection, decision: Decision) -> frozenset[str]:
    """The repaired tables whose live rows have changed since they were compared: what was found equal may no longer be."""
    found = comparisons(context, connection)
    going = [t for t in context.plan.tables if t.repairs and t.name not in decision.left]
    return frozenset(t.name for t in going if not change_detection.as_compared(context, connection, t, found[t.name]))


def refuse_stale(context: RunContext, connection: sa.Connection, changed: Iterable[str], proof: Proof) -> None:
    """Raise SwitchRefused when a repaired table that changed since it was compared is not what the source gave, with its rows in place.

    A run of another interval may have switched since: what it has put in place is nearly always what this run was to put there as well.
    """
    for name in changed:
        if not change_detection.as_staged(context, connection, context.plan.table(name), proof.of(name)):
            live = context.plan.table(name).target.name
            raise SwitchRefused(
                f"rows of {live} have changed since they were compared",
                where=f"table {name}",
                why="somebody else wrote into the live table, or another run has switched",
                fix="start a new run, which compares it again",
            )


def refuse_other_rows(context: RunContext, connection: sa.Connection, decision: Decision, changed: Collection[str]) -> None:
    """Raise SwitchRefused when other rows of a repaired table were deleted than those that were found to differ.

    changed: the tables that have changed since they were compared; `refuse_stale` judges those.
    """
    found = comparisons(context, connection)
    for table in (t for t in decision.staying if t.repairs and t.name not in changed):
        if not change_detection.deleted_as_compared(context, connection, table, found[table.name]):
            what = f"other rows of {table.target.name} would be deleted than those that differ"
            why = "the target compares its keys in another way, or rows were written at the same moment"
            raise SwitchRefused(what, where=f"table {table.name}", why=why, fix="start a usual run, which moves all of the table")


def place(plan: Plan, table: TablePlan) -> tuple[str, str]:
    """low and high of what the run moves of a table."""
    return plan.interval if table.partition and plan.interval else coverage.WHOLE


def _covered(context: RunContext, table: TablePlan, proof: TableProof) -> CoverageRecord:
    plan = context.plan
    low, high = place(plan, table)
    return CoverageRecord(
        migration=plan.migration,
        table=table.name,
        low="" if table.partition and table.partition.first else low,
        high=high,
        run=plan.run,
        token=plan.token,
        state="proven",
        rows=proof.rows,
        digest=proof.target,
        rows_read=proof.rows_read,
        source=proof.source,
        read_at=staging.read_at(context.staging, table.name),
        at=journal.now(),
        reading=context.staging.reading(table.name),
    )


def taken_from(context: RunContext, connection: sa.Connection, decision: Decision) -> list[CoverageRecord]:
    """The records of coverage that lose rows: at the source these rows have moved into a partition that is replaced now.

    Raises SwitchRefused when one of these was read later than this run.
    """
    found = []
    for table in decision.staying:
        mine = next(c for c in decision.covered if c.table == table.name)
        others = [b for b in decision.before if b.table == table.name and not b.overlaps(mine)]
        if not others or not _any(connection, _moved_in(table, context.target)):
            continue
        for other in others:
            interval = intervals.between(other.low or intervals.BEGINNING, other.high, "UTC")
            if not _any(connection, _moved_in(table, context.target, interval, context.plan.timezone)):
                continue
            if other.read_later(mine):
                raise SwitchRefused(
                    f"rows that belong to {mine} were loaded under {other}, which the run {other.run} read later",
                    where=f"table {table.name}",
                    why="the value of the partition column has changed at the source",
                    fix="run this interval again: a new run reads it anew",
                )
            if switch_kinds.of(table.switch).effect == "partition":
                what = f"rows that belong to {mine} were loaded under {other}, whose partition is not exchanged"
                why = "the value of the partition column has changed at the source"
                raise SwitchRefused(what, where=f"table {table.name}", why=why, fix="repair both intervals, or declare `how: rows`")
            found.append(other)
    return found


def _moved_in(table: TablePlan, target: Database, interval: Interval | None = None, zone: str = "UTC") -> str | None:
    """A select of one live row of another partition (of `interval`, when given) that the shadow has under the same key.

    None for a table without a key: nothing says that two of its rows are the same.
    """
    same = same_key(table, target)
    if not same or table.partition is None:
        return None
    conditions = [same, f"NOT coalesce({within(table, target, table.target)}, false)"]
    if interval is not None:
        conditions.append(within(scope.of_interval(table, interval, zone), target, table.target))
    both = " AND ".join(f"({c})" for c in conditions)
    return f"SELECT 1 FROM {databases.qualified(target, table.target.name)} WHERE {both} LIMIT 1"


def _any(connection: sa.Connection, select: str | None) -> bool:
    return select is not None and databases.execute(connection, select).first() is not None


def record(context: RunContext, connection: sa.Connection, decision: Decision, taken: Sequence[CoverageRecord]) -> None:
    """Write the coverage that a switch results in, in its transaction, after its statements. taken: the records that lose rows."""
    coverage.write(connection, [_brought_forward(context, connection, decision, c) for c in decision.covered], decision.before)
    for other in taken:
        coverage.overlay(connection, other, f"some of its rows moved to another interval, with the run {decision.covered[0].run}")
    pending_rows.note(connection, context.plan.tables, context.plan.migration, context.plan.timezone, context.target)


def _brought_forward(context: RunContext, connection: sa.Connection, decision: Decision, mine: CoverageRecord) -> CoverageRecord:
    """The record of an incremental table: its live rows are those before, less those that were deleted, plus those that were inserted."""
    table = next((t for t in decision.staying if t.name == mine.table and isinstance(t.scope, Changes)), None)
    if table is None:
        plan = context.plan.table(mine.table)
        return replace(mine, watermark=_watermark(context, connection, plan, plan.target.name), whole_at=mine.read_at)
    last = next(b for b in decision.before if b.table == mine.table)
    columns = table.target.columns
    deleted = digest.total(context.target.read(connection, databases.select(context.target, table.kept, columns), columns), columns)
    whole = Digest.parse(last.digest) - deleted + Digest.parse(mine.digest)
    mark = max(last.watermark, _watermark(context, connection, table, table.shadow))
    return replace(mine, rows=whole.rows, digest=str(whole), watermark=mark, whole_at=last.whole_at)


def _watermark(context: RunContext, connection: sa.Connection, table: TablePlan, place: TableName) -> str:
    """The latest time of an incremental table's rows at `place`, on the column's own clock; empty where there is none."""
    if not table.watermark_column:
        return ""
    column = table.target.column(table.watermark_column)
    query = f"SELECT max({context.target.moment(column)}) FROM {databases.qualified(context.target, place)}"
    latest = databases.execute(connection, query).scalar()
    if isinstance(latest, dt.datetime):
        latest = (latest.astimezone(dt.UTC) if latest.tzinfo else latest).replace(tzinfo=None, microsecond=0)
    return str(latest) if latest is not None else ""
