"""Whether what stands at the target is what was proved: by the table's seal where the database has a cheap one, else by its digest."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from penstock import digest
from penstock.plan import TablePlan, readback_select
from penstock.schema import TableName
from penstock.session import Session


def unchanged(session: Session, connection: sa.Connection, table: TablePlan, place: TableName, proof: dict[str, Any]) -> bool:
    """Whether what the run has at `place` is what was proved. The seal of a live table that is moved in parts is of other rows too."""
    in_parts = place == table.target.name and (table.partition or table.increment)
    if proof["seal"] is not None and not in_parts:
        return str(session.target.seal(connection, place)) == str(proof["seal"])
    select = readback_select(table, session.target, None, place)
    columns = table.target.columns
    return str(digest.total(session.target.read(connection, select, columns), columns)) == str(proof["target"])
