"""Whether what stands at the target is what was proved: by the table's seal where the database has a cheap one, else by its digest."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from penstock import digest
from penstock.digest import Digest
from penstock.plan import TablePlan, readback_select
from penstock.schema import TableName
from penstock.session import Session


def unchanged(session: Session, connection: sa.Connection, table: TablePlan, proof: dict[str, Any]) -> bool:
    """Whether what the run made live is what was proved. The seal of a partitioned table is of other partitions too."""
    seal = None if table.partition or table.increment else proof["seal"]
    return mark(session, connection, table, table.target.name, seal) == str(proof["target"] if seal is None else seal)


def mark(session: Session, connection: sa.Connection, table: TablePlan, place: TableName, seal: str | None) -> str:
    """The table's seal where the database has one, else the digest of what the run moves, taken now."""
    if seal is not None:
        return str(session.target.seal(connection, place))
    select = readback_select(table, session.target, None, place)
    found = Digest()
    for batch in session.target.read(connection, select, table.target.columns):
        found += digest.of(batch, table.target.columns)
    return str(found)
