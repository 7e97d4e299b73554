"""The SQL of a plan: what reads its chunks, what makes its tables, and the conditions that say which rows a run moves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from penstock import databases
from penstock.databases import Database, Link
from penstock.databases._shared import ddl
from penstock.databases._shared.ddl import Made
from penstock.model.plan import Chunk, Key, TablePlan, waits
from penstock.model.schema import Column, ForeignKey, Table, TableName
from penstock.model.scope import Changes, Parent, Partition
from penstock.planning import switch_kinds


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


@dataclass(frozen=True)
class Statement:
    """A statement that a run executes at the target, and what it is for.

    table: the source table; "" where it is for several.  kind, name: what it makes: schema, table, numbering, move; or of a table, its
    primary key, its index `a`.
    """

    text: str
    table: str = ""
    kind: str = "table"
    name: str = ""

    @property
    def makes(self) -> str:
        """What it makes, in words."""
        return f"{self.kind} {self.name}".strip()


def texts(statements: Iterable[Statement]) -> list[str]:
    """The SQL of these statements."""
    return [statement.text for statement in statements]


def schema_statements(new_schemas: Iterable[str], target: Database) -> list[Statement]:
    """What creates the schemas that the target does not have yet. It comes first: a schema that is missing can't be looked into."""
    return [Statement(target.create_schema(name), kind="schema", name=name) for name in new_schemas]


def prepare_statements(tables: Sequence[TablePlan], target: Database) -> list[Statement]:
    """What makes the empty shadow tables, instead of those that an earlier try of ours left there."""
    places = [p for t in tables for p in t.shadow_tables]
    around = [Statement(s) for s in [*target.drops(places), *target.schemas(places)]]
    made = [Statement(s, t.name) for t in tables for s in _made(t, target)]
    return [*around, *made, *(Statement(_delete_keys(t, target), t.name) for t in tables if t.delete_keys)]


def _delete_keys(table: TablePlan, target: Database) -> str:
    assert table.delete_keys
    return ddl.create_table(target, table.delete_keys_table, table.delete_keys)


def _made(table: TablePlan, target: Database) -> list[str]:
    kind = switch_kinds.of(table.switch)
    own = kind.make_shadow(table, target)
    if own is not None:
        return own
    shadow = kind.shadow(table)
    return [ddl.create_table(target, shadow, table.shadow), *ddl.furnish(target, shadow, table.shadow)]


def build_statements(tables: Sequence[TablePlan], target: Database) -> list[Statement]:
    """What turns the loaded shadow tables into the ones declared: keys and indexes, then what links and numbers them."""
    return [s for _, s in key_statements(tables, target)] + link_statements(tables, target)


def key_statements(tables: Sequence[TablePlan], target: Database) -> list[tuple[TablePlan, Statement]]:
    """A statement for each key and index, with the one table that it touches."""
    of = [(t, switch_kinds.shadow(t), t.shadow) for t in tables]
    of += [(t, t.delete_keys_table, t.delete_keys) for t in tables if t.delete_keys]
    return [(t, _part(t, made)) for t, table, place in of for made in ddl.key_parts(target, table, place)]


def _part(table: TablePlan, made: Made) -> Statement:
    return Statement(made.text, table.name, made.kind, made.name)


def link_statements(tables: Sequence[TablePlan], target: Database) -> list[Statement]:
    """The foreign keys between shadows that become live tables, and where their identities go on.

    A shadow never refers to a live table: one that a failed run leaves must not hinder whoever writes there.
    """
    becoming = [t for t in tables if not switch_kinds.keeps_live(t)]
    places = {t.target.name: t.shadow for t in becoming}
    statements = []
    for table in tables:
        shadow = switch_kinds.shadow(table)
        keys = tuple(k for k in shadow.foreign_keys if built_with(tables, table, k))
        statements += foreign_key_statements(table, replace(shadow, foreign_keys=keys), table.shadow, places, target)
    numbered = [Statement(s, t.name, "numbering") for t in becoming for s in target.renumber(t.target, t.shadow)]
    return statements + numbered


def completing_statements(tables: Sequence[TablePlan], becoming: Sequence[TablePlan], target: Database) -> list[Statement]:
    """What gives the tables that have just become live the foreign keys that their shadows lacked, in the switch's transaction.

    A key between two shadows stays, unless only one of the two became live: then it is made again, to the live table.
    tables: of the run.  becoming: those whose shadow became the live one.
    """
    if not (target.foreign_keys and target.follows_renames and target.ddl_in_transaction):
        return []
    together = {t.target.name for t in becoming}
    statements = []
    for table in becoming:
        live = table.target.name
        for key in table.target.foreign_keys:
            referred, built = table.target.referred(key), built_with(tables, table, key)
            if built and referred in together:
                continue
            if built:
                dropped = target.drop_foreign_key(Link(live, key.name, ""), live)
                statements.append(Statement(dropped, table.name, "foreign key", key.name))
            alone = replace(table.target, foreign_keys=(key,))
            statements += foreign_key_statements(table, alone, live, {referred: referred}, target)
    return statements


def shadow_key_statements(tables: Sequence[TablePlan], becoming: Sequence[TablePlan], target: Database) -> list[Statement]:
    """The same before the switch, where DDL commits by itself: the shadows get the foreign keys that they lack."""
    if not (target.foreign_keys and target.follows_renames) or target.ddl_in_transaction:
        return []
    at = {t.target.name: t.shadow for t in becoming}
    lacking = [(t, k, t.target.referred(k)) for t in becoming for k in t.target.foreign_keys if not built_with(tables, t, k)]
    alone = [(t, replace(t.target, foreign_keys=(k,)), {referred: at.get(referred, referred)}) for t, k, referred in lacking]
    return [s for t, table, places in alone for s in foreign_key_statements(t, table, t.shadow, places, target)]


def built_with(tables: Sequence[TablePlan], table: TablePlan, key: ForeignKey) -> bool:
    """Whether the shadow is built with this key: see `link_statements`. tables: of the run."""
    if table.keys_at_switch:
        return False
    between = any(t.target.name == table.target.referred(key) and not switch_kinds.keeps_live(t) for t in tables)
    return between and key in switch_kinds.shadow(table).foreign_keys and not waits(table, key, tables)


def foreign_key_statements(
    table: TablePlan, shape: Table, place: TableName, places: Mapping[TableName, TableName], target: Database
) -> list[Statement]:
    """What gives the table at `place` the foreign keys of `shape`. places: where each table that it refers to is."""
    return [_part(table, made) for made in ddl.foreign_key_parts(target, shape, place, places)]


def referred_first(tables: Sequence[TablePlan]) -> list[TablePlan]:
    """The tables in an order in which each comes after those that it refers to; tables of a circle keep their order."""
    left, ordered = {t.target.name: t for t in tables}, list[TablePlan]()
    while left:
        free = [n for n, t in left.items() if not set(map(t.target.referred, t.target.foreign_keys)) & (left.keys() - {n})] or list(left)
        ordered += [left.pop(n) for n in free]
    return ordered


def extract_select(plan: TablePlan, source: Database, chunk: Chunk) -> str:
    """The select that reads a chunk from the source."""
    return databases.select(source, plan.source.name, plan.source.columns, extract_condition(plan, source, chunk))


def extract_condition(plan: TablePlan, source: Database, chunk: Chunk) -> str:
    """The SQL predicate of a chunk at the source; empty for a whole table."""
    keys = [plan.source.column(c) for c in plan.key]
    both = filter(None, (within(plan, source, plan.source), where(source, keys, chunk)))
    return " AND ".join(f"({part})" for part in both)


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
