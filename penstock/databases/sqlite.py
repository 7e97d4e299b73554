"""SQLite: one file, values typed one by one, DDL inside transactions.

Manual: https://www.sqlite.org/lang_altertable.html (a renamed table keeps its indexes; with legacy_alter_table the
foreign keys of other tables go on naming what they named), https://www.sqlite.org/datatype3.html (affinity).
Decimals of more than 15 digits would be rounded to floats by NUMERIC affinity; they are kept as text.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from penstock.databases import Dependent, Move, execute, inspection, moments, sieve, sqlite_file, sqlite_rows, sqlite_types
from penstock.databases.faults import unheld
from penstock.databases.sieve import Check
from penstock.databases.sqlite_types import TYPES
from penstock.errors import LoadFailed, RowsRefused
from penstock.schema import DECIMALS, INTEGERS, TEXTS, Column, Index, Table, TableName, Type

label = "SQLite"
drivername = "sqlite"
quote_character = '"'
max_identifier = 1000
snapshot = "run"
ddl_in_transaction = True
parallel_writers = False
ordered_keys = True
row_place = ""
keys_after_load = False
before_keys = ""
secondary_indexes = True
foreign_keys = True
shared_names = frozenset({"index"})
keep_numbers = ""
follows_renames = False
embedded = True
caseless = frozenset({"table", "column"})
oldest = {"SQLite": (3, 33)}
loose = INTEGERS | {"boolean", "decimal", "number", "float64", "date", "time", "timestamp", "timestamptz"}  # any column holds any value

_HANDLE = "penstock.handle"
_MOMENTS = frozenset({"date", "timestamp", "timestamptz"})
_FIRST, _LAST = -719_528, 2_932_896  # the years 0000 to 9999, as ISO 8601 writes them

canonical = sqlite_types.canonical
exact = TYPES.exact


def native(type: Type, identity: bool = False) -> str:
    return "INTEGER" if identity else TYPES.counterpart(type)[0]


def refuses(column: Column) -> list[Check]:
    kind = column.type
    checks: list[Check] = []
    if kind.name in ("float32", "float64"):
        checks.append(sieve.not_a_number("NaN, which would be stored as NULL"))
    if kind.name in _MOMENTS:
        checks.append(sieve.outside(_FIRST, _LAST, "a year of other than four digits"))
    if kind.name == "enum":
        checks.append(sieve.unlabelled(kind.labels))
    return checks


def key_native(type: Type) -> str | None:
    return None


def read_expression(column: Column) -> str:
    name = _quote(column.name)
    if column.type.name != "unsupported":
        return name
    # cast to text, a real would have fifteen digits; a blob is left one, and refused
    real, blob = f"WHEN 'real' THEN printf('%!.17g', {name})", f"WHEN 'blob' THEN {name}"
    return f"CASE typeof({name}) {real} {blob} ELSE CAST({name} AS TEXT) END"


def key_expression(column: Column) -> str:
    return f"CAST({_quote(column.name)} AS BLOB)" if column.type.name in TEXTS else _quote(column.name)


def key_literal(value: int | str, column: Column) -> str:
    if isinstance(value, int):
        return str(value)
    if column.type.name == "decimal" and (column.type.precision or 0) <= 15:
        return f"CAST('{value}' AS NUMERIC)"
    return f"X'{value.encode().hex()}'" if column.type.name in TEXTS else _text(value)


def key_value(column: Column) -> str:
    return _quote(column.name) if column.type.name in INTEGERS else f"CAST({_quote(column.name)} AS TEXT)"


def moment(column: Column) -> str:
    # SQLite's own functions round to milliseconds: of a time only the whole seconds are handed to them, and the offset
    name = _quote(column.name)
    if column.type.name == "date":
        return f"substr({name}, 1, 10)"
    if column.type.name == "timestamp":
        return f"datetime(substr({name}, 1, 19))"
    offset = f"CASE WHEN substr({name}, -6) GLOB '[+-][0-9][0-9]:[0-9][0-9]' THEN substr({name}, -6) ELSE '' END"
    return f"datetime(substr({name}, 1, 19) || {offset})"


def moment_literal(moment: str, column: Column) -> str:
    return _text(moment)


def shadow(live: TableName, migration: str, token: str = "") -> TableName:
    return TableName(f"penstock_new{'_' if token else ''}{token}__{live.name}", live.schema)


def kept(live: TableName, migration: str, token: str) -> TableName:
    return TableName(f"penstock_old_{token}__{live.name}", live.schema)


def schemas(names: Iterable[TableName]) -> list[str]:
    return []


def moves(moves: Sequence[Move]) -> list[str]:
    renames = [f"ALTER TABLE {_qualified(old)} RENAME TO {_quote(new.name)}" for old, new in moves]
    return ["PRAGMA legacy_alter_table = ON", *renames, "PRAGMA legacy_alter_table = OFF"]


def drops(names: Sequence[TableName]) -> list[str]:
    return [f"DROP TABLE IF EXISTS {_qualified(name)}" for name in names]


def hold(shadows: Sequence[TableName], patience: int) -> list[str]:
    return []  # one writer at a time


def renumber(table: Table, name: TableName) -> list[str]:
    return []  # the next rowid is one more than the highest


def engine(url: sa.URL) -> sa.Engine:
    made = sa.create_engine(url, poolclass=sa.pool.NullPool, connect_args={"timeout": 60})

    @sa.event.listens_for(made, "connect")
    def _session(connection: sqlite3.Connection, record: sa.pool.ConnectionPoolEntry) -> None:
        record.info[_HANDLE] = sqlite_rows.opened()
        connection.isolation_level = None  # the driver would commit before DDL; transactions are ours
        connection.execute("PRAGMA foreign_keys = OFF")

    @sa.event.listens_for(made, "begin")
    def _begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql("BEGIN")

    return made


def inspect(connection: sa.Connection, schema: str | None, only: Sequence[str] | None = None) -> list[Table]:
    listed = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite!_%' ESCAPE '!'"
    names = [r[0] for r in execute(connection, listed)]
    types: dict[tuple[str, str], str] = {}
    identity, generated = set(), set()
    notes: dict[str, list[str]] = {}
    for name in names:
        info = execute(connection, f"SELECT name, type, pk, hidden FROM pragma_table_xinfo({_text(name)})").fetchall()
        types |= {(name, column): declared for column, declared, _, _ in info}
        generated |= {(name, column) for column, _, _, hidden in info if hidden in (2, 3)}
        keys = [(column, declared) for column, declared, pk, _ in info if pk]
        if len(keys) == 1 and keys[0][1].upper() == "INTEGER":
            identity.add((name, keys[0][0]))  # an alias of the rowid
        triggers = execute(connection, f"SELECT name FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = {_text(name)}")
        notes[name] = [f"trigger {row[0]}" for row in triggers]
    found = inspection.tables(connection, schema, canonical, types, only, frozenset(identity), frozenset(generated), notes)
    return [_with_unique(connection, table) for table in found]


def _with_unique(connection: sa.Connection, table: Table) -> Table:
    """`table` with the unique constraints written behind a column, which SQLAlchemy's reading of the DDL misses."""
    automatic = execute(connection, f"SELECT name FROM pragma_index_list({_text(table.name.name)}) WHERE origin = 'u'").fetchall()
    known = {i.columns for i in table.indexes if i.unique}
    more = []
    for (name,) in automatic:
        columns = tuple(r[0] for r in execute(connection, f"SELECT name FROM pragma_index_info({_text(name)}) ORDER BY seqno"))
        if columns not in known:
            more.append(Index(f"uq_{table.name.name}_{'_'.join(columns)}", columns, unique=True))
    return replace(table, indexes=(*table.indexes, *more))


