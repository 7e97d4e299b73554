"""SQL expressions over the columns of an Arrow table, by DuckDB: the shared engine of several transforms."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import duckdb

from penstock.errors import TransformFailed

if TYPE_CHECKING:
    import pyarrow as pa

_LOCAL = threading.local()


def connection() -> duckdb.DuckDBPyConnection:
    """This thread's own in-memory DuckDB, which can reach no file and no network."""
    if not hasattr(_LOCAL, "connection"):
        settings: dict[str, str | bool | int | float | list[str]] = {"threads": 1, "enable_external_access": False}
        _LOCAL.connection = duckdb.connect(config=settings)
    made: duckdb.DuckDBPyConnection = _LOCAL.connection
    return made


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def literal(value: object) -> str:
    """A YAML scalar as SQL."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    return str(value) if isinstance(value, int | float) else "'" + str(value).replace("'", "''") + "'"


def selected(table: pa.Table, fields: str, where: str = "") -> pa.Table:
    """`SELECT fields FROM table`. Raises TransformFailed with DuckDB's reason; of row values it holds none but the first."""
    duck = connection()
    duck.register("rows", table)
    try:
        return duck.sql(f"SELECT {fields} FROM rows" + (f" WHERE {where}" if where else "")).to_arrow_table()
    except duckdb.Error as error:
        raise TransformFailed("an expression could not be evaluated", why=str(error).splitlines()[0]) from None
    finally:
        duck.unregister("rows")


def typed(text: str, empty: pa.Table) -> pa.DataType:
    """The Arrow type of an expression over the rows of `empty`, a table without rows.

    Raises TransformFailed when it isn't one expression over one row: an aggregate, a window, a subquery.
    """
    duck = connection()
    parsed = str(duck.execute("SELECT json_serialize_sql($1)", [f"SELECT ({text})"]).fetchall()[0][0]).replace(" ", "")
    for mark, kind in (('"class":"WINDOW"', "a window"), ('"class":"SUBQUERY"', "a subquery")):
        if mark in parsed:
            raise TransformFailed(f"{text!r} is not an expression over a row", why=f"it has {kind}; a step sees one row at a time")
    found = selected(empty, f"({text}) AS found")
    if found.num_rows:
        # only an aggregate gives a row for no rows
        raise TransformFailed(f"{text!r} is not an expression over a row", why="it has an aggregate; a step sees one row at a time")
    return found.schema.field(0).type
