"""What a run will do, decided before any row moves: tables, chunks, names. Frozen and printable."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from pydantic import TypeAdapter, ValidationError

from penstock.errors import MigrationError, Problem
from penstock.model import plan_version_1
from penstock.model.schema import Column, ForeignKey, Table, TableName
from penstock.model.schema_difference import SchemaDifference
from penstock.model.scope import Changes, Differences, Partition, Scope, Whole

if TYPE_CHECKING:
    from penstock.model.pipeline import Stage

Consistency = Literal["run", "table"]
Depth = Literal["staged", "source"]
Step = tuple[str, object]
Key = tuple[int | str, ...]
SWAP = "swap"
"""The switch kind by which the shadow itself becomes the live table: of whole tables by default, and of every new table."""
VERSION = 2
"""Of what a plan holds. Version 1 wrote flags instead of scopes and switch kinds."""


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
class TablePlan:
    """One source table and the target table it becomes.

    key: the source columns that bound its chunks, () for one chunk.
    target_key: the same columns at the target; () when a transform changed their values, or the columns that name
    a row there when there are any.
    chunks_at_target: whether the rows of a chunk can be selected at the target, by the bounds of the chunk on `target_key`.
    scope: which of its rows the run moves.
    how: the switch kind that puts these rows live in a live table that exists; see `switch`, and `planning.scope` for which kind goes
    with which scope.
    watermark_column: the target column by which later runs will select the changed rows; empty for a table that is not incremental.
    once: it is moved by one run, and by no later one.
    source_primary_key: the source declares the primary key; otherwise the migration file does, and the gates check it.
    longest_row: the most bytes that the texts and binaries of one row had together when it was planned; 0 where they are known to be small.
    quarantines: whether bad rows are set apart, at_most so many of this table; None is no limit of its own.
    qualified: the migration names its schemas, so each table is called by its schema and its name.
    keys_at_switch: the shadow gets its foreign keys right before it becomes live: their names are unique in the schema, and until then a
        shadow of another run may have them.
    differences: of the target table from the source table, all of them.
    """

    source: Table
    target: Table
    shadow: TableName
    kept: TableName
    live_exists: bool
    steps: tuple[Step, ...]
    key: tuple[str, ...]
    target_key: tuple[str, ...]
    chunks_at_target: bool
    sensitive: tuple[str, ...]
    scope: Scope = field(default_factory=Whole)
    how: str = SWAP
    quarantines: bool = False
    at_most: int | None = None
    rows: int = 0
    row_bytes: int = 0
    longest_row: int = 0
    chunks: tuple[Chunk, ...] = (Chunk(0),)
    watermark_column: str = ""
    once: bool = False
    source_primary_key: bool = False
    qualified: bool = False
    keys_at_switch: bool = False
    differences: tuple[SchemaDifference, ...] = ()

    @property
    def name(self) -> str:
        """The source table's name, with its schema when `qualified`: how the table is called everywhere in a run."""
        return str(self.source.name) if self.qualified else self.source.name.name

    @property
    def bare(self) -> str:
        """The source table's name without its schema."""
        return self.source.name.name

    def refers_to(self, key: ForeignKey) -> str:
        """What the table is called that a foreign key of the source table refers to."""
        return str(self.source.referred(key)) if self.qualified or key.ref_schema else key.ref_table

    @property
    def switch(self) -> str:
        """The switch kind of this run: `how`. Of a table that does not exist yet the shadow becomes the live table: nothing is replaced."""
        return self.how if self.live_exists else SWAP

    @property
    def partition(self) -> Partition | None:
        """The partition that the run moves, or repairs; None for a table that is not partitioned."""
        part = self.scope.among if isinstance(self.scope, Differences) else self.scope
        return part if isinstance(part, Partition) else None

    @property
    def pending(self) -> TableName | None:
        """Where rows wait for another interval (see `Partition.pending`)."""
        return self.partition.pending if self.partition else None

    @property
    def repairs(self) -> bool:
        """Whether only what differs from the live table is loaded."""
        return isinstance(self.scope, Differences)

    @property
    def delete_keys(self) -> TableName | None:
        """The table with the keys of the live rows to delete (see `Differences.delete_keys`)."""
        return self.scope.delete_keys if isinstance(self.scope, Differences) else None

    @property
    def by_key(self) -> bool:
        """Whether single rows of the live table are replaced, found by their primary key."""
        return isinstance(self.scope, Changes) or self.delete_keys is not None

    def shape(self, stage: str) -> tuple[Column, ...]:
        """The columns of the rows that `stage` reads, and so of those that it rejects."""
        return self.source.columns if stage in ("extracted", "transformed") else self.target.columns

    @property
    def staged_as(self) -> str:
        """The last stage that stages all rows that the run moves."""
        return "transformed" if self.steps else "extracted"

    @property
    def loaded_from(self) -> str:
        """The stage whose files are loaded."""
        return "compared" if self.repairs else self.staged_as

    @property
    def shadow_tables(self) -> tuple[TableName, ...]:
        """The tables that the run makes at the target and loads: the shadow, and the table of keys to delete."""
        return (self.shadow, self.delete_keys) if self.delete_keys else (self.shadow,)

    @property
    def delete_keys_table(self) -> Table:
        """The definition of the table of keys to delete."""
        columns = (self.target.column(k) for k in self.target.primary_key)
        plain = (Column(c.name, c.type, False, native=c.native, collation=c.collation, kept=c.kept) for c in columns)
        return Table(self.target.name, tuple(plain), self.target.primary_key, dialect=self.target.dialect)

    @property
    def readback_units(self) -> tuple[Chunk | None, ...]:
        """What is read at once at the target: a chunk where chunks can be selected there, else (None) all that the run moves."""
        return self.chunks if self.chunks_at_target and len(self.chunks) > 1 else (None,)

    def chunks_of(self, unit: Chunk | None) -> tuple[Chunk, ...]:
        """The chunks that make up a readback unit."""
        return self.chunks if unit is None else (unit,)


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
    new_schemas: of the target, that the run creates.
    at_most: how many bad rows may go to quarantine, of all tables together; None is no limit but the tables' own.
    depth: of the proof. `source`: the source is read a second time, and must give the same again.

    how: the switch kind of tables that are moved whole, as the migration declares it.
    lock_wait: how many seconds a switch or an undo tries for its locks.  end_blockers: it ends the sessions that hold them, in the end.
    live: the source's changes are followed until the switch.
    version: of the form of the plan. A run that was planned in an older form can be undone and reported, but not gone on with.

    `problems` holds the warnings that came with it; a plan with blocking ones is never made."""

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
    new_schemas: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
    at_most: int | None = None
    depth: Depth = "staged"
    lock_wait: float = 60.0
    end_blockers: bool = False
    live: bool = False
    version: int = VERSION

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
        """The plan that `to_json` wrote, or that version 1 did. Raises MigrationError when it is of neither form."""
        try:
            plan = _ADAPTER.validate_json(text)
        except ValidationError as error:
            plan = _older(text, error)
        if plan.version > VERSION:
            raise _unreadable(f"it is of version {plan.version}, and this Penstock reads versions up to {VERSION}")
        return plan


def _older(text: str | bytes, error: ValidationError) -> Plan:
    try:
        return _ADAPTER.validate_python(plan_version_1.upgraded(json.loads(text)))
    except (ValueError, KeyError, TypeError):
        raise _unreadable(str(error).splitlines()[0]) from None


def _unreadable(why: str) -> MigrationError:
    return MigrationError("the run was planned by another version of Penstock", why=why, fix="start a new run")


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
    return table.pending is not None and any(t.target.name == table.target.referred(key) and t.partition is not None for t in tables)


_ADAPTER = TypeAdapter(Plan)