def cuts(connection: sa.Connection, name: TableName, pieces: int) -> list[str]:
    return []


def begin_snapshot(connection: sa.Connection, *others: sa.Connection) -> bool:
    execute(connection, "SELECT count(*) FROM sqlite_schema").scalar_one()  # the first read of the transaction takes the snapshot
    return not others


def read(connection: sa.Connection, select: str, columns: Sequence[Column]) -> Iterator[pa.RecordBatch]:
    driver = _driver(connection)
    handle = connection.connection.info.get(_HANDLE, 0)
    yield from sqlite_rows.compiled(driver, handle, select, columns) if handle else sqlite_rows.plain(driver, select, columns)


def write(connection: sa.Connection, name: TableName, columns: Sequence[Column], batches: Iterable[pa.RecordBatch]) -> None:
    driver = _driver(connection)
    fields = ", ".join(_quote(c.name) for c in columns)
    places = ", ".join("?" * len(columns))
    rows = chain.from_iterable(
        zip(*(_held(array, c).to_pylist() for array, c in zip(batch.columns, columns, strict=True)), strict=True) for batch in batches
    )
    try:
        driver.executemany(f"INSERT INTO {_qualified(name)} ({fields}) VALUES ({places})", rows)
    except (sqlite3.Error, OverflowError) as error:
        what, where, fix = f"{name} refused rows", f"table {name}", "cast or filter the values in the migration, or correct the key"
        if isinstance(error, sqlite3.IntegrityError | sqlite3.DataError | OverflowError) and not str(error).startswith("UNIQUE"):
            null = str(error).removeprefix(f"NOT NULL constraint failed: {name.name}.")
            raise RowsRefused(what, where, str(error), fix, null if null != str(error) else "") from None
        raise LoadFailed(what, where, str(error), fix) from None


