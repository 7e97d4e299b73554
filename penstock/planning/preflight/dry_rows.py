"""What a switch does with live tables that stay: their rows replaced, or a partition attached, among empty tables that are like them."""

from __future__ import annotations

from dataclasses import replace

import sqlalchemy as sa

from penstock import databases
from penstock.databases import Database, PartitionSlot
from penstock.databases._shared import ddl
from penstock.model.plan import TablePlan
from penstock.model.schema import Column, Table, TableName
from penstock.model.scope import Partition
from penstock.planning import switch_kinds
from penstock.planning.switch_kinds import LiveFacts


def statements(plan: TablePlan, live: TableName, to: Database, connection: sa.Connection) -> list[str]:
    """What is tried of the switch of a table. live: the live table, whose definition is read; it is not touched."""
    found = to.inspect(connection, live.schema, [live.name]) if databases.existing_tables(connection, [live]) else []
    if not found or _follows_what_is_missing(plan, connection):
        return []
    kind = switch_kinds.of(plan.switch)
    if kind.effect == "partition":
        place = TableName(ddl.free_name(plan.kept.name, [plan.kept.name], to.max_identifier), plan.kept.schema)
        placed = replace(plan, target=replace(plan.target, name=place))
        shape = replace(found[0], foreign_keys=(), indexes=(), checks=())
        if shape.partitioning is None:
            return []
        parted = replace(shape, partitioning=replace(shape.partitioning, partitions=()))
        facts = LiveFacts(partitions={plan.name: PartitionSlot(None)})
        return [*_made(parted, place, to), *kind.apply([placed], to, facts)]
    waitless = replace(plan.scope, pending=None) if isinstance(plan.scope, Partition) else plan.scope
    alone = replace(plan, scope=waitless)
    shape = _place_for_rows(found[0], {c.name for c in plan.target.columns}, to)
    return [*_made(shape, plan.target.name, to), *kind.prepare([alone], to), *kind.apply([alone], to, LiveFacts())]


def _follows_what_is_missing(plan: TablePlan, connection: sa.Connection) -> bool:
    """Whether its rows are found by those of another table that is not there yet."""
    parent = plan.scope.parent if isinstance(plan.scope, Partition) else None
    while parent is not None:
        if not databases.existing_tables(connection, [parent.target.table]):
            return True
        parent = parent.parent
    return False


def _made(table: Table, place: TableName, to: Database) -> list[str]:
    return [*to.schemas([place]), ddl.create_table(to, table, place)]


def _place_for_rows(live: Table, wanted: set[str], to: Database) -> Table:
    """The columns of the live table that the migration fills, with the types that they have."""
    columns = tuple(_bare(c, to) for c in live.columns if c.name in wanted)
    shape = replace(live, columns=columns, primary_key=(), indexes=(), foreign_keys=(), checks=(), partitioning=None)
    return replace(shape, exclusions=(), options=(), comment="", replica_identity="")


def _bare(column: Column, to: Database) -> Column:
    """Numbered where the statements number it, and where that needs no key."""
    numbers = column.identity and not to.numbers_keys_only
    plain = replace(column, kept=column.native, nullable=not numbers, default=None, expression="", comment="", touched=False)
    return replace(plain, identity=numbers, numbering=column.numbering if numbers else None, invisible=False, unchecked_null="")
