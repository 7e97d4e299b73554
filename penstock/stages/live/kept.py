"""Kept: a table's digest carried forward by its changes: less each row before, plus each row after. It costs no reading of the source.

It says that the target has what was loaded and what the stream has brought; the proof at one position (`align`) says that this is what the
source has. It can be kept for a table whose changes come with the whole row before (REPLICA IDENTITY FULL), without generated columns.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from penstock.errors import GateClosed
from penstock.model import digest
from penstock.model.digest import Digest
from penstock.model.plan import TablePlan
from penstock.planning.statements import readback_select
from penstock.state import journal, patience, streams
from penstock.state.run_context import RunContext

Made = Callable[[pa.RecordBatch], pa.RecordBatch]
"""What the steps make of rows of the source."""


def loaded(context: RunContext, connection: sa.Connection) -> dict[str, str]:
    """By table, the digest of what the run has loaded, where it can be kept; in the caller's transaction."""
    found = {t.name: Digest() for t in context.plan.tables if len(t.target.given) == len(t.target.columns)}
    for (table, _), receipt in journal.all_receipts(connection, context.plan.migration, context.plan.run, "loaded").items():
        if table in found:
            found[table] += Digest.parse(receipt.digest)
    return {table: str(total) for table, total in found.items()}


def after(before: Digest, changes: pa.RecordBatch, made: Made, plan: TablePlan) -> Digest | None:
    """The digest after some changes, without truncations; None where a row before is not known."""
    operations, kinds = changes.column("operation"), changes.column("kind")
    new, old = pc.equal(kinds, "N"), pc.equal(kinds, "O")
    had_rows = pc.and_(pc.not_equal(operations, "I"), pc.or_(new, pc.equal(operations, "D")))  # an image of each update and each deletion
    if _count(had_rows) != _count(old) or changes.column("left_out").null_count < changes.num_rows:
        return None
    rows = pa.RecordBatch.from_struct_array(changes.column("row"))
    return before - digest.of(made(rows.filter(old)), plan.target.columns) + digest.of(made(rows.filter(new)), plan.target.columns)


def _count(mask: pa.Array) -> int:
    return int(pc.sum(mask).as_py() or 0)


@dataclass(frozen=True)
class KeptProof:
    """tables: those whose digests are equal, with their rows.  unknown: those of which none is kept."""

    tables: dict[str, int]
    unknown: tuple[str, ...]


def prove(context: RunContext) -> KeptProof:
    """Read every shadow whose digest is kept, and compare. Raises GateClosed when one differs, SwitchRefused when there is no stream."""

    def asked(connection: sa.Connection) -> dict[str, str]:
        with connection.begin():
            return dict(streams.require(context, connection).kept)

    kept, found, failed = patience.at_target(context, asked), dict[str, int](), list[str]()
    with context.writing() as connection:
        for plan in (t for t in context.plan.tables if t.name in kept):
            columns, room = plan.target.columns, context.shares.room(plan.longest_row)
            with connection.begin():
                select = readback_select(plan, context.target, None, plan.shadow)
                now = digest.total(context.target.read(connection, select, columns, room), columns)
            found[plan.name] = now.rows
            if str(now) != kept[plan.name]:
                failed.append(f"{plan.name}: {differs(kept[plan.name], now)}")
    if failed:
        why, fix = "somebody else has written into the shadow tables", "`penstock follow --prove` names the rows; then start a new run"
        raise GateClosed("the target does not have what was loaded and followed", why=why, fix=fix, stage="proof", failed=failed)
    return KeptProof(found, tuple(t.name for t in context.plan.tables if t.name not in kept))


def differs(kept: str, now: Digest) -> str:
    return f"the digest kept from the stream is {kept}, that of the target {now}"
