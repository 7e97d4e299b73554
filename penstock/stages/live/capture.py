"""Capture: the changes of whole transactions, staged as one round. Memory is bounded, however large a transaction is."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from penstock.databases.change_log import (
    Began,
    Change,
    ChangeLog,
    ChangeReader,
    Committed,
    Event,
    Followed,
    Idle,
    Marked,
    RowImages,
    Silent,
    Truncated,
)
from penstock.state import change_rounds, run_files
from penstock.state.change_rounds import Round, StagedChanges
from penstock.state.staging import StagedFile, Staging

_PIECE = 8 << 20  # bytes of changes that are held before they are staged


@dataclass(frozen=True)
class Limits:
    """When a round ends, at the end of a transaction. rows: changes.  seconds: since its first change came.

    until: behind the last transaction that was committed before this position; 0 is none.
    mark: at the transaction with this mark; "" is none.
    """

    rows: int = 50_000
    seconds: float = 0.5
    until: int = 0
    mark: str = ""


@dataclass(frozen=True)
class Captured:
    """made: the round; None where nothing of the run's tables came.  received: up to here nothing is left out.

    reached: whether that is as far as was asked for (`Limits.until`, `Limits.mark`).
    """

    made: Round | None
    received: int
    reached: bool


@dataclass(frozen=True)
class Place:
    """Where the changes of some tables come from, and are staged."""

    area: Staging
    log: ChangeLog
    tables: Sequence[Followed]


@dataclass
class _Open:
    """A round that is being staged. Its files appear when it ends well, and not otherwise.

    first: where the round before it has ended.  last: up to here all has been read.  within: a transaction that is not whole yet.
    commits, instants: of each transaction.
    """

    area: Staging
    log: ChangeLog
    tables: dict[str, Followed]
    number: int
    first: int
    last: int
    files: ExitStack
    writers: dict[str, StagedFile] = field(default_factory=dict)
    held: dict[str, tuple[list[bytes], list[int]]] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    commits: list[int] = field(default_factory=list)
    instants: list[int] = field(default_factory=list)
    marks: list[str] = field(default_factory=list)
    within: bool = False
    bytes: int = 0

    def take(self, event: Event) -> None:
        """Add what has come."""
        if isinstance(event, Change):
            self.add(event)
        elif isinstance(event, Began):
            self.within = True
            self.commits.append(event.commit)
            self.instants.append(event.at)
        elif isinstance(event, Committed):
            self.within, self.last = False, event.position
        elif isinstance(event, Truncated):
            self.clear(event.tables)
        elif isinstance(event, Marked):
            self.marks.append(event.text)
        elif isinstance(event, Idle):
            self.last = max(self.last, event.position)

    def add(self, event: Change) -> None:
        changes, transactions = self.held.setdefault(event.table, ([], []))
        changes.append(event.data)
        transactions.append(len(self.commits) - 1)
        self.bytes += len(event.data)
        if self.bytes > _PIECE:
            self.flush()

    def clear(self, tables: Sequence[str]) -> None:
        self.flush()
        for table in tables:
            columns = self.tables[table].columns
            now = (len(self.commits) - 1, self.commits[-1], self.instants[-1])
            self._writer(table).write_batch(change_rounds.truncated(columns, *now))
            self.counts[table] = self.counts.get(table, 0) + 1

    def flush(self) -> None:
        """Stage what is held. A change is never parted."""
        for table, (changes, transactions) in self.held.items():
            columns = self.tables[table].columns
            images = filled(self.log.rows(changes, columns))
            of = np.array(transactions, np.int32)[images.number.to_numpy()]
            instants = pa.array(np.array(self.instants, np.int64)[of]).cast(pa.timestamp("us")).cast(pa.timestamp("us", "UTC"))
            facts = (pa.array(of), pa.array(np.array(self.commits, np.int64)[of]), instants)
            self._writer(table).write_batch(change_rounds.changed(images, columns, facts))
            self.counts[table] = self.counts.get(table, 0) + len(changes)
        self.held.clear()
        self.bytes = 0

    @property
    def changes(self) -> int:
        return sum(self.counts.values()) + sum(len(changes) for changes, _ in self.held.values())

    def _writer(self, table: str) -> pq.ParquetWriter:
        if table not in self.writers:
            shape = change_rounds.schema(self.tables[table].columns)
            self.writers[table] = self.files.enter_context(self.area.parquet(shape, run_files.changes(table, self.number)))
        return self.writers[table].writer

    def staged(self) -> tuple[StagedChanges, ...]:
        """The files, once they are there."""
        return tuple(
            StagedChanges(table, run_files.changes(table, self.number), file.sha256, self.counts[table], file.bytes)
            for table, file in self.writers.items()
        )


@dataclass(frozen=True)
class Next:
    """The round that is staged next. number: from 1.  first: where the round before it ended.  received: up to here all has been read."""

    number: int
    first: int
    received: int


def capture(reader: ChangeReader, place: Place, following: Next, limits: Limits) -> Captured:
    """Stage the changes that come next as one round, and publish it.

    Waits for as long as nothing comes, up to `limits.seconds`. Raises what `ChangeReader.events` raises; nothing is staged then.
    """
    with ExitStack() as files:
        tables = {t.name: t for t in place.tables}
        made = _Open(place.area, place.log, tables, following.number, following.first, following.received, files)
        reached = _read(reader, made, limits)
        made.flush()
    if not made.writers and not made.marks:
        return Captured(None, made.last, reached)
    instants = (made.instants[0], made.instants[-1])
    whole = Round(made.number, made.first, made.last, len(made.commits), instants, tuple(made.marks), made.staged())
    change_rounds.publish(made.area, whole)
    return Captured(whole, made.last, reached)


def _read(reader: ChangeReader, made: _Open, limits: Limits) -> bool:
    """Read until the round ends. Answers whether that is as far as was asked for."""
    ready = time.monotonic() + limits.seconds
    for event in reader.events(limits.seconds or 0.01):
        if isinstance(event, Began) and limits.until and event.commit >= limits.until:
            return True  # the transaction is not before the position: the next reader gets it again
        made.take(event)
        if isinstance(event, Began) and len(made.commits) == 1:
            ready = time.monotonic() + limits.seconds
        if made.within:
            continue
        reached = bool(limits.until and made.last >= limits.until) or limits.mark in made.marks
        if reached or isinstance(event, Silent) or made.changes >= limits.rows or time.monotonic() > ready:
            return reached
    raise AssertionError("a stream has no end")


def filled(images: RowImages) -> RowImages:
    """The images, in which the new row of a change has the values that it leaves out, where the old row is there too."""
    masks, kinds = images.left_out.to_pylist() if images.left_out.null_count < len(images.left_out) else [], images.kinds
    news = (n for n, mask in enumerate(masks) if n and mask and kinds[n].as_py() == "N")
    places = [n for n in news if kinds[n - 1].as_py() == "O" and images.number[n - 1] == images.number[n]]
    if not places:
        return images
    columns = list(images.rows.columns)
    for number in range(len(columns)):
        lacking = [n for n in places if masks[n][number]]
        if lacking:
            take = np.arange(len(masks))
            take[lacking] -= 1
            columns[number] = columns[number].take(pa.array(take))
    for n in places:
        masks[n] = None
    rows = pa.RecordBatch.from_arrays(columns, schema=images.rows.schema)
    return RowImages(images.number, images.operations, images.kinds, pa.array(masks, pa.binary()), rows)
