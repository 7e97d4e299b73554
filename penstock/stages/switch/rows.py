"""Statements that move rows between the live tables and the tables where rows are kept, set aside or wait."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from penstock import databases
from penstock.databases import Database
from penstock.databases._shared import ddl
from penstock.model.schema import Table, TableName


def copied(table: Table, from_: TableName, to: TableName, target: Database, where: str = "") -> str:
    """The statement that copies rows of `table` from one place to another."""
    fields = ", ".join(databases.quote(target, c.name) for c in table.given)
    select = f"SELECT {fields} FROM {databases.qualified(target, from_)}" + (f" WHERE {where}" if where else "")
    return f"INSERT INTO {databases.qualified(target, to)} ({fields}){target.keep_numbers} {select}"


def moved(table: Table, from_: TableName, to: TableName, target: Database, where: str) -> list[str]:
    """Statements that move the rows that meet a condition from one place to another."""
    return [copied(table, from_, to, target, where), f"DELETE FROM {databases.qualified(target, from_)} WHERE {where}"]


def empty_tables(places: Sequence[tuple[Table, TableName]], target: Database) -> list[str]:
    """Statements that make an empty table to keep rows at each place, instead of one that is there."""
    names = [name for _, name in places]
    return [*target.drops(names), *target.schemas(names), *(ddl.create_table(target, bare(table), name) for table, name in places)]


def bare(table: Table) -> Table:
    """The table as a place to keep rows: without keys, checks, defaults and numbering."""
    columns = tuple(replace(c, identity=False, numbering=None, default=None, expression="") for c in table.columns)
    return replace(table, columns=columns, primary_key=(), indexes=(), foreign_keys=(), checks=(), partitioning=None)
