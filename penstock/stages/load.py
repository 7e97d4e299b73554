"""Load: staged Parquet into shadow tables, a chunk and its receipt in one transaction; then keys and indexes."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from functools import partial

import pyarrow as pa
import sqlalchemy as sa

from penstock import databases, events, journal, workers
from penstock.errors import LoadFailed, StagingDamaged, SwitchRefused
from penstock.plan import Plan, TablePlan, key_statements, link_statements, prepare_statements
from penstock.session import Session
from penstock.staging import Receipt

STAGE = "loaded"
_WITHHELD = "withheld: there are sensitive columns"


def prepare(session: Session) -> bool:
    """Make the empty shadow tables, unless this run has made them already. Answers whether it made them.

    Shadows that an abandoned run of the same migration left are replaced; anybody else's are refused.
    """
    plan = session.plan
    with session.writing() as connection:
        with connection.begin():
            journal.create(connection)
        with connection.begin():
            if _ours(connection, plan):
                return False
            events.emit("prepare.started", tables=len(plan.tables))
            for table in plan.tables:
                journal.claim_shadow(connection, table.shadow, plan.migration, f"being made for {plan.run}")
            journal.forget_receipts(connection, plan.run)
            # Where DDL commits by itself, the claims are written first: a shadow without a claim is never touched.
            _commit_unless_transactional(session, connection)
            for statement in prepare_statements(plan, session.target):
                databases.execute(connection, statement)
            for table in plan.tables:
                journal.claim_shadow(connection, table.shadow, plan.migration, _owner(plan))
    events.emit("prepare.finished", tables=len(plan.tables))
    return True


def _ours(connection: sa.Connection, plan: Plan) -> bool:
    """Whether every shadow is made and this run's. Raises SwitchRefused when one is somebody else's."""
    mine = True
    standing = databases.standing(connection, (t.shadow for t in plan.tables))
    for table in plan.tables:
        owner = journal.shadow_owner(connection, table.shadow)
        there = table.shadow in standing
        if there and (owner is None or owner[0] != plan.migration):
            raise SwitchRefused(
                f"the target already holds {table.shadow}, which is not a shadow of this migration",
                where=f"table {table.name}",
                fix="rename or drop it, or give this migration another name",
            )
        mine = mine and there and owner == (plan.migration, _owner(plan))
    return mine


def _owner(plan: Plan) -> str:
    """Whose shadow it is: this run's, as planned from this very file."""
    return f"{plan.fingerprint[:12]} {plan.run}"


def _commit_unless_transactional(session: Session, connection: sa.Connection) -> None:
    if not session.target.ddl_in_transaction:
        databases.execute(connection, "COMMIT")


def load(session: Session, chunks: Sequence[tuple[str, int]]) -> list[Receipt]:
    """Load these chunks into their shadow tables and answer their receipts. Chunks in the journal are left alone.

    Raises StagingDamaged when a file is not what its receipt says, LoadFailed when the target refuses rows.
    """
    with session.abreast(len(chunks)) as connections:
        tables = dict.fromkeys(table for table, _ in chunks)
        with connections[0].begin():
            done = {t: {r.chunk: r for r in journal.receipts(connections[0], session.plan.run, STAGE, t)} for t in tables}

        def put(connection: sa.Connection, chunk: tuple[str, int]) -> Receipt:
            table, number = chunk
            if earlier := done[table].get(number):
                return earlier
            events.emit("load.started", table=table, chunk=number)
            receipt = _chunk(session, connection, session.plan.table(table), number)
            events.emit("load.chunk", table=table, chunk=number, rows=receipt.rows, bytes=receipt.bytes, seconds=receipt.seconds)
            return receipt

        receipts = workers.each(chunks, connections, put)
    events.emit("load.finished", chunks=len(receipts))
    return receipts