def _held(array: pa.Array, column: Column) -> pa.Array:
    """Values as SQLite stores them. Raises LoadFailed where it would store another: NULL for NaN, or a date that it can't read."""
    why = ""
    if pa.types.is_floating(array.type) and pc.any(pc.is_nan(array)).as_py():
        why = "NaN would be stored as NULL"
    if column.type.name in _MOMENTS and moments.beyond(array, _FIRST, _LAST):
        why = "dates have years of four digits here"
    if why:
        raise unheld(column.name, why, "cast the column to string, or filter or map the values in the migration")
    return _stored(array, column)


def _stored(array: pa.Array, column: Column) -> pa.Array:
    """Values as SQLite stores them: numbers, texts and blobs."""
    kind = column.type.name
    if kind in ("timestamp", "timestamptz", "time", "date"):
        plain = array.cast(pa.timestamp("us")) if kind == "timestamptz" else array
        texts = plain.cast(pa.string())
        return pc.binary_join_element_wise(texts, "+00:00", "") if kind == "timestamptz" else texts
    if kind in DECIMALS:
        return array.cast(pa.string())
    if kind == "boolean":
        return array.cast(pa.int8())
    return array


def seal(connection: sa.Connection, name: TableName) -> str | None:
    return None  # SQLite has no row hash of its own; the digest is taken again


def dependents(connection: sa.Connection, tables: Sequence[TableName]) -> list[Dependent]:
    found = []
    for table in tables:
        rows = execute(connection, f"SELECT name FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = {_text(table.name)}")
        found += [Dependent("trigger", row[0], table, follows=False) for row in rows]
    return found


def version(connection: sa.Connection) -> str:
    return f"SQLite {execute(connection, 'SELECT sqlite_version()').scalar_one()}"


assess = sqlite_file.assess
sizes = sqlite_file.sizes


def _driver(connection: sa.Connection) -> sqlite3.Connection:
    if not connection.in_transaction():
        connection.begin()
    driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    return driver


def _quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _qualified(name: TableName) -> str:
    return ".".join(_quote(p) for p in (name.schema, name.name) if p)


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
