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
from penstock.state import quarantine, run_files, staged_rows, staging
from penstock.state.quarantine import Rejects
from penstock.state.run_context import RunContext
from penstock.state.staging import Receipt
from penstock.transforms._hidden_columns import private_columns
from penstock.transforms._isolate import Sift

STAGE = "transformed"


def transform(context: RunContext, chunks: Sequence[tuple[str, int]]) -> list[Receipt]:
    """Transform these chunks and answer their receipts; those that are done already are left alone.

    Raises StagingDamaged when a file is not what extraction wrote, TransformFailed when a step can't be applied, and
    TooManyBadRows when more rows are bad than may go to quarantine.
    """
    context = staged_rows.ready(context)
    receipts = []
    for table, number in chunks:
        plan = context.plan.table(table)
        receipt = context.staging.receipt(STAGE, table, number)
        if receipt is None:
            events.emit("transform.started", table=table, chunk=number)
            receipt = _chunk(context, plan, number)
            context.check_lease()
            context.staging.write_receipt(receipt)
            events.emit("transform.chunk", table=table, chunk=number, rows=receipt.rows, seconds=receipt.seconds)
        else:
            events.emit("transform.kept", table=table, chunk=number, rows=receipt.rows)
        receipts.append(receipt)
    events.emit("transform.finished", chunks=len(receipts))
    return receipts


def _chunk(context: RunContext, plan: TablePlan, number: int) -> Receipt:
    began = time.monotonic()
    extracted = context.staging.receipt("extracted", plan.name, number)
    if extracted is None:
        raise StagingDamaged(f"chunk {number} of {plan.name} was never extracted", fix="run the extract stage again")
    file = run_files.rows(STAGE, plan.name, number, extracted.reading)
    took, went, longest = Digest(), Digest(), 0
    sift = Sift(plan.source, plan.steps, _sieve(context, plan), context.secrets, private_columns(plan))
    rejects = Rejects(plan, context.plan, plan.source.columns)
    try:
        plain = context.shares.plain(extracted.longest)
        with context.staging.parquet(arrow_schema(plan.target.columns), file, plain=plain) as staged:
            for batch in context.staging.rows(extracted):
                for made in _made(sift, plan, number, batch, rejects, took.rows):
                    went += digest.of(made, plan.target.columns)
                    longest = max(longest, staging.longest(made))
                    staged.writer.write_table(made)
                took += digest.of(batch, plan.source.columns)
                if rejects.too_many:
                    break
            if went.rows + rejects.count > took.rows:
                raise TransformFailed(
                    f"the steps of {plan.name} made {went.rows} rows of {took.rows - rejects.count}",
                    why="a transform may leave rows out, never add any: the books would not balance",
                )
            rejected_digest = rejects.publish(context.staging, STAGE, number)
    except PenstockError as error:
        error.where = error.where or f"table {plan.name}, chunk {number}"
        raise
    return Receipt(
        table=plan.name,
        stage=STAGE,
        chunk=number,
        rows_in=took.rows,
        rows=went.rows,
        digest=str(went),
        digest_in=str(took),
        rejected=rejects.count,
        filtered=took.rows - went.rows - rejects.count,
        bytes=staged.bytes,
        seconds=round(time.monotonic() - began, 3),
        file=file,
        sha256=staged.sha256,
        rejected_digest=rejected_digest,
        longest=longest,
        reading=extracted.reading,
    )


def _sieve(context: RunContext, plan: TablePlan) -> Sieve:
    return column_checks.of(context.target, plan.target) if plan.quarantines else Sieve(())


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
