"""The SQL of a plan: what reads its chunks, what makes its tables, and the conditions that say which rows a run moves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from penstock import databases
from penstock.databases import Database
from penstock.databases._shared import ddl
from penstock.model.plan import Chunk, Key, Plan, TablePlan
from penstock.model.schema import Column, Table, TableName
from penstock.model.scope import Changes, Parent, Partition
from penstock.planning import built_schema, switch_kinds


def where(database: Database, columns: Sequence[Column], chunk: Chunk) -> str:
    """The SQL predicate of a chunk over the key `columns`, or over where rows lie when there are none; empty for a whole table.

    Composite keys compare as tuples, written out: a >= x AND ((a > x) OR (a = x AND b > y)). Without its first part, which says
    nothing new, no planner would look for the range in an index, and each chunk would read the whole table.
    """
    if not columns:
        bounds = [(sign, bound) for sign, bound in ((">", chunk.low), ("<=", chunk.high)) if bound]
        return " AND ".join(f"{database.row_place} {sign} {literal}" for sign, (literal,) in bounds)
    nullable = [database.key_expression(c) for c in columns if c.nullable]
    if chunk.nulls:
        return " OR ".join(f"{n} IS NULL" for n in nullable)
    parts = [f"{n} IS NOT NULL" for n in nullable]
    if chunk.low is not None:
        parts.append(_beyond(database, columns, chunk.low, ">"))
    if chunk.high is not None:
        parts.append(_beyond(database, columns, chunk.high, "<", or_equal=True))
    return " AND ".join(parts)


def _beyond(database: Database, columns: Sequence[Column], bound: Key, sign: str, or_equal: bool = False) -> str:
    expressions = [database.key_expression(c) for c in columns]
    literals = [database.key_literal(v, c) for v, c in zip(bound, columns, strict=True)]
    choices = []
    for i in range(len(columns)):
        same = [f"{expressions[j]} = {literals[j]}" for j in range(i)]
        last = f"{sign}=" if or_equal and i == len(columns) - 1 else sign
        choices.append(" AND ".join([*same, f"{expressions[i]} {last} {literals[i]}"]))
    leading = [f"{expressions[0]} {sign}= {literals[0]}"] if len(columns) > 1 else []
    return " AND ".join([*leading, "(" + " OR ".join(choices) + ")"])


def schema_statements(plan: Plan, target: Database) -> list[str]:
    """What creates the schemas that the target does not have yet. It comes first: a schema that is missing can't be looked into."""
    return [target.create_schema(name) for name in plan.new_schemas]


def prepare_statements(plan: Plan, target: Database) -> list[str]:
    """What makes the empty shadow tables, instead of those that an earlier try of ours left there."""
    places = [p for t in plan.tables for p in t.shadow_tables]
    made = [s for t in plan.tables for s in _made(t, target)]
    made += [ddl.create_table(target, t.delete_keys_table, t.delete_keys) for t in plan.tables if t.delete_keys]
    return [*target.drops(places), *target.schemas(places), *made]


def _made(table: TablePlan, target: Database) -> list[str]:
    kind = switch_kinds.of(table.switch)
    own = kind.make_shadow(table, target)
    if own is not None:
        return own
    shadow = kind.shadow(table)
    return [ddl.create_table(target, shadow, table.shadow), *ddl.furnish(target, shadow, table.shadow)]


def build_statements(plan: Plan, target: Database) -> list[str]:
    """What turns the loaded shadow tables into the ones declared: keys and indexes, then what links and numbers them."""
    return [s for _, s in key_statements(plan, target)] + link_statements(plan, target)


def key_statements(plan: Plan, target: Database) -> list[tuple[TablePlan, str]]:
    """A statement for each key and index, with the one table that it touches."""
    of = [(t, switch_kinds.shadow(t), t.shadow) for t in plan.tables]
    of += [(t, t.delete_keys_table, t.delete_keys) for t in plan.tables if t.delete_keys]
    return [(t, s) for t, table, place in of for s in ddl.keys(target, table, place)]


def link_statements(plan: Plan, target: Database) -> list[str]:
    """The foreign keys between shadows that become live tables, and where their identities go on.

    A shadow never refers to a live table: one that a failed run leaves must not hinder whoever writes there.
    """
    becoming = [t for t in plan.tables if not switch_kinds.keeps_live(t)]
    places = {t.target.name: t.shadow for t in becoming}
    statements = []
    for table in plan.tables:
        shadow = switch_kinds.shadow(table)
        keys = tuple(k for k in shadow.foreign_keys if built_schema.linked(table, k, plan.tables))
        statements += ddl.foreign_keys(target, replace(shadow, foreign_keys=keys), table.shadow, places)
    return statements + [s for t in becoming for s in target.renumber(t.target, t.shadow)]


def extract_select(plan: TablePlan, source: Database, chunk: Chunk) -> str:
    """The select that reads a chunk from the source."""
    keys = [plan.source.column(c) for c in plan.key]
    both = filter(None, (within(plan, source, plan.source), where(source, keys, chunk)))
    return databases.select(source, plan.source.name, plan.source.columns, " AND ".join(f"({part})" for part in both))


