"""What a run makes of a table: the planned table as its statements create it, and as facts that every database can be compared by."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from penstock.databases import Database
from penstock.databases._shared import constraints, ddl
from penstock.errors import UnsupportedType
from penstock.model.plan import TablePlan
from penstock.model.schema import Check, Column, ForeignKey, Index, Table, TableName
from penstock.model.schema_facts import View
from penstock.planning import statements, switch_kinds

EXPRESSION = "an expression"


def view(database: Database) -> View:
    """Facts of tables of one database without what another server of its kind may write in other words."""

    def type(column: Column) -> str:
        return str(column.type if named(column) else database.canonical(column.native))

    return View(type, presence)


def named(column: Column) -> bool:
    """Whether a planned column is created with the enum or domain of the source."""
    return bool(column.named_type) and column.kept == column.named_type


def presence(expression: str) -> str:
    """A text that is the same for all expressions."""
    return EXPRESSION if expression else ""


def possible(table: Table, database: Database) -> Table:
    """`table` without the indexes and foreign keys that the database can't have, or that it could not move with a table."""
    return replace(
        table,
        indexes=tuple(_index(i, database) for i in table.indexes if database.secondary_indexes or (i.unique and i.plain)),
        foreign_keys=tuple(_key(k, database) for k in table.foreign_keys) if database.foreign_keys else (),
        columns=tuple(_column(table, c, database) for c in table.columns),
    )


def _key(key: ForeignKey, database: Database) -> ForeignKey:
    on_delete, on_update = constraints.action(database, key.on_delete), constraints.action(database, key.on_update)
    return replace(key, on_delete=on_delete, on_update=on_update)


def _index(index: Index, database: Database) -> Index:
    return index if "unique constraint" in database.table_features else replace(index, constraint=False)


def _column(table: Table, column: Column, database: Database) -> Column:
    numbers = column.identity and database.numbers(column, table)
    numbering = column.numbering if numbers else None
    if numbering and "counter" not in database.table_features and not numbering.unique:
        numbering = replace(numbering, next=None)
    try:
        native = ddl.column_type(database, table, column)
    except UnsupportedType:
        native = column.native
    nullable = column.nullable and not column.identity and column.name not in table.primary_key
    own = column.named_type if named(column) else ""
    return replace(column, named_type=own, native=native, nullable=nullable, identity=numbers, numbering=numbering)


def shadow(plan: TablePlan, tables: Iterable[TablePlan], database: Database) -> Table:
    """The shadow of a table as the run builds it, before the switch adds what a shadow can't have. tables: of the run."""
    tables = tuple(tables)
    made = switch_kinds.shadow(plan)
    labels = tuple(Check("", c.name) for c in ddl.labelled_columns(database, made))
    keys = made.foreign_keys
    if database.follows_renames:
        becoming = {t.target.name: t.shadow for t in tables if not switch_kinds.keeps_live(t)}
        keys = tuple(_to_shadow(k, plan, becoming) for k in made.foreign_keys if statements.built_with(tables, plan, k))
    return possible(replace(made, foreign_keys=keys, checks=(*made.checks, *labels)), database)


def _to_shadow(key: ForeignKey, plan: TablePlan, places: dict[TableName, TableName]) -> ForeignKey:
    place = places[plan.target.referred(key)]
    return replace(key, ref_table=place.name, ref_schema=place.schema if place.schema != plan.shadow.schema else None)
