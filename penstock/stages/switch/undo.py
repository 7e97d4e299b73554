"""Undo: what served before a run's switch serves again, in one atomic step. What it takes away is set aside, not dropped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import sqlalchemy as sa

from penstock import databases
from penstock.databases import ForeignKeySuspension
from penstock.errors import LockRefused, SwitchRefused
from penstock.model.plan import Plan
from penstock.model.schema import TableName
from penstock.planning import switch_kinds
from penstock.planning.switch_kinds import Effect, SwitchKind, Undoing
from penstock.runtime import events
from penstock.stages.switch import change_detection, foreign_keys, pending_rows, set_apart, switch_record, waiting
from penstock.stages.switch.apply import LOCK_SECONDS
from penstock.stages.switch.reach import of_undo
from penstock.state import coverage, evidence, journal, lease, switch_evidence
from penstock.state.journal import Switch
from penstock.state.run_context import RunContext
from penstock.state.switch_evidence import PutBack, Requester, UndoRecord


def last(target_url: sa.URL, migration: str) -> Switch:
    """The switch that an undo would take back. Raises SwitchRefused when there is none, when it is undone already or made no row live.

    An undo without a name must not go one switch further back than the user has in mind: for that, the run is to be named.
    """
    target = databases.of(target_url, target=True)
    engine = databases.connect(target, target_url, "target")
    with engine.connect() as connection:
        found = journal.switches(connection, migration, ["switched", "undoing", "undone"]) if journal.exists(connection) else []
    engine.dispose()
    if not found:
        why = "nothing was switched, or what it kept was dropped"
        raise SwitchRefused(f"{migration} has no switch to undo", why=why, fix="look at penstock_switches in the target")
    if found[0].state == "undone":
        before = next((s.run for s in found if s.state == "switched"), None)
        fix = f"to go further back, name the run: {before}" if before else ""
        raise SwitchRefused(f"the last switch of {migration} is undone already", why=f"it was of the run {found[0].run}", fix=fix)
    if not _changed_rows(found[0]):
        before = next((s.run for s in found if s.state == "switched" and _changed_rows(s)), None)
        fix = f"to undo the last switch that made rows live, name its run: {before}" if before else ""
        raise SwitchRefused(f"the last switch of {migration} made no row live", why=_nothing_live(found[0]), fix=fix)
    return found[0]


def _changed_rows(switched: Switch) -> bool:
    return bool(switched.moves or switched.replaced)


def _nothing_live(switched: Switch) -> str:
    left = ", ".join(dict.fromkeys(switched.evidence.left.values()))
    return f"the tables of the run {switched.run} were left to the run {left}" if left else f"the run {switched.run} found no difference"


def undo(context: RunContext, by: str = "", undo_run: str = "") -> UndoRecord:
    """Put the tables back that served before this run's switch, in one atomic step, and answer a record of it.

    by: who asked for it.  undo_run: the run that does it, for the record; both may be unknown.

    The tables of this run are set aside, not dropped: rows written into them since are not lost, and are named.
    Raises SwitchRefused when a later run has switched one of its tables, or when the old tables are gone.
    """
    with lease.held(context, lease.WHOLE_RUN, "penstock undo") as context:
        return _undo(context, Requester(by, undo_run))


def _undo(context: RunContext, asked: Requester) -> UndoRecord:
    target = context.target
    with context.writing() as connection, coverage.turn(connection, target, context.plan.migration):
        with connection.begin():
            last = _undoable(connection, context.plan)
            set_apart.put_back(context, connection)  # a switch that was killed right after its commit has left the shadows elsewhere
            done = last.state == "undoing" and not _kept_exist(connection, last)
        if done:
            return _undone(context, connection, last, [], [], asked)  # an earlier try was killed right after its one statement
        with connection.begin():
            if not _kept_exist(connection, last):
                raise SwitchRefused("the old tables are gone", why="they were dropped since the switch", fix="restore them from a backup")
            changed = _changed(context, connection, last)
        if not target.ddl_in_transaction:
            with connection.begin():
                journal.write_switch(connection, replace(last, state="undoing"))
        groups = _groups(context, last)
        with connection.begin():
            pending_rows.make_room(connection, [t for g in groups if g.kind.effect == "rows" for t, _ in g.tables], target)
            for statement in (s for g in groups for s in g.kind.prepare_undo(g.tables, target)):
                databases.execute(connection, statement)
        try:
            with connection.begin():
                coverage.lock(connection, context.plan.migration)
                _undoable(connection, context.plan)
                ran = _put_back(context, connection, last, groups)
                journal.write_switch(connection, replace(last, state="undone"))
                _restored(connection, last, context)
        except sa.exc.DBAPIError as error:
            why = str(error.orig).splitlines()[0]
            if target.lock_refused(error):
                raise LockRefused.of(context.plan.target, why) from None
            raise SwitchRefused("the target refused the undo", where=context.plan.target, why=why, fix="see the cause") from None
        return _undone(context, connection, last, ran, changed, asked)


@dataclass(frozen=True)
class _Group:
    """The tables of a switch that one kind undoes."""

    kind: SwitchKind
    tables: tuple[Undoing, ...]


def _groups(context: RunContext, last: Switch) -> list[_Group]:
    """The tables of a switch by kind, in the order in which kinds are applied."""
    found = switch_record.undoing(last, context.plan, context.target)
    return [_Group(switch_kinds.of(name), tuple(tables)) for name, tables in found.items()]


def _put_back(context: RunContext, connection: sa.Connection, last: Switch, groups: Sequence[_Group]) -> list[str]:
    """Put tables, partitions and rows back, in the undo's transaction. Answers the statements that ran."""
    plan, target, ran = context.plan, context.target, list[str]()

    def run(statements: Iterable[str]) -> None:
        for statement in statements:
            databases.execute(connection, statement)
            ran.append(statement)

    def undone(effect: Effect) -> Iterator[str]:
        for group in groups:
            if group.kind.effect == effect:
                facts = group.kind.read_for_undo(group.tables, target, connection)
                yield from group.kind.undo(group.tables, target, facts)

    children = pending_rows.live_children(connection, plan.tables)
    # As in the switch: all locks of the live tables at once, in short tries. Nothing has been locked that a reader needs before they are
    # had.
    reach = of_undo([(g.kind.effect, g.tables) for g in groups], children)
    for statement in target.hold([], LOCK_SECONDS, reach.exclusive):
        databases.execute(connection, statement)
    waiting.run(context, connection, target.locks(connection, reach), reach)
    for statement in undone("table"):
        waiting.ddl(context, connection, statement, reach)
        ran.append(statement)
    # Before rows are deleted that others refer to: an attached partition is no part of the live table any more by then.
    run(undone("partition"))
    rows = [pair for g in groups if g.kind.effect == "rows" for pair in g.tables]
    touched = list(dict.fromkeys(t.target.name for t in (*(table for table, _ in rows), *children)))
    # As in the switch: foreign keys don't hold from here to `unbound.after`, and are checked in the end.
    unbound = target.unbind(connection, touched) if touched else ForeignKeySuspension()
    run(unbound.before)
    run(undone("rows"))
    moved = {live for live, _, _ in last.moves}
    for table in plan.tables:
        if table.pending and table.target.name in moved:  # its table is no longer live, so there is nothing that these rows wait for
            run([f"DELETE FROM {databases.qualified(target, table.pending)}"])
    inserted: dict[TableName, TableName | None] = {table.target.name: switched.kept for table, switched in rows}
    deleted = {table.target.name: switched.aside for table, switched in rows}
    pending_rows.settle(connection, plan.tables, children, pending_rows.Changed(inserted, deleted), target)
    run(unbound.after)
    run(databases.add_link(target, link, link.table) for link in foreign_keys.lost(last))
    foreign_keys.refuse_orphans(connection, unbound, plan.tables)
    return ran


