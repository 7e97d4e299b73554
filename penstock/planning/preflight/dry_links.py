"""What connects the tables of a dry build, and makes them live: foreign keys, numbering, and the moves of the switch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from penstock.databases import Database
from penstock.databases._shared import ddl
from penstock.model.plan import TablePlan
from penstock.model.schema import Table, TableName
from penstock.planning import switch_kinds
from penstock.planning.preflight import dry_rows, parts
from penstock.planning.preflight.dry_findings import Findings
from penstock.planning.preflight.parts import Part
from penstock.planning.preflight.trial import Trial
from penstock.planning.statements import (
    Statement,
    completing_statements,
    link_statements,
    referred_first,
    shadow_key_statements,
    texts,
)
from penstock.planning.switch_kinds import LiveFacts

_MOVED = 10
"""So many tables are moved where DDL commits by itself: their moves are one statement, which fails for a right that is missing."""
Again = Callable[[TablePlan], list[Statement]]
"""The statements, with one of the tables in another form."""
Completing = Callable[[Sequence[TablePlan], Sequence[TablePlan], Database], list[Statement]]


class Links:
    """tables: those of the run that the target takes.  others: the other tables of the migration.

    live: by source table, its live table, which has another name in `tables`.
    """

    def __init__(
        self,
        trial: Trial,
        to: Database,
        found: Findings,
        tables: dict[str, TablePlan],
        others: Sequence[TablePlan],
        live: Mapping[str, TableName],
    ) -> None:
        self._trial, self._to, self._found, self._live = trial, to, found, live
        self._tables, self._others = tables, others
        self._built: set[tuple[str, str]] = set()  # the foreign keys, by source table, that a table was created with

    def run(self) -> None:
        """Try all of it."""
        if not self._to.ddl_in_transaction:
            self._skeletons()
        for statement in link_statements(self._all, self._to):
            self._link(statement, lambda table: link_statements([table if t.name == table.name else t for t in self._all], self._to))
        self._switch()

    @property
    def _all(self) -> list[TablePlan]:
        return list(self._tables.values())

    def _skeletons(self) -> None:
        """Make tables again where only temporary ones were tried: those that foreign keys connect, with the columns of keys only.

        Each is made with the foreign keys that it can have by then, in one statement. The first is made in any case, for the moves.
        """
        linked = {(s.table, s.name) for s in link_statements(self._all, self._to) if s.kind == "foreign key"}
        keys = [(t, k) for t in self._all for k in t.target.foreign_keys if not switch_kinds.keeps_live(t)]
        referred = {(t.target.referred(k), k.ref_columns) for t, k in keys}
        connected = {t.target.name for t, _ in keys} | {name for name, _ in referred}
        wanted = [t for t in referred_first(self._all) if t.target.name in connected] or self._all[:1]
        self._tables = {t.name: _skeleton(t, [columns for name, columns in referred if name == t.target.name]) for t in wanted}
        places: dict[TableName, TableName] = {}
        for plan in self._all:
            places[plan.target.name] = plan.shadow
            known = tuple(k for k in plan.target.foreign_keys if (plan.name, k.name) in linked and plan.target.referred(k) in places)
            if known and self._made(plan, replace(plan.target, foreign_keys=known), places):
                self._built |= {(plan.name, k.name) for k in known}
            else:
                self._made(plan, replace(plan.target, foreign_keys=()), places)

    def _made(self, plan: TablePlan, table: Table, places: Mapping[TableName, TableName]) -> bool:
        created = ddl.create_table(self._to, table, plan.shadow, places=places)
        return self._trial.attempt_all([created, *ddl.keys(self._to, table, plan.shadow)]) is None

    def _link(self, statement: Statement, again: Again) -> None:
        """Run a statement of a foreign key, or of a numbering."""
        if (statement.table, statement.name) in self._built:
            return
        error = self._trial.attempt(statement.text)
        if error is None:
            return
        if statement.kind != "foreign key":
            self._found.problems.append(self._found.words.other(statement, error))
            return
        plan = self._tables[statement.table]
        for part in (Part("actions", statement.name), Part("foreign key", statement.name)):
            reduced = replace(plan, target=parts.without(plan.target, [part]))
            other = [s for s in again(reduced) if (s.table, s.kind, s.name) == (plan.name, "foreign key", statement.name)]
            if part.kind == "foreign key" or (other != [statement] and self._trial.attempt_all(texts(other)) is None):
                self._found.leave_out(plan.name, part, error)
                self._tables[plan.name] = reduced
                return

    # ---- the switch

    def _switch(self) -> None:
        """What makes the shadows live, among empty tables that take the place of the live ones."""
        becoming = [t for t in self._all if not switch_kinds.keeps_live(t)]
        if not self._to.ddl_in_transaction:
            self._complete(becoming, shadow_key_statements)
        moved = self._all if self._to.ddl_in_transaction else self._all[:_MOVED]
        there = [t for t in moved if t.live_exists and not switch_kinds.keeps_live(t)]
        self._stand_in((t.target.name, _bare(t.target)) for t in there)
        for name, tables in switch_kinds.grouped(t for t in moved if not switch_kinds.keeps_live(t)).items():
            kind = switch_kinds.of(name)
            for text in [*kind.prepare(tables, self._to), *kind.apply(tables, self._to, LiveFacts())]:
                if error := self._trial.attempt(text):
                    self._found.problems.append(self._found.words.other(Statement(text, kind="move"), error))
                    return
        for plan in (t for t in moved if switch_kinds.keeps_live(t) and self._to.ddl_in_transaction):  # elsewhere there are skeletons only
            made = dry_rows.statements(plan, self._live[plan.name], self._to, self._trial.connection)
            if error := self._trial.attempt_all(made):
                self._found.problems.append(self._found.words.into_live(plan.name, self._live[plan.name], error))
        self._complete(becoming, completing_statements)

    def _complete(self, becoming: Sequence[TablePlan], statements: Completing) -> None:
        """The foreign keys that refer to tables which stay as they are."""
        made = statements(self._all, becoming, self._to)
        lacking = {(s.table, s.name) for s in made}
        keys = [(t, k) for t in becoming for k in t.target.foreign_keys if (t.name, k.name) in lacking]
        referred = {t.target.referred(k) for t, k in keys} - {t.target.name for t in becoming}
        for plan in (t for t in (*self._all, *self._others) if t.target.name in referred):
            self._refer_to(plan)
        for statement in made:
            self._link(statement, lambda table: statements(self._all, [table], self._to))

    def _refer_to(self, plan: TablePlan) -> None:
        """An empty table with the keys that foreign keys refer to."""
        place, shape = plan.target.name, replace(_bare(plan.target), primary_key=plan.target.primary_key)
        unique = tuple(i for i in plan.target.indexes if i.unique and i.plain)
        self._trial.attempt_all(self._to.drops([place]))
        self._stand_in([(place, shape)])
        self._trial.attempt_all(ddl.keys(self._to, replace(shape, indexes=unique), place))

    def _stand_in(self, tables: Iterable[tuple[TableName, Table]]) -> None:
        for place, shape in tables:
            self._trial.attempt_all([*self._to.schemas([place]), ddl.create_table(self._to, shape, place)])


def _skeleton(plan: TablePlan, referred: Sequence[tuple[str, ...]]) -> TablePlan:
    """The table with the columns of its keys. referred: the columns that foreign keys refer to; the table keeps an index of each."""
    table = plan.target
    others = [columns for columns in referred if table.primary_key[: len(columns)] != columns]
    indexes = tuple(i for i in table.indexes if i.plain and any(i.columns[: len(columns)] == columns for columns in others))
    named = {*table.primary_key, *(c for k in table.foreign_keys for c in k.columns), *(c for i in indexes for c in i.columns)}
    columns = tuple(c for c in table.columns if c.name in named) or table.columns[:1]
    seen = (replace(c, comment="", touched=False, invisible=False) for c in columns)
    plain = tuple(replace(c, identity=False, default=None, expression="", generated="") for c in seen)
    shape = replace(table, columns=plain, indexes=indexes, checks=(), comment="", partitioning=None)
    return replace(plan, target=replace(shape, exclusions=(), replica_identity=""))


def _bare(table: Table) -> Table:
    """The table as a place for rows."""
    plain = (replace(c, identity=False, numbering=None, default=None, expression="", generated="") for c in table.columns)
    columns = tuple(replace(c, invisible=False, unchecked_null="") for c in plain)
    bare = replace(table, columns=columns, primary_key=(), indexes=(), foreign_keys=(), checks=(), partitioning=None)
    return replace(bare, exclusions=(), replica_identity="", options=())
