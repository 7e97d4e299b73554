"""Faults between extract and live: something is changed behind a run's back, and the run must not make it live."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass

import sqlalchemy as sa

from tests.fire.attack import Attack, Outcome, Try
from tests.fire.children import Ended, Job
from tests.fire.damage import DAMAGES, EVERY, Damage
from tests.fire.place import TABLES, Place, change, connected, place, rows

NOTHING = "nothing"
HARMLESS = "harmless: what is live is right"

_declared: dict[str, dict[str, object]] = {}
_once = threading.Lock()


def attempt(this: Try) -> Outcome:
    """Do one kind of damage at one of its moments, and see who notices. In the whole form each is done at each moment on each target."""
    again, which = divmod(this.number, len(DAMAGES))
    damage = DAMAGES[which]
    target, (event, times) = damage.on[again % len(damage.on)], damage.moments[again % len(damage.moments)]
    with place(this.servers, "sqlite", target) as where:
        done = where.folder / "done"
        if damage.repair:
            this.children.run(Job(where.command("before"), where.out("before")))
            change(where, 1)
        before, command = rows(where.target), where.command("A") + (("--repair",) if damage.repair else ())
        job = Job(command, where.out("run"), event, times, damage=damage.name, seed=this.random.randrange(1 << 30), done=str(done))
        ended = this.children.run(job)
        how = done.read_text() if done.exists() else "the run did not come to it"
        caught, wrong = _judged(this, where, _Damaged(damage, target, how, before), ended)
    moment = "after the proof" if event in ("prove.finished", "switch.started") else "before the proof"
    return Outcome(f"{damage.name}, {moment}", f"sqlite→{target}", (caught,), tuple(f"at {event}: {w}" for w in wrong))


@dataclass(frozen=True)
class _Damaged:
    """What was done to a run. how: what came of it.  before: the live rows before the run."""

    damage: Damage
    target: str
    how: str
    before: dict[str, list[tuple[str, ...]]]


def _judged(this: Try, where: Place, damaged: _Damaged, ended: Ended) -> tuple[str, list[str]]:
    live, expected, how = rows(where.target), rows(where.source), damaged.how
    if how.startswith("could not"):
        wrong = [] if ended.code == 0 and live == expected else [f"it {how}, and the run ends with {ended.code}"]
        return f"the target: it {how}", wrong
    if how != "done":
        return how, [f"{how}: exit {ended.code} {ended.told[-300:]}"]
    if ended.code:
        wrong = ["something is live though the run was stopped"] if live != damaged.before else []
        if ended.hangs or "unexpected error" in ended.told or "Traceback" in ended.told:
            wrong.append(f"it is not stopped in words: {ended.told[-400:]}")
        return _catcher(where, ended), wrong
    if live != expected:
        return NOTHING, ["wrong rows are live, and the run says that all is well"]
    if damaged.damage.definition and declared(where.target) != _undisturbed(this, damaged.target):
        return NOTHING, ["the changed definition is live, and the run says that all is well"]
    if damaged.damage.name.startswith("evidence"):
        return NOTHING, ["the evidence was edited, and the switch took it"]
    return HARMLESS, []


def _catcher(where: Place, ended: Ended) -> str:
    """The stage and the fault that has stopped the run."""
    file = where.root / "fire" / "A" / "failure.json"
    failure = json.loads(file.read_text()) if file.exists() else {"stage": "?", "type": ended.fault}
    return f"{failure['stage']}: {failure['type']}"


def declared(url: sa.URL) -> dict[str, object]:
    """What declares the live tables: columns, keys, indexes, triggers."""
    found: dict[str, object] = {}
    with connected(url) as connection:
        inspector = sa.inspect(connection)
        for table in TABLES:
            columns = [(c["name"], str(c["type"]), c["nullable"], c["default"]) for c in inspector.get_columns(table)]
            indexes = sorted(str(i["column_names"]) for i in inspector.get_indexes(table))
            found[table] = (columns, inspector.get_pk_constraint(table)["constrained_columns"], indexes, _triggers(connection, table))
    return found


def _triggers(connection: sa.Connection, table: str) -> int:
    counted = {
        "postgresql": f"SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal AND tgrelid = '{table}'::regclass",
        "mysql": f"SELECT count(*) FROM information_schema.triggers WHERE event_object_schema = database() AND event_object_table = '{table}'",
        "sqlite": f"SELECT count(*) FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = '{table}'",
    }
    query = counted.get(connection.dialect.name)
    return int(connection.execute(sa.text(query)).scalar_one()) if query else 0


def _undisturbed(this: Try, target: str) -> dict[str, object]:
    """What declares the tables after a run that nobody disturbs."""
    with _once:
        if target not in _declared:
            with place(this.servers, "sqlite", target) as where:
                this.children.run(Job(where.command("A"), where.out("run")))
                _declared[target] = declared(where.target)
        return _declared[target]


def every() -> list[str]:
    """Of every damage its name, once for each side of the proof at which it is done."""
    sides = {"after the proof": {"prove.finished", "switch.started"}, "before the proof": set[str]()}
    found = []
    for damage in DAMAGES:
        events = {event for event, _ in damage.moments}
        found += [f"{damage.name}, before the proof"] if events - sides["after the proof"] else []
        found += [f"{damage.name}, after the proof"] if events & sides["after the proof"] else []
    return found


ATTACK = Attack(
    "faults",
    f"files, rows, definitions and evidence are changed behind a run's back, on {len(EVERY)} targets",
    500,
    (0, 6, 12, 15, 17, 20, 24, 26, 31),
    attempt,
)
