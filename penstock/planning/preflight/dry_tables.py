"""The tables of a dry build with their keys and indexes: each is made, as far as the target takes it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import sqlalchemy as sa

from penstock.databases import Database
from penstock.databases._shared import ddl
from penstock.errors import Problem
from penstock.model.plan import TablePlan
from penstock.model.schema import Table
from penstock.planning.preflight import fitting, parts
from penstock.planning.preflight.dry_findings import Findings
from penstock.planning.preflight.parts import Part
from penstock.planning.preflight.trial import Trial
from penstock.planning.statements import Statement, key_statements, prepare_statements

_PROBED = 300
"""Of a table with more columns, not each is tried alone."""


class Tables:
    """Makes tables, one after the other.

    Where DDL commits by itself, each statement costs the server several writes to its disk, but for temporary tables. There a table is
    tried as a temporary one first, and as one proper only when something of it is refused.
    """

    def __init__(self, trial: Trial, to: Database, found: Findings) -> None:
        self._trial, self._to, self._found = trial, to, found

    def made(self, plans: Sequence[TablePlan]) -> dict[str, TablePlan]:
        """The tables that the target takes, by source table, as it takes them. Where DDL is transactional, they are there."""
        found: dict[str, TablePlan] = {}
        if self._to.ddl_in_transaction and not self._around(plans):
            return found
        for plan in plans:
            if self._temporarily(plan):
                found[plan.name] = plan
            elif (made := self._proper(plan)) is not None:
                found[plan.name] = made
        return found

    def _around(self, plans: Sequence[TablePlan]) -> bool:
        """Run what comes before all tables."""
        for statement in prepare_statements(plans, self._to):
            if not statement.table and (error := self._trial.attempt(statement.text)):
                self._found.problems.append(self._found.words.other(statement, error))
                return False
        return True

    def _temporarily(self, plan: TablePlan) -> bool:
        """Whether a temporary table takes all of it, where that is of use."""
        if self._to.ddl_in_transaction:
            return False
        made = [s.text.replace("CREATE TABLE", "CREATE TEMPORARY TABLE", 1) for s in _making(plan, self._to)]
        failed = self._trial.attempt_all([*made, *(s.text for _, s in key_statements([plan], self._to))])
        self._drop(plan)
        return failed is None

    def _proper(self, plan: TablePlan) -> TablePlan | None:
        """The table with as much as the target takes; None where that is too little."""
        error = self._trial.attempt_all([s.text for s in _making(plan, self._to)])
        made = plan if error is None else self._reduced(plan, error)
        return None if made is None else self._keyed(made)

    def _keyed(self, plan: TablePlan) -> TablePlan | None:
        gone: list[Part] = []
        for _, statement in key_statements([plan], self._to):
            if error := self._trial.attempt(statement.text):
                if statement.kind == "primary key":
                    self._found.problems.append(self._found.words.primary_key(plan.name, plan.target.primary_key, error, ()))
                    return None
                gone.append(Part(parts.kind(statement.kind), statement.name))
                self._found.leave_out(plan.name, gone[-1], error)
        if not self._to.ddl_in_transaction:
            self._drop(plan)
        return _without(plan, gone)

    def _reduced(self, plan: TablePlan, error: sa.exc.DBAPIError) -> TablePlan | None:
        """The table, made without what the target refuses of it; None where it refuses the rest as well."""
        optional = parts.of_create_table(plan.target)
        if not optional or self._remade(_without(plan, optional)):
            self._found.problems += self._at_fault(plan, error)
            self._drop(plan)
            return None
        gone: list[Part] = []
        for n, part in enumerate(optional):
            if said := self._remade(_without(plan, [*gone, *optional[n + 1 :]])):
                gone.append(part)
                self._found.leave_out(plan.name, part, said)
        self._remade(_without(plan, gone))
        return _without(plan, gone)

    def _remade(self, plan: TablePlan) -> sa.exc.DBAPIError | None:
        """Make a table in place of what is there of it; why it can't be made."""
        self._drop(plan)
        return self._trial.attempt_all([s.text for s in _making(plan, self._to)])

    def _drop(self, plan: TablePlan) -> None:
        self._trial.attempt_all([*self._to.drops(plan.shadow_tables), *self._to.schemas(plan.shadow_tables)])

    # ---- what is at fault

    def _at_fault(self, plan: TablePlan, error: sa.exc.DBAPIError) -> list[Problem]:
        """Which of its columns a table can't be made with; or the primary key; or the table."""
        words, columns = self._found.words, plan.target.columns
        bare = replace(parts.without(plan.target, parts.of_create_table(plan.target)), foreign_keys=(), indexes=())
        tried = bare.columns if len(columns) <= _PROBED else ()
        alone = [(c, self._alone(plan, replace(bare, columns=(replace(c, identity=False),), primary_key=()))) for c in tried]
        if found := [words.column(plan.name, column.name, said) for column, said in alone if said]:
            return found
        if plan.target.primary_key and not self._to.keys_after_load and self._alone(plan, replace(bare, primary_key=())) is None:
            steps = fitting.of_key(bare, self._to, lambda table: self._alone(plan, table) is None)
            return [words.primary_key(plan.name, plan.target.primary_key, error, steps)]
        said = self._alone(plan, bare) or error
        return [words.table(plan.name, said, fitting.steps(bare, lambda table: self._alone(plan, table) is None))]

    def _alone(self, plan: TablePlan, table: Table) -> sa.exc.DBAPIError | None:
        self._drop(plan)
        return self._trial.attempt(ddl.create_table(self._to, table, plan.shadow))


def _making(plan: TablePlan, to: Database) -> list[Statement]:
    return [s for s in prepare_statements([plan], to) if s.table]


def _without(plan: TablePlan, gone: Iterable[Part]) -> TablePlan:
    return replace(plan, target=parts.without(plan.target, gone))
