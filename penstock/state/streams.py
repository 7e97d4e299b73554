"""Streams: how far the changes of a live migration's source were read, staged and applied.

Four positions of the source's log are kept apart, in the order in which a change passes them:

    received   the log was read up to here, and all that it had of the run's tables is staged
    staged     up to here whole transactions are staged, with the manifest of their round
    applied    up to here they are applied at the target, in the transaction that wrote this
    confirmed  up to here the source may forget its log: never beyond `received`. The source keeps it

A stream goes on from `received`, which is never taken from the source: a slot that somebody has made anew would skip changes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import sqlalchemy as sa

from penstock import databases
from penstock.databases.change_log import ChangeLog, ChangeTarget, Followed, Start, Stream
from penstock.errors import SwitchRefused
from penstock.state import journal, journal_version, patience
from penstock.state.journal_tables import STREAMS
from penstock.state.run_context import RunContext

StreamState = Literal["loading", "following", "freezing", "frozen", "ended"]
"""What becomes of a stream.

    loading     the snapshot is read and loaded
    following   changes are applied
    freezing    the source may be closed
    frozen      the source is closed, and all that it has is applied
    ended       the source keeps nothing for it
"""


@dataclass(frozen=True)
class StreamRecord:
    """A stream as the journal has it. round: the number of the last applied round; 0 before the first one.

    changes: how many were applied.  committed_at: when the last applied transaction was committed, microseconds since 1970; 0 before.
    kept: by table, its digest as the stream has carried it forward, where it could.
    """

    stream: Stream
    state: StreamState
    received: int
    staged: int
    applied: int
    round: int = 0
    changes: int = 0
    committed_at: int = 0
    kept: Mapping[str, str] = field(default_factory=dict)


def log_of(context: RunContext) -> ChangeLog:
    """How the run's source is followed. Preflight has seen to it that it can be."""
    assert context.source.change_log is not None
    return context.source.change_log


def target_of(context: RunContext) -> ChangeTarget:
    """How changes are applied to the run's target. Preflight has seen to it that they can be."""
    assert context.target.change_target is not None
    return context.target.change_target


def followed(context: RunContext) -> tuple[Followed, ...]:
    """The tables of a run as their changes are read."""
    return tuple(map(Followed.of, context.plan.tables))


def names(context: RunContext) -> tuple[str, str]:
    """What the slot and the publication of a run are called."""
    return log_of(context).names(context.plan.migration, context.plan.token)


@contextmanager
def source_engine(context: RunContext) -> Iterator[sa.Engine]:
    """An engine of the source, for what does not only read rows."""
    engine = databases.engine(context.source, context.endpoints.source, "source")
    try:
        yield engine
    finally:
        engine.dispose()


@contextmanager
def begun(context: RunContext) -> Iterator[Start]:
    """Begin the stream of a run whose rows are read next, in the place of one that an earlier try has begun. See `ChangeLog.begin`.

    Streams of earlier runs of the migration end: their shadows are loaded anew.
    """
    with source_engine(context) as engine:
        with engine.connect() as source:
            for other in patience.at_target(context, lambda connection: _others(context, connection)):
                log_of(context).end(source, other)
        patience.at_target(context, lambda connection: _end_others(context, connection))
    with source_engine(context) as engine, log_of(context).begin(engine, names(context), followed(context)) as start:
        record = StreamRecord(start.stream, "loading", start.position, start.position, start.position)
        patience.at_target(context, lambda connection: _write(context, connection, record))
        yield start


def _others(context: RunContext, connection: sa.Connection) -> list[tuple[str, str]]:
    """The slots and publications of the migration's other runs."""
    journal.create(connection)
    with connection.begin():
        query = sa.select(STREAMS.c.slot, STREAMS.c.publication).where(*_of_others(context))
        return [(row[0], row[1]) for row in connection.execute(query)]


def _end_others(context: RunContext, connection: sa.Connection) -> None:
    with connection.begin():
        connection.execute(STREAMS.update().where(*_of_others(context)).values(state="ended", at=journal.now()))


