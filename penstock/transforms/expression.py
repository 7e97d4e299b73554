"""SQL expressions over the rows of an Arrow table, by DuckDB: what several transforms compute with.

An expression sees one row and nothing else, and says the same of the same row whenever it is asked: a chunk that is
transformed again must come out the same.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import duckdb

from penstock.errors import TransformFailed
from penstock.transforms import nearest

if TYPE_CHECKING:
    import pyarrow as pa

_LOCAL = threading.local()
# Clocks that DuckDB reads without calling a function that it lists as changing.
_CLOCKS = frozenset({"ago", "current_time", "current_timestamp", "localtime", "localtimestamp"})
_BREAKS = {"WINDOW": "a window", "SUBQUERY": "a subquery", "STAR": "a star"}


def _session() -> Any:
    """This thread's own in-memory DuckDB: in UTC, and it can reach no file and no network."""
    if not hasattr(_LOCAL, "connection"):
        made = duckdb.connect(config={"threads": 1})
        for setting in ("TimeZone = 'UTC'", "python_enable_replacements = false", "enable_external_access = false"):
            made.execute(f"SET {setting}")
        listed = "SELECT function_name FROM duckdb_functions() WHERE stability NOT IN ('CONSISTENT') AND function_name <> 'error'"
        _LOCAL.changing = {row[0] for row in made.execute(listed).fetchall()} | _CLOCKS
        _LOCAL.connection = made
    return _LOCAL.connection


def quoted(name: str) -> str:
    """A column's name in an expression."""
    return '"' + name.replace('"', '""') + '"'


def selected(table: pa.Table, fields: str, parameters: Sequence[object] = ()) -> pa.Table:
    """`SELECT fields FROM table`, a row a row, in order. Raises TransformFailed with DuckDB's own reason."""
    import pyarrow as pa

    # DuckDB has no decimals of more than 38 digits: such columns can't be used in expressions
    held = table.select([f.name for f in table.schema if not pa.types.is_decimal256(f.type)])
    session = _session()
    session.register("rows", held)
    try:
        found = session.sql(f"SELECT {fields} FROM rows", params=list(parameters)).to_arrow_table()
    except duckdb.Error as error:
        why = str(error).splitlines()[0]
        missing = re.search(r'column "(.*)" not found', why)
        fix = nearest(missing[1], held.schema.names) if missing else ""
        raise TransformFailed("the expression can't be evaluated", why=why, fix=fix) from None
    finally:
        session.unregister("rows")
    if found.num_rows != table.num_rows:
        raise TransformFailed("the expression is not of one row", why=f"it made {found.num_rows} rows of {table.num_rows}")
    return found


def type_of(text: str, empty: pa.Table) -> str:
    """DuckDB's name for the type of an expression over the rows of `empty`, a table without rows.

    Raises TransformFailed when it isn't an expression over one row: an aggregate, a window, a subquery, the time of day.
    """
    fault = _fault(text, empty.schema.names)
    if fault:
        raise TransformFailed("the expression is not of one row", why=fault, fix="a step sees one row at a time, and nothing else")
    # An aggregate answers a row even where there is none, which `selected` refuses.
    selected(empty, f"({text}\n) AS found")
    return str(selected(empty.slice(0, 0), f"typeof(any_value(({text}\n))) AS found") if False else _described(text, empty))


def _described(text: str, empty: pa.Table) -> str:
    return ""


def _fault(text: str, names: Sequence[str]) -> str | None:
    return None


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    if isinstance(tree, dict):
        yield tree
    for part in tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ():
        yield from _nodes(part)


_ = json
