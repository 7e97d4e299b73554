"""DuckDB: one file, one writing process, Arrow in and out without a copy.

Manual: https://duckdb.org/docs/stable/sql/statements/alter_table (a table with a secondary index or a foreign
key on it can't be renamed, so neither is made here; unique constraints are).
"""

from __future__ import annotations

import random
import re
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from penstock.databases import Dependent, Link, Move, Unbound, execute
from penstock.databases._shared import column_checks, create_table_parser, inspection, lengths, moments
from penstock.databases._shared.ansi import literal, qualified, quoted
from penstock.databases._shared.column_checks import Refusal
from penstock.databases._shared.faults import unread
from penstock.databases.duckdb import file, lists
from penstock.databases.duckdb import types as duckdb_types
from penstock.databases.duckdb.types import TYPES
from penstock.errors import LoadFailed, RowsRefused
from penstock.model.schema import TEXTS, Check, Column, Index, Part, Table, TableName, Type, arrow_schema
from penstock.runtime.memory import USUAL, Room

label = "DuckDB"
drivername = "duckdb"
quote_character = '"'
max_identifier = 1000
own_names = frozenset({"index", "foreign key", "check"})
refused_names = ""
folds_tables = True
snapshot = "run"
ddl_in_transaction = True
session_lock = None
parallel_writers = False
ordered_keys = False
row_place = ""
keys_after_load = True
more_memory = "RESET memory_limit"
copies = (2, 2)
vector = 2048  # and at a checkpoint so many of each column, at least
secondary_indexes = False
foreign_keys = False
dialect = "duckdb"
holds = frozenset({"check", "comment", "virtual"})
shared_names: frozenset[str] = frozenset()
keep_numbers = ""
follows_renames = True
embedded = True
exchange = None
oldest = {"DuckDB": (1, 2)}
kept_types = ""
loose = frozenset({"date", "timestamp", "timestamptz", "time"})  # infinity, nanoseconds

BATCH_ROWS = 65_536
MEMORY_LIMIT = "256MB"
_AS_TEXT = frozenset({"unsupported", "uuid", "json", "jsonb", "enum", "int128", "uint128", "number", "timetz", "bits", "varbits"})
_NESTED = ("STRUCT", "MAP", "UNION", "VARIANT")
_INTERVAL = (
    "(datepart('year', {0}) * 12 + datepart('month', {0})) || ' months ' || datepart('day', {0}) || ' days '"
    " || (datepart('hour', {0}) * 3600000000 + datepart('minute', {0}) * 60000000 + datepart('microsecond', {0})) || ' microseconds'"
)
_VALUE = re.compile(r"'.*'|\".*\"|(?<=with value )\S+")
_SOURCE = re.compile(r" when casting from source column c(\d+)$")
_MOMENTS = frozenset({"date", "timestamp", "timestamptz"})

canonical = duckdb_types.canonical
exact = TYPES.exact


def folded(name: str) -> str:
    return "".join(c.lower() if c.isascii() else c for c in name)


def native(type: Type, identity: bool = False) -> str:
    return TYPES.counterpart(type)[0]


def refuses(column: Column) -> list[Refusal]:
    if column.type.name == "enum":
        return [column_checks.unlabelled(column.type.labels)]
    return [column_checks.unlike_uuid()] if column.type.name == "uuid" else []


def key_native(type: Type) -> str | None:
    return None


def read_expression(column: Column) -> str:
    name = quoted(column.name)
    if column.type.name == "unsupported" and column.native.startswith(_NESTED) | column.native.endswith("]"):
        return f"CAST(to_json({name}) AS VARCHAR)"
    if column.type.name == "interval":
        return _INTERVAL.format(name)
    if column.type.element and column.native.endswith("]"):
        return lists.to_text(name, column.type.element)
    return f"CAST({name} AS VARCHAR)" if column.type.name in _AS_TEXT else name


def _written_expression(column: Column, place: str) -> str:
    """The SQL that makes the column's value of what `write` hands over, which stands at `place`."""
    if column.type.element and column.native.endswith("]"):
        return lists.from_text(place, column.type.element, native(column.type.element))
    if column.type.name in ("bits", "varbits"):  # of no bits it would make one
        return f"CASE WHEN {place} = '' THEN error({place} || 'a bit string without a bit') ELSE CAST({place} AS BIT) END"
    return f"CAST({place} AS {native(column.type)})" if column.type.arrow == pa.decimal256(39, 0) else place