def _chunk(session: Session, connection: sa.Connection, plan: TablePlan, number: int) -> Receipt:
    began = time.monotonic()
    staged = session.staging.receipt(plan.staged, plan.name, number)
    if staged is None:
        raise StagingDamaged(f"chunk {number} of {plan.name} was never {plan.staged}", fix="run the stage before again")

    places = [n for n, c in enumerate(plan.target.columns) if not c.generated]
    whole = len(places) == len(plan.target.columns)

    def told() -> Iterator[pa.RecordBatch]:
        for batch in session.staging.rows(staged):
            yield batch if whole else batch.select(places)
            events.emit("load.batch", table=plan.name, chunk=number, rows=batch.num_rows, bytes=batch.nbytes)

    try:
        with connection.begin():
            session.target.write(connection, plan.shadow, plan.given, told())
            seconds = round(time.monotonic() - began, 3)
            receipt = Receipt(
                plan.name, STAGE, number, staged.rows, staged.rows, staged.digest, staged.digest, bytes=staged.bytes, seconds=seconds
            )
            journal.write_receipt(connection, session.plan.migration, session.plan.run, receipt)
    except LoadFailed as error:
        error.where = f"table {plan.name}, chunk {number}" + (f", {error.where}" if error.where else "")
        error.why = error.why if not plan.sensitive else _WITHHELD
        raise
    return receipt


def build(session: Session) -> list[str]:
    """Give the loaded shadow tables their keys, indexes, foreign keys and numbering. Answers the statements that ran.

    Keys and indexes of several tables are built at a time. Raises LoadFailed when the data breaks a key: a duplicate, an orphan.
    """
    events.emit("build.started")
    keys = key_statements(session.plan, session.target)
    links = list(enumerate(link_statements(session.plan, session.target), len(keys)))
    units = _units(keys)
    with session.abreast(len(units)) as connections:
        with connections[0].begin():
            built = {r.chunk for r in journal.receipts(connections[0], session.plan.run, "built", "")}
        todo = [[(n, s) for n, s in unit if n not in built] for unit in units]
        ran = [s for done in workers.each(filter(None, todo), connections, partial(_build, session)) for s in done]
        ran += _build(session, connections[0], [(n, s) for n, s in links if n not in built])
    events.emit("build.finished", statements=len(ran))
    return ran


_SMALL = 64 << 20


def _units(keys: Sequence[tuple[TablePlan, str]]) -> list[list[tuple[int, str]]]:
    """Numbered statements, in transactions: one for each index of a large table, one for many small tables together."""
    units: list[list[tuple[int, str]]] = []
    room = 0
    for number, (table, statement) in enumerate(keys):
        size = table.rows * table.row_bytes
        if not units or size > room:
            units.append([])
            room = _SMALL
        units[-1].append((number, statement))
        room -= size
    return units


def _build(session: Session, connection: sa.Connection, statements: Sequence[tuple[int, str]]) -> list[str]:
    plan = session.plan
    with connection.begin():
        for number, statement in statements:
            try:
                databases.execute(connection, statement)
            except sa.exc.DBAPIError as error:
                if not session.target.ddl_in_transaction and _exists_already(error):
                    pass  # it committed by itself in an earlier try that was killed before its receipt
                else:
                    why = str(error.orig).splitlines()[0] if not any(t.sensitive for t in plan.tables) else _WITHHELD
                    fix = "correct the rows at the source, or filter them in the migration"
                    raise LoadFailed("the loaded rows break a key", where=statement, why=why, fix=fix) from None
            # Where DDL commits by itself each statement leaves its own receipt, so that a retry goes on behind it.
            journal.write_receipt(connection, plan.migration, plan.run, Receipt("", "built", number, 0, 0, ""))
            _commit_unless_transactional(session, connection)
            events.emit("build.statement", number=number, statement=statement)
    return [s for _, s in statements]


def _exists_already(error: sa.exc.DBAPIError) -> bool:
    text = str(error.orig).lower()
    return "duplicate key name" in text or "duplicate key on write or update" in text or "duplicate foreign key" in text