def within(plan: TablePlan, database: Database, table: Table, place: TableName | None = None) -> str:
    """The SQL predicate of what the run moves, of `table` at the source or at the target; empty for a whole table.

    place: where the rows are, when not under the table's own name.
    """
    if isinstance(changes := plan.scope, Changes):
        column = table.column(changes.by if table == plan.source else changes.to)
        moment = database.moment(column)
        return f"{moment} >= {database.moment_literal(changes.low, column)} OR {moment} IS NULL"
    if (part := plan.partition) is None:
        return ""
    if part.parent is None:
        return _between(database, table.column(part.by if table == plan.source else part.to), part.low, part.high, part.first)
    child = databases.qualified(database, place or table.name)
    inside = _of_parent(database, part, part.parent, child, at_source=table == plan.source)
    side = part.parent.source if table == plan.source else part.parent.target
    names = [f"{child}.{databases.quote(database, mine)}" for mine, _ in side.pairs if table.column(mine).nullable]
    return " OR ".join([inside, *(f"{name} IS NULL" for name in names)]) if part.first else inside


def _between(database: Database, column: Column, low: str, high: str, first: bool) -> str:
    moment = database.moment(column)
    below = f"{moment} < {database.moment_literal(high, column)}"
    return f"{moment} IS NULL OR {below}" if first else f"{moment} >= {database.moment_literal(low, column)} AND {below}"


def _of_parent(
    database: Database, part: Partition, parent: Parent, child: str, at_source: bool, depth: int = 1, waiting: bool = False
) -> str:
    """Whether the row that a row of `child` refers to belongs to the interval.

    waiting: it may be one that waits at the target, too.
    """
    side, alias = parent.source if at_source else parent.target, f"penstock_parent{depth}"
    same = " AND ".join(
        f"{alias}.{databases.quote(database, theirs)} = {child}.{databases.quote(database, mine)}" for mine, theirs in side.pairs
    )
    if parent.parent is not None:
        inside = _of_parent(database, part, parent.parent, alias, at_source, depth + 1, waiting)
    else:
        assert side.clock is not None
        inside = _between(database, side.clock, part.low, part.high, part.first)
    places = [side.table, parent.pending] if waiting and parent.pending else [side.table]
    found = [f"EXISTS (SELECT 1 FROM {databases.qualified(database, p)} AS {alias} WHERE {same} AND ({inside}))" for p in places if p]
    return " OR ".join(found)


def within_pending(plan: TablePlan, database: Database) -> str:
    """The SQL predicate of what the run moves, of the rows that wait: what they refer to may wait too."""
    part = plan.partition
    assert part is not None and part.pending is not None
    if part.parent is None:
        return within(plan, database, plan.target)
    child = databases.qualified(database, part.pending)
    return _of_parent(database, part, part.parent, child, at_source=False, waiting=True)


def rows_of(plan: TablePlan, database: Database, *conditions: str) -> str:
    """What follows FROM: the rows that the run moves, and that meet the conditions."""
    parts = [f"({part})" for part in (within(plan, database, plan.source), *conditions) if part]
    return databases.qualified(database, plan.source.name) + (f" WHERE {' AND '.join(parts)}" if parts else "")


def readback_select(plan: TablePlan, target: Database, chunk: Chunk | None, place: TableName) -> str:
    """The select that reads a chunk (None: all that the run moves) back from `place` at the target."""
    keys = [plan.target.column(c) for c in plan.target_key] if plan.chunks_at_target else []
    condition = where(target, keys, chunk) if chunk is not None else ""
    if place == plan.target.name and chunk is None:
        condition = same_key(plan, target) if plan.by_key else within(plan, target, plan.target)
    return databases.select(target, place, plan.target.columns, condition)


def live_select(plan: TablePlan, target: Database, chunk: Chunk | None) -> str:
    """The select that reads the rows of a chunk (None: of all that the run moves) in the live table."""
    keys = [plan.target.column(c) for c in plan.target_key] if plan.chunks_at_target else []
    parts = [within(plan, target, plan.target), where(target, keys, chunk) if chunk is not None else ""]
    return databases.select(target, plan.target.name, plan.target.columns, " AND ".join(f"({p})" for p in parts if p))


def same_key(plan: TablePlan, target: Database, place: TableName | None = None, of: TableName | None = None) -> str:
    """The SQL predicate of the rows of `of` (the live table) that `place` (the shadow) has under the same primary key.

    Empty for a table without one.
    """
    keys = plan.target.primary_key
    if not keys:
        return ""
    live, there = databases.qualified(target, of or plan.target.name), databases.qualified(target, place or plan.shadow)
    names = [databases.quote(target, k) for k in keys]
    return f"EXISTS (SELECT 1 FROM {there} WHERE " + " AND ".join(f"{there}.{n} = {live}.{n}" for n in names) + ")"
