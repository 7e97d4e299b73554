"""Undo: what served before a run's switch serves again, in one atomic step. What it takes away is set aside, not dropped."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from penstock import coverage, databases, events, journal, replacing, seals, switches
from penstock.coverage import Covered
from penstock.errors import SwitchRefused
from penstock.journal import Switch
from penstock.plan import Plan
from penstock.session import Session
from penstock.switches import PATIENCE
from penstock.switches.swap import set_aside


def last(target_url: sa.URL, migration: str) -> Switch:
    """The switch that an undo would take back. Raises SwitchRefused when there is none, or when it is undone already.

    A blind second undo must not go one switch further back: for that, the run is to be named.
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
    return found[0]


def undo(session: Session, by: str = "", undo_run: str = "") -> dict[str, Any]:
    """Put the tables back that served before this run's switch, in one atomic step, and answer a record of it.

    by: who asked for it.  undo_run: the run that does it, for the record; both may be unknown.

    The tables of this run are set aside, not dropped: rows written into them since are not lost, and are named.
    Raises SwitchRefused when this run isn't the last one switched, or when the old tables are gone.
    """
    target, asked = session.target, {"by": by, "run": undo_run}
    with session.writing() as connection:
        with connection.begin():
            last = _undoable(connection, session.plan)
        if last.state == "undoing" and not _kept_stand(connection, last):
            return _undone(session, connection, last, [], [], asked)  # an earlier try was killed right after its one statement
        with connection.begin():
            changed = _changed(session, connection)
            if not _kept_stand(connection, last):
                raise SwitchRefused("the old tables are gone", why="they were dropped since the switch", fix="restore them from a backup")
        if not target.ddl_in_transaction:
            with connection.begin():
                journal.write_switch(connection, replace(last, state="undoing"))
        replaced = [t for t in session.plan.tables if t.target.name in {live for live, _, _ in last.replaced}]
        aside = {t.name: set_aside(t.target.name, last, target) for t in replaced}
        with connection.begin():
            for statement in replacing.make_room_for_undo(replaced, aside, target) if replaced else ():
                databases.execute(connection, statement)
        with connection.begin():
            coverage.lock(connection, session.plan.migration)
            _undoable(connection, session.plan)
            dependents = target.dependents(connection, [live for live, _, _ in last.moves]) if last.moves else []
            ran = switches.of(session.plan.how).undo(last, target, [d for d in dependents if d.follows]) if last.moves else []
            ran += replacing.undo(replaced, aside, target)
            for statement in [*target.hold([], PATIENCE), *ran]:
                databases.execute(connection, statement)
            journal.write_switch(connection, replace(last, state="undone"))
            _restored(connection, last)
        return _undone(session, connection, last, ran, changed, asked)


def _undoable(connection: sa.Connection, plan: Plan) -> Switch:
    found = journal.switches(connection, plan.migration, ["switched", "undoing"]) if journal.exists(connection) else []
    mine = next((s for s in found if s.token == plan.token), None)
    if mine is None or (mine is not found[0] and plan.interval is None):
        why = f"the last switch was of the run {found[0].run}" if found else "nothing was switched, or its old tables were dropped"
        raise SwitchRefused(f"the run {plan.run} can't be undone", why=why, fix="undo the last run first")
    covered = coverage.of(connection, plan.migration)
    for own in [c for c in covered if c.token == plan.token]:
        whole = any(live == plan.table(own.table).target.name for live, _, _ in mine.moves)
        later = [c for c in covered if c.table == own.table and c.at > own.at and (whole or c.overlaps(own))]
        if later or own.state != "proven":
            why = f"the run {later[0].run} has made {later[0]} live since" if later else own.why
            raise SwitchRefused(f"the run {plan.run} can't be undone", why=why, fix="undo the later run first")
    return mine


def _kept_stand(connection: sa.Connection, record: Switch) -> bool:
    kept = {k for _, _, k in (*record.moves, *record.replaced) if k is not None}
    return databases.standing(connection, kept) == kept


def _changed(session: Session, connection: sa.Connection) -> list[str]:
    """The live tables into which rows were written since this run's switch."""
    proved = {p["table"]: p for p in session.staging.read_json("proof.json")}
    live = [(t, t.target.name) for t in session.plan.tables]
    return [str(place) for table, place in live if not seals.unchanged(session, connection, table, place, proved[table.name])]


def _undone(
    session: Session, connection: sa.Connection, last: Switch, ran: list[str], changed: list[str], asked: dict[str, str]
) -> dict[str, Any]:
    with connection.begin():
        coverage.lock(connection, session.plan.migration)
        journal.write_switch(connection, replace(last, state="undone"))
        _restored(connection, last)
    put_back = [
        {"live": str(live), "from": str(kept) if kept else None, "aside": str(set_aside(live, last, session.target))}
        for live, _, kept in (*last.moves, *last.replaced)
    ]
    record: dict[str, Any] = {"state": "undone", "at": journal.now(), "statements": ran, "written_since": changed, "token": last.token}
    record |= {"put_back": put_back, "asked": asked}
    session.staging.write_json(record, "undo.json")
    events.emit("undo.finished", tables=len(last.moves))
    return record


def _restored(connection: sa.Connection, last: Switch) -> None:
    coverage.restore(connection, last.migration, last.token, [Covered(**c) for c in last.evidence["overlapped"]])
