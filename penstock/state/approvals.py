"""One approval for all runs of a backfill: which run asks for it, what was answered, and what the answer covers. Kept in the journal.

The first run to write the record asks; the others wait for its answer. The primary key decides, so that only one asks.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import sqlalchemy as sa

from penstock.runtime.formatting import count
from penstock.state.evidence import Verdict
from penstock.state.journal_tables import APPROVALS


@dataclass(frozen=True)
class Asked:
    """The question that stands for a backfill.

    run: the Airflow run that asks.  answer: Approve or Reject, empty until there is one; by, at: whose, and when.
    rejected, warned: how many rows were rejected, and which expectations warned, in the run that was looked at for the answer.
    """

    migration: str
    backfill: str
    run: str
    asked_at: str
    answer: str = ""
    by: str = ""
    at: str = ""
    rejected: int = 0
    warned: tuple[str, ...] = ()


def ask(connection: sa.Connection, mine: Asked) -> Asked:
    """Write the question down, unless one stands already, in a transaction of its own. Answers the one that stands."""
    try:
        with connection.begin():
            if not (there := _read(connection, mine.migration, mine.backfill)):
                connection.execute(APPROVALS.insert().values(**_row(mine)))
                return mine
            return there
    except sa.exc.IntegrityError:  # another run has written it at the same moment
        with connection.begin():
            found = _read(connection, mine.migration, mine.backfill)
        if found is None:
            raise
        return found


def take_over(connection: sa.Connection, lost: Asked, mine: Asked) -> bool:
    """Ask in the place of a run that will never be answered; False when another run has done so, or an answer has come."""
    table = APPROVALS
    with connection.begin():
        where = (table.c.migration == lost.migration, table.c.backfill == lost.backfill, table.c.run == lost.run, table.c.answer == "")
        return bool(connection.execute(table.update().where(*where).values(**_row(mine))).rowcount)


def answer(connection: sa.Connection, answered: Asked) -> None:
    """Write the answer to the run's own question down; where another run asks by now, it changes nothing."""
    table = APPROVALS
    with connection.begin():
        where = (table.c.migration == answered.migration, table.c.backfill == answered.backfill, table.c.run == answered.run)
        connection.execute(table.update().where(*where).values(**_row(answered)))


def beyond(approved: Asked, rejected: int, warned: Sequence[str]) -> str:
    """What a run has that was not there to be seen when the backfill was approved, in words; empty when the approval covers it."""
    more = sorted(set(warned) - set(approved.warned))
    found = [f"{count(rejected, 'row')} rejected, and {approved.rejected:,} when it was given"] if rejected > approved.rejected else []
    if more:
        found.append(f"{count(len(more), 'expectation')} warned that had not: {', '.join(more[:3])}")
    return "; ".join(found)


def warned(verdicts: Sequence[Verdict]) -> tuple[str, ...]:
    """The expectations that warned, as `table.stage.code`."""
    return tuple(sorted(f"{v.table}.{v.stage}.{r.code}" for v in verdicts if v.decision == "warn" for r in v.broken))


def _row(asked: Asked) -> dict[str, Any]:
    return asdict(asked) | {"warned": json.dumps(asked.warned)}


def _read(connection: sa.Connection, migration: str, backfill: str) -> Asked | None:
    table = APPROVALS
    query = sa.select(table).where(table.c.migration == migration, table.c.backfill == backfill)
    row = connection.execute(query).mappings().first()
    return Asked(**(dict(row) | {"warned": tuple(json.loads(row["warned"]))})) if row else None
