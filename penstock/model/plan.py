"""What a run will do, decided before any row moves: tables, chunks, names. Frozen and printable."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from pydantic import TypeAdapter

from penstock.errors import Problem
from penstock.model.column_mapping import concealed, map_table
from penstock.model.schema import Column, ForeignKey, Table, TableName

if TYPE_CHECKING:
    from penstock.model.pipeline import Stage

Consistency = Literal["run", "table"]
Depth = Literal["staged", "source"]
Step = tuple[str, object]
Key = tuple[int | str, ...]


@dataclass(frozen=True)
class Chunk:
    """The rows of a table with low < key <= high; None is no bound. `nulls`: those whose key has a NULL instead.

    Of a table without a key, low and high are literals of the database's `row_place`.
    """

    number: int
    low: Key | None = None
    high: Key | None = None
    nulls: bool = False


@dataclass(frozen=True)
class Side:
    """One end of a parent: its table, the pairs (column of the child, column of the parent) of the foreign key, and its time column.

    clock: None where the parent follows a parent of its own.
    """

    table: TableName
    pairs: tuple[tuple[str, str], ...]
    clock: Column | None


@dataclass(frozen=True)
class Parent:
    """The table that another one follows through a foreign key: a row belongs to the interval of the row that it refers to.

    pending: where rows of the parent wait at the target (see penstock/stages/switch/pending_rows.py); None where none can.
    """

    name: str
    source: Side
    target: Side
    pending: TableName | None = None
    parent: Parent | None = None

    @property
    def clock(self) -> Column:
        """The source column whose time decides, of this table or of the last one that is followed."""
        if self.parent is not None:
            return self.parent.clock
        assert self.source.clock is not None
        return self.source.clock


@dataclass(frozen=True)
class Partition:
    """The rows of a table that a run moves: low <= `by` < high, on the column's own clock.

    to: the same column at the target.  first: the rows before low, and those without a time, are of this partition too.
    parent: of a table that follows another one; `by` and `to` are empty then, and the bounds are on the clock of that one's column.
    """

    by: str
    to: str
    low: str
    high: str
    first: bool = False
    parent: Parent | None = None


@dataclass(frozen=True)
class Increment:
    """The rows of a table that a run moves: those with low <= `by`, on the column's own clock, and those without a time.

    to: the same column at the target.
    """

    by: str
    to: str
    low: str


@dataclass(frozen=True)
class TablePlan:
    """One source table and the target table it becomes.

    key: the source columns that bound its chunks, () for one chunk.
    target_key: the same columns at the target; () when a transform changed their values, or the columns that name
    a row there when there are any. Chunks can be found again at the target when `ranged`.
    follows: the target column by which later runs will move what has changed.
    repairs: all of it is read, and only what differs from the live table is loaded and put in its place.
    leaving: of such a table with a primary key, where the keys of the live rows stand that give place.
    exchanges: its shadow becomes a native partition of the live table.
    once: it is moved until it has been, then never again.
    in_place: all of its live rows are replaced: it is moved whole, but other tables refer to it, so that it can't be swapped.
    pending: where proved rows wait that refer to a row of an interval that is not live yet; None where that can't be.
    held: its primary key is the source's own, not one that the migration declares.
    longest: the most bytes that a row's texts and binaries had together when it was planned; 0 where that is no matter.
    quarantines: whether bad rows are set apart, at_most so many of this table; None is no limit of its own.
    """

    source: Table
    target: Table
    shadow: TableName
    kept: TableName
    live_exists: bool
    steps: tuple[Step, ...]
    key: tuple[str, ...]
    target_key: tuple[str, ...]
    ranged: bool
    sensitive: tuple[str, ...]
    quarantines: bool = False
    at_most: int | None = None
    rows: int = 0
    row_bytes: int = 0
    longest: int = 0
    chunks: tuple[Chunk, ...] = (Chunk(0),)
    partition: Partition | None = None
    increment: Increment | None = None
    follows: str = ""
    once: bool = False
    held: bool = False
    repairs: bool = False
    leaving: TableName | None = None
    exchanges: bool = False
    in_place: bool = False
    pending: TableName | None = None

    @property
    def name(self) -> str:
        """The source table's name: how the table is called everywhere in a run."""
        return self.source.name.name

    @property
    def replaces(self) -> bool:
        """Whether rows of the live table are replaced; otherwise the shadow becomes the live table."""
        return (self.repairs or self.in_place or (self.partition or self.increment) is not None) and self.live_exists

    @property
    def by_key(self) -> bool:
        """Whether single rows of the live table give place, found by their primary key."""
        return self.increment is not None or self.leaving is not None

    @property
    def built(self) -> Table:
        """The table as its shadow is built. Rows that go into a live table meet its indexes and foreign keys there."""
        if self.exchanges:  # made like a partition of the live table, keys included
            return replace(self.target, primary_key=(), indexes=(), foreign_keys=(), partitioning=None)
        return replace(self.target, indexes=(), foreign_keys=(), partitioning=None) if self.replaces else self.target

    def hidden(self, stage: str) -> frozenset[str]:
        """The columns at `stage` whose values nothing may show.

        As they were extracted: the sensitive ones, and those that a step masks or drops. Later: the sensitive ones, and whatever steps
        may have made of them.
        """
        if stage == "extracted":
            return self.private
        if not self.sensitive:
            return frozenset()
        untouched = map_table(self.source, self.target.columns, self.steps, self.target.name).untouched
        harmless = {new for old, new in untouched.items() if not {old, new} & set(self.sensitive)}
        return frozenset(c.name for c in self.target.columns if c.name not in harmless)

    def shape(self, stage: str) -> tuple[Column, ...]:
        """The columns of the rows that `stage` reads, and so of those that it rejects."""
        return self.source.columns if stage in ("extracted", "transformed") else self.target.columns

    @property
    def private(self) -> frozenset[str]:
        """The source columns that are sensitive, or that a step masks or drops: none of their values may be seen after the run."""
        return frozenset(self.sensitive) | concealed((c.name for c in self.source.columns), self.steps)

    @property
    def protected(self) -> bool:
        """Whether the table's staged rows are encrypted."""
        return bool(self.private)

    @property
    def secret(self) -> frozenset[str]:
        """The columns whose values nothing may show, by their names at the source and at the target."""
        return self.hidden("extracted") | self.hidden("loaded")

    @property
    def made(self) -> str:
        """The stage whose rows are those that the table is to have."""
        return "transformed" if self.steps else "extracted"

    @property
    def staged(self) -> str:
        """The stage whose files are loaded."""
        return "compared" if self.repairs else self.made

    @property
    def places(self) -> tuple[TableName, ...]:
        """What the run makes at the target to load into: the shadow, and where the keys of leaving rows stand."""
        return (self.shadow, self.leaving) if self.leaving else (self.shadow,)

    @property
    def keys(self) -> Table:
        """The table of the keys of leaving rows."""
        columns = (self.target.column(k) for k in self.target.primary_key)
        plain = (Column(c.name, c.type, False, native=c.native, collation=c.collation, kept=c.kept) for c in columns)
        return Table(self.target.name, tuple(plain), self.target.primary_key, dialect=self.target.dialect)

    @property
    def pieces(self) -> tuple[Chunk | None, ...]:
        """What is read at once at the target: a chunk where chunks can be found again there, else (None) the table."""
        return self.chunks if self.ranged and len(self.chunks) > 1 else (None,)

    def within(self, piece: Chunk | None) -> tuple[Chunk, ...]:
        """The chunks that make up a piece."""
        return self.chunks if piece is None else (piece,)


