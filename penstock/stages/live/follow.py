"""Follow: rounds of the source's changes, captured, staged and applied, until the run has caught up or its time is over.

A round is staged before it is applied, and the source forgets its log only behind what is staged. Killed anywhere, the next process goes on
from what is staged, and applies a round once: its position is committed with its rows.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import sqlalchemy as sa

from penstock.databases.change_log import ChangeReader
from penstock.errors import SchemaChanged, StagingDamaged
from penstock.runtime import events
from penstock.stages.live import capture, kept
from penstock.stages.live.apply import apply
from penstock.stages.live.capture import Limits, Next, Place
from penstock.state import change_rounds, patience, run_files, staged_rows, streams
from penstock.state.change_rounds import Round
from penstock.state.run_context import RunContext
from penstock.state.streams import StreamRecord

_CONFIRM = 10.0  # seconds between two records of how far an idle stream was read
_LOOK = 5.0  # seconds between two looks at the source's log


@dataclass(frozen=True)
class Until:
    """When to end: all that is asked for has happened, or the time is over.

    seconds: of time; None is no limit.  position: of the source's log that is to be reached.  mark: in it.
    current: the position is that at which the log ends when the stream is opened.
    """

    seconds: float | None = None
    position: int = 0
    mark: str = ""
    current: bool = False


@dataclass(frozen=True)
class Lag:
    """How far the target is behind.

    seconds: the age of the oldest transaction of the last applied round when it was applied; 0 while nothing is left to apply.
    bytes: of the source's log that are not applied.  held: of it, what the source holds back.  left: how much more it may; None: no limit.
    """

    seconds: float
    bytes: int
    held: int
    left: int | None


@dataclass(frozen=True)
class Progress:
    """What a process has applied since it began, and how far it is. reached: what it was to follow until has come."""

    rounds: int
    changes: int
    seconds: float
    position: int
    lag: Lag
    reached: bool


Told = Callable[[Progress], None]


def follow(context: RunContext, until: Until, told: Told = lambda progress: None) -> Progress:
    """Apply the source's changes to the shadows. Answers how far it came; calls `told` after every round and every few seconds.

    Raises StreamLost, SchemaChanged, LoadFailed, TransformFailed, ReadFailed, ConnectionFailed, SwitchRefused, LeaseLost. What was applied
    before stays: the same command goes on from there.
    """
    _require(context)
    context = staged_rows.ready(context)
    events.emit("follow.started", tables=len(context.plan.tables))
    with context.writing() as connection:
        work = _Work(context, connection, until, told)
        work.apply_staged()
        try:
            done = work.rounds(Limits(until=until.position, mark=until.mark))
        except SchemaChanged:  # the transactions before it are applied, one by one
            done = work.rounds(Limits(rows=1, seconds=0, until=until.position, mark=until.mark))
    events.emit("follow.finished", rounds=done.rounds, changes=done.changes)
    return done


class _Work:
    """One process that follows."""

    def __init__(self, context: RunContext, connection: sa.Connection, until: Until, told: Told) -> None:
        self.context, self.connection, self.until, self.told = context, connection, until, told
        self.log, self.tables = streams.log_of(context), streams.followed(context)
        self.began = time.monotonic()
        self.done_rounds = self.done_changes = 0
        self.seconds_behind = 0.0
        self._confirmed = self._looked = 0.0
        self._end, self._held = 0, 0
        self._left: int | None = None

    def record(self) -> StreamRecord:
        with self.connection.begin():
            return streams.require(self.context, self.connection)

    def apply_staged(self) -> None:
        """Apply what an earlier process has staged and not applied. Raises StagingDamaged where some of it is gone."""
        record, area = self.record(), self.context.staging
        rounds = change_rounds.staged(area, record.round, record.applied)
        last = rounds[-1].last if rounds else record.applied
        if record.staged > last:
            shown = self.log.shown
            why = f"changes up to {shown(record.staged)} were staged, and are there up to {shown(last)} only; the source has forgotten them"
            raise StagingDamaged.of_run(f"{area.url}/{run_files.CHANGES}", why)
        if record.state == "loading":
            with self.connection.begin():
                streams.change(self.context, self.connection, state="following", kept=kept.loaded(self.context, self.connection))
        for made in rounds:
            self.apply(made)

    def apply(self, made: Round) -> None:
        apply(self.context, self.connection, made)
        change_rounds.forget(self.context.staging, made)
        self.done_rounds += 1
        self.done_changes += made.changes
        self.seconds_behind = max(0.0, time.time() - made.committed_at[0] / 1e6)

    def rounds(self, limits: Limits) -> Progress:
        """Read, stage and apply, until the end."""
        record = self.record()
        with streams.source_engine(self.context) as engine, engine.connect() as source:
            if self.until.current:
                limits = replace(limits, until=max(limits.until, self.log.now(source)))
                source.rollback()
            self._look(source, record)
            with self.log.read(engine, record.stream, self.tables, record.received) as reader:
                return self._read(reader, source, record, limits)

    def _read(self, reader: ChangeReader, source: sa.Connection, record: StreamRecord, limits: Limits) -> Progress:
        number, previous, received = record.round, record.applied, record.received
        reached = bool(limits.until) and received >= limits.until
        place = Place(self.context.staging, self.log, self.tables)
        while not (reached or self._over()):
            found = capture.capture(reader, place, Next(number + 1, previous, received), limits)
            received, reached = found.received, found.reached
            if found.made:
                number, previous = found.made.number, found.made.last
                events.emit("follow.staged", round=number, changes=found.made.changes)
                self._staged(found.made)
            else:
                self.seconds_behind = 0.0
            self._received(reader, received, staged=found.made is not None)
            if found.made:
                self.apply(found.made)
            if found.made or time.monotonic() - self._looked > _LOOK:
                self._look(source, record)
                self.told(self.progress(received, reached))
            self.context.check_lease()
        self._look(source, record)
        return self.progress(received, reached)

    def _over(self) -> bool:
        return self.until.seconds is not None and time.monotonic() - self.began > self.until.seconds

    def _staged(self, made: Round) -> None:
        with self.connection.begin():
            streams.change(self.context, self.connection, staged=made.last)

    def _received(self, reader: ChangeReader, position: int, staged: bool) -> None:
        """Write down how far the log was read, and only then let the source forget it."""
        if staged or time.monotonic() - self._confirmed > _CONFIRM:
            with self.connection.begin():
                streams.change(self.context, self.connection, received=position)
            reader.confirm(position)
            self._confirmed = time.monotonic()
            events.emit("follow.idle", staged=staged)

    def _look(self, source: sa.Connection, record: StreamRecord) -> None:
        """Ask the source how far its log is, and what it holds back."""
        self._end = self.log.now(source)
        held = self.log.held(source, record.stream)
        source.rollback()
        self._held, self._left, self._looked = held.bytes, held.left, time.monotonic()

    def progress(self, position: int, reached: bool) -> Progress:
        lag = Lag(round(self.seconds_behind, 3), max(0, self._end - position), self._held, self._left)
        return Progress(self.done_rounds, self.done_changes, round(time.monotonic() - self.began, 3), position, lag, reached)


def _require(context: RunContext) -> None:
    """Raise SwitchRefused when the run has no stream, or one that has ended."""

    def asked(connection: sa.Connection) -> None:
        with connection.begin():
            streams.require(context, connection)

    patience.at_target(context, asked)
