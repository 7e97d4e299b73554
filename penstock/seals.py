"""Whether what stands at the target is what was proved: by the table's seal where the database has a cheap one, else by its digest."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from penstock import databases, digest
from penstock.digest import Digest
from penstock.plan import TablePlan, live_select, readback_select, within
from penstock.schema import TableName
from penstock.session import Session


def unchanged(session: Session, connection: sa.Connection, table: TablePlan, place: TableName, proof: dict[str, Any]) -> bool:
    """Whether what the run has at `place` is what was proved. The seal of a live table that is moved in parts is of other rows too."""
    is_live = place == table.target.name
    if proof["seal"] is not None and not (is_live and (table.partition or table.increment or table.repairs)):
        return str(session.target.seal(connection, place)) == str(proof["seal"])
    proved = Digest.parse(proof["target"])
    if table.by_key or not is_live:
        proved -= Digest.parse(proof.get("standing", str(Digest())))
    return _total(session, connection, table, readback_select(table, session.target, None, place)) == str(proved)


def as_compared(session: Session, connection: sa.Connection, table: TablePlan, comparison: dict[str, Any]) -> bool:
    """Whether the live table of a repair is still the one that was compared: by its seal, else by the digest of what the run is about."""
    seal = session.target.seal(connection, table.target.name)
    if seal is not None and seal == comparison["seal"]:
        return True
    return _total(session, connection, table, live_select(table, session.target, None)) == str(comparison["live"])


def gave_place(session: Session, connection: sa.Connection, table: TablePlan, comparison: dict[str, Any]) -> bool:
    """Whether the rows that a repair has put aside are those that were found to differ; of a partition, its own."""
    select = databases.select(session.target, table.kept, table.target.columns, within(table, session.target, table.target))
    return _total(session, connection, table, select) == str(comparison["leaving"])


def _total(session: Session, connection: sa.Connection, table: TablePlan, select: str) -> str:
    """The digest of what the select gives."""
    columns = table.target.columns
    return str(digest.total(session.target.read(connection, select, columns), columns))
