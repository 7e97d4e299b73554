"""DuckDB: one file, one writing process, Arrow in and out without a copy.

Manual: https://duckdb.org/docs/stable/sql/statements/alter_table (a table with a secondary index or a foreign
key on it can't be renamed, so neither is made here; unique constraints are).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import pyarrow as pa
import sqlalchemy as sa

from penstock.databases import Dependent, Move, execute, inspection
from penstock.errors import LoadFailed, ReadFailed, UnsupportedType
from penstock.schema import TEXTS, Column, Table, TableName, Type, arrow_schema

label = "DuckDB"
drivername = "duckdb"
quote_character = '"'
max_identifier = 1000
snapshot = "run"
ddl_in_transaction = True
parallel_writers = False
ordered_keys = False
row_place = ""
keys_after_load = True
secondary_indexes = False
foreign_keys = False
shared_names: frozenset[str] = frozenset()
follows_renames = True

BATCH_ROWS = 65_536

_CANONICAL = {
    "BOOLEAN": "boolean",
    "TINYINT": "int8",
    "SMALLINT": "int16",
    "INTEGER": "int32",
    "BIGINT": "int64",
    "UTINYINT": "uint8",
    "USMALLINT": "uint16",
    "UINTEGER": "uint32",
    "UBIGINT": "uint64",
    "FLOAT": "float32",
    "DOUBLE": "float64",
    "VARCHAR": "string",
    "BLOB": "binary",
    "DATE": "date",
    "TIME": "time",
    "TIMESTAMP": "timestamp",
    "TIMESTAMP WITH TIME ZONE": "timestamptz",
    "JSON": "json",
    "UUID": "uuid",
}
_NATIVE = {name: written for written, name in _CANONICAL.items()} | {
    "year": "SMALLINT",
    "enum": "VARCHAR",
    "set": "VARCHAR",
    "geometry": "BLOB",
}
_DECIMAL = re.compile(r"DECIMAL\((\d+),\s*(\d+)\)")
_ENUM = re.compile(r"ENUM\((.*)\)", re.DOTALL)


def canonical(native: str) -> Type:
    if match := _DECIMAL.fullmatch(native):
        return Type("decimal", precision=int(match[1]), scale=int(match[2]))
    if match := _ENUM.fullmatch(native):
        return Type.parse(f"enum({match[1]})")
    return Type(_CANONICAL.get(native, "unsupported"))


def native(type: Type, identity: bool = False) -> str:
    if type.name == "decimal" and (type.precision or 0) <= 38:
        return f"DECIMAL({type.precision},{type.scale})"
    if type.name not in _NATIVE:
        raise UnsupportedType(
            f"DuckDB has no counterpart for {type}", fix="cast it: decimal(38,s) when the digits fit, string to keep every digit"
        )
    return _NATIVE[type.name]


def key_native(type: Type) -> str | None:
    return None


def read_expression(column: Column) -> str:
    name = _quote(column.name)
    if column.type.name in ("unsupported", "uuid", "json", "enum"):
        return f"CAST({name} AS VARCHAR)"
    return name


def key_expression(column: Column) -> str:
    return f"encode(CAST({_quote(column.name)} AS VARCHAR))" if column.type.name in TEXTS else _quote(column.name)


def key_literal(value: int | str, column: Column) -> str:
    if isinstance(value, int):
        return str(value)
    return f"from_hex('{value.encode().hex()}')" if column.type.name in TEXTS else f"CAST('{value}' AS {native(column.type)})"


def key_value(column: Column) -> str:
    return _quote(column.name) if column.type.arrow in _INTEGERS else f"CAST({_quote(column.name)} AS VARCHAR)"


_INTEGERS = {pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()}


def shadow(live: TableName, migration: str) -> TableName:
    return TableName(f"penstock_new__{live.name}", live.schema)


def kept(live: TableName, migration: str, token: str) -> TableName:
    return TableName(f"penstock_old_{token}__{live.name}", live.schema)


def schemas(names: Iterable[TableName]) -> list[str]:
    return []


def moves(moves: Sequence[Move]) -> list[str]:
    return [f"ALTER TABLE {_qualified(old)} RENAME TO {_quote(new.name)}" for old, new in moves]


def drops(names: Sequence[TableName]) -> list[str]:
    return [f"DROP TABLE IF EXISTS {_qualified(name)}" for name in names]


def hold(shadows: Sequence[TableName], patience: int) -> list[str]:
    return []  # one writer at a time


def renumber(table: Table, name: TableName) -> list[str]:
    return []


def engine(url: sa.URL) -> sa.Engine:
    return sa.create_engine(url, poolclass=sa.pool.NullPool)


def inspect(connection: sa.Connection, schema: str | None, only: Sequence[str] | None = None) -> list[Table]:
    where = f"schema_name = {'current_schema()' if schema is None else _text(schema)} AND database_name = current_database()"
    types = {
        (row[0], row[1]): row[2]
        for row in execute(connection, f"SELECT table_name, column_name, data_type FROM duckdb_columns() WHERE {where}")
    }
    found = inspection.tables(connection, schema, canonical, types, only)
    noted = execute(connection, f"SELECT table_name, index_name FROM duckdb_indexes() WHERE {where}").fetchall()
    return [_noted(table, [i for owner, i in noted if owner == table.name.name]) for table in found]


def cuts(connection: sa.Connection, name: TableName, pieces: int) -> list[str]:
    return []


def begin_snapshot(connection: sa.Connection, *others: sa.Connection) -> bool:
    execute(connection, "SELECT 1 FROM duckdb_tables() LIMIT 0")  # SQLAlchemy's transaction has begun; this takes its snapshot
    return not others


def read(connection: sa.Connection, select: str, columns: Sequence[Column]) -> Iterator[pa.RecordBatch]:
    schema = arrow_schema(columns)
    reader = _driver(connection).sql(select).to_arrow_reader(BATCH_ROWS)
    for batch in reader:
        arrays = []
        for array, column in zip(batch.columns, columns, strict=True):
            try:
                arrays.append(array if array.type == column.type.arrow else array.cast(column.type.arrow))
            except pa.ArrowInvalid as error:
                what, where = f"a value of {column.name} is not a {column.type}", f"column {column.name}"
                raise ReadFailed(what, where=where, why=str(error)) from None
        yield pa.RecordBatch.from_arrays(arrays, schema=schema)


def write(connection: sa.Connection, name: TableName, columns: Sequence[Column], batches: Iterable[pa.RecordBatch]) -> None:
    import duckdb

    driver = _driver(connection)
    fields = ", ".join(_quote(c.name) for c in columns)
    for batch in batches:
        driver.register("penstock_batch", pa.table(batch.columns, names=[f"c{i}" for i in range(batch.num_columns)]))
        try:
            driver.execute(f"INSERT INTO {_qualified(name)} ({fields}) SELECT * FROM penstock_batch").fetchall()
        except duckdb.Error as error:
            raise LoadFailed(
                f"{name} refused rows",
                where=f"table {name}",
                why=str(error).splitlines()[0],
                fix="widen the target column, or cast or filter the values in the migration",
            ) from None  # the transaction is aborted: not even the batch can be unregistered in it
        driver.unregister("penstock_batch")


def seal(connection: sa.Connection, name: TableName) -> str | None:
    row = execute(connection, f"SELECT count(*), sum(hash(t)::HUGEINT) FROM {_qualified(name)} AS t").one()
    return f"{row[0]}:{row[1]}"


def dependents(connection: sa.Connection, tables: Sequence[TableName]) -> list[Dependent]:
    found = []
    for table in tables:
        where = f"table_name = {_text(table.name)} AND database_name = current_database()"
        if table.schema:
            where += f" AND schema_name = {_text(table.schema)}"
        for (index,) in execute(connection, f"SELECT index_name FROM duckdb_indexes() WHERE {where}"):
            found.append(Dependent("index", index, table, follows=False))
        referring = (
            "SELECT table_name, constraint_name FROM duckdb_constraints() WHERE constraint_type = 'FOREIGN KEY' AND"
            f" (referenced_table = {_text(table.name)} OR {where})"
        )
        for owner, constraint in execute(connection, referring):
            found.append(Dependent("foreign key", f"{constraint} of {owner}", table, follows=False))
    return found


def version(connection: sa.Connection) -> str:
    return f"DuckDB {execute(connection, 'SELECT version()').scalar_one()}"


def _driver(connection: sa.Connection):  # type: ignore[no-untyped-def]
    """The driver's own connection, inside SQLAlchemy's transaction."""
    if not connection.in_transaction():
        connection.begin()
    return connection.connection.driver_connection


def _noted(table: Table, indexes: Sequence[str]) -> Table:
    carried = {i.name for i in table.indexes}
    return replace(table, notes=(*table.notes, *(f"index {i}" for i in indexes if i not in carried)))


def _quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _qualified(name: TableName) -> str:
    return ".".join(_quote(p) for p in (name.schema, name.name) if p)


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
