"""Freeze: close the source's tables to all writers, and apply everything that was committed before; or open them again."""

from __future__ import annotations

import secrets
from dataclasses import replace

import sqlalchemy as sa

from penstock import databases
from penstock.databases.change_log import Freeze
from penstock.errors import LockRefused, SwitchRefused
from penstock.model.schema import Column, Numbering, Table
from penstock.runtime import events
from penstock.stages.live.follow import Until, follow
from penstock.state import patience, streams
from penstock.state.run_context import RunContext
from penstock.state.streams import StreamState
from penstock.transforms._mapping import trace

_WAIT = 3  # seconds that writers wait behind us for one try
_TRIES = 5


def freeze(context: RunContext, seconds: float) -> None:
    """Close the source, and apply all that it has: until the mark that was written behind the last change is seen in the stream.

    seconds: for applying. Done already: does it again, which changes nothing. The source is closed until `unfreeze`, also after a fault.
    Raises LockRefused when writers do not end, SwitchRefused when the mark is not seen in time; what `follow` raises.
    """
    mark = f"freeze {context.plan.token} {secrets.token_hex(8)}"
    _write(context, "freezing")  # first: whoever finds it knows that the source may be closed
    asked = Freeze(tuple(t.place for t in streams.followed(context)), mark, _WAIT)
    with streams.source_engine(context) as engine, engine.connect() as source:
        for left in range(_TRIES - 1, -1, -1):
            try:
                streams.log_of(context).freeze(source, asked)
                break
            except LockRefused:
                if not left:
                    raise
    if not follow(context, Until(seconds, mark=mark)).reached:
        what = f"the changes before the source was closed were not all applied in {seconds:.0f} seconds"
        raise SwitchRefused(what, context.plan.source, "the target was too far behind", "follow until it has caught up; then switch again")
    _write(context, "frozen")
    events.emit("freeze.finished")


def unfreeze(context: RunContext) -> None:
    """Open the source's tables again. Done already: changes nothing."""
    with streams.source_engine(context) as engine, engine.connect() as source:
        streams.log_of(context).unfreeze(source, [t.place for t in streams.followed(context)])


def go_on(context: RunContext) -> None:
    """Open the source again, and let the run be followed as before."""
    unfreeze(context)
    _write(context, "following")


def _write(context: RunContext, state: StreamState) -> None:
    def write(connection: sa.Connection) -> None:
        with connection.begin():
            streams.require(context, connection, lock=True)
            streams.change(context, connection, state=state)

    patience.at_target(context, write)


def renumber(context: RunContext) -> list[str]:
    """Let the target's numbers go on where those of the closed source end. Answers the statements that ran."""
    with streams.source_engine(context) as engine, engine.connect() as source:
        following = streams.log_of(context).next_numbers(source, [t.source.name for t in context.plan.tables])
    ran: list[str] = []
    with context.writing() as connection, connection.begin():
        for table in context.plan.tables:
            names = trace((c.name for c in table.source.columns), table.steps).names
            wanted = {to: following[table.source.name, name] for name, to in names.items() if (table.source.name, name) in following}
            for statement in context.target.renumber(_numbered(table.target, wanted), table.shadow):
                databases.execute(connection, statement)
                ran.append(statement)
    return ran


def _numbered(table: Table, following: dict[str, int]) -> Table:
    """The table with the next numbers of its columns."""

    def placed(column: Column) -> Column:
        if column.name not in following:
            return column
        return replace(column, numbering=replace(column.numbering or Numbering(), next=following[column.name]))

    return replace(table, columns=tuple(map(placed, table.columns)))
