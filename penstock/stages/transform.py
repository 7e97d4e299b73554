"""Transform: extracted Parquet to transformed Parquet, by the declared steps, a batch at a time.

Where bad rows go to quarantine, they are found here together with those that the target could not hold afterwards:
quarantine then has them as the source gave them, and the steps can be corrected.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import pyarrow as pa

from penstock.databases._shared import column_checks
from penstock.databases._shared.column_checks import Sieve
from penstock.errors import BadValues, PenstockError, StagingDamaged, TransformFailed
from penstock.model import digest
from penstock.model.digest import Digest
from penstock.model.plan import TablePlan
from penstock.model.schema import arrow_schema
from penstock.runtime import events
from penstock.state import quarantine, staged_rows, staging
from penstock.state.quarantine import Rejects
from penstock.state.run_context import Session
from penstock.state.staging import Receipt, chunk_file
from penstock.transforms._hidden_columns import private_columns
from penstock.transforms._isolate import Sift

STAGE = "transformed"


def transform(session: Session, chunks: Sequence[tuple[str, int]]) -> list[Receipt]:
    """Transform these chunks and answer their receipts; those that are done already are left alone.

    Raises StagingDamaged when a file is not what extraction wrote, TransformFailed when a step can't be applied, and
    TooManyBadRows when more rows are bad than may go to quarantine.
    """
    session = staged_rows.ready(session)
    receipts = []
    for table, number in chunks:
        plan = session.plan.table(table)
        receipt = session.staging.receipt(STAGE, table, number)
        if receipt is None:
            events.emit("transform.started", table=table, chunk=number)
            receipt = _chunk(session, plan, number)
            session.staging.write_receipt(receipt)
            events.emit("transform.chunk", table=table, chunk=number, rows=receipt.rows, seconds=receipt.seconds)
        else:
            events.emit("transform.kept", table=table, chunk=number, rows=receipt.rows)
        receipts.append(receipt)
    events.emit("transform.finished", chunks=len(receipts))
    return receipts


def _chunk(session: Session, plan: TablePlan, number: int) -> Receipt:
    began = time.monotonic()
    extracted = session.staging.receipt("extracted", plan.name, number)
    if extracted is None:
        raise StagingDamaged(f"chunk {number} of {plan.name} was never extracted", fix="run the extract stage again")
    file = chunk_file(STAGE, plan.name, number)
    came, went, longest = 0, Digest(), 0
    sift = Sift(plan.source, plan.steps, _sieve(session, plan), session.secrets, private_columns(plan))
    rejects = Rejects(plan, session.plan, plan.source.columns)
    try:
        plain = session.shares.plain(extracted.longest)
        with session.staging.parquet(arrow_schema(plan.target.columns), file, plain=plain) as writer:
            for batch in session.staging.rows(extracted):
                for made in _made(sift, plan, number, batch, rejects, came):
                    went += digest.of(made, plan.target.columns)
                    longest = max(longest, staging.longest(made))
                    writer.write_table(made)
                came += batch.num_rows
                if rejects.too_many:
                    break
            if went.rows + rejects.count > came:
                raise TransformFailed(
                    f"the steps of {plan.name} made {went.rows} rows of {came - rejects.count}",
                    why="a transform may leave rows out, never add any: the books would not balance",
                )
            rejected_digest = rejects.publish(session.staging, STAGE, number)
    except PenstockError as error:
        error.where = error.where or f"table {plan.name}, chunk {number}"
        raise
    return Receipt(
        plan.name,
        STAGE,
        number,
        came,
        went.rows,
        str(went),
        digest_in=extracted.digest,
        rejected=rejects.count,
        filtered=came - went.rows - rejects.count,
        bytes=session.staging.size(file),
        seconds=round(time.monotonic() - began, 3),
        file=file,
        sha256=session.staging.sha256(file),
        rejected_digest=rejected_digest,
        longest=longest,
    )


def _sieve(session: Session, plan: TablePlan) -> Sieve:
    return column_checks.of(session.target, plan.target) if plan.quarantines else Sieve(())


def _made(sift: Sift, plan: TablePlan, number: int, batch: pa.RecordBatch, rejects: Rejects, before: int) -> list[pa.Table]:
    """What the steps make of a batch, before which the chunk has `before` rows."""
    if plan.quarantines:
        made, bad = sift.parted(batch, rejects.room)
        rejects.add(batch, bad, before)
        return made
    try:
        return [sift.apply(batch)]
    except BadValues as error:
        _, bad = sift.parted(batch, 0)
        key = quarantine.key_of(batch, bad[0].place, plan) if bad else ""
        error.where = f"table {plan.name}, chunk {number}" + (f", row {key}" if key else "")
        raise
