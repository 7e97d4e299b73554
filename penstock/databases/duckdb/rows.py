"""Rows of DuckDB: Arrow in and out without a copy."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

import pyarrow as pa
import sqlalchemy as sa

from penstock.databases import driver_faults, execute
from penstock.databases._shared import arrow
from penstock.databases._shared.ansi import literal, qualified, quoted
from penstock.databases._shared.faults import unread
from penstock.databases.duckdb import lists, session
from penstock.databases.duckdb.types import TYPES
from penstock.errors import SET_APART, LoadFailed, RowsRefused
from penstock.model.schema import Column, TableName, arrow_schema

BATCH_ROWS = 65_536
MORE_MEMORY = "RESET memory_limit"
_VALUE = re.compile(r"'.*'|\".*\"|(?<=with value )\S+")
_SOURCE = re.compile(r",? when casting from source column c(\d+)$")
_MOMENTS = frozenset({"date", "timestamp", "timestamptz"})


def read(connection: sa.Connection, select: str, columns: Sequence[Column]) -> Iterator[pa.RecordBatch]:
    """The rows of a select of `columns`, as `Database.read` promises. Raises ReadFailed."""
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
            found = arrow.extent(array if array.type.bit_width == kind.arrow.bit_width else made)
            if found and (found[0] <= -most or found[1] >= most):
                raise pa.ArrowInvalid("infinity")
        return made
    except pa.ArrowInvalid as error:
        raise unread(column, str(error)) from None


def write(connection: sa.Connection, name: TableName, columns: Sequence[Column], batches: Iterable[pa.RecordBatch]) -> None:
    """Load the batches as `Database.write` promises. Raises LoadFailed."""
    import duckdb

    driver = _driver(connection)
    if _indexed(connection, name):  # which must fit into the memory, https://duckdb.org/docs/stable/sql/indexes
        driver.execute(MORE_MEMORY)
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
            gone = driver_faults.fault(connection, session.meant(error), str(error))
            raise (gone or _refused(name, error, columns)) from None
        driver.unregister("penstock_batch")


def _refused(name: TableName, error: Exception, columns: Sequence[Column]) -> LoadFailed:
    """The fault that an error of the driver is. What it quotes stays out: it may be a sensitive column's value."""
    import duckdb

    said = str(error).splitlines()[0]
    what, where, fix = f"{name} refused rows", f"table {name}", f"cast or filter the values in the migration, or {SET_APART}"
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


def _written_expression(column: Column, place: str) -> str:
    """The SQL that makes the column's value of what `write` hands over, which stands at `place`."""
    if column.type.element and column.native.endswith("]"):
        return lists.from_text(place, column.type.element, TYPES.counterpart(column.type.element)[0])
    if column.type.name in ("bits", "varbits"):  # of no bits it would make one
        told = f"a bit string without a bit, when casting from source column {place}"
        return f"CASE WHEN {place} = '' THEN error({place} || '{told}') ELSE CAST({place} AS BIT) END"
    return f"CAST({place} AS {TYPES.counterpart(column.type)[0]})" if column.type.arrow == pa.decimal256(39, 0) else place


def _driver(connection: sa.Connection):  # type: ignore[no-untyped-def]
    """The driver's own connection, inside SQLAlchemy's transaction."""
    if not connection.in_transaction():
        connection.begin()
    return connection.connection.driver_connection
