"""SQLite: one file, values typed one by one, DDL inside transactions.

Manual: https://www.sqlite.org/lang_altertable.html (a renamed table keeps its indexes; with legacy_alter_table the
foreign keys of other tables go on naming what they named), https://www.sqlite.org/datatype3.html (affinity).
Decimals of more than 15 digits would be rounded to floats by NUMERIC affinity; they are kept as text.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, nullcontext
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from penstock.databases import Dependent, Link, Move, Unbound, execute
from penstock.databases._shared import column_checks, create_table_parser, inspection, lengths, moments
from penstock.databases._shared.ansi import literal, qualified, quoted
from penstock.databases._shared.column_checks import Refusal
from penstock.databases._shared.faults import unheld
from penstock.databases.sqlite import file
from penstock.databases.sqlite import rows as sqlite_rows
from penstock.databases.sqlite import types as sqlite_types
from penstock.databases.sqlite.types import TYPES
from penstock.errors import LoadFailed, RowsRefused
from penstock.model.schema import DECIMALS, INTEGERS, TEXTS, Check, Column, Index, Part, Table, TableName, Type
from penstock.runtime.memory import USUAL, Room

label = "SQLite"
drivername = "sqlite"
quote_character = '"'
max_identifier = 1000
own_names = frozenset({"foreign key", "check"})
refused_names = "(?i)^sqlite_"
folds_tables = True
snapshot = "run"
ddl_in_transaction = True
session_lock = None
parallel_writers = False
ordered_keys = True
row_place = ""
keys_after_load = False
more_memory = ""
copies = (1, 2)
vector = 1
secondary_indexes = True
foreign_keys = True
dialect = "sqlite"
holds = frozenset({"check", "partial index", "expression index", "stored", "virtual"})
shared_names = frozenset({"index"})
keep_numbers = ""
follows_renames = False
embedded = True
exchange = None
oldest = {"SQLite": (3, 33)}
kept_types = r"(?i)\w*INT\w*|TEXT|CLOB|\w*CHAR\(\d+\)|REAL|DOUBLE(?: PRECISION)?|FLOAT"
loose = INTEGERS | {"boolean", "decimal", "number", "float64", "date", "time", "timestamp", "timestamptz"}  # any column holds any value

_HANDLE = "penstock.handle"
_MOMENTS = frozenset({"date", "timestamp", "timestamptz"})
_FIRST, _LAST = -719_528, 2_932_896  # the years 0000 to 9999, as ISO 8601 writes them

canonical = sqlite_types.canonical
exact = TYPES.exact


def folded(name: str) -> str:
    return "".join(c.lower() if c.isascii() else c for c in name)


def native(type: Type, identity: bool = False) -> str:
    return "INTEGER" if identity else TYPES.counterpart(type)[0]


def refuses(column: Column) -> list[Refusal]:
    kind = column.type
    checks: list[Refusal] = []
    if kind.name in ("float32", "float64"):
        checks.append(column_checks.not_a_number("NaN, which would be stored as NULL"))
    if kind.name in _MOMENTS:
        checks.append(column_checks.outside(_FIRST, _LAST, "a year of other than four digits"))
    if kind.name == "enum":
        checks.append(column_checks.unlabelled(kind.labels))
    return checks


def key_native(type: Type) -> str | None:
    return None


def read_expression(column: Column) -> str:
    name = quoted(column.name)
    if column.type.name != "unsupported":
        return name
    # cast to text, a real would have fifteen digits; a blob is left one, and refused
    real, blob = f"WHEN 'real' THEN printf('%!.17g', {name})", f"WHEN 'blob' THEN {name}"
    return f"CASE typeof({name}) {real} {blob} ELSE CAST({name} AS TEXT) END"


def key_expression(column: Column) -> str:
    return f"CAST({quoted(column.name)} AS BLOB)" if column.type.name in TEXTS else quoted(column.name)


def key_literal(value: int | str, column: Column) -> str:
    if isinstance(value, int):
        return str(value)
    if column.type.name == "decimal" and (column.type.precision or 0) <= 15:
        return f"CAST('{value}' AS NUMERIC)"
    return f"X'{value.encode().hex()}'" if column.type.name in TEXTS else literal(value)


def key_value(column: Column) -> str:
    return quoted(column.name) if column.type.name in INTEGERS else f"CAST({quoted(column.name)} AS TEXT)"


def moment(column: Column) -> str:
    # SQLite's own functions round to milliseconds: of a time only the whole seconds are handed to them, and the offset
    name = quoted(column.name)
    if column.type.name == "date":
        return f"substr({name}, 1, 10)"
    if column.type.name == "timestamp":
        return f"datetime(substr({name}, 1, 19))"
    offset = f"CASE WHEN substr({name}, -6) GLOB '[+-][0-9][0-9]:[0-9][0-9]' THEN substr({name}, -6) ELSE '' END"
    return f"datetime(substr({name}, 1, 19) || {offset})"


def moment_literal(moment: str, column: Column) -> str:
    return literal(moment)


def shadow(live: TableName, migration: str, token: str = "") -> TableName:
    return TableName(f"penstock_new{'_' if token else ''}{token}__{live.name}", live.schema)


def kept(live: TableName, migration: str, token: str) -> TableName:
    return TableName(f"penstock_old_{token}__{live.name}", live.schema)


def octets(column: Column) -> str:
    # told without the value; of a text its characters are counted, in any other case
    return f"length({quoted(column.name)})" if lengths.may_be_long(column) else ""


def bound(memory: int) -> list[str]:
    return []  # it holds a row, and two megabytes of the file's pages


def schemas(names: Iterable[TableName]) -> list[str]:
    return []


def moves(moves: Sequence[Move]) -> list[str]:
    renames = [f"ALTER TABLE {qualified(old)} RENAME TO {quoted(new.name)}" for old, new in moves]
    return ["PRAGMA legacy_alter_table = ON", *renames, "PRAGMA legacy_alter_table = OFF"]


def drops(names: Sequence[TableName]) -> list[str]:
    return [f"DROP TABLE IF EXISTS {qualified(name)}" for name in names]


def hold(shadows: Sequence[TableName], patience: int) -> list[str]:
    return []  # one writer at a time


def broken_key(error: sa.exc.DBAPIError) -> str | None:
    return None  # no foreign key is enforced


def lock_refused(error: sa.exc.DBAPIError) -> bool:
    return "locked" in str(error.orig).lower()


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
    listed = "SELECT name, sql FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite!_%' ESCAPE '!'"
    statements = {name: sql for name, sql in execute(connection, listed) if only is None or name in only}
    types: dict[tuple[str, str], str] = {}
    identity, hidden = set(), set()
    notes: dict[str, list[str]] = {}
    indexes: dict[str, list[Index]] = {}
    for name in statements:
        info = execute(connection, f"SELECT name, type, pk, hidden FROM pragma_table_xinfo({literal(name)})").fetchall()
        types |= {(name, column): _bare(declared, generated) for column, declared, _, generated in info}
        hidden |= {(name, column) for column, _, _, generated in info if generated in (2, 3)}
        keys = [(column, declared) for column, declared, pk, _ in info if pk]
        if len(keys) == 1 and keys[0][1].upper() == "INTEGER":
            identity.add((name, keys[0][0]))  # an alias of the rowid
        triggers = execute(connection, f"SELECT name FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = {literal(name)}")
        notes[name] = [f"trigger {row[0]}" for row in triggers]
        indexes[name] = _indexes(connection, name)
    found = inspection.tables(connection, schema, canonical, types, list(statements), frozenset(identity), notes, indexes=indexes)
    return [_dressed(t, statements[t.name.name], hidden) for t in found]


def _bare(declared: str, generated: int) -> str:
    """The declared type, without the words before AS of a generated column, which SQLite counts to it."""
    return re.sub(r"(?i)\s*\bgenerated always$", "", declared) if generated in (2, 3) else declared


def _indexes(connection: sa.Connection, table: str) -> list[Index]:
    """The table's indexes; an automatic one is a unique constraint, which has no name of its own here."""
    found = []
    listed = f'SELECT l.name, "unique", origin, s.sql FROM pragma_index_list({literal(table)}) l'
    joined = " LEFT JOIN sqlite_schema s ON s.name = l.name AND s.type = 'index'"
    for name, unique, origin, sql in execute(connection, listed + joined).fetchall():
        rows = execute(connection, f"SELECT name, desc, coll FROM pragma_index_xinfo({literal(name)}) WHERE key ORDER BY seqno").fetchall()
        columns = tuple(row[0] for row in rows)
        if origin == "u":
            found.append(Index(f"uq_{table}_{'_'.join(columns)}", columns, unique=True))
        elif origin == "c":
            texts, where = create_table_parser.index(sql)
            plain = not where and None not in columns and not any(desc or coll.upper() != "BINARY" for _, desc, coll in rows)
            parts = () if plain else tuple(_part(row, text) for row, text in zip(rows, texts, strict=True))
            found.append(Index(name, columns if plain else (), bool(unique), parts, where))
    return sorted(found, key=lambda index: (not index.unique, index.name))


