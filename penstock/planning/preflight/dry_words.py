"""What the dry build says of what the target refuses: the table and the object, the server's own words, and a fix that works."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import sqlalchemy as sa

from penstock.databases import Database
from penstock.errors import Problem
from penstock.model.plan import TablePlan
from penstock.planning.preflight.parts import Part
from penstock.planning.statements import Statement

_EXCLUDE = "leave the table out: tables: {{exclude: [{0}]}}"


class Words:
    """plans: by source table.  names: what the names of the dry build stand for.  connection: to the target."""

    def __init__(self, plans: Mapping[str, TablePlan], names: Mapping[str, str], to: Database, connection: sa.Connection) -> None:
        self._plans, self._names, self._to, self._connection = plans, names, to, connection

    def schema(self, statement: Statement, error: sa.exc.DBAPIError) -> Problem:
        """A schema that can't be made."""
        fix = f"create it at the target: {statement.text}"
        return Problem(True, f"schema {statement.name}", f"the target refuses to create it: {self._said(error)}", fix)

    def table(self, table: str, error: sa.exc.DBAPIError) -> Problem:
        """A table that can't be made."""
        fix = f"`drop` columns of it, `cast` columns to another type, or {_EXCLUDE.format(table)}"
        return Problem(True, f"table {table}", f"the target can't create the table: {self._said(error)}", fix)

    def column(self, table: str, column: str, error: sa.exc.DBAPIError) -> Problem:
        """A column that can't be made."""
        made = self._plans[table].target.column(column)
        choices = [f"add `cast: {{{column}: string}}` to carry it as text", f"`drop: [{column}]`", _EXCLUDE.format(table)]
        choices = [*self._extension(table, "column", column), *choices]
        what = f"the target refuses the type {made.native or made.type}: {self._said(error)}"
        if needed := self._needs(table, "column", column):
            what = f"the type {made.native or made.type} is of the extension {needed}, which the target can't use: {self._said(error)}"
        return Problem(True, f"table {table}, column {column}", what, "; or ".join(choices), "type")

    def primary_key(self, table: str, columns: Sequence[str], error: sa.exc.DBAPIError) -> Problem:
        """A primary key that can't be made."""
        what = f"the target refuses its primary key ({', '.join(columns)}): {self._said(error)}"
        fix = f"`cast` a column of the key to another type, or {_EXCLUDE.format(table)}"
        return Problem(True, f"table {table}", what, fix, "key")

    def left_out(self, table: str, part: Part, error: sa.exc.DBAPIError) -> Problem:
        """A part of a table that the run leaves out."""
        said, where = self._said(error), f"table {table}"
        if part.kind == "actions":
            what = f"foreign key {part.name} is carried without its actions, because the target refuses it with them: {said}"
            return Problem(False, where, what, area="key")
        if part.kind == "generated":
            what = f"{part.name} is generated at the source and a plain column here, its values are carried: the target refuses it: {said}"
            return Problem(False, where, what)
        needed = self._needs(table, part.kind, part.name)
        because = f"it needs the extension {needed}, which the target can't use: {said}" if needed else f"the target refuses it: {said}"
        fix = "; or ".join(self._extension(table, part.kind, part.name))
        return Problem(False, where, f"{_called(part)} is not carried: {because}", fix)

    def other(self, statement: Statement, error: sa.exc.DBAPIError) -> Problem:
        """Any other statement that the target refuses."""
        where = f"table {statement.table}" if statement.table else "target"
        what = f"the target refuses the {statement.makes}: {self._said(error)}, of {self._plain(statement.text)}"
        return Problem(True, where, what, "see what the target says, and check again")

    def _needs(self, table: str, kind: str, name: str) -> str:
        """The extension that a part of a table is of; "" when it is of none."""
        return next((n.extension for n in self._plans[table].source.needs if (n.kind, n.name) == (kind, name)), "")

    def _extension(self, table: str, kind: str, name: str) -> list[str]:
        needed = self._needs(table, kind, name)
        return [self._to.extension_remedy(self._connection, needed)] if needed else []

    def _said(self, error: sa.exc.DBAPIError) -> str:
        return self._plain(self._to.words(error))

    def _plain(self, text: str) -> str:
        """The text with the tables' own names, where it has those of the dry build."""
        for name in sorted(self._names, key=len, reverse=True):
            text = text.replace(name, self._names[name])
        return text


def _called(part: Part) -> str:
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