def _of_others(context: RunContext) -> tuple[sa.ColumnElement[bool], ...]:
    plan = context.plan
    return STREAMS.c.migration == plan.migration, STREAMS.c.run != plan.run, STREAMS.c.state != "ended"


def open_runs(connection: sa.Connection, migration: str) -> set[str]:
    """The runs of a migration whose streams have not ended, in the caller's transaction."""
    if not journal_version.has(connection, STREAMS):
        return set()
    query = sa.select(STREAMS.c.run).where(STREAMS.c.migration == migration, STREAMS.c.state != "ended")
    return {str(run) for run in connection.execute(query).scalars()}


def _write(context: RunContext, connection: sa.Connection, record: StreamRecord) -> None:
    journal.create(connection)
    with connection.begin():
        connection.execute(STREAMS.delete().where(*_of(context)))
        own = {"migration": context.plan.migration, "run": context.plan.run, "at": journal.now()}
        connection.execute(STREAMS.insert().values(**own, **_values(record)))


def find(context: RunContext, connection: sa.Connection, lock: bool = False) -> StreamRecord | None:
    """The stream of a run, in the caller's transaction; None when it has none. lock: until the transaction ends, nobody else changes it."""
    if not journal_version.has(connection, STREAMS):
        return None
    query = sa.select(STREAMS).where(*_of(context))
    row = connection.execute(query.with_for_update() if lock else query).mappings().first()
    return _read(row) if row else None


def require(context: RunContext, connection: sa.Connection, lock: bool = False) -> StreamRecord:
    """The stream of a run. Raises SwitchRefused when it has none, or has ended."""
    found = find(context, connection, lock)
    if found is None:
        what, fix = f"the run {context.plan.run} is not loaded yet, so it can't be followed", "load it first: `penstock run`"
        raise SwitchRefused(what, context.plan.target, fix=fix)
    _refuse_ended(context, found)
    return found


def _refuse_ended(context: RunContext, found: StreamRecord) -> None:
    if found.state == "ended":
        what, why = f"the stream of the run {context.plan.run} has ended", "it was switched, given up, or replaced by a later run"
        raise SwitchRefused(what, context.plan.target, why, "start a new run: `penstock run --new`")


def change(context: RunContext, connection: sa.Connection, **values: Any) -> None:
    """Change some fields of a stream's record, in the caller's transaction."""
    if "kept" in values:
        values["kept"] = json.dumps(values["kept"])
    connection.execute(STREAMS.update().where(*_of(context)).values(**values, at=journal.now()))


def moved_on(context: RunContext) -> bool:
    """Whether the shadows are no longer what the run has loaded, because changes are applied to them.

    Raises SwitchRefused when the stream has ended: the run can't go on.
    """

    def asked(connection: sa.Connection) -> StreamRecord | None:
        with connection.begin():
            return find(context, connection)

    found = patience.at_target(context, asked) if context.plan.live else None
    if found is not None:
        _refuse_ended(context, found)
    return found is not None and found.state != "loading"


def ended(context: RunContext) -> None:
    """Drop what the source keeps for the stream, and write down that it has ended."""
    with source_engine(context) as engine, engine.connect() as connection:
        log_of(context).end(connection, names(context))

    def write(connection: sa.Connection) -> None:
        with connection.begin():
            change(context, connection, state="ended")

    patience.at_target(context, write)


def _of(context: RunContext) -> tuple[sa.ColumnElement[bool], ...]:
    return STREAMS.c.migration == context.plan.migration, STREAMS.c.run == context.plan.run


def _values(record: StreamRecord) -> dict[str, Any]:
    values: dict[str, Any] = asdict(record)
    stream: dict[str, Any] = values.pop("stream")
    return {**values, **stream, "shapes": json.dumps(stream["shapes"]), "kept": json.dumps(values["kept"])}


def _read(row: sa.RowMapping) -> StreamRecord:
    shapes = {table: tuple(columns) for table, columns in json.loads(row["shapes"]).items()}
    stream = Stream(row["slot"], row["publication"], row["server"], shapes)
    numbers = {part: int(row[part]) for part in ("received", "staged", "applied", "round", "changes", "committed_at")}
    return StreamRecord(stream, row["state"], kept=json.loads(row["kept"]), **numbers)