@dataclass(frozen=True)
class Group:
    """Work for one task: chunks, as (table, number)."""

    label: str
    chunks: tuple[tuple[str, int], ...]

    @property
    def tables(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(table for table, _ in self.chunks))


@dataclass(frozen=True)
class Plan:
    """A run, before it begins. connections: at most so many to either end, of one task.
    memory: bytes that a task may take.  interval: of a run of partitions, in UTC.
    own_shadows: no other run of the migration loads into the same places.
    at_most: how many bad rows may go to quarantine, of all tables together; None is no limit but the tables' own.
    depth: of the proof. `source`: the source is read a second time, and must give the same again.

    `problems` holds the advice that came with it; a plan with blocking ones is never made."""

    migration: str
    run: str
    token: str
    fingerprint: str
    source: str
    target: str
    source_version: str
    target_version: str
    consistency: Consistency
    how: str
    approval: bool
    keep_old_seconds: int
    parallel_writers: bool
    connections: int
    memory: int
    tables: tuple[TablePlan, ...]
    interval: tuple[str, str] | None = None
    timezone: str = "UTC"
    own_shadows: bool = False
    problems: tuple[Problem, ...] = ()
    at_most: int | None = None
    depth: Depth = "staged"

    def table(self, name: str) -> TablePlan:
        """The plan of the source table called `name`; KeyError when there is none."""
        for table in self.tables:
            if table.name == name:
                return table
        raise KeyError(name)

    @property
    def transformed(self) -> tuple[TablePlan, ...]:
        return tuple(t for t in self.tables if t.steps)

    @property
    def transforms(self) -> bool:
        return bool(self.transformed)

    @property
    def repairs(self) -> bool:
        return any(t.repairs for t in self.tables)

    @property
    def asks_approval(self) -> bool:
        return self.approval

    def to_json(self) -> bytes:
        return _ADAPTER.dump_json(self, indent=1)

    @classmethod
    def from_json(cls, text: str | bytes) -> Plan:
        return _ADAPTER.validate_json(text)


