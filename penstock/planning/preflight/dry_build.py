"""The dry build: every statement that the run will execute at the target, on empty tables under names of its own, which are then removed.

The statements come from the functions that the run takes them from. What can be left out without changing a row, such as an index, is
left out of the plan when the target refuses it, and reported. Anything else that the target refuses blocks the run.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace

from penstock import databases
from penstock.errors import LockRefused, Problem
from penstock.model.plan import TablePlan
from penstock.planning.preflight import dry_claims, dry_plan, parts
from penstock.planning.preflight.dry_findings import Findings, RefusedPart
from penstock.planning.preflight.dry_links import Links
from penstock.planning.preflight.dry_plan import Naming
from penstock.planning.preflight.dry_tables import Tables
from penstock.planning.preflight.dry_words import Words
from penstock.planning.preflight.endpoints import Endpoint
from penstock.planning.preflight.trial import Trial
from penstock.planning.statements import schema_statements


@dataclass(frozen=True)
class DryBuild:
    """What the dry build found. tried: whether it could be made at all."""

    problems: tuple[Problem, ...] = ()
    left_out: tuple[RefusedPart, ...] = ()
    tried: bool = True

    def applied(self, plans: Iterable[TablePlan]) -> tuple[TablePlan, ...]:
        """The plans without what is left out."""

        def kept(plan: TablePlan) -> TablePlan:
            gone = [each.part for each in self.left_out if each.table == plan.name]
            known = {d.key() for d in plan.differences}
            lost = [d for d in (parts.lost(plan.name, part) for part in gone) if d.key() not in known]
            return replace(plan, target=parts.without(plan.target, gone), differences=(*plan.differences, *lost)) if gone else plan

        return tuple(map(kept, plans))


@dataclass(frozen=True)
class Asked:
    """What is tried. plans: of the run.  every: all tables of the migration.  new_schemas: those that the run creates."""

    migration: str
    plans: Sequence[TablePlan]
    every: Sequence[TablePlan]
    new_schemas: Sequence[str]


def build(asked: Asked, target: Endpoint) -> DryBuild:
    """Try all statements of a run. Raises ConnectionFailed. Waits for no lock for longer than two seconds."""
    try:
        return _tried(asked, target, own=True)
    except LockRefused:
        pass  # somebody makes a table of one of these names, which a first run would have to wait for too
    try:
        return _tried(asked, target, own=False)
    except LockRefused as error:
        what = f"whether it takes the tables of the migration was not tried: {error.what}, {error.why}"
        return DryBuild((Problem(False, "target", what, "check again when the target is less busy"),), tried=False)


def _tried(asked: Asked, target: Endpoint, own: bool) -> DryBuild:
    """own: tables that are not there yet get the names that they are to have."""
    to, transactional = target.database, target.database.ddl_in_transaction
    with target.connection.engine.connect() as connection:
        live = frozenset(p.target.name for p in asked.every if own and transactional and not p.live_exists)
        home = {} if transactional else dry_claims.homes(connection, asked.new_schemas, target.schemas)
        shadows = [p.shadow for p in asked.plans if p.target.name.schema not in asked.new_schemas]
        renamed = not transactional or bool(databases.existing_tables(connection, shadows))
        token = secrets.token_hex(4) if transactional else dry_claims.token(asked.migration)
        planned = dry_plan.dry(asked.plans, asked.every, to, Naming(asked.migration, token, live, renamed, home))
        connection.rollback()
        claimed = nullcontext() if transactional else dry_claims.claimed(connection, to, asked.migration, planned.places)
        with claimed:
            trial = Trial(connection, to)
            words = Words({p.name: p for p in (*asked.every, *asked.plans)}, planned.names, to, connection)
            found = Findings(words, planned.names)
            for statement in schema_statements(asked.new_schemas, to) if transactional else ():
                if error := trial.attempt(statement.text):
                    found.problems.append(words.schema(statement, error))
            made = Tables(trial, to, found).made(planned.tables) if not found.problems else {}
            Links(trial, to, found, made, planned.others, {p.name: p.target.name for p in asked.plans}).run()
            connection.rollback()
    return DryBuild(tuple(found.problems), tuple(found.left_out))
