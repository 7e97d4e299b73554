"""Switch: check this run's evidence once more, then make the shadow live in one atomic step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial

import sqlalchemy as sa

from penstock import databases
from penstock.errors import LockRefused, MigrationError, NotApproved, PenstockError, SwitchRefused
from penstock.migration import suites
from penstock.model.plan import Plan, TablePlan
from penstock.model.schema import TableName
from penstock.planning import beside_live, switch_kinds
from penstock.runtime import events
from penstock.stages.switch import (
    apply,
    change_detection,
    decide,
    foreign_keys,
    pending_rows,
    retention,
    set_apart,
    switch_record,
    waiting,
)
from penstock.stages.switch.apply import LOCK_SECONDS
from penstock.stages.switch.decide import Decision, KindGroup
from penstock.stages.switch.reach import of_switch
from penstock.state import coverage, evidence, journal, quarantine, recorded, run_files, staged_rows, streams, switch_evidence
from penstock.state.coverage import CoverageRecord
from penstock.state.evidence import Proof, Verdict
from penstock.state.journal import Switch
from penstock.state.run_context import RunContext
from penstock.state.switch_evidence import Evidence, GateDecision, Move, Rejected, Replaced, SwitchRecord


def switch(context: RunContext) -> Switch:
    """Make this run's shadow tables live. Done already: answers the journal's record of it.

    Raises SwitchRefused when any evidence is missing or no longer holds, NotApproved when a person said no.
    """
    plan = context.plan
    with context.writing() as connection, coverage.turn(connection, context.target, plan.migration):
        with connection.begin():
            earlier = _earlier(connection, plan)
            past = earlier is not None and (earlier.state != "switching" or _happened(context, connection, earlier))
        if earlier is not None and past:
            return _done(context, connection, earlier)
        context = context.with_readings()
        with connection.begin():
            found = gather(context, connection)
        events.emit("switch.started", tables=len(plan.tables))
        try:
            while True:
                decision = _prepared(context, connection, found)
                try:
                    switched = _switched(context, connection, found, decision)
                except (PenstockError, sa.exc.DBAPIError):
                    with suppress(sa.exc.DBAPIError), connection.begin():  # where the server is gone, the next try does it
                        set_apart.put_back(context, connection)
                    raise
                if switched:
                    return _done(context, connection, switched)
        except sa.exc.DBAPIError as error:
            why = str(error.orig).splitlines()[0]
            if context.target.lock_refused(error):
                raise LockRefused.of(plan.target, why) from None
            for table, key in ((t, k) for t in plan.tables for k in t.target.foreign_keys if k.name == context.target.broken_key(error)):
                other = next((t.name for t in plan.tables if t.target.name == table.target.referred(key)), key.ref_table)
                raise foreign_keys.orphaned(key.name, table.name, other, why) from None
            fix = "nothing has changed: see the cause"
            if not context.target.ddl_in_transaction:  # the one statement may have run before what was refused
                fix = "see the cause, then run the same command: it reads from the journal whether the tables were switched"
            raise SwitchRefused("the target refused the switch", where=plan.target, why=why, fix=fix) from None


def _prepared(context: RunContext, connection: sa.Connection, found: Evidence) -> Decision:
    """What is decided of each table, once everything is there that the one step needs and can't make itself.

    Nothing that a reader sees changes here, and all of it may be done again after a kill. The decision is not final: another run may switch
    before this one holds the lock again, so `_switched` decides anew and compares.
    """
    target = context.target
    coverage.line_up(connection, context.plan.migration)
    with connection.begin():
        set_apart.put_back(context, connection)
    with connection.begin():
        coverage.lock(connection, context.plan.migration)
        decision = decide.decide(context, connection, found.proof)
        pending_rows.make_room(connection, context.plan.tables, target)
        if not target.ddl_in_transaction:
            # The one statement commits by itself, so the journal can't be written in its transaction. Written before, with the state
            # `switching`, it lets the next try find out by the shadow tables whether the statement ran.
            journal.write_switch(connection, switch_record.made(context.plan, found, decide.read(context, connection, decision)))
    with connection.begin():
        for group in decision.groups:
            for statement in group.kind.prepare(group.tables, target):
                databases.execute(connection, statement)
    if decision.becoming and not target.ddl_in_transaction:
        foreign_keys.complete_shadows(context, connection, decision, partial(still_sealed, context, connection, found.proof))
    return decision


def _switched(context: RunContext, connection: sa.Connection, found: Evidence, expected: Decision) -> Switch | None:
    """The one step; None when another run of the migration has switched since `expected` was decided, and nothing was done.

    All of it is one transaction. The order closes the races, one by one:
    """
    plan, target = context.plan, context.target
    with connection.begin():
        # 1. The lock of the migration, as the first statement: no other run of it switches or undoes until this transaction ends, so the
        #    coverage that is read next is the last word. (Where DDL ends a transaction, `coverage.turn` keeps the others out instead.)
        coverage.lock(connection, plan.migration)
        decision = decide.decide(context, connection, found.proof)
        if (decision.kinds, decision.left) != (expected.kinds, expected.left):
            return None  # what was prepared is not what is needed now; nothing has changed, and the caller prepares again
        # 2. Writers are kept off the shadows, and off the live tables that were compared: what is checked next stays so. Readers of the
        #    live tables go on, and no lock that they would queue behind is waited for: the check may take long.
        reach = of_switch(decide.read(context, connection, decision), pending_rows.live_children(connection, plan.tables))
        compared = [t.target.name for t in plan.tables if t.repairs]
        for statement in target.hold([*(p for t in plan.tables for p in t.shadow_tables), *compared], LOCK_SECONDS, reach.exclusive):
            databases.execute(connection, statement)
        there, moved = set_apart.take(context, connection, decision)
        # 3. The shadows are still what was proved, and the live tables what they were compared with.
        still_sealed(context, connection, found.proof, {t.name: t.shadow for t in there.plan.tables})
        changed = decide.changed_since(there, connection, moved)
        taken = decide.taken_from(there, connection, moved)
        # 4. Now readers are shut out: all locks that the statements need are taken at once, in short tries. What a try has got is given
        #    back before a reader who holds one of the others could meet with us in a deadlock, or wait for long.
        waiting.run(context, connection, target.locks(connection, reach), reach)
        # 5. The catalogue is read as late as can be: a view or a grant that was made since the plan follows, or the switch is refused.
        decision, moved = decide.read(context, connection, decision), decide.read(there, connection, moved)
        apply.put_live(there, connection, moved, changed, reach)
        # 6. Live tables that had changed since they were compared are judged by what they are now, with the new rows in place.
        decide.refuse_stale(there, connection, changed, found.proof)
        # 7. The journal and the coverage commit with the rows: whoever sees the one sees the other.
        switched = replace(switch_record.made(plan, found, decision, taken), state="switched", at=journal.now())
        _written(context, connection, switched, moved, taken)
    return switched


def _written(context: RunContext, connection: sa.Connection, switched: Switch, decision: Decision, taken: Sequence[CoverageRecord]) -> None:
    journal.write_switch(connection, switched)
    decide.record(context, connection, decision, taken)
    for place in (p for t in context.plan.tables for p in t.shadow_tables):
        journal.release_shadow(connection, place)


def happened(context: RunContext) -> bool:
    """Whether this run's switch has taken place already, so that its shadow tables are no longer there.

    Raises MigrationError when it has, but what was staged for it is elsewhere.
    """
    with context.writing() as connection, connection.begin():
        earlier = _earlier(connection, context.plan) if journal.exists(connection) else None
        done = earlier is not None and (earlier.state != "switching" or _happened(context, connection, earlier))
    if done and not context.staging.exists(run_files.PROOF):
        what = f"run {context.plan.run} of {context.plan.migration} has switched already, from another staging area"
        raise MigrationError(what, where=context.staging.url, fix="give the run another id, or go on where it was staged")
    return done


def gather(context: RunContext, connection: sa.Connection) -> Evidence:
    """This run's evidence: verdicts with their suites' hashes, the proof, the approval.

    Raises SwitchRefused when some is missing or stale, or is not what the journal has a record of.
    """
    plan = context.plan
    if plan.live and streams.require(context, connection).state != "frozen":
        why, fix = "its source is open, so changes may be missing at the target", "use `penstock switch`, which closes the source first"
        raise SwitchRefused("the run is of a live migration, and is not switched by itself", f"run {plan.run}", why, fix)
    verdicts = _verdicts(context, connection)
    proof = recorded.find(context, connection, evidence.PROOF)
    if proof is None:
        raise SwitchRefused("nothing was proved in this run", fix="run the proof")
    if {p.table for p in proof.tables if p.holds} != {t.name for t in plan.tables}:
        raise SwitchRefused("the proof does not hold for every table", fix="see the report for what differs")
    approval = recorded.find(context, connection, evidence.APPROVAL)
    if plan.approval and (approval is None or not approval.approved):
        raise NotApproved(
            "the switch was not approved",
            why=f"answered {approval.answer!r} by {approval.by or 'the clock'}" if approval else "nobody has answered",
            fix="start a new run when it may go ahead; the live tables are as they were",
        )
    rejected = _rejected(context, proof)
    if plan.approval and approval and approval.rejected != sum(r.rows for r in rejected):
        why = f"approved with {approval.rejected:,} rejected rows in sight, and there are {sum(r.rows for r in rejected):,}"
        raise SwitchRefused("the quarantine was not reviewed", why=why, fix="see `penstock quarantine`; then start a new run")
    decisions = tuple(GateDecision(v.table, v.stage, v.decision, v.suite_sha256) for v in verdicts)
    return Evidence(decisions, proof, approval, tuple(rejected), plan.fingerprint)


def _rejected(context: RunContext, proof: Proof) -> list[Rejected]:
    """How many rows of each table went to quarantine, and what files hold them: they are there, as they were when it was proved."""
    found = []
    if any(quarantine.manifests(context.staging, t.name) for t in context.plan.tables if t.quarantines):
        context = staged_rows.ready(context, quarantine=True)
    for table in context.plan.tables:
        held = quarantine.manifests(context.staging, table.name) if table.quarantines else []
        for manifest in held:
            quarantine.rows(context.staging, manifest)
        rows = sum(m.rows for m in held)
        if rows != proof.of(table.name).rejected:
            raise SwitchRefused(
                f"the quarantine of {table.name} is not what was proved", where=f"table {table.name}", fix="start a new run"
            )
        if rows:
            found.append(Rejected(table.name, rows, {m.file: m.sha256 for m in held}))
    return found


def _verdicts(context: RunContext, connection: sa.Connection) -> list[Verdict]:
    """What every gate of this run said: each has decided, none is closed, and no suite was edited since."""
    plan = context.plan
    stages = ["extracted", "loaded"] + (["transformed"] if plan.transformed else [])
    verdicts = [v for stage in stages for v in recorded.find(context, connection, evidence.verdicts(stage)) or ()]
    decided = {(v.table, v.stage) for v in verdicts}
    for table in plan.tables:
        for stage in ("extracted", "loaded", *(("transformed",) if table.steps else ())):
            if (table.name, stage) not in decided:
                raise SwitchRefused(f"the gate {table.name}.{stage} has not decided in this run", fix="run that gate")
    for verdict in verdicts:
        name = f"{verdict.table}.{verdict.stage}"
        if verdict.decision == "stop":
            raise SwitchRefused(f"the gate {name} is closed", fix="see the report for what failed")
        now = suites.find(context.folder, verdict.table, verdict.stage, plan.table(verdict.table).bare)
        if (now.sha256 if now else None) != verdict.suite_sha256:
            why = "its file is not the one that this run was judged by"
            raise SwitchRefused(f"the suite {name} was edited since its gate opened", why=why, fix="run that gate again")
    return verdicts


def still_sealed(context: RunContext, connection: sa.Connection, proof: Proof, at: Mapping[str, TableName] | None = None) -> None:
    """Raise SwitchRefused when a shadow table, its rows or its definition, has changed since it was proved.

    at: by table, where the shadow is if not at its place.
    """
    parked = foreign_keys.parked(context, connection)
    for table in set_apart.moved(context.plan.tables, at or {}):
        if changes := change_detection.definition_changes(context, connection, table, proof.of(table.name)):
            raise SwitchRefused(
                f"the definition of {context.plan.table(table.name).shadow} has changed since it was proved",
                where=f"table {table.name}",
                why="; ".join(changes[:10]),
                fix="find out who changed it; then start a new run",
            )
        if not change_detection.unchanged(context, connection, table, proof.of(table.name), parked.get(table.name)):
            raise SwitchRefused(
                f"rows of {context.plan.table(table.name).shadow} have changed since they were proved",
                where=f"table {table.name}",
                why="somebody else wrote into the shadow table",
                fix="find out who; then run the load again, in a new run",
            )


def _earlier(connection: sa.Connection, plan: Plan) -> Switch | None:
    found = journal.switches(connection, plan.migration, ["switching", "switched", "undone", "finished"])
    return next((s for s in found if s.token == plan.token), None)


def _happened(context: RunContext, connection: sa.Connection, record: Switch) -> bool:
    """Whether a switch in the state `switching` has happened: its one statement moves all shadows or none, so none is left anywhere.

    Changed tables need no such look: their rows commit together with the record of the switch, which is `switched` then.
    """
    apart = beside_live.apart(context.plan, context.plan.tables, context.target).values()
    return bool(record.moves) and not databases.existing_tables(connection, (*(shadow for _, shadow, _ in record.moves), *apart))


def _done(context: RunContext, connection: sa.Connection, record: Switch) -> Switch:
    if record.state == "undone":
        raise SwitchRefused("this run was switched and undone", fix="start a new run")
    with connection.begin():
        set_apart.put_back(context, connection)
    if record.state == "switching":
        # An earlier try was killed after the one statement that swaps all tables, and before the rest of the step.
        record = replace(record, state="switched")
        with connection.begin():
            coverage.lock(connection, context.plan.migration)
            decision = decide.decide(context, connection, record.evidence.proof)
            decision = replace(decision, groups=_moved(context.plan, record))
            apply.complete(context, connection, decision, frozenset())
            _written(context, connection, record, decision, ())
    foreign_keys.cut_kept(context, connection, record)
    _clear(context, connection, record)
    done = SwitchRecord(
        state=record.state,
        at=record.at,
        token=record.token,
        keep_until=record.keep_until,
        moves=tuple(Move(str(live), str(shadow), str(kept) if kept else None) for live, shadow, kept in record.moves),
        replaced=tuple(Replaced(str(live), str(kept) if kept else None) for live, _, kept in record.replaced),
        left=record.evidence.left,
        taken_out=_taken_out(connection, context, record),
        changes={str(live): switch_kinds.of(name).change for live, name in switch_record.kinds(record, context.plan).items()},
    )
    switch_evidence.SWITCH.write(context.staging, done)
    events.emit("switch.finished", tables=len(record.moves) + len(record.replaced), at=record.at)
    return record


def _moved(plan: Plan, record: Switch) -> tuple[KindGroup, ...]:
    """The tables of a switch whose shadow became the live table, by kind."""
    kinds, moved = switch_record.kinds(record, plan), {live for live, _, _ in record.moves}
    tables = [t for t in plan.tables if t.target.name in moved]
    names = dict.fromkeys(kinds[t.target.name] for t in tables)
    return tuple(KindGroup(name, tuple(t for t in tables if kinds[t.target.name] == name)) for name in names)


def _taken_out(connection: sa.Connection, context: RunContext, record: Switch) -> dict[str, int]:
    """By live table, how many rows were replaced: those that are kept for an undo. For the report only.

    Partitions that were exchanged whole are left out: to count them would take longer than to exchange them.
    """
    kinds = switch_record.kinds(record, context.plan)
    rows = {live for live, name in kinds.items() if switch_kinds.of(name).effect == "rows"}
    kept = {str(live): keeps for live, _, keeps in record.replaced if keeps is not None and live in rows}
    with connection.begin():
        there = databases.existing_tables(connection, kept.values())
        counts = {live: f"SELECT count(*) FROM {databases.qualified(context.target, k)}" for live, k in kept.items() if k in there}
        return {live: int(databases.execute(connection, query).scalar_one()) for live, query in counts.items()}


def _clear(context: RunContext, connection: sa.Connection, record: Switch) -> None:
    """Drop the shadows that nobody needs any more: whose rows were copied, or whose tables were left to another run.

    Those that an undo reads stay, like the rows that were deleted.
    """
    if not context.plan.own_shadows:
        _clear_overtaken(context, connection, record)
        return
    kinds, shadows = switch_record.kinds(record, context.plan), {shadow for _, shadow, _ in record.replaced}
    needed = {t.shadow for t in context.plan.tables if t.shadow in shadows and _undo_needs_shadow(t, kinds)}
    idle = [p for t in context.plan.tables for p in t.shadow_tables if p not in needed]
    with connection.begin():
        for statement in context.target.drops(idle):
            databases.execute(connection, statement)


def _clear_overtaken(context: RunContext, connection: sa.Connection, record: Switch) -> None:
    """Drop the shadows of tables that were left to another run.

    Their names may be those of the next run's shadows, which can claim them from the moment when the switch released them. So they are
    claimed again before they are dropped, unless somebody else has: while a shadow is claimed, no other run touches it.
    """
    plan, target = context.plan, context.target
    places = [p for t in plan.tables if t.name in record.evidence.left for p in t.shadow_tables]
    with connection.begin():
        coverage.lock(connection, plan.migration)
        own = [p for p in places if journal.shadow_owner(connection, p) in (None, (plan.migration, plan.run))]
        if own:
            journal.claim_shadows(connection, own, plan.migration, plan.run)
    with connection.begin():
        for statement in target.drops(own):
            databases.execute(connection, statement)
        for place in own:
            journal.release_shadow(connection, place)


def _undo_needs_shadow(table: TablePlan, kinds: Mapping[TableName, str]) -> bool:
    return switch_kinds.of(kinds[table.target.name]).undo_needs_shadow(table)


def verify(context: RunContext) -> list[str]:
    """After the switch: every live table is the one that was proved. Answers their names; raises SwitchRefused when one isn't.

    What a later run has replaced since is that run's to verify.
    """
    migration = context.plan.migration
    with context.writing() as connection:
        with connection.begin():
            own, odd = _verified(context, connection)
        if odd:
            # Another run may have switched between two of the questions, and replaced a table or put pending rows in place. While the
            # lock of the migration is held none can, so what differs then really does.
            with coverage.turn(connection, context.target, migration), connection.begin():
                coverage.lock(connection, migration)
                own, odd = _verified(context, connection)
    if odd:
        why = "somebody has written rows into it since the switch"
        raise SwitchRefused(f"{odd[0]} is not what was proved", why=why, fix="find out who writes there; undo puts the old tables back")
    return own


def _verified(context: RunContext, connection: sa.Connection) -> tuple[list[str], list[TableName]]:
    """The live tables of which this run's rows are the last, and those of them that are not as they were proved."""
    proof = evidence.PROOF.read(context.staging)
    covered = {c.table for c in coverage.of(connection, context.plan.migration) if (c.token, c.state) == (context.plan.token, "proven")}
    record = _earlier(connection, context.plan)
    written = {live for live, _, _ in (*record.moves, *record.replaced)} if record else set()
    swapped = {live for live, _, _ in record.moves} if record else set()
    own = [t for t in context.plan.tables if t.name in covered]
    looked = [t for t in own if t.target.name in written]
    same = [change_detection.live_unchanged(context, connection, t, proof.of(t.name), t.target.name in swapped) for t in looked]
    return [str(t.target.name) for t in own], [t.target.name for t, held in zip(looked, same, strict=True) if not held]


def finish(context: RunContext) -> list[str]:
    """Drop what earlier switches of this migration kept, once their time is over, and remove this run's staged rows.

    Answers the statements that ran.
    """
    with context.writing() as connection:
        ran = retention.drop_kept(connection, context.target, context.plan.migration)
    retention.after_switch(context)
    return ran