def _undoable(connection: sa.Connection, plan: Plan) -> Switch:
    """The switch of the run. Raises SwitchRefused when it has none, or when a later run has switched one of its tables or intervals."""
    states = ["switched", "undoing", "undone", "finished"]
    every = journal.switches(connection, plan.migration, states) if journal.exists(connection) else []
    found = [s for s in every if s.state in ("switched", "undoing")]
    mine = next((s for s in found if s.token == plan.token), None)
    if mine is None and any(s.token == plan.token and s.state == "undone" for s in every):
        raise SwitchRefused(
            f"the run {plan.run} is undone already", why="nothing of it is live", fix="start a new run to move its rows again"
        )
    if mine is None:
        why = f"the last switch was of the run {found[0].run}" if found else "nothing was switched, or its old tables were dropped"
        raise SwitchRefused(f"the run {plan.run} can't be undone", why=why, fix="undo the last run first" if found else "")
    if not _changed_rows(mine):
        raise SwitchRefused(f"the run {plan.run} has nothing to undo", why=_nothing_live(mine), fix="name the run whose rows are live")
    _refuse_others(connection, mine)
    covered = coverage.of(connection, plan.migration)
    written = {live for live, _, _ in (*mine.moves, *mine.replaced)}
    for table in (t for t in plan.tables if t.target.name in written):
        place = plan.interval if table.partition and plan.interval else coverage.WHOLE
        own = next((c for c in covered if c.table == table.name and c.token == plan.token), None)
        whole = any(live == table.target.name for live, _, _ in mine.moves) or place == coverage.WHOLE
        others = [c for c in covered if c.table == table.name and c.token != plan.token]
        later = [c for c in others if c.at > mine.at and (whole or c.overlaps(replace(c, low=place[0], high=place[1])))]
        if later or own is None or own.state != "proven":
            last = max(later, key=lambda c: c.at, default=None)
            why = (
                f"the run {last.run} has switched {last} since" if last else own.why if own else f"{table.name} is no longer as it left it"
            )
            fix = f"undo the run {last.run} first" if last else "undo the later run first"
            raise SwitchRefused(f"the run {plan.run} can't be undone", f"table {table.name}", why, fix)
    return mine


