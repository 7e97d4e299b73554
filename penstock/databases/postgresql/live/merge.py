"""Changes applied to a table of PostgreSQL: the rows of every key that changed are deleted, then what they ended as is inserted.

MERGE and ON CONFLICT fail where two rows swap a unique value; this does not, and a change that comes twice ends the same. The keys and the
rows go into temporary tables of the session, which are empty again at the end of each transaction.
"""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import sqlalchemy as sa

from penstock.databases import execute
from penstock.databases._shared.ansi import qualified, quoted
from penstock.databases.change_log import Carried, ChangeTarget, Merge
from penstock.databases.postgresql import rows
from penstock.errors import LoadFailed
from penstock.model.schema import Column, TableName, Type

_GONE, _ROWS, _BEFORE = "penstock_gone", "penstock_rows", "penstock_before"
_PLACE = "penstock place"
_LEFT_OUT = "penstock left out"


class Target(ChangeTarget):
    """As `ChangeTarget` says."""

    def begin(self, connection: sa.Connection) -> None:
        execute(connection, "SET CONSTRAINTS ALL DEFERRED")

    def clear(self, connection: sa.Connection, place: TableName) -> None:
        execute(connection, f"DELETE FROM {qualified(place)}")  # TRUNCATE would shut out whoever reads the table

    def merge(self, connection: sa.Connection, merge: Merge) -> None:
        key = [_column(merge, name) for name in merge.key]
        gone = _loaded(connection, _GONE, merge.place, key, merge.gone)
        if merge.carried:
            _keep_before(connection, merge, merge.carried)
        match = " AND ".join(f"t.{quoted(k)} = g.{quoted(k)}" for k in merge.key)
        execute(connection, f"DELETE FROM {qualified(merge.place)} AS t USING {gone} AS g WHERE {match}")
        if merge.rows.num_rows:
            _insert(connection, merge)


def _column(merge: Merge, name: str) -> Column:
    return next(c for c in merge.columns if c.name == name)


def _loaded(connection: sa.Connection, name: str, place: TableName, columns: Sequence[Column], found: pa.RecordBatch) -> str:
    """Fill a temporary table with the columns of the table at `place`, and answer its name."""
    temporary = TableName(name, "pg_temp")
    fields = ", ".join(quoted(c.name) for c in columns) or "1"
    execute(connection, f"DROP TABLE IF EXISTS {qualified(temporary)}")
    execute(connection, f"CREATE TEMPORARY TABLE {name} ON COMMIT DROP AS SELECT {fields} FROM {qualified(place)} WITH NO DATA")
    rows.write(connection, temporary, columns, [found])
    execute(connection, f"ANALYZE {qualified(temporary)}")  # else its size would be guessed
    return qualified(temporary)


def _insert(connection: sa.Connection, merge: Merge) -> None:
    """Insert the rows, with the values that some of them carry over."""
    names = [quoted(c.name) for c in merge.columns]
    into = f"INSERT INTO {qualified(merge.place)} ({', '.join(names)}) OVERRIDING SYSTEM VALUE"
    if not merge.carried:
        place = _loaded(connection, _ROWS, merge.place, merge.columns, merge.rows)
        execute(connection, f"{into} SELECT {', '.join(names)} FROM {place}")
        return
    lacking = set(merge.carried.places.to_pylist())
    whole = merge.rows.take(pa.array([n for n in range(merge.rows.num_rows) if n not in lacking], pa.int64()))
    if whole.num_rows:
        place = _loaded(connection, _ROWS, merge.place, merge.columns, whole)
        execute(connection, f"{into} SELECT {', '.join(names)} FROM {place}")
    # the row before has the place of the row that takes its values
    place = _loaded(connection, _ROWS, merge.place, merge.columns, merge.rows.slice(0, 0))
    numbered = (Column(_PLACE, Type("int64"), False), Column(_LEFT_OUT, Type("binary")))
    execute(connection, f"ALTER TABLE {place} ADD COLUMN {quoted(_PLACE)} bigint, ADD COLUMN {quoted(_LEFT_OUT)} bytea")
    found = merge.rows.take(merge.carried.places)
    arrays = [*found.columns, merge.carried.places.cast(pa.int64()), merge.carried.columns]
    batch = pa.RecordBatch.from_arrays(arrays, [*found.schema.names, *(c.name for c in numbered)])
    rows.write(connection, TableName(_ROWS, "pg_temp"), (*merge.columns, *numbered), [batch])
    values = ", ".join(
        f"CASE WHEN get_byte(s.{quoted(_LEFT_OUT)}, {number}) = 1 THEN b.{name} ELSE s.{name} END" for number, name in enumerate(names)
    )
    joined = f"{place} AS s JOIN pg_temp.{_BEFORE} AS b ON b.{quoted(_PLACE)} = s.{quoted(_PLACE)}"
    if execute(connection, f"{into} SELECT {values} FROM {joined}").rowcount != len(merge.carried.places):
        raise LoadFailed(
            "a row that a change leaves values of is not at the target",
            where=f"table {merge.place}",
            why="somebody else has written into the shadow table",
            fix="find out who; then start a new run",
        )


def _keep_before(connection: sa.Connection, merge: Merge, carried: Carried) -> None:
    """Copy the rows whose values are carried over, before they are deleted."""
    key = [_column(merge, name) for name in merge.key]
    place = _loaded(connection, _ROWS, merge.place, key, carried.origin.slice(0, 0))
    execute(connection, f"ALTER TABLE {place} ADD COLUMN {quoted(_PLACE)} bigint")
    numbered = Column(_PLACE, Type("int64"), False)
    arrays = [*carried.origin.columns, carried.places.cast(pa.int64())]
    batch = pa.RecordBatch.from_arrays(arrays, [*carried.origin.schema.names, _PLACE])
    rows.write(connection, TableName(_ROWS, "pg_temp"), (*key, numbered), [batch])
    names = ", ".join(f"t.{quoted(c.name)}" for c in merge.columns)
    match = " AND ".join(f"t.{quoted(k)} = o.{quoted(k)}" for k in merge.key)
    execute(connection, f"DROP TABLE IF EXISTS pg_temp.{_BEFORE}")
    made = f"SELECT o.{quoted(_PLACE)}, {names} FROM {qualified(merge.place)} AS t JOIN {place} AS o ON {match}"
    execute(connection, f"CREATE TEMPORARY TABLE {_BEFORE} ON COMMIT DROP AS {made}")