def _part(row: Sequence[Any], text: str) -> Part:
    column, falling, collation = row
    text = re.sub(r"(?is)\s+(?:asc|desc)$", "", text)
    order = " ".join(
        w for w in (f"COLLATE {collation}" if collation.upper() != "BINARY" and column else "", "DESC" if falling else "") if w
    )
    return Part(column, "", order) if column else Part("", text, order)


def _dressed(table: Table, statement: str, hidden: Collection[tuple[str, str]]) -> Table:
    """`table` with what only its CREATE TABLE says: checks, generated columns, collations."""
    columns, checks = create_table_parser.table(statement)
    said = {c.name: c for c in columns}

    def dressed(column: Column) -> Column:
        own = said.get(column.name)
        if own is None:
            return column
        collation = own.collation if own.collation.upper() != "BINARY" else ""
        if (table.name.name, column.name) in hidden:
            return replace(column, default=None, expression="", generated=own.generated, stored=own.stored, collation=collation)
        return replace(column, collation=collation)

    notes = [f"that it is {word}" for word in create_table_parser.options(statement) if word in ("STRICT", "WITHOUT")]
    notes += ["AUTOINCREMENT: the number of a deleted row may be given again"] * any(
        t.says("AUTOINCREMENT") for t in create_table_parser.tokens(statement)
    )
    return replace(
        table,
        columns=tuple(map(dressed, table.columns)),
        notes=(*table.notes, *(n.replace("WITHOUT", "WITHOUT ROWID") for n in notes)),
        dialect=dialect,
        checks=tuple(Check(name, text) for name, text in checks),
    )