def key_expression(column: Column) -> str:
    return f"encode(CAST({quoted(column.name)} AS VARCHAR))" if column.type.name in TEXTS else quoted(column.name)


def key_literal(value: int | str, column: Column) -> str:
    if isinstance(value, int):
        return str(value)
    return f"from_hex('{value.encode().hex()}')" if column.type.name in TEXTS else f"CAST('{value}' AS {native(column.type)})"


def key_value(column: Column) -> str:
    return quoted(column.name) if column.type.arrow in _INTEGERS else f"CAST({quoted(column.name)} AS VARCHAR)"


_INTEGERS = {pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()}


def moment(column: Column) -> str:
    return quoted(column.name)


def moment_literal(moment: str, column: Column) -> str:
    offset = "+00" if column.type.name == "timestamptz" else ""
    return f"CAST('{moment}{offset}' AS {native(column.type)})"


def shadow(live: TableName, migration: str, token: str = "") -> TableName:
    return TableName(f"penstock_new{'_' if token else ''}{token}__{live.name}", live.schema)


def kept(live: TableName, migration: str, token: str) -> TableName:
    return TableName(f"penstock_old_{token}__{live.name}", live.schema)


def octets(column: Column) -> str:
    if not lengths.may_be_long(column):
        return ""
    return f"octet_length({quoted(column.name)})" if column.native == "BLOB" else f"strlen({read_expression(column)})"


def bound(memory: int) -> list[str]:
    return [f"SET memory_limit = '{memory} bytes'"] if memory else [more_memory]


def schemas(names: Iterable[TableName]) -> list[str]:
    return []


def moves(moves: Sequence[Move]) -> list[str]:
    return [f"ALTER TABLE {qualified(old)} RENAME TO {quoted(new.name)}" for old, new in moves]


def drops(names: Sequence[TableName]) -> list[str]:
    return [f"DROP TABLE IF EXISTS {qualified(name)}" for name in names]


def hold(shadows: Sequence[TableName], patience: int) -> list[str]:
    return []  # one writer at a time


def broken_key(error: sa.exc.DBAPIError) -> str | None:
    return None  # no foreign key is enforced


def lock_refused(error: sa.exc.DBAPIError) -> bool:
    return "locked" in str(error.orig).lower()


def renumber(table: Table, name: TableName) -> list[str]:
    return []


def engine(url: sa.URL) -> sa.Engine:
    made = sa.create_engine(url, poolclass=sa.pool.NullPool)
    sa.event.listen(made, "do_connect", _connected)

    @sa.event.listens_for(made, "connect")
    def _session(connection: Any, _: object) -> None:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(f"SET memory_limit = '{MEMORY_LIMIT}'")

    return made


PATIENCE = 60.0
"""Seconds to wait until another process closes the file."""


