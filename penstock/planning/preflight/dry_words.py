"""What the dry build says of what the target refuses: the table and the object, the server's own words, and a fix that works."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from penstock.databases import Database
from penstock.errors import Area, Kind, Problem, Remedy
from penstock.model.plan import TablePlan
from penstock.model.schema import TableName
from penstock.planning import live_columns
from penstock.planning.preflight import excluded, other_types, parts
from penstock.planning.preflight.fitting import Step
from penstock.planning.preflight.parts import Part
from penstock.planning.statements import Statement
from penstock.runtime.formatting import flow, yaml

_TYPES = Kind("columns of a type that the target refuses")


class Words:
    """plans: by source table.  names: what the names of the dry build stand for.  connection: to the target."""

    def __init__(self, plans: Mapping[str, TablePlan], names: Mapping[str, str], to: Database, connection: sa.Connection) -> None:
        self._plans, self._names, self._to, self._connection = plans, names, to, connection

    def schema(self, statement: Statement, error: sa.exc.DBAPIError) -> Problem:
        """A schema that can't be made."""
        fix = f"create it at the target: {statement.text}"
        return Problem(True, f"schema {statement.name}", f"the target refuses to create it: {self._said(error)}", fix)

    def table(self, table: str, error: sa.exc.DBAPIError, fitting: Sequence[Step]) -> Problem:
        """A table that can't be made. fitting: steps each of which makes one that can be."""
        return self._refused(table, "the target can't create the table", error, fitting)

    def primary_key(self, table: str, columns: Sequence[str], error: sa.exc.DBAPIError, fitting: Sequence[Step]) -> Problem:
        """A primary key that can't be made."""
        return self._refused(table, f"the target refuses its primary key ({', '.join(columns)})", error, fitting, "key")

    def _refused(self, table: str, what: str, error: sa.exc.DBAPIError, fitting: Sequence[Step], area: Area = "schema") -> Problem:
        plan = self._plans[table]
        steps = [(name, _called(argument, plan)) for name, argument in fitting]
        fix = "; or ".join([*(f"add `{name}: {flow(argument)}`{other_types.first(plan)}" for name, argument in steps), excluded.fix(table)])
        remedies = tuple(Remedy(table, {"transform": [{name: argument}]}) for name, argument in steps)
        return Problem(True, f"table {table}", f"{what}: {self._said(error)}", fix, area, remedies)

    def column(self, table: str, column: str, error: sa.exc.DBAPIError) -> Problem:
        """A column that can't be made."""
        plan = self._plans[table]
        made, name = plan.target.column(column), yaml(other_types.name(plan, column))
        choices = [f"add `cast: {{{name}: string}}`{other_types.first(plan)} to carry it as text", f"`drop: [{name}]`", excluded.fix(table)]
        added, remedies = self._extension(table, "column", column)
        what = f"the target refuses the type {made.native or made.type}: {self._said(error)}"
        if needed := self._needs(table, "column", column):
            what = f"the type {made.native or made.type} is of the extension {needed}, which the target can't use: {self._said(error)}"
        casts = other_types.casts(plan, made, ["string"])
        return Problem(True, f"table {table}, column {column}", what, "; or ".join([*added, *choices]), "type", (*remedies, *casts), _TYPES)

    def left_out(self, table: str, part: Part, error: sa.exc.DBAPIError) -> Problem:
        """A part of a table that the run leaves out."""
        said, where, kind = self._said(error), f"table {table}", parts.lost(table, part).kind()
        if part.kind == "actions":
            what = f"foreign key {part.name} is carried without its actions, because the target refuses it with them: {said}"
            return Problem(False, where, what, area="key", kind=kind)
        if part.kind == "generated":
            what = f"{part.name} is generated at the source and a plain column here, its values are carried: the target refuses it: {said}"
            return Problem(False, where, what, kind=kind)
        needed = self._needs(table, part.kind, part.name)
        because = f"it needs the extension {needed}, which the target can't use: {said}" if needed else f"the target refuses it: {said}"
        added, remedies = self._extension(table, part.kind, part.name)
        return Problem(False, where, f"{_shown(part)} is not carried: {because}", "; or ".join(added), remedies=remedies, kind=kind)

    def into_live(self, table: str, live: TableName, error: sa.exc.DBAPIError) -> Problem:
        """A live table that stays, and that does not take the rows or the partition."""
        return Problem(True, f"table {table}", f"the live table {live} can't take its rows: {self._said(error)}", live_columns.FIX)

    def other(self, statement: Statement, error: sa.exc.DBAPIError) -> Problem:
        """Any other statement that the target refuses."""
        where = f"table {statement.table}" if statement.table else "target"
        what = f"the target refuses the {statement.makes}: {self._said(error)}, of {self._plain(statement.text)}"
        return Problem(True, where, what, "see what the target says, and check again")

    def _needs(self, table: str, kind: str, name: str) -> str:
        """The extension that a part of a table is of; "" when it is of none."""
        return next((n.extension for n in self._plans[table].source.needs if (n.kind, n.name) == (kind, name)), "")

    def _extension(self, table: str, kind: str, name: str) -> tuple[list[str], tuple[Remedy, ...]]:
        """What makes the extension that a part of a table is of usable, in words and as a statement; nothing where it is of none."""
        needed = self._needs(table, kind, name)
        if not needed:
            return [], ()
        before, statement = self._to.extension_remedy(self._connection, needed)
        words = "; ".join(filter(None, [before, f"run at the target: {statement}" if statement else ""]))
        return [words], (Remedy(table, statement=statement),) if statement else ()

    def _said(self, error: sa.exc.DBAPIError) -> str:
        return self._plain(self._to.words(error))

    def _plain(self, text: str) -> str:
        """The text with the tables' own names, where it has those of the dry build."""
        for name in sorted(self._names, key=len, reverse=True):
            text = text.replace(name, self._names[name])
        return text


def _called(argument: Any, plan: TablePlan) -> Any:
    """What a step says of columns of the target, with the names that they have before all steps."""
    if isinstance(argument, Mapping):
        return {other_types.name(plan, column): said for column, said in argument.items()}
    return [other_types.name(plan, column) for column in argument]


def _shown(part: Part) -> str:
    """A part that is left out, in words."""
    if part.kind in ("default", "collation", "storage", "not null"):
        return f"the {part.kind.upper() if part.kind == 'not null' else part.kind} of {part.name or 'the table'}"
    if part.kind in ("options", "unlogged", "replica identity"):
        return {"options": "what else the table has", "unlogged": "that it is unlogged", "replica identity": "its replica identity"}[
            part.kind
        ]
    if part.kind == "comment":
        return f"the comment on {part.name or 'the table'}"
    if part.kind == "partitions":
        return "the partitioning"
    return f"check constraint {part.name}" if part.kind == "check" else f"{part.kind} {part.name}"