def _refuse_others(connection: sa.Connection, mine: Switch) -> None:
    """Raise SwitchRefused when another migration has switched one of the tables since: an undo would take its rows from the readers."""
    last = journal.last_switched(connection)
    for live, _, _ in (*mine.moves, *mine.replaced):
        other = last.get(live)
        if other is not None and other.migration != mine.migration and other.at > mine.at:
            why = f"the migration {other.migration} has switched it since, in its run {other.run}"
            fix = f"undo that run first: penstock undo {other.migration}.yaml --run-id {other.run}"
            raise SwitchRefused(f"the run {mine.run} can't be undone", f"table {live}", why, fix)


def _kept_exist(connection: sa.Connection, record: Switch) -> bool:
    kept = {k for _, _, k in (*record.moves, *record.replaced) if k is not None}
    return databases.existing_tables(connection, kept) == kept


def _changed(context: RunContext, connection: sa.Connection, last: Switch) -> list[str]:
    """The live tables into which rows were written since this run's switch."""
    proof = evidence.PROOF.read(context.staging)
    swapped, replaced = ({live for live, _, _ in part} for part in (last.moves, last.replaced))
    live = [t for t in context.plan.tables if t.target.name in swapped | replaced]
    as_proved = (change_detection.live_unchanged(context, connection, t, proof.of(t.name), t.target.name in swapped) for t in live)
    return [str(t.target.name) for t, same in zip(live, as_proved, strict=True) if not same]


def _undone(
    context: RunContext, connection: sa.Connection, last: Switch, ran: list[str], changed: list[str], asked: Requester
) -> UndoRecord:
    with connection.begin():
        coverage.lock(connection, context.plan.migration)
        journal.write_switch(connection, replace(last, state="undone"))
        _restored(connection, last, context)
    put_back = tuple(
        PutBack(live=str(live), kept=str(kept) if kept else None, aside=str(switch_record.set_aside(live, last, context.target)))
        for live, _, kept in (*last.moves, *last.replaced)
    )
    record = UndoRecord("undone", journal.now(), tuple(ran), tuple(changed), last.token, put_back, asked)
    switch_evidence.UNDO.write(context.staging, record)
    events.emit("undo.finished", tables=len(last.moves))
    return record


def _restored(connection: sa.Connection, last: Switch, context: RunContext) -> None:
    """Put the coverage back, once: an undo asks for it in its transaction, and behind it where an earlier try may have been killed."""
    if coverage.restore(connection, last.migration, last.token, last.evidence.overlapped):
        pending_rows.note(connection, context.plan.tables, last.migration, context.plan.timezone, context.target)
