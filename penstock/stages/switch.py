"""Switch: check this run's evidence once more, then make the shadow live in one atomic step."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

import sqlalchemy as sa

from penstock import (
    coverage,
    databases,
    events,
    exchanging,
    journal,
    quarantine,
    replacing,
    retention,
    seals,
    staged_rows,
    succession,
    suites,
    switches,
)
from penstock.coverage import Covered
from penstock.databases import Unbound
from penstock.errors import MigrationError, NotApproved, SwitchRefused
from penstock.journal import Switch
from penstock.plan import Plan
from penstock.session import Session
from penstock.succession import Decision
from penstock.switches import PATIENCE


def switch(session: Session) -> Switch:
    """Make this run's shadow tables live. Done already: answers the journal's record of it.

    Raises SwitchRefused when any evidence is missing or no longer holds, NotApproved when a person said no.
    """
    plan = session.plan
    with session.writing() as connection:
        with connection.begin():
            earlier = _earlier(connection, plan)
            past = earlier is not None and (earlier.state != "switching" or _moved(connection, earlier))
        if earlier is not None and past:
            return _done(session, connection, earlier)
        evidence = gather(session)
        events.emit("switch.started", tables=len(plan.tables))
        try:
            while True:
                decision = _room_made(session, connection, evidence)
                if switched := _switched(session, connection, evidence, decision):
                    return _done(session, connection, switched)
        except sa.exc.DBAPIError as error:
            why = str(error.orig).splitlines()[0]
            fix = "if readers hold the live tables, wait for them and run this task again: nothing has changed"
            raise SwitchRefused("the target refused the switch", where=plan.target, why=why, fix=fix) from None


def _room_made(session: Session, connection: sa.Connection, evidence: dict[str, Any]) -> Decision:
    """What will become of each table, and what has to stand, or be written down, before the one step: where DDL commits by itself."""
    coverage.line_up(connection, session.plan.migration)
    with connection.begin():
        coverage.lock(connection, session.plan.migration)
        decision = succession.decide(session, connection, evidence["proof"])
        if not session.target.ddl_in_transaction:
            journal.write_switch(connection, _record(session.plan, evidence, decision))
    with connection.begin():
        for statement in replacing.make_room(decision.rows, session.target) if decision.rows else ():
            databases.execute(connection, statement)
    return decision


def _switched(session: Session, connection: sa.Connection, evidence: dict[str, Any], expected: Decision) -> Switch | None:
    """The one step; None when another run of the migration has switched since `expected` was decided, and nothing was done."""
    plan, target = session.plan, session.target
    with connection.begin():
        coverage.lock(connection, plan.migration)
        decision = succession.decide(session, connection, evidence["proof"])
        if (decision.way, decision.left) != (expected.way, expected.left):
            return None
        held = [p for t in plan.tables for p in (*t.places, *([t.target.name] if t.repairs else []))]
        for statement in target.hold(held, PATIENCE):
            databases.execute(connection, statement)
        still_sealed(session, connection, evidence["proof"])
        succession.still_as_compared(session, connection, decision)
        taken = succession.taken_from(session, connection, decision)
        for statement in moves(session, connection, decision):
            databases.execute(connection, statement)
            events.emit("switch.statement", statement=statement)
        _replaced(session, connection, decision)
        switched = replace(_record(plan, evidence, decision), state="switched", at=journal.now())
        _written(session, connection, switched, decision, taken)
    return switched


def _written(session: Session, connection: sa.Connection, switched: Switch, decision: Decision, taken: Sequence[Covered]) -> None:
    journal.write_switch(connection, switched)
    succession.record(session, connection, decision, taken)
    for place in (p for t in session.plan.tables for p in t.places):
        journal.release_shadow(connection, place)


def happened(session: Session) -> bool:
    """Whether this run's switch has taken place already, so that its shadow tables are no longer there.

    Raises MigrationError when it has, but what was staged for it is elsewhere.
    """
    with session.writing() as connection, connection.begin():
        earlier = _earlier(connection, session.plan) if journal.exists(connection) else None
        done = earlier is not None and (earlier.state != "switching" or _moved(connection, earlier))
    if done and not session.staging.exists("proof.json"):
        what = f"run {session.plan.run} of {session.plan.migration} has switched already, from another staging area"
        raise MigrationError(what, where=session.staging.url, fix="give the run another id, or go on where it was staged")
    return done


def _replaced(session: Session, connection: sa.Connection, decision: Decision) -> None:
    """Put the rows of the shadows in place of the live ones. Raises SwitchRefused when that is not what was found to be done."""
    target, exchanged = session.target, [t for t in decision.replaced if t.exchanges]
    unbound = target.unbind(connection, [t.target.name for t in decision.rows]) if decision.rows else Unbound()
    swapped = [s for t in exchanged for s in exchanging.apply(t, decision.slots[t.name], target)]
    for statement in [*unbound.before, *replacing.apply(decision.rows, target), *unbound.after, *swapped]:
        databases.execute(connection, statement)
        events.emit("switch.statement", statement=statement)
    succession.gave_place(session, connection, decision)
    replacing.refuse_orphans(connection, unbound)


def moves(session: Session, connection: sa.Connection, decision: Decision) -> list[str]:
    """The statements that make whole tables live."""
    live = [t.target.name for t in decision.moved if t.live_exists]
    dependents = session.target.dependents(connection, live) if live else []
    left = [d for d in dependents if not d.follows]
    if left:
        named = ", ".join(f"{d.kind} {d.name} on {d.table}" for d in left)
        raise SwitchRefused("something at the target would not follow the switch", why=named, fix="drop it, or make it again afterwards")
    if not decision.moved:
        return []
    return switches.of(session.plan.how).apply(replace(session.plan, tables=decision.moved), session.target, dependents)


def gather(session: Session) -> dict[str, Any]:
    """This run's evidence: verdicts with their suites' hashes, the proof, the approval.

    Raises SwitchRefused when some is missing or stale.
    """
    plan, area = session.plan, session.staging
    verdicts = _verdicts(session)
    if not area.exists("proof.json"):
        raise SwitchRefused("nothing was proved in this run", fix="run the proof")
    proof = area.read_json("proof.json")
    if {p["table"] for p in proof if p["holds"]} != {t.name for t in plan.tables}:
        raise SwitchRefused("the proof does not hold for every table", fix="see the report for what differs")
    approval = area.read_json("approval.json") if area.exists("approval.json") else None
    if plan.approval and (approval is None or not approval["approved"]):
        raise NotApproved(
            "the switch was not approved",
            why=f"answered {approval['answer']!r} by {approval['by'] or 'the clock'}" if approval else "nobody has answered",
            fix="start a new run when it may go ahead; the live tables are as they were",
        )
    rejected = _rejected(session, proof)
    if plan.approval and approval and approval.get("rejected", 0) != sum(r["rows"] for r in rejected):
        why = f"approved with {approval.get('rejected', 0):,} rejected rows in sight, and there are {sum(r['rows'] for r in rejected):,}"
        raise SwitchRefused("the quarantine was not reviewed", why=why, fix="see `penstock quarantine`; then start a new run")
    short = [{k: v[k] for k in ("table", "stage", "decision", "suite_sha256")} for v in verdicts]
    return {"verdicts": short, "proof": proof, "approval": approval, "rejected": rejected, "plan": plan.fingerprint}


def _rejected(session: Session, proof: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """How many rows of each table went to quarantine, and what files hold them: they are there, as they were when it was proved."""
    found = []
    if any(quarantine.manifests(session.staging, t.name) for t in session.plan.tables if t.quarantines):
        session = staged_rows.ready(session, quarantine=True)
    for table in session.plan.tables:
        held = quarantine.manifests(session.staging, table.name) if table.quarantines else []
        for manifest in held:
            quarantine.rows(session.staging, manifest)
        rows = sum(m.rows for m in held)
        if rows != next(p["rejected"] for p in proof if p["table"] == table.name):
            raise SwitchRefused(
                f"the quarantine of {table.name} is not what was proved", where=f"table {table.name}", fix="start a new run"
            )
        if rows:
            found.append({"table": table.name, "rows": rows, "files": {m.file: m.sha256 for m in held}})
    return found


def _verdicts(session: Session) -> list[dict[str, Any]]:
    """What every gate of this run said: each has decided, none is closed, and no suite was edited since."""
    plan, area = session.plan, session.staging
    stages = ["extracted", "loaded"] + (["transformed"] if plan.transformed else [])
    verdicts: list[dict[str, Any]] = []
    for stage in stages:
        verdicts += area.read_json("verdicts", f"{stage}.json") if area.exists("verdicts", f"{stage}.json") else []
    decided = {(v["table"], v["stage"]) for v in verdicts}
    for table in plan.tables:
        for stage in ("extracted", "loaded", *(("transformed",) if table.steps else ())):
            if (table.name, stage) not in decided:
                raise SwitchRefused(f"the gate {table.name}.{stage} has not decided in this run", fix="run that gate")
    for verdict in verdicts:
        name = f"{verdict['table']}.{verdict['stage']}"
        if verdict["decision"] == "stop":
            raise SwitchRefused(f"the gate {name} is closed", fix="see the report for what failed")
        now = suites.find(session.folder, verdict["table"], verdict["stage"])
        if (now.sha256 if now else None) != verdict["suite_sha256"]:
            why = "its file is not the one that this run was judged by"
            raise SwitchRefused(f"the suite {name} was edited since its gate opened", why=why, fix="run that gate again")
    return verdicts


def still_sealed(session: Session, connection: sa.Connection, proof: Sequence[dict[str, Any]]) -> None:
    """Raise SwitchRefused when a shadow table has changed since it was proved."""
    proved = {p["table"]: p for p in proof}
    for table in session.plan.tables:
        if not seals.unchanged(session, connection, table, table.shadow, proved[table.name]):
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


def _record(plan: Plan, evidence: dict[str, Any], decision: Decision) -> Switch:
    moves = tuple((t.target.name, t.shadow, t.kept if t.live_exists else None) for t in decision.moved)
    slots = decision.slots
    replaced = tuple(
        (t.target.name, t.shadow, t.kept if t.name not in slots or slots[t.name].partition else None) for t in decision.replaced
    )
    until = (dt.datetime.now(dt.UTC) + dt.timedelta(seconds=plan.keep_old_seconds)).isoformat(timespec="microseconds")
    stood = {"overlapped": [asdict(c) for c in decision.overlapped], "left": {name: c.run for name, c in decision.left.items()}}
    stood["exchanged"] = {t.name: exchanging.record(t, slots[t.name]) for t in decision.replaced if t.exchanges}
    return Switch(plan.token, plan.migration, plan.run, "switching", journal.now(), until, moves, evidence | stood, replaced)


def _done(session: Session, connection: sa.Connection, record: Switch) -> Switch:
    if record.state == "undone":
        raise SwitchRefused("this run was switched and undone", fix="start a new run")
    if record.state == "switching":
        record = replace(record, state="switched")
        with connection.begin():
            coverage.lock(connection, session.plan.migration)
            decision = succession.decide(session, connection, record.evidence["proof"])
            _written(session, connection, record, decision, ())
    _clear(session, connection, record)
    session.staging.write_json(
        {
            "state": record.state,
            "at": record.at,
            "token": record.token,
            "keep_until": record.keep_until,
            "moves": [[str(live), str(shadow), str(kept) if kept else None] for live, shadow, kept in record.moves],
            "replaced": [[str(live), str(kept) if kept else None] for live, _, kept in record.replaced],
            "left": record.evidence["left"],
        },
        "switch.json",
    )
    events.emit("switch.finished", tables=len(record.moves) + len(record.replaced), at=record.at)
    return record


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
    proved = {p["table"]: p for p in session.staging.read_json("proof.json")}
    with session.writing() as connection, connection.begin():
        own = {c.table for c in coverage.of(connection, session.plan.migration) if (c.token, c.state) == (session.plan.token, "proven")}
        record = _earlier(connection, session.plan)
        written = {live for live, _, _ in (*record.moves, *record.replaced)} if record else set()
        for table in session.plan.tables:
            if (
                table.name in own
                and table.target.name in written
                and not seals.unchanged(session, connection, table, table.target.name, proved[table.name])
            ):
                why = "rows were written into it already, or another run has switched since"
                fix = "look at the journal; undo puts the old tables back"
                raise SwitchRefused(f"{table.target.name} is not what was proved", why=why, fix=fix)
    return [str(t.target.name) for t in session.plan.tables if t.name in own]


def finish(session: Session) -> list[str]:
    """Drop what earlier switches of this migration kept, once their time is over, and remove this run's staged rows.

    Answers the statements that ran.
    """
    with session.writing() as connection:
        ran = retention.drop_kept(connection, session.target, session.plan.migration, session.plan.how)
    retention.after_switch(session)
    return ran