_ADAPTER: TypeAdapter[Plan]


def token(migration: str, run: str) -> str:
    """Eight hex digits that stand for a run where names are short."""
    return hashlib.sha256(f"{migration}\0{run}".encode()).hexdigest()[:8]


def groups(plan: Plan, stage: Stage, at_most: int = 4) -> list[Group]:
    """The work of a stage that is fanned out, in a few groups of about equal bytes: one task each.

    There is one group when the whole run is read under one snapshot, or when writers would wait for each other.
    """
    tables = stage.tables(plan)
    if stage.fan_out == "tables":
        units = [(t.rows * t.row_bytes, [(t.name, c.number) for c in t.chunks]) for t in tables]
    else:
        units = [(t.rows * t.row_bytes // len(t.chunks), [(t.name, c.number)]) for t in tables for c in t.chunks]
    alone = (stage.reads_source and plan.consistency == "run") or (stage.writes and not plan.parallel_writers)
    return pack(units, 1 if alone else at_most)


def pack(units: Iterable[tuple[int, list[tuple[str, int]]]], at_most: int, small: int = 256 << 20) -> list[Group]:
    """Units of (bytes, chunks) dealt to at most `at_most` groups, the biggest first; no more groups than `small` bytes each."""
    units = sorted(units, key=lambda u: -u[0])
    total = sum(size for size, _ in units)
    count = max(1, min(at_most, len(units), -(-total // small)))
    loads = [0] * count
    dealt: list[list[tuple[str, int]]] = [[] for _ in range(count)]
    for size, chunks in units:
        lightest = loads.index(min(loads))
        loads[lightest] += size + 1
        dealt[lightest] += chunks
    groups: list[Group] = []
    for chunks in filter(None, dealt):
        label = _label(chunks)
        twin = any(g.label == label for g in groups)
        groups.append(Group(f"{label} ({len(groups) + 1})" if twin else label, tuple(chunks)))
    return groups


def _label(chunks: Sequence[tuple[str, int]]) -> str:
    tables = list(dict.fromkeys(t for t, _ in chunks))
    if len(tables) == 1:
        numbers = sorted(n for _, n in chunks)
        return tables[0] if numbers == [0] else f"{tables[0]} {numbers[0]}…{numbers[-1]}"
    return f"{tables[0]} and {len(tables) - 1} more"


def waits(table: TablePlan, key: ForeignKey, tables: Iterable[TablePlan]) -> bool:
    """Whether the rows that a foreign key refers to may come with another interval."""
    return table.pending is not None and any(t.target.name.name == key.ref_table and t.partition is not None for t in tables)


_ADAPTER = TypeAdapter(Plan)
