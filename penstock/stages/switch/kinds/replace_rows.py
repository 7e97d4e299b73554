"""Replace rows: rows of the live table are deleted and those of the shadow inserted, in one transaction. What is deleted is kept.

Which rows are deleted depends on the scope. Of changes: those that the shadow has under the same key. Of a partition: its own, and those
that the shadow has under the same key, because at the source they have moved into this partition. Of differences: those that were found
to differ, by their keys; without a primary key all. Of a whole table: all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import sqlalchemy as sa

from penstock.databases import Database
from penstock.errors import Problem
from penstock.model.plan import TablePlan
from penstock.model.schema import TableName
from penstock.model.scope import Changes
from penstock.planning.live_columns import column_problems
from penstock.planning.statements import referred_first, same_key, within, within_pending
from penstock.planning.switch_kinds import LiveFacts, SwitchKind, Undoing
from penstock.stages.switch.rows import copied, empty_tables, moved

_ALL = "1 = 1"


class ReplaceRows(SwitchKind):
    effect = "rows"
    scopes = frozenset({"whole", "interval", "changes", "differences"})

    def check(self, tables: Sequence[TablePlan], target: Database, connection: sa.Connection) -> Iterable[Problem]:
        for table in tables:
            yield from column_problems(table, target, connection)

    def prepare(self, tables: Sequence[TablePlan], target: Database) -> list[str]:
        """Empty tables for the rows that will be deleted: not every database can make them in a transaction."""
        return empty_tables([(t.target, t.kept) for t in tables], target)

    def apply(self, tables: Sequence[TablePlan], target: Database, facts: LiveFacts) -> list[str]:
        """Rows that refer to other tables are deleted first and inserted last."""
        ordered = referred_first(tables)
        statements = []
        for table in reversed(ordered):
            for condition in _pending_replaced(table, target):
                statements += moved(table.target, _waiting(table), table.kept, target, condition)
            for condition in deleted(table, target):
                statements += moved(table.target, table.target.name, table.kept, target, condition)
        for table in ordered:
            statements.append(copied(table.target, table.shadow, table.target.name, target))
            statements += target.renumber(table.target, table.target.name)
        return statements

    def undo_needs_shadow(self, table: TablePlan) -> bool:
        """The keys in the shadow say which rows were inserted."""
        return table.by_key

    def prepare_undo(self, tables: Sequence[Undoing], target: Database) -> list[str]:
        """Empty tables for the rows that are set aside."""
        return empty_tables([(table.target, switched.aside) for table, switched in tables], target)

    def undo(self, tables: Sequence[Undoing], target: Database, facts: LiveFacts) -> list[str]:
        aside = {table.name: switched.aside for table, switched in tables}
        ordered = referred_first([table for table, _ in tables])
        statements = []
        for table in reversed(ordered):
            if table.partition and table.pending:
                own = same_key(table, target, table.shadow, table.pending) if table.by_key else within_pending(table, target)
                statements += moved(table.target, table.pending, aside[table.name], target, own)
            statements += moved(table.target, table.target.name, aside[table.name], target, _inserted(table, target))
        return statements + [copied(t.target, t.kept, t.target.name, target) for t in ordered]


def _waiting(table: TablePlan) -> TableName:
    assert table.pending
    return table.pending


def _pending_replaced(table: TablePlan, target: Database) -> Iterator[str]:
    """The predicates of the pending rows that this run replaces: those of its interval, and those under a key that it moves."""
    if table.pending is None:
        return
    if not table.repairs:
        yield within_pending(table, target)
    if table.delete_keys:
        yield same_key(table, target, table.delete_keys, table.pending)
    if same := same_key(table, target, table.shadow, table.pending):
        yield same


def deleted(table: TablePlan, target: Database) -> list[str]:
    """The predicates of the live rows that are deleted, one after the other: joined by OR, no index would help to find them."""
    same = same_key(table, target)
    if isinstance(table.scope, Changes):
        return [same]
    inside = same_key(table, target, table.delete_keys) if table.delete_keys else f"({within(table, target, table.target) or _ALL})"
    return [inside, same] if same and table.partition else [inside]


def _inserted(table: TablePlan, target: Database) -> str:
    """The predicate of the live rows that an undo sets aside: those that the switch inserted, and what was written in place of those that
    it deleted.
    """
    if not table.by_key:
        return within(table, target, table.target) or _ALL
    keys = [table.shadow, table.kept] if table.delete_keys else [table.shadow]
    return " OR ".join(same_key(table, target, place) for place in keys)


KIND = ReplaceRows()
