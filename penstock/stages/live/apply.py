"""Apply: a round of changes to the shadows, in one transaction with the position that it ends at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from penstock import transforms
from penstock.databases._shared.column_checks import Sieve
from penstock.databases.change_log import Carried, ChangeTarget, Merge
from penstock.errors import BadValues, LoadFailed, PenstockError, SwitchRefused
from penstock.model.digest import Digest
from penstock.model.plan import TablePlan
from penstock.model.schema import Column, arrow_schema
from penstock.planning import live_keys
from penstock.runtime import events
from penstock.stages.live import kept, net
from penstock.stages.live.net import Net
from penstock.state import change_rounds, streams
from penstock.state.change_rounds import Round, StagedChanges
from penstock.state.run_context import RunContext
from penstock.transforms import Step
from penstock.transforms._hidden_columns import private_columns, secret_columns
from penstock.transforms._isolate import Sift, whole

_WITHHELD = "withheld: the table has columns that are sensitive, masked or dropped"


@dataclass(frozen=True)
class _Table:
    """A table that changes are applied to. key_columns: at the source.  key_steps: what the steps make of them.  names: at the target."""

    plan: TablePlan
    sift: Sift
    key_columns: tuple[Column, ...]
    key_steps: tuple[Step, ...]
    names: tuple[str, ...]
    secrets: Mapping[str, str]

    @classmethod
    def of(cls, context: RunContext, plan: TablePlan) -> _Table:
        steps = live_keys.steps(plan)
        assert steps is not None  # a check of preflight
        sift = Sift(plan.source, plan.steps, Sieve(()), context.secrets, private_columns(plan))
        keys = tuple(plan.source.column(name) for name in plan.source.key)
        return cls(plan, sift, keys, steps, live_keys.names(plan), context.secrets)


def apply(context: RunContext, connection: sa.Connection, made: Round) -> None:
    """Apply a round that is staged, all of it or nothing. Raises LoadFailed, StagingDamaged, TransformFailed, LeaseLost.

    SwitchRefused when the journal does not say that the round is the next one.
    """
    target = streams.target_of(context)
    with connection.begin():
        stream = streams.require(context, connection, lock=True)
        if made.number == stream.round:
            return  # the process was killed before it could forget the round
        if (stream.round, stream.applied) != (made.number - 1, made.first):
            what = f"the round {made.number} does not follow the last applied one, {stream.round}"
            raise SwitchRefused(what, why="another process has applied other rounds", fix="start a new run: `penstock run --new`")
        target.begin(connection)
        digests = dict(stream.kept)
        for staged in made.tables:
            before = digests.pop(staged.table, None)
            after = _table(context, connection, target, staged, Digest.parse(before) if before else None)
            digests |= {staged.table: str(after)} if after is not None else {}
        values = {"applied": made.last, "round": made.number, "committed_at": made.committed_at[1]}
        values |= {"staged": max(stream.staged, made.last), "received": max(stream.received, made.last)}
        streams.change(context, connection, **values, changes=stream.changes + made.changes, kept=digests)
    events.emit("follow.applied", round=made.number, changes=made.changes)


def _table(
    context: RunContext, connection: sa.Connection, target: ChangeTarget, staged: StagedChanges, digest: Digest | None
) -> Digest | None:
    """Apply the changes of a table. digest: of it before, None where it is not kept. Answers that after them."""
    table = _Table.of(context, context.plan.table(staged.table))
    plan = table.plan
    try:
        for piece in change_rounds.pieces(context.staging, staged):
            truncated = pc.index(pc.equal(piece.column("operation"), "T"), True).as_py()
            while truncated >= 0:
                target.clear(connection, plan.shadow)
                digest = None if digest is None else Digest()
                piece = piece.slice(truncated + 1)
                truncated = pc.index(pc.equal(piece.column("operation"), "T"), True).as_py()
            if piece.num_rows:
                target.merge(connection, _merge(table, piece))
                digest = None if digest is None else kept.after(digest, piece, partial(_made, table), plan)
        return digest
    except sa.exc.DBAPIError as error:
        why = _WITHHELD if secret_columns(plan) else context.target.words(error)
        raise LoadFailed(f"{plan.target.name} refused changes", f"table {plan.name}", why, _fix(plan)) from None
    except PenstockError as error:
        error.where = error.where or f"table {plan.name}"
        if private_columns(plan) and not error.retryable:
            error.why = _WITHHELD
        raise


def _fix(plan: TablePlan) -> str:
    return (
        f"start a new run (`penstock run --new`) with a step that carries such rows of {plan.name}, or change the rule of the shadow table"
    )


def _merge(table: _Table, piece: pa.RecordBatch) -> Merge:
    """What some changes end as at the target."""
    plan, found = table.plan, net.net(piece, table.plan.source.key)
    source = pa.RecordBatch.from_struct_array(piece.column("row"))
    gone = _keys(table, source, found.touched)
    return Merge(plan.shadow, plan.target.given, table.names, gone, _rows(table, found), _carried(table, source, found))


def _keys(table: _Table, source: pa.RecordBatch, places: pa.Array) -> pa.RecordBatch:
    """The keys of these images, as the target has them."""
    batch = source.select([c.name for c in table.key_columns]).take(places)
    if not table.key_steps:
        return batch.rename_columns(list(table.names))
    made = transforms.apply(batch, table.key_columns, table.key_steps, table.secrets, table.plan.sensitive)
    return whole(made).select(list(table.names))


def _rows(table: _Table, found: Net) -> pa.RecordBatch:
    """The rows that the changes end as, after the steps; a filter may leave some out."""
    try:
        made = _made(table, found.rows)
        return table.plan.target.loadable(made) if table.plan.steps else made
    except BadValues as error:
        error.fix = error.fix or "correct the rows at the source, or the step in the migration; then start a new run"
        raise


def _made(table: _Table, rows: pa.RecordBatch) -> pa.RecordBatch:
    """What the steps make of rows of the source; without steps, the same rows. What the target computes itself is not in them."""
    if table.plan.steps:
        return whole(table.sift.apply(rows))
    return pa.RecordBatch.from_arrays(rows.columns, schema=arrow_schema(table.plan.target.given))


def _carried(table: _Table, source: pa.RecordBatch, found: Net) -> Carried | None:
    lacking = found.lacking
    if not lacking:
        return None
    places, origins = pa.array([n.place for n in lacking], pa.int64()), pa.array([n.origin for n in lacking], pa.int64())
    return Carried(places, _keys(table, source, origins), pa.array([n.columns for n in lacking], pa.binary()))
