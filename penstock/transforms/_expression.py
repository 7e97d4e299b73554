"""SQL expressions over the rows of an Arrow table, by DuckDB: what several transforms compute with.

An expression uses one row and nothing else, and gives the same value for the same row every time: a chunk that is transformed again must
have the same rows.
"""

from __future__ import annotations

import json
import math
import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from penstock.errors import BadValues, TransformFailed
from penstock.runtime.nearest import nearest

if TYPE_CHECKING:
    import pyarrow as pa

_LOCAL = threading.local()
# What DuckDB does not list as changing from call to call: its clocks, and what gives several rows for one.
_CLOCKS = frozenset({"ago", "current_time", "current_timestamp", "localtime", "localtimestamp"})
# What only takes time; and what makes a value as long as a number says, and how long it may be.
_IDLE = frozenset({"pg_sleep", "sleep_ms"})
_LENGTHENING = frozenset({"repeat", "lpad", "rpad", "range", "generate_series", "list_resize", "array_resize"})
_LONGEST = 1_000_000
_BREAKS = {"WINDOW": "a window", "SUBQUERY": "a subquery", "STAR": "a star"}


def selected(table: pa.Table, fields: str, parameters: Sequence[object] = ()) -> pa.Table:
    """`SELECT fields FROM table`: a row for every row, in their order. Raises TransformFailed."""
    with _relation(table, fields, parameters) as relation:
        found = relation.to_arrow_table()
    if found.num_rows != table.num_rows:
        raise TransformFailed(
            "the expression does not give one value for each row", why=f"it made {found.num_rows} rows from {table.num_rows}"
        )
    return found


def type_of(text: str, schema: pa.Schema) -> str:
    """DuckDB's name for the type of an expression over rows of `schema`.

    Raises TransformFailed when it can't be evaluated, or is not of one row: an aggregate, a window, the time of day.
    """
    fault = _fault(text, schema)
    if fault:
        fix = "use only columns of the row, and functions that give the same result every time"
        raise TransformFailed(f"{text!r} is not an expression over one row", why=fault, fix=fix)
    with _relation(schema.empty_table(), f"({text}\n) AS found") as relation:
        found = str(relation.types[0])
        if relation.to_arrow_table().num_rows:
            # only an aggregate answers a row where there is none
            raise TransformFailed(f"{text!r} is not an expression over one row", why="it has an aggregate")
    return found


@contextmanager
def _relation(table: pa.Table, fields: str, parameters: Sequence[object] = ()) -> Iterator[Any]:
    import duckdb

    held = table.drop_columns(_too_wide(table.schema))
    session = _session()
    session.register("rows", held)
    try:
        yield session.sql(f"SELECT {fields} FROM rows", params=list(parameters))
    except duckdb.Error as error:
        why = str(error).splitlines()[0]
        what, missing = "an expression can't be evaluated", re.search(r'column "(.*)" not found', why)
        if isinstance(error, duckdb.DataError | duckdb.InvalidInputException):
            raise BadValues(what, why=why) from None
        raise TransformFailed(what, why=why, fix=nearest(missing[1], held.schema.names) if missing else "") from None
    finally:
        session.unregister("rows")


def _session() -> Any:
    """This thread's own in-memory DuckDB: in UTC, and it can reach no file, no network and no Python variable."""
    if not hasattr(_LOCAL, "session"):
        import duckdb

        session = duckdb.connect(config={"threads": 1})
        for setting in ("TimeZone = 'UTC'", "python_enable_replacements = false", "enable_external_access = false"):
            session.execute(f"SET {setting}")
        changing = "SELECT function_name FROM duckdb_functions() WHERE stability <> 'CONSISTENT' AND function_name <> 'error'"
        _LOCAL.changing = _CLOCKS.union(*session.execute(changing).fetchall())
        _LOCAL.session = session
    return _LOCAL.session


def _too_wide(schema: pa.Schema) -> list[str]:
    """The columns that DuckDB can't read: it has no decimals of more than 38 digits."""
    import pyarrow as pa

    return [f.name for f in schema if pa.types.is_decimal256(f.type)]


def _fault(text: str, schema: pa.Schema) -> str | None:
    """Why `text` is not an expression over one row, as far as its syntax tells."""
    node = _parsed(text)
    selected = node.pop("select_list", ())
    bare = _parsed("1")
    del bare["select_list"]
    if len(selected) != 1 or node != bare:
        return "it is more than one expression"
    lowered = [n.lower() for n in schema.names]
    for part in _parts(selected):
        kind = part.get("class")
        if kind in _BREAKS:
            return f"it has {_BREAKS[kind]}"
        fault = None
        if kind == "FUNCTION":
            name = str(part["function_name"]).lower()
            fault = _function_fault(name, len(part["arguments"])) or _length_fault(name, part["arguments"])
        elif kind == "COLUMN_REF":
            fault = _column_fault([n.lower() for n in part["column_names"]], lowered, _too_wide(schema))
        if fault:
            return fault
    return None


def _length_fault(name: str, arguments: Sequence[Any]) -> str | None:
    """Why the value may be too long for a row, as far as the numbers among the arguments tell."""
    if name not in _LENGTHENING:
        return None
    literals = (part.get("literal", {}) for part in _parts(arguments))
    numbers = [float(found["text"]) for found in literals if found.get("kind") in ("INTEGER", "NUMERIC")]
    if math.prod(n for n in numbers if n) > _LONGEST:  # they may be multiplied
        return f"{name} would make a value longer than {_LONGEST:,}"
    return None


def _function_fault(name: str, arguments: int) -> str | None:
    _session()
    if name in _IDLE:
        return f"{name} only waits"
    if name == "unnest":
        return "unnest makes several rows from one"
    if name in _LOCAL.changing or (name == "age" and arguments == 1):
        return f"{name} gives another result each time"
    return None


def _column_fault(names: list[str], known: list[str], too_wide: list[str]) -> str | None:
    for name in names:
        if known.count(name) > 1:
            return f"two columns are called {name!r} except for case, which DuckDB ignores: rename one before this step"
        if name in [w.lower() for w in too_wide]:
            return f"{name!r} has more than 38 digits, which DuckDB does not support: cast it before this step"
    return _function_fault(names[0], 0) if len(names) == 1 and names[0] not in known else None


def _parsed(text: str) -> dict[str, Any]:
    """DuckDB's parse of `SELECT (text)`. Raises TransformFailed."""
    found = _session().sql("SELECT json_serialize_sql($1)", params=[f"SELECT ({text}\n)"]).fetchall()[0][0]
    tree = json.loads(found)
    if tree["error"]:
        raise TransformFailed(f"{text!r} is not an SQL expression", why=tree["error_message"])
    node: dict[str, Any] = tree["statements"][0]["node"]
    return node


def _parts(tree: Any) -> Iterator[dict[str, Any]]:
    """Every object in a parse tree."""
    if isinstance(tree, dict):
        yield tree
    for part in tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ():
        yield from _parts(part)
