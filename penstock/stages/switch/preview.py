"""The statements that a run will execute at the target, as far as they are known before it begins: what `penstock plan` prints."""

from __future__ import annotations

import sqlalchemy as sa

from penstock.databases import Database, ForeignKeySuspension
from penstock.model.plan import Plan
from penstock.planning import beside_live, switch_kinds
from penstock.planning.statements import (
    build_statements,
    completing_statements,
    prepare_statements,
    schema_statements,
    shadow_key_statements,
    texts,
)
from penstock.planning.switch_kinds import Effect
from penstock.stages.switch import set_apart


def statements(plan: Plan, target: Database, connection: sa.Connection) -> dict[str, list[str]]:
    """By stage: prepare, build, make room for rows that are replaced, complete the shadows' foreign keys, switch. Only reads.

    What only the data decides is left out: that a later run has read the interval, and rows that would refer to nothing.
    """
    groups = [(switch_kinds.of(name), tables) for name, tables in switch_kinds.grouped(plan.tables).items()]
    room = [s for kind, tables in groups for s in kind.prepare(tables, target)]
    applied: dict[Effect, list[str]] = {effect: [] for effect in switch_kinds.ORDER}
    apart = beside_live.apart(plan, plan.tables, target)
    for kind, tables in groups:
        applied[kind.effect] += kind.apply(set_apart.moved(tables, apart), target, kind.read(tables, target, connection))
    rows = [t.target.name for kind, tables in groups if kind.effect == "rows" for t in tables]
    unbound = target.unbind(connection, rows) if rows else ForeignKeySuspension()
    becoming = [t for kind, tables in groups if kind.effect == "table" for t in tables]
    completed = texts(completing_statements(plan.tables, becoming, target))
    lacking = texts(shadow_key_statements(plan.tables, becoming, target))
    changed = [*unbound.before, *applied["rows"], *unbound.after, *completed, *applied["partition"]]
    made = [*schema_statements(plan.new_schemas, target), *prepare_statements(plan.tables, target)]
    found = {"prepare": texts(made), "build": texts(build_statements(plan.tables, target))}
    return (
        found
        | ({"make room": room} if room else {})
        | ({"complete shadows": lacking} if lacking else {})
        | {"switch": [*set_apart.statements(plan, plan.tables, target), *applied["table"], *changed]}
    )
