"""The fault of a statement that the target refuses: by its cause. Rows are blamed only where rows are at fault, and then named."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from penstock import databases
from penstock.databases import Database, Failure
from penstock.errors import LoadFailed
from penstock.model.plan import TablePlan
from penstock.model.schema import TableName
from penstock.planning.statements import Statement

WITHHELD = "withheld: there are sensitive columns"
_SHOWN = 3


def fault(
    statement: Statement, error: sa.exc.DBAPIError, tables: Sequence[TablePlan], database: Database, connection: sa.Connection
) -> LoadFailed:
    """The fault of a statement of prepare or of the build. connection: to the target, in no transaction.  tables: of the run."""
    failure, table = database.classify(error), next((t for t in tables if t.name == statement.table), None)
    where = ", ".join([f"table {statement.table}"] * bool(statement.table) + [statement.makes] * (statement.kind != "table"))
    words = database.words(error)
    if failure is Failure.BREAKS_KEY:
        concealed = table.sensitive if table else any(t.sensitive for t in tables)
        rows = ", ".join(_rows(statement, table, tables, database, connection)) if table and not concealed else ""
        why = WITHHELD if concealed else "; ".join(filter(None, (rows, words)))
        fix = "correct the rows at the source, or filter them in the migration"
        return LoadFailed("the loaded rows break a key", where, why, fix)
    if failure is not Failure.OTHER:
        fix = "solve this at the target, and run the load again"
        return LoadFailed(f"the target could not make the {statement.makes}: {failure.value}", where, words, fix)
    return LoadFailed(f"the target refuses the {statement.makes}", where, words, _fix(statement))


def _fix(statement: Statement) -> str:
    if statement.kind in ("index", "foreign key", "primary key", "table"):
        return "`penstock check` tries the same statement and says what helps: run it, then start a new run (--new)"
    return "see what the target says; then start a new run (--new)"


def _rows(statement: Statement, table: TablePlan, tables: Sequence[TablePlan], database: Database, connection: sa.Connection) -> list[str]:
    """Some of the rows that break the key which the statement makes, by the values of its columns."""
    found = _query(statement, table, tables, database)
    if found is None:
        return []
    columns, query = found
    with connection.begin():
        rows = databases.execute(connection, f"{query} LIMIT {_SHOWN}").all()
    return [", ".join(f"{name}={value}" for name, value in zip(columns, row, strict=False)) for row in rows]


def _query(statement: Statement, table: TablePlan, tables: Sequence[TablePlan], database: Database) -> tuple[Sequence[str], str] | None:
    """The columns of the key, and the select of their values in rows that break it."""
    if statement.kind == "foreign key":
        key = next((k for k in table.target.foreign_keys if k.name == statement.name), None)
        other = next((t for t in tables if key and t.target.name == table.target.referred(key)), None)
        if key is None or other is None:
            return None
        return key.columns, _orphans(key.columns, key.ref_columns, table.shadow, other.shadow, database)
    index = next((i for i in table.target.indexes if i.name == statement.name), None)
    columns = table.target.primary_key if statement.kind == "primary key" else index.columns if index else ()
    return (columns, _twice(columns, table.shadow, database)) if columns else None


def _twice(columns: Sequence[str], place: TableName, database: Database) -> str:
    names = [databases.quote(database, c) for c in columns]
    given = " AND ".join(f"{n} IS NOT NULL" for n in names)
    each = ", ".join(names)
    return f"SELECT {each} FROM {databases.qualified(database, place)} WHERE {given} GROUP BY {each} HAVING count(*) > 1"


def _orphans(mine: Sequence[str], theirs: Sequence[str], child: TableName, parent: TableName, database: Database) -> str:
    names = [f"c.{databases.quote(database, n)}" for n in mine]
    same = " AND ".join(f"p.{databases.quote(database, t)} = {n}" for t, n in zip(theirs, names, strict=True))
    given = " AND ".join(f"{n} IS NOT NULL" for n in names)
    lacking = f"NOT EXISTS (SELECT 1 FROM {databases.qualified(database, parent)} p WHERE {same})"
    return f"SELECT {', '.join(names)} FROM {databases.qualified(database, child)} c WHERE {given} AND {lacking}"
