"""The dry build: every statement that the run will execute at the target, on empty tables under names of its own, which are then removed.

The statements come from the functions that the run takes them from. What can be left out without changing a row, such as an index, is
left out of the plan when the target refuses it, and reported. Anything else that the target refuses blocks the run.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace

import sqlalchemy as sa

from penstock import databases
from penstock.databases import Database
from penstock.databases._shared import ddl
from penstock.errors import LockRefused, Problem
from penstock.model.plan import TablePlan
from penstock.model.schema import Table, TableName
from penstock.planning import switch_kinds
from penstock.planning.preflight import dry_claims, dry_plan, parts
from penstock.planning.preflight.dry_plan import DryPlan, Naming
from penstock.planning.preflight.dry_words import Words
from penstock.planning.preflight.endpoints import Endpoint
from penstock.planning.preflight.parts import Part
from penstock.planning.preflight.trial import Trial
from penstock.planning.statements import (
    Statement,
    completing_statements,
    key_statements,
    link_statements,
    prepare_statements,
    schema_statements,
    texts,
)
from penstock.planning.switch_kinds import LiveFacts


@dataclass(frozen=True)
class LeftOut:
    """A part that the target refuses, and that the run leaves out. table: at the source."""

    table: str
    part: Part


@dataclass(frozen=True)
class DryBuild:
    """What the dry build found. tried: whether it could be made at all."""

    problems: tuple[Problem, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    tried: bool = True

    def applied(self, plans: Iterable[TablePlan]) -> tuple[TablePlan, ...]:
        """The plans without what is left out."""

        def kept(plan: TablePlan) -> TablePlan:
            gone = [each.part for each in self.left_out if each.table == plan.name]
            return replace(plan, target=parts.without(plan.target, gone)) if gone else plan

        return tuple(map(kept, plans))


def build(migration: str, plans: Sequence[TablePlan], every: Sequence[TablePlan], new_schemas: Sequence[str], target: Endpoint) -> DryBuild:
    """Try all statements of a run. every: all tables of the migration.  new_schemas: those that the run creates.

    Raises ConnectionFailed. Waits for no lock for longer than two seconds.
    """
    try:
        return _tried(migration, plans, every, new_schemas, target, own=True)
    except LockRefused:
        pass  # somebody makes a table of one of these names, which a first run would have to wait for too
    try:
        return _tried(migration, plans, every, new_schemas, target, own=False)
    except LockRefused as error:
        what = f"whether it takes the tables of the migration was not tried: {error.what}, {error.why}"
        return DryBuild((Problem(False, "target", what, "check again when the target is less busy"),), tried=False)


def _tried(
    migration: str, plans: Sequence[TablePlan], every: Sequence[TablePlan], new_schemas: Sequence[str], target: Endpoint, own: bool
) -> DryBuild:
    to = target.database
    with target.connection.engine.connect() as connection:
        transactional = to.ddl_in_transaction
        live = frozenset(p.target.name for p in every if own and transactional and not p.live_exists)
        home = {} if transactional else dry_claims.homes(connection, new_schemas, target.schemas)
        shadows = databases.existing_tables(connection, [p.shadow for p in plans if p.target.name.schema not in new_schemas])
        renamed = not transactional or bool(shadows)
        token = secrets.token_hex(4) if transactional else dry_claims.token(migration)
        planned = dry_plan.dry(plans, every, to, Naming(migration, token, live, renamed, home))
        connection.rollback()
        claimed = nullcontext() if transactional else dry_claims.claimed(connection, to, migration, planned.places)
        with claimed:
            made = _Build(Trial(connection, to), to, planned, {p.name: p for p in (*every, *plans)})
            found = made.run(new_schemas if transactional else ())
            connection.rollback()
    return found


class _Build:
    """One dry build. It goes on after what is refused, without the table or the part that is."""

    def __init__(self, trial: Trial, to: Database, planned: DryPlan, plans: dict[str, TablePlan]) -> None:
        self._trial, self._to, self._planned = trial, to, planned
        self._words = Words(plans, planned.names, to, trial.connection)
        self._tables = {t.name: t for t in planned.tables}
        self._problems: list[Problem] = []
        self._left_out: list[LeftOut] = []

    def run(self, new_schemas: Sequence[str]) -> DryBuild:
        for statement in schema_statements(new_schemas, self._to):
            if error := self._trial.attempt(statement.text):
                self._problems.append(self._words.schema(statement, error))
                return DryBuild(tuple(self._problems))
        self._prepare()
        self._keys()
        self._links()
        self._switch()
        return DryBuild(tuple(self._problems), tuple(self._left_out))

    @property
    def _all(self) -> list[TablePlan]:
        return list(self._tables.values())

    # ---- the tables

    def _prepare(self) -> None:
        refused: set[str] = set()
        for statement in prepare_statements(self._all, self._to):
            if statement.table in refused:
                continue
            if error := self._trial.attempt(statement.text):
                if not statement.table:
                    self._problems.append(self._words.other(statement, error))
                    self._tables = {}
                    return
                refused.add(statement.table)
                self._refused(self._tables[statement.table], error)

    def _refused(self, plan: TablePlan, error: sa.exc.DBAPIError) -> None:
        """Go on with as much of a table as the target takes; report the rest."""
        optional = parts.of_create_table(plan.target)
        if not optional or not self._makes(_reduced(plan, optional)):
            del self._tables[plan.name]
            self._problems += self._at_fault(plan, error)
            return
        gone: list[Part] = []
        for n, part in enumerate(optional):
            said = self._remade(_reduced(plan, [*gone, *optional[n + 1 :]]))
            if said is not None:
                gone.append(part)
                self._leave_out(plan, part, said)
        made = _reduced(plan, gone)
        self._remade(made)
        self._tables[plan.name] = made

    def _makes(self, plan: TablePlan) -> bool:
        return self._remade(plan) is None

    def _remade(self, plan: TablePlan) -> sa.exc.DBAPIError | None:
        """Make the tables of a plan, in place of what is there of them; why they can't be made."""
        if error := self._trial.attempt_all(self._to.drops(plan.shadow_tables)):
            return error
        made = [s.text for s in prepare_statements([plan], self._to) if s.table]
        around = self._to.schemas(plan.shadow_tables)
        return self._trial.attempt_all([*around, *made])

    def _at_fault(self, plan: TablePlan, error: sa.exc.DBAPIError) -> list[Problem]:
        """Which of its columns a table can't be made with; or the primary key; or the table."""
        found: list[Problem] = []
        for column in plan.target.columns if len(plan.target.columns) <= _PROBED else ():
            plain = replace(column, expression="", default=None, generated="", collation="", comment="", identity=False, numbering=None)
            alone = replace(plan.target, columns=(plain,), primary_key=(), indexes=(), foreign_keys=(), checks=(), partitioning=None)
            if said := self._made_alone(plan, alone):
                found.append(self._words.column(plan.name, column.name, said))
        if found:
            return found
        bare = parts.without(plan.target, parts.of_create_table(plan.target))
        keyless = replace(bare, primary_key=(), foreign_keys=())
        if plan.target.primary_key and not self._to.keys_after_load and self._made_alone(plan, keyless) is None:
            return [self._words.primary_key(plan.name, plan.target.primary_key, error)]
        return [self._words.table(plan.name, self._made_alone(plan, bare) or error)]

    def _made_alone(self, plan: TablePlan, table: Table) -> sa.exc.DBAPIError | None:
        place = plan.shadow
        self._trial.attempt_all(self._to.drops([place]))
        self._trial.attempt_all(self._to.schemas([place]))
        error = self._trial.attempt(ddl.create_table(self._to, table, place))
        self._trial.attempt_all(self._to.drops([place]))
        return error

    # ---- keys and indexes, foreign keys

    def _keys(self) -> None:
        for plan, statement in key_statements(self._all, self._to):
            if error := self._trial.attempt(statement.text):
                if statement.kind == "index":
                    self._leave_out(plan, Part("index", statement.name), error)
                else:
                    self._problems.append(self._words.primary_key(plan.name, plan.target.primary_key, error))
                    self._tables.pop(plan.name, None)

    def _links(self) -> None:
        for statement in link_statements(self._all, self._to):
            self._link(statement, lambda table: link_statements([t if t.name != table.name else table for t in self._all], self._to))

    def _link(self, statement: Statement, again: Callable[[TablePlan], list[Statement]]) -> None:
        """A statement of a foreign key, or of a numbering. again: the statements with the table in another form."""
        error = self._trial.attempt(statement.text)
        if error is None:
            return
        if statement.kind != "foreign key":
            self._problems.append(self._words.other(statement, error))
            return
        plan = self._tables[statement.table]
        for part in (Part("actions", statement.name), Part("foreign key", statement.name)):
            reduced = _reduced(plan, [part])
            other = [s for s in again(reduced) if (s.table, s.kind, s.name) == (plan.name, "foreign key", statement.name)]
            if part.kind == "foreign key" or (other != [statement] and self._trial.attempt_all(texts(other)) is None):
                self._leave_out(plan, part, error)
                self._tables[plan.name] = reduced
                return

    def _leave_out(self, plan: TablePlan, part: Part, error: sa.exc.DBAPIError) -> None:
        named = replace(part, name=self._planned.names.get(part.name, part.name))
        if (left := LeftOut(plan.name, named)) not in self._left_out:
            self._left_out.append(left)
            self._problems.append(self._words.left_out(plan.name, named, error))

    # ---- the switch

    def _switch(self) -> None:
        """What makes the shadows live, among empty tables that take the place of the live ones."""
        there = [t for t in self._all if t.live_exists and switch_kinds.of(t.switch).effect != "partition"]
        self._stand_in([(t.target.name, _bare(t.target)) for t in there])
        becoming: list[TablePlan] = []
        for name, tables in switch_kinds.grouped(self._all).items():
            kind = switch_kinds.of(name)
            statements = list(kind.prepare(tables, self._to))
            if kind.effect == "table":
                statements += kind.apply(tables, self._to, LiveFacts())
                becoming += tables
            for text in statements:
                if error := self._trial.attempt(text):
                    self._problems.append(self._words.other(Statement(text, kind="move"), error))
                    return
        self._complete(becoming)

    def _complete(self, becoming: Sequence[TablePlan]) -> None:
        """The foreign keys that refer to tables which stay as they are."""
        referred = {t.target.referred(k) for t in becoming for k in t.target.foreign_keys} - {t.target.name for t in becoming}
        others = [t for t in (*self._all, *self._planned.others) if t.target.name in referred]
        if not (self._to.foreign_keys and self._to.follows_renames):
            return
        self._to_refer_to(others)
        for statement in completing_statements(self._all, becoming, self._to):
            self._link(statement, lambda table: completing_statements(self._all, [table], self._to))

    def _to_refer_to(self, others: Iterable[TablePlan]) -> None:
        """Empty tables with the keys that foreign keys refer to."""
        for plan in others:
            place, shape = plan.target.name, replace(_bare(plan.target), primary_key=plan.target.primary_key)
            unique = tuple(i for i in plan.target.indexes if i.unique and i.plain)
            self._trial.attempt_all(self._to.drops([place]))
            self._stand_in([(place, shape)])
            self._trial.attempt_all(ddl.keys(self._to, replace(shape, indexes=unique), place))

    def _stand_in(self, tables: Iterable[tuple[TableName, Table]]) -> None:
        for place, shape in tables:
            self._trial.attempt_all([*self._to.schemas([place]), ddl.create_table(self._to, shape, place)])


_PROBED = 300
"""Of a table with more columns, not each is tried alone."""


def _reduced(plan: TablePlan, gone: Iterable[Part]) -> TablePlan:
    return replace(plan, target=parts.without(plan.target, gone))


def _bare(table: Table) -> Table:
    """The table as a place for rows."""
    columns = tuple(replace(c, identity=False, numbering=None, default=None, expression="", generated="") for c in table.columns)
    return replace(table, columns=columns, primary_key=(), indexes=(), foreign_keys=(), checks=(), partitioning=None)
