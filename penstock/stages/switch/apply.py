"""The one step of a switch: each kind's statements, in the order of their effects, with foreign keys held back around changed rows.

All of it runs in one transaction, under the lock of the migration, so no reader sees a part of it. Where DDL commits by itself
(`ddl_in_transaction` is false), a run has either tables that are swapped, by one atomic statement, or tables that are changed, in a
transaction without DDL: `scope` plans no other mixture, and `decide` makes sure of it again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

import sqlalchemy as sa

from penstock import databases
from penstock.databases import ForeignKeySuspension, Reach
from penstock.model.plan import TablePlan
from penstock.model.schema import TableName
from penstock.planning.statements import completing_statements, texts
from penstock.runtime import events
from penstock.stages.switch import decide, foreign_keys, pending_rows, waiting
from penstock.stages.switch.decide import Decision, KindGroup
from penstock.state.run_context import RunContext

LOCK_SECONDS = 10
"""How long the switch waits for a lock that no reader waits behind: of shadows, of rows."""


def put_live(context: RunContext, connection: sa.Connection, decision: Decision, changed: Collection[str], reach: Reach) -> None:
    """Run the statements of every kind. changed: the repaired tables whose live rows have changed since they were compared.

    reach: what they change; its locks are held where the switch is one transaction.

    Raises SwitchRefused when the rows that were deleted are not those that were found to differ, or when rows refer to nothing.
    """
    for group in decision.of("table"):
        # First, so that rows which are inserted below, and rows that wait, meet the new tables that they refer to.
        for statement in _statements(context, group):
            waiting.ddl(context, connection, statement, reach)
            events.emit("switch.statement", statement=statement)
    complete(context, connection, decision, changed)


def complete(context: RunContext, connection: sa.Connection, decision: Decision, changed: Collection[str]) -> None:
    """The rest of the step, once the tables whose shadow becomes the live one are there.

    It is called alone after a try that was killed between the one statement that swaps all tables and the record of it. Nothing that such
    a try has done already is done a second time: what waits is only moved where it still waits.
    """
    target, plans = context.target, context.plan.tables
    rows = [t for g in decision.of("rows") for t in g.tables]
    children = pending_rows.live_children(connection, plans)
    touched = list(dict.fromkeys(t.target.name for t in (*rows, *children)))
    # From here to `unbound.after` foreign keys don't hold: rows are deleted that others refer to, and come back changed. PostgreSQL defers
    # or drops the keys, which locks the tables at both ends, and checks them in `after`. MySQL can only be told to check nothing, so
    # `refuse_orphans` looks for rows that refer to nothing, its own and those that others have written meanwhile.
    unbound = target.unbind(connection, touched) if touched else ForeignKeySuspension()
    _run(connection, unbound.before)
    for group in decision.of("rows"):
        _run(connection, _statements(context, group))
    foreign_keys.take_over_parked(context, connection, decision)
    # Behind the inserted rows: only now it is known which live rows refer to nothing, and which waiting rows don't wait any longer.
    inserted: dict[TableName, TableName | None] = {t.target.name: t.shadow for t in rows}
    inserted |= {t.target.name: None for t in decision.becoming}
    deleted = {t.target.name: t.kept for t in rows}
    pending_rows.settle(connection, plans, children, pending_rows.Changed(inserted, deleted), target)
    _run(connection, [*unbound.after, *texts(completing_statements(plans, decision.becoming, target))])
    for group in decision.of("partition"):
        # Last: attaching a partition checks its foreign keys, and what they refer to is in place by now. Rows whose reference belongs to
        # an interval that is not live yet are taken out of the shadow first.
        _park(context, connection, group.tables)
        _run(connection, _statements(context, group))
    decide.refuse_other_rows(context, connection, decision, changed)
    # At the very end, where the database does not check by itself. Rows of tables outside of the run may refer to a deleted row, too.
    foreign_keys.refuse_orphans(connection, unbound, plans)


def _statements(context: RunContext, group: KindGroup) -> list[str]:
    return group.kind.apply(group.tables, context.target, group.facts)


def _run(connection: sa.Connection, statements: Iterable[str]) -> None:
    for statement in statements:
        databases.execute(connection, statement)
        events.emit("switch.statement", statement=statement)


def _park(context: RunContext, connection: sa.Connection, tables: Iterable[TablePlan]) -> None:
    for table in tables:
        if table.pending:
            name = table.target.name
            pending_rows.park(connection, context.plan.tables, [table], {name: table.shadow}, {name: table.pending}, context.target)
