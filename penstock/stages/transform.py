"""Transform: extracted Parquet to transformed Parquet, by the declared steps, a batch at a time."""

from __future__ import annotations

import time
from collections.abc import Sequence

import pyarrow as pa

from penstock import digest, events, transforms
from penstock.digest import Digest
from penstock.errors import PenstockError, StagingDamaged, TransformFailed
from penstock.plan import TablePlan
from penstock.schema import arrow_schema
from penstock.session import Session
from penstock.staging import Receipt, chunk_file

STAGE = "transformed"


def transform(session: Session, chunks: Sequence[tuple[str, int]]) -> list[Receipt]:
    """Transform these chunks and answer their receipts; those that are done already are left alone.

    Raises StagingDamaged when a file is not what extraction wrote, TransformFailed when a step can't be applied.
    """
    receipts = []
    for table, number in chunks:
        plan = session.plan.table(table)
        receipt = session.staging.receipt(STAGE, table, number)
        if receipt is None:
            events.emit("transform.started", table=table, chunk=number)
            receipt = _chunk(session, plan, number)
            session.staging.write_receipt(receipt)
            events.emit("transform.chunk", table=table, chunk=number, rows=receipt.rows, seconds=receipt.seconds)
        receipts.append(receipt)
    events.emit("transform.finished", chunks=len(receipts))
    return receipts


def _chunk(session: Session, plan: TablePlan, number: int) -> Receipt:
    began = time.monotonic()
    extracted = session.staging.receipt("extracted", plan.name, number)
    if extracted is None:
        raise StagingDamaged(f"chunk {number} of {plan.name} was never extracted", fix="run the extract stage again")
    file = chunk_file(STAGE, plan.name, number)
    came, went = 0, Digest()
    try:
        with session.staging.parquet(arrow_schema(plan.target.columns), file) as writer:
            for batch in session.staging.rows(extracted):
                came += batch.num_rows
                made = transforms.apply(pa.table(batch), plan.source.columns, plan.steps, session.secrets, plan.sensitive)
                went += digest.of(made, plan.target.columns)
                writer.write_table(made)
            if went.rows > came:
                raise TransformFailed(
                    f"the steps of {plan.name} made {went.rows} rows of {came}",
                    why="a transform may leave rows out, never add any: the books would not balance",
                )
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
        filtered=came - went.rows,
        bytes=session.staging.size(file),
        seconds=round(time.monotonic() - began, 3),
        file=file,
        sha256=session.staging.sha256(file),
    )
