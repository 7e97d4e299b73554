"""Where a run keeps tables beside the live ones, so that two tables of one name in two schemas have places apart."""

from __future__ import annotations

from collections.abc import Iterable

from penstock.databases import Database
from penstock.model.plan import Plan, TablePlan
from penstock.model.schema import TableName


def owner(migration: str, live: TableName, qualified: bool) -> str:
    """What `Database.shadow` and `Database.kept` are given as the migration that a place belongs to.

    qualified: the migration names its schemas. Where a database keeps these tables in schemas of their own, each of its schemas has one.
    """
    return f"{migration}__{live.schema}" if qualified else migration


def several_schemas(tables: Iterable[TableName]) -> bool:
    """Whether these tables, of one switch, are of several schemas."""
    return len({table.schema for table in tables}) > 1


def apart(plan: Plan, tables: Iterable[TablePlan], target: Database) -> dict[str, TableName]:
    """By table, where the switch sets its shadow apart; nothing where the transaction of the switch holds all its locks."""
    if target.ddl_in_transaction:
        return {}
    return {t.name: target.shadow(t.target.name, plan.migration, f"{plan.token}s") for t in tables}


def parked(plan: Plan, target: Database) -> dict[str, TableName]:
    """By table, where the switch parks rows of its shadow that refer to rows of another interval; nothing where it need not."""
    if target.ddl_in_transaction:
        return {}
    token = f"{plan.token}p"
    return {
        t.name: target.shadow(t.target.name, owner(plan.migration, t.target.name, t.qualified), token) for t in plan.tables if t.pending
    }
