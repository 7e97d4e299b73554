"""Switch: check this run's evidence once more, then make the shadow live in one atomic step."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial

import sqlalchemy as sa

from penstock import databases
from penstock.databases import Unbound
from penstock.errors import LockRefused, MigrationError, NotApproved, SwitchRefused
from penstock.migration import suites
from penstock.model.plan import Plan
from penstock.model.schema import TableName
from penstock.runtime import events
from penstock.stages.switch import change_detection, decide, foreign_keys, kinds, pending_rows, retention
from penstock.stages.switch.decide import Decision
from penstock.stages.switch.kinds import PATIENCE, attach_partition, replace_rows
from penstock.state import coverage, evidence, journal, quarantine, run_files, staged_rows, switch_evidence
from penstock.state.coverage import Covered
from penstock.state.evidence import Proof, Verdict
from penstock.state.journal import Switch
from penstock.state.run_context import Session
from penstock.state.switch_evidence import Evidence, GateDecision, LostKey, Move, Rejected, Replaced, SwitchRecord


def switch(session: Session) -> Switch:
    """Make this run's shadow tables live. Done already: answers the journal's record of it.

    Raises SwitchRefused when any evidence is missing or no longer holds, NotApproved when a person said no.
    """
    plan = session.plan
    with session.writing() as connection, coverage.turn(connection, session.target, plan.migration):
        with connection.begin():
            earlier = _earlier(connection, plan)
            past = earlier is not None and (earlier.state != "switching" or _moved(connection, earlier))
        if earlier is not None and past:
            return _done(session, connection, earlier)
        found = gather(session)
        events.emit("switch.started", tables=len(plan.tables))
        try:
            while True:
                decision = _room_made(session, connection, found)
                if switched := _switched(session, connection, found, decision):
                    return _done(session, connection, switched)
        except sa.exc.DBAPIError as error:
            why = str(error.orig).splitlines()[0]
            if session.target.lock_refused(error):
                raise LockRefused.of(plan.target, why) from None
            for table, key in ((t, k) for t in plan.tables for k in t.target.foreign_keys if k.name == session.target.broken_key(error)):
                other = next((t.name for t in plan.tables if t.target.name.name == key.ref_table), key.ref_table)
                raise replace_rows.orphaned(key.name, table.name, other, why) from None
            raise SwitchRefused(
                "the target refused the switch", where=plan.target, why=why, fix="nothing has changed: see the cause"
            ) from None


def _room_made(session: Session, connection: sa.Connection, found: Evidence) -> Decision:
    """What will become of each table, and what has to be there, or be written down, before the one step: where DDL commits by itself."""
    coverage.line_up(connection, session.plan.migration)
    with connection.begin():
        coverage.lock(connection, session.plan.migration)
        decision = decide.decide(session, connection, found.proof)
        pending_rows.make_room(connection, session.plan.tables, session.target)
        if not session.target.ddl_in_transaction:
            journal.write_switch(connection, _record(session.plan, found, decision))
    with connection.begin():
        for statement in replace_rows.make_room(decision.rows, session.target) if decision.rows else ():
            databases.execute(connection, statement)
    if decision.moved and not session.target.ddl_in_transaction:
        foreign_keys.complete_shadows(session, connection, decision, partial(still_sealed, session, connection, found.proof))
    return decision


def _switched(session: Session, connection: sa.Connection, found: Evidence, expected: Decision) -> Switch | None:
    """The one step; None when another run of the migration has switched since `expected` was decided, and nothing was done."""
    plan, target = session.plan, session.target
    with connection.begin():
        coverage.lock(connection, plan.migration)
        decision = decide.decide(session, connection, found.proof)
        if (decision.way, decision.left) != (expected.way, expected.left):
            return None
        held = [p for t in plan.tables for p in (*t.places, *([t.target.name] if t.repairs else []))]
        for statement in target.hold(held, PATIENCE):
            databases.execute(connection, statement)
        still_sealed(session, connection, found.proof)
        changed = decide.changed_since(session, connection, decision)
        taken = decide.taken_from(session, connection, decision)
        for statement in moves(session, connection, decision):
            databases.execute(connection, statement)
            events.emit("switch.statement", statement=statement)
        _replaced(session, connection, decision, changed)
        decide.refuse_stale(session, connection, changed, found.proof)
        switched = replace(_record(plan, found, decision, taken), state="switched", at=journal.now())
        _written(session, connection, switched, decision, taken)
    return switched


def _written(session: Session, connection: sa.Connection, switched: Switch, decision: Decision, taken: Sequence[Covered]) -> None:
    journal.write_switch(connection, switched)
    decide.record(session, connection, decision, taken)
    for place in (p for t in session.plan.tables for p in t.places):
        journal.release_shadow(connection, place)


def happened(session: Session) -> bool:
    """Whether this run's switch has taken place already, so that its shadow tables are no longer there.

    Raises MigrationError when it has, but what was staged for it is elsewhere.
    """
    with session.writing() as connection, connection.begin():
        earlier = _earlier(connection, session.plan) if journal.exists(connection) else None
        done = earlier is not None and (earlier.state != "switching" or _moved(connection, earlier))
    if done and not session.staging.exists(run_files.PROOF):
        what = f"run {session.plan.run} of {session.plan.migration} has switched already, from another staging area"
        raise MigrationError(what, where=session.staging.url, fix="give the run another id, or go on where it was staged")
    return done


def _replaced(session: Session, connection: sa.Connection, decision: Decision, changed: frozenset[str]) -> None:
    """Put the rows of the shadows in place of the live ones, and see to it that no row refers to nothing.

    Raises SwitchRefused when that is not what was found to be done.
    """
    plan, target = session.plan, session.target
    rows = [t.target.name for t in decision.rows]
    children = pending_rows.live_children(connection, plan.tables)
    touched = list(dict.fromkeys([*rows, *(t.target.name for t in children)]))
    unbound = target.unbind(connection, touched) if touched else Unbound()

    def run(statements: Iterable[str]) -> None:
        for statement in statements:
            databases.execute(connection, statement)
            events.emit("switch.statement", statement=statement)

    run([*unbound.before, *replace_rows.apply(decision.rows, target)])
    put: dict[str, TableName | None] = {t.target.name.name: t.shadow for t in decision.rows}
    put |= {t.target.name.name: None for t in decision.moved}
    foreign_keys.take_over_parked(session, connection, decision)
    pending_rows.settle(
        connection, plan.tables, children, pending_rows.Changed(put, {t.target.name.name: t.kept for t in decision.rows}), target
    )
    run([*unbound.after, *foreign_keys.completed(plan, decision.moved, target)])
    for table in (t for t in decision.replaced if t.exchanges):
        if table.pending:
            at, into = {table.target.name.name: table.shadow}, {table.target.name.name: table.pending}
            pending_rows.park(connection, plan.tables, [table], at, into, target)
        run(attach_partition.apply(table, decision.slots[table.name], target))
    decide.gave_place(session, connection, decision, changed)
    replace_rows.refuse_orphans(connection, unbound)


def moves(session: Session, connection: sa.Connection, decision: Decision) -> list[str]:
    """The statements that make whole tables live, and take from those that are kept what would hold others back."""
    live = [t.target.name for t in decision.moved if t.live_exists]
    dependents = session.target.dependents(connection, live) if live else []
    left = [d for d in dependents if not d.follows]
    if left:
        named = ", ".join(f"{d.kind} {d.name} on {d.table}" for d in left)
        raise SwitchRefused("something at the target would not follow the switch", why=named, fix="drop it, or make it again afterwards")
    if not decision.moved:
        return []
    made = kinds.of(session.plan.how).apply(replace(session.plan, tables=decision.moved), session.target, dependents)
    kept = {t.target.name: t.kept for t in decision.moved}
    return [*made, *(session.target.cut(link, kept[link.table]) for link in decision.links)]


def gather(session: Session) -> Evidence:
    """This run's evidence: verdicts with their suites' hashes, the proof, the approval.

    Raises SwitchRefused when some is missing or stale.
    """
    plan, area = session.plan, session.staging
    verdicts = _verdicts(session)
    proof = evidence.PROOF.find(area)
    if proof is None:
        raise SwitchRefused("nothing was proved in this run", fix="run the proof")
    if {p.table for p in proof.tables if p.holds} != {t.name for t in plan.tables}:
        raise SwitchRefused("the proof does not hold for every table", fix="see the report for what differs")
    approval = evidence.APPROVAL.find(area)
    if plan.approval and (approval is None or not approval.approved):
        raise NotApproved(
            "the switch was not approved",
            why=f"answered {approval.answer!r} by {approval.by or 'the clock'}" if approval else "nobody has answered",
            fix="start a new run when it may go ahead; the live tables are as they were",
        )
    rejected = _rejected(session, proof)
    if plan.approval and approval and approval.rejected != sum(r.rows for r in rejected):
        why = f"approved with {approval.rejected:,} rejected rows in sight, and there are {sum(r.rows for r in rejected):,}"
        raise SwitchRefused("the quarantine was not reviewed", why=why, fix="see `penstock quarantine`; then start a new run")
    decisions = tuple(GateDecision(v.table, v.stage, v.decision, v.suite_sha256) for v in verdicts)
    return Evidence(decisions, proof, approval, tuple(rejected), plan.fingerprint)


def _rejected(session: Session, proof: Proof) -> list[Rejected]:
    """How many rows of each table went to quarantine, and what files hold them: they are there, as they were when it was proved."""
    found = []
    if any(quarantine.manifests(session.staging, t.name) for t in session.plan.tables if t.quarantines):
        session = staged_rows.ready(session, quarantine=True)
    for table in session.plan.tables:
        held = quarantine.manifests(session.staging, table.name) if table.quarantines else []
        for manifest in held:
            quarantine.rows(session.staging, manifest)
        rows = sum(m.rows for m in held)
        if rows != proof.of(table.name).rejected:
            raise SwitchRefused(
                f"the quarantine of {table.name} is not what was proved", where=f"table {table.name}", fix="start a new run"
            )
        if rows:
            found.append(Rejected(table.name, rows, {m.file: m.sha256 for m in held}))
    return found


def _verdicts(session: Session) -> list[Verdict]:
    """What every gate of this run said: each has decided, none is closed, and no suite was edited since."""
    plan, area = session.plan, session.staging
    stages = ["extracted", "loaded"] + (["transformed"] if plan.transformed else [])
    verdicts = evidence.all_verdicts(area, stages)
    decided = {(v.table, v.stage) for v in verdicts}
    for table in plan.tables:
        for stage in ("extracted", "loaded", *(("transformed",) if table.steps else ())):
            if (table.name, stage) not in decided:
                raise SwitchRefused(f"the gate {table.name}.{stage} has not decided in this run", fix="run that gate")
    for verdict in verdicts:
        name = f"{verdict.table}.{verdict.stage}"
        if verdict.decision == "stop":
            raise SwitchRefused(f"the gate {name} is closed", fix="see the report for what failed")
        now = suites.find(session.folder, verdict.table, verdict.stage)
        if (now.sha256 if now else None) != verdict.suite_sha256:
            why = "its file is not the one that this run was judged by"
            raise SwitchRefused(f"the suite {name} was edited since its gate opened", why=why, fix="run that gate again")
    return verdicts


def still_sealed(session: Session, connection: sa.Connection, proof: Proof) -> None:
    """Raise SwitchRefused when a shadow table has changed since it was proved."""
    parked = foreign_keys.parked(session, connection)
    for table in session.plan.tables:
        if not change_detection.unchanged(session, connection, table, proof.of(table.name), parked.get(table.name)):
            raise SwitchRefused(
                f"rows of {table.shadow} have changed since they were proved",
                where=f"table {table.name}",
                why="somebody else wrote into the shadow table",
                fix="find out who; then run the load again, in a new run",
            )


def _earlier(connection: sa.Connection, plan: Plan) -> Switch | None:
    found = journal.switches(connection, plan.migration, ["switching", "switched", "undone", "finished"])
    return next((s for s in found if s.token == plan.token), None)


def _moved(connection: sa.Connection, record: Switch) -> bool:
    """Whether a switch whose end nobody wrote down has happened: its one statement moves all shadows or none.

    Rows are replaced in one transaction with the record of it, so of these the end is written down.
    """
    return bool(record.moves) and not databases.standing(connection, (shadow for _, shadow, _ in record.moves))


def _record(plan: Plan, found: Evidence, decision: Decision, taken: Sequence[Covered] = ()) -> Switch:
    moves = tuple((t.target.name, t.shadow, t.kept if t.live_exists else None) for t in decision.moved)
    slots = decision.slots
    replaced = tuple(
        (t.target.name, t.shadow, t.kept if t.name not in slots or slots[t.name].partition else None) for t in decision.replaced
    )
    until = (dt.datetime.now(dt.UTC) + dt.timedelta(seconds=plan.keep_old_seconds)).isoformat(timespec="microseconds")
    found = replace(
        found,
        overlapped=(*decision.overlapped, *taken),
        left={name: c.run for name, c in decision.left.items()},
        links=tuple(LostKey(link.table.name, link.table.schema, link.name, link.definition) for link in decision.links),
        exchanged={t.name: attach_partition.record(t, slots[t.name]) for t in decision.replaced if t.exchanges},
    )
    return Switch(plan.token, plan.migration, plan.run, "switching", journal.now(), until, moves, found, replaced)


def _done(session: Session, connection: sa.Connection, record: Switch) -> Switch:
    if record.state == "undone":
        raise SwitchRefused("this run was switched and undone", fix="start a new run")
    if record.state == "switching":
        record = replace(record, state="switched")
        with connection.begin():
            coverage.lock(connection, session.plan.migration)
            decision = decide.decide(session, connection, record.evidence.proof)
            shadows = {shadow for _, shadow, _ in record.moves}
            decision = replace(decision, moved=tuple(t for t in session.plan.tables if t.shadow in shadows), replaced=())
            _replaced(session, connection, decision, frozenset())
            _written(session, connection, record, decision, ())
    foreign_keys.cut_kept(session, connection, record)
    _clear(session, connection, record)
    done = SwitchRecord(
        state=record.state,
        at=record.at,
        token=record.token,
        keep_until=record.keep_until,
        moves=tuple(Move(str(live), str(shadow), str(kept) if kept else None) for live, shadow, kept in record.moves),
        replaced=tuple(Replaced(str(live), str(kept) if kept else None) for live, _, kept in record.replaced),
        left=record.evidence.left,
        taken_out=_taken_out(connection, session, record),
    )
    switch_evidence.SWITCH.write(session.staging, done)
    events.emit("switch.finished", tables=len(record.moves) + len(record.replaced), at=record.at)
    return record


def _taken_out(connection: sa.Connection, session: Session, record: Switch) -> dict[str, int]:
    """By live table, how many rows were replaced: those that are kept for an undo. For the report only.

    Partitions that were exchanged are left out: the exchange takes no time, and to count them would.
    """
    exchanged = {session.plan.table(name).target.name for name in record.evidence.exchanged}
    kept = {str(live): keeps for live, _, keeps in record.replaced if keeps is not None and live not in exchanged}
    with connection.begin():
        there = databases.standing(connection, kept.values())
        counts = {live: f"SELECT count(*) FROM {databases.qualified(session.target, k)}" for live, k in kept.items() if k in there}
        return {live: int(databases.execute(connection, query).scalar_one()) for live, query in counts.items()}


def _clear(session: Session, connection: sa.Connection, record: Switch) -> None:
    """Drop the shadows whose rows were copied, and those that a later reading has made idle.

    That of an increment, or of a repair, says which rows came: it is kept for an undo, like the rows that gave place.
    """
    if not session.plan.own_shadows:
        return
    replaced = {shadow for _, shadow, _ in record.replaced}
    idle = [p for t in session.plan.tables for p in t.places if not (t.by_key and p in replaced)]
    with connection.begin():
        for statement in session.target.drops(idle):
            databases.execute(connection, statement)


def verify(session: Session) -> list[str]:
    """After the switch: every live table is the one that was proved. Answers their names; raises SwitchRefused when one isn't.

    What a later run has replaced since is that run's to verify.
    """
    migration = session.plan.migration
    with session.writing() as connection:
        with connection.begin():
            own, odd = _verified(session, connection)
        if odd:
            # Another run may have switched between two of the questions, and replaced a table or put pending rows in place. While the
            # lock of the migration is held none can, so what differs then really does.
            with coverage.turn(connection, session.target, migration), connection.begin():
                coverage.lock(connection, migration)
                own, odd = _verified(session, connection)
    if odd:
        why = "somebody has written rows into it since the switch"
        raise SwitchRefused(f"{odd[0]} is not what was proved", why=why, fix="find out who writes there; undo puts the old tables back")
    return own


def _verified(session: Session, connection: sa.Connection) -> tuple[list[str], list[TableName]]:
    """The live tables of which this run's rows are the last, and those of them that are not as they were proved."""
    proof = evidence.PROOF.read(session.staging)
    covered = {c.table for c in coverage.of(connection, session.plan.migration) if (c.token, c.state) == (session.plan.token, "proven")}
    record = _earlier(connection, session.plan)
    written = {live for live, _, _ in (*record.moves, *record.replaced)} if record else set()
    swapped = {live for live, _, _ in record.moves} if record else set()
    own = [t for t in session.plan.tables if t.name in covered]
    looked = [t for t in own if t.target.name in written]
    same = [change_detection.live_unchanged(session, connection, t, proof.of(t.name), t.target.name in swapped) for t in looked]
    return [str(t.target.name) for t in own], [t.target.name for t, held in zip(looked, same, strict=True) if not held]


def finish(session: Session) -> list[str]:
    """Drop what earlier switches of this migration kept, once their time is over, and remove this run's staged rows.

    Answers the statements that ran.
    """
    with session.writing() as connection:
        ran = retention.drop_kept(connection, session.target, session.plan.migration, session.plan.how)
    retention.after_switch(session)
    return ran