def _connected(dialect: sa.Dialect, record: object, arguments: list[Any], settings: dict[str, Any]) -> Any:
    """A connection, when no other process has the file open: DuckDB lets in one, and runs of several intervals take turns."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            return dialect.connect(*arguments, **settings)
        except dialect.loaded_dbapi.Error as error:
            if "Could not set lock" not in str(error) or time.monotonic() > end:
                raise
            time.sleep(random.uniform(0.05, 0.3))


def inspect(connection: sa.Connection, schema: str | None, only: Sequence[str] | None = None) -> list[Table]:
    where = f"schema_name = {'current_schema()' if schema is None else literal(schema)} AND database_name = current_database()"
    types = {
        (row[0], row[1]): row[2]
        for row in execute(connection, f"SELECT table_name, column_name, data_type FROM duckdb_columns() WHERE {where}")
    }
    indexes = _indexes(connection, where)
    found = inspection.tables(connection, schema, canonical, types, only, indexes=indexes)
    made = {row[0]: row[1:] for row in execute(connection, f"SELECT table_name, sql, comment FROM duckdb_tables() WHERE {where}")}
    told = f"SELECT table_name, column_name, comment FROM duckdb_columns() WHERE comment IS NOT NULL AND {where}"
    comments = {(row[0], row[1]): row[2] for row in execute(connection, told)}
    return [_dressed(t, made[t.name.name][0], made[t.name.name][1], comments) for t in found]


def _indexes(connection: sa.Connection, where: str) -> dict[str, list[Index]]:
    """Unique constraints, then indexes, which are read from what DuckDB writes of them."""
    found: dict[str, list[Index]] = defaultdict(list)
    unique = "SELECT table_name, constraint_name, constraint_column_names FROM duckdb_constraints() WHERE constraint_type = 'UNIQUE'"
    for table, name, columns in execute(connection, f"{unique} AND {where}"):
        found[table].append(Index(name or f"uq_{table}_{'_'.join(columns)}", tuple(columns), unique=True))
    for table, name, repeated, sql in execute(
        connection, f"SELECT table_name, index_name, is_unique, sql FROM duckdb_indexes() WHERE {where}"
    ):
        parts = [create_table_parser.tokens(p) for p in create_table_parser.index(sql)[0]]
        if all(len(p) == 1 and p[0].kind in ("name", "word") for p in parts):
            found[table].append(Index(name, tuple(p[0].value for p in parts), repeated))
        else:
            found[table].append(Index(name, (), repeated, tuple(Part(expression=p) for p in create_table_parser.index(sql)[0])))
    return found


def _dressed(table: Table, sql: str, comment: str | None, comments: Mapping[tuple[str, str], str]) -> Table:
    """`table` with what its CREATE TABLE says: checks, generated columns, collations; and its comments."""
    columns, checks = create_table_parser.table(sql)
    said = {c.name: c for c in columns}

    def dressed(column: Column) -> Column:
        own = said[column.name]
        made = replace(column, comment=comments.get((table.name.name, column.name), ""), collation=own.collation)
        return replace(made, default=None, expression="", generated=own.generated, stored=False) if own.generated else made

    made = tuple(map(dressed, table.columns))
    return replace(table, columns=made, dialect=dialect, checks=tuple(Check(n, e) for n, e in checks), comment=comment or "")


def left_behind(connection: sa.Connection, schema: str | None) -> list[tuple[str, str]]:
    home = "current_schema()" if schema is None else literal(schema)
    asked = {
        "view": f"SELECT view_name FROM duckdb_views() WHERE NOT internal AND schema_name = {home}",
        "sequence": f"SELECT sequence_name FROM duckdb_sequences() WHERE schema_name = {home}",
        "macro": f"SELECT DISTINCT function_name FROM duckdb_functions() WHERE NOT internal AND schema_name = {home}",
        "type": f"SELECT type_name FROM duckdb_types() WHERE NOT internal AND schema_name = {home}",
    }
    here = " AND database_name = current_database() ORDER BY 1"
    return [(kind, row[0]) for kind, query in asked.items() for row in execute(connection, query + here)]


def cuts(connection: sa.Connection, name: TableName, pieces: int) -> list[str]:
    return []


def begin_snapshot(connection: sa.Connection, *others: sa.Connection) -> bool:
    execute(connection, "SELECT 1 FROM duckdb_tables() LIMIT 0")  # SQLAlchemy's transaction has begun; this takes its snapshot
    return not others


def read(connection: sa.Connection, select: str, columns: Sequence[Column], room: Room = USUAL) -> Iterator[pa.RecordBatch]:
    schema = arrow_schema(columns)
    with _driver(connection).sql(select).to_arrow_reader(BATCH_ROWS) as reader:  # left open, it would keep out the next statement
        for batch in reader:
            arrays = [_exactly(array, column) for array, column in zip(batch.columns, columns, strict=True)]
            yield pa.RecordBatch.from_arrays(arrays, schema=schema)


def _exactly(array: pa.Array, column: Column) -> pa.Array:
    """The column's values as its canonical type has them. Raises ReadFailed."""
    kind = column.type
    try:
        made = array if array.type == kind.arrow else array.cast(kind.arrow)
        if kind.name in _MOMENTS:
            # infinity, as Arrow is given it: a number like the others
            most = 2 ** (kind.arrow.bit_width - 1) - 1
            found = moments.extent(array if array.type.bit_width == kind.arrow.bit_width else made)
            if found and (found[0] <= -most or found[1] >= most):
                raise pa.ArrowInvalid("infinity")
        return made
    except pa.ArrowInvalid as error:
        raise unread(column, str(error)) from None