def left_behind(connection: sa.Connection, schema: str | None) -> list[tuple[str, str]]:
    found = execute(connection, "SELECT name FROM sqlite_schema WHERE type = 'view' ORDER BY name")
    return [("view", row[0]) for row in found]


def cuts(connection: sa.Connection, name: TableName, pieces: int) -> list[str]:
    return []


def begin_snapshot(connection: sa.Connection, *others: sa.Connection) -> bool:
    with _unwritten(connection.engine) if others else nullcontext(True) as alike:
        for each in (connection, *others) if alike else (connection,):
            execute(each, "SELECT count(*) FROM sqlite_schema").scalar_one()  # the first read of the transaction takes the snapshot
    return alike


@contextmanager
def _unwritten(engine: sa.Engine) -> Iterator[bool]:
    """Keep everybody from writing for a moment; answers whether that could be done: not while another writes, or in a file to be read only.

    Nothing is written by it, https://www.sqlite.org/lang_transaction.html.
    """
    with closing(engine.raw_connection()) as held:
        driver = held.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        driver.execute("PRAGMA busy_timeout = 1000")
        unwritten = sqlite_rows.may_write(held.info.get(_HANDLE, 0))  # or its BEGIN would be a reader's
        try:
            driver.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            unwritten = False
        yield unwritten


def read(connection: sa.Connection, select: str, columns: Sequence[Column], room: Room = USUAL) -> Iterator[pa.RecordBatch]:
    driver = _driver(connection)
    if handle := connection.connection.info.get(_HANDLE, 0):
        yield from sqlite_rows.compiled(driver, handle, select, columns, room.batch)
    else:
        yield from sqlite_rows.plain(driver, select, columns, room.batch)


def write(connection: sa.Connection, name: TableName, columns: Sequence[Column], batches: Iterable[pa.RecordBatch]) -> None:
    driver = _driver(connection)
    fields = ", ".join(quoted(c.name) for c in columns)
    places = ", ".join("?" * len(columns))
    try:
        driver.executemany(f"INSERT INTO {qualified(name)} ({fields}) VALUES ({places})", _rows(batches, columns))
    except (sqlite3.Error, OverflowError) as error:
        what, where, fix = f"{name} refused rows", f"table {name}", "cast or filter the values in the migration, or correct the key"
        if isinstance(error, sqlite3.IntegrityError | sqlite3.DataError | OverflowError) and not str(error).startswith("UNIQUE"):
            null = str(error).removeprefix(f"NOT NULL constraint failed: {name.name}.")
            raise RowsRefused(what, where, str(error), fix, null if null != str(error) else "") from None
        raise LoadFailed(what, where, str(error), fix) from None


def _rows(batches: Iterable[pa.RecordBatch], columns: Sequence[Column]) -> Iterator[tuple[Any, ...]]:
    for batch in batches:
        values = [_held(array, c).to_pylist() for array, c in zip(batch.columns, columns, strict=True)]
        del batch  # SQLite copies a row twice
        yield from zip(*values, strict=True)
        del values


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
        rows = execute(connection, f"SELECT name FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = {literal(table.name)}")
        found += [Dependent("trigger", row[0], table, follows=False) for row in rows]
    return found


def unbind(connection: sa.Connection, tables: Sequence[TableName]) -> Unbound:
    return Unbound()  # foreign keys are not enforced here


def links(connection: sa.Connection, tables: Sequence[TableName]) -> list[Link]:
    return []  # see unbind


def cut(link: Link, place: TableName) -> str:
    raise NotImplementedError


def version(connection: sa.Connection) -> str:
    return f"SQLite {execute(connection, 'SELECT sqlite_version()').scalar_one()}"


assess = file.assess
sizes = file.sizes


def _driver(connection: sa.Connection) -> sqlite3.Connection:
    if not connection.in_transaction():
        connection.begin()
    driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    return driver