def write(connection: sa.Connection, name: TableName, columns: Sequence[Column], batches: Iterable[pa.RecordBatch]) -> None:
    import duckdb

    driver = _driver(connection)
    if _indexed(connection, name):  # which must fit into the memory, https://duckdb.org/docs/stable/sql/indexes
        driver.execute(more_memory)
    fields = ", ".join(quoted(c.name) for c in columns)
    values = ", ".join(_written_expression(c, f"c{i}") for i, c in enumerate(columns))
    for batch in batches:
        # DuckDB takes no decimals of more than 38 digits from Arrow
        given = [a.cast(pa.string()) if pa.types.is_decimal256(a.type) else a for a in batch.columns]
        driver.register("penstock_batch", pa.table(given, names=[f"c{i}" for i in range(batch.num_columns)]))
        try:
            driver.execute(f"INSERT INTO {qualified(name)} ({fields}) SELECT {values} FROM penstock_batch").fetchall()
        except duckdb.Error as error:
            # the transaction is aborted: not even the batch can be unregistered in it
            raise _refused(name, error, columns) from None
        driver.unregister("penstock_batch")


def _refused(name: TableName, error: Exception, columns: Sequence[Column]) -> LoadFailed:
    """The fault that an error of the driver is. What it quotes stays out: it may be a sensitive column's value."""
    import duckdb

    said = str(error).splitlines()[0]
    what, where, fix = f"{name} refused rows", f"table {name}", "widen the target column, or cast or filter the values in the migration"
    by_values = isinstance(error, duckdb.DataError | duckdb.IntegrityError | duckdb.InvalidInputException)
    if not by_values or "uplicate key" in said or "PRIMARY KEY or UNIQUE" in said:
        return LoadFailed(what, where, said, fix)
    null = said.partition(f"NOT NULL constraint failed: {name.name}.")[2]
    source = _SOURCE.search(said)
    column = columns[int(source[1])].name if source else null
    where += f", column {column}" if column else ""
    return RowsRefused(what, where, said if null else _VALUE.sub("a value", _SOURCE.sub("", said)), fix, column)


def _indexed(connection: sa.Connection, name: TableName) -> bool:
    """Whether rows that are written go into an index."""
    where = f"table_name = {literal(name.name)} AND schema_name = {literal(name.schema) if name.schema else 'current_schema()'}"
    query = f"SELECT count(*) FROM duckdb_constraints() WHERE {where} AND constraint_type IN ('PRIMARY KEY', 'UNIQUE')"
    return bool(execute(connection, query).scalar_one())


def seal(connection: sa.Connection, name: TableName) -> str | None:
    row = execute(connection, f"SELECT count(*), sum(hash(t)::HUGEINT) FROM {qualified(name)} AS t").one()
    return f"{row[0]}:{row[1]}"


def dependents(connection: sa.Connection, tables: Sequence[TableName]) -> list[Dependent]:
    found = []
    for table in tables:
        where = f"table_name = {literal(table.name)} AND database_name = current_database()"
        if table.schema:
            where += f" AND schema_name = {literal(table.schema)}"
        for (index,) in execute(connection, f"SELECT index_name FROM duckdb_indexes() WHERE {where}"):
            found.append(Dependent("index", index, table, follows=False))
        referring = (
            "SELECT table_name, constraint_name FROM duckdb_constraints() WHERE constraint_type = 'FOREIGN KEY' AND"
            f" (referenced_table = {literal(table.name)} OR {where})"
        )
        for owner, constraint in execute(connection, referring):
            found.append(Dependent("foreign key", f"{constraint} of {owner}", table, follows=False))
    return found


def unbind(connection: sa.Connection, tables: Sequence[TableName]) -> Unbound:
    return Unbound()  # no table of ours has foreign keys here


def links(connection: sa.Connection, tables: Sequence[TableName]) -> list[Link]:
    return []  # see unbind


def cut(link: Link, place: TableName) -> str:
    raise NotImplementedError


def version(connection: sa.Connection) -> str:
    return f"DuckDB {execute(connection, 'SELECT version()').scalar_one()}"


assess = file.assess
sizes = file.sizes


def _driver(connection: sa.Connection):  # type: ignore[no-untyped-def]
    """The driver's own connection, inside SQLAlchemy's transaction."""
    if not connection.in_transaction():
        connection.begin()
    return connection.connection.driver_connection
