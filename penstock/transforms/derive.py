"""derive: {new: expression} — a column computed from the row's others, in DuckDB's SQL.

Expressions see the row as it was before the step. The column's type is the expression's; DuckDB's 128-bit integers (what a
sum of many makes) become decimal(38,0).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from penstock.errors import BadValues, TransformFailed
from penstock.transforms import Transform, _expression, made, mapping, named, replaced

if TYPE_CHECKING:
    import pyarrow as pa

    from penstock.model.schema import Column, Type

# DuckDB's types as canonical ones; the value is cast to its column's own type where Arrow would carry it as another.
_TYPES = {
    "BOOLEAN": "boolean",
    "TINYINT": "int8",
    "SMALLINT": "int16",
    "INTEGER": "int32",
    "BIGINT": "int64",
    "UTINYINT": "uint8",
    "USMALLINT": "uint16",
    "UINTEGER": "uint32",
    "UBIGINT": "uint64",
    "HUGEINT": "decimal(38,0)",
    "UHUGEINT": "decimal(38,0)",
    "FLOAT": "float32",
    "DOUBLE": "float64",
    "VARCHAR": "string",
    '"NULL"': "string",
    "BLOB": "binary",
    "DATE": "date",
    "TIME": "time",
    "TIMESTAMP_S": "timestamp",
    "TIMESTAMP_MS": "timestamp",
    "TIMESTAMP": "timestamp",
    "TIMESTAMP WITH TIME ZONE": "timestamptz",
    "UUID": "uuid",
    "JSON": "json",
}
_AS = {"decimal(38,0)": "DECIMAL(38,0)", "timestamp": "TIMESTAMP", "string": "VARCHAR"}
_DECIMAL = re.compile(r"DECIMAL\((\d+),\s*(\d+)\)")


def check(args: Any) -> str | None:
    fault = mapping(args, "{new column: SQL expression}")
    odd = next((k for k, v in args.items() if not isinstance(v, str | int | float) or v == ""), None) if not fault else None
    return fault or (f"{odd}: expected an SQL expression" if odd is not None else None)


def schema(columns: tuple[Column, ...], args: Mapping[str, object]) -> tuple[Column, ...]:
    from penstock.model.schema import Column, arrow_schema

    rows = arrow_schema(columns)
    comments = {c.name: c.comment for c in columns}
    return made(columns, {n: Column(n, _type(n, str(text), rows), comment=comments.get(n, "")) for n, text in args.items()})


def _type(name: str, text: str, rows: pa.Schema) -> Type:
    from penstock.model.schema import Type

    try:
        found = _expression.type_of(text, rows)
    except TransformFailed as error:
        error.what = f"{name} can't be derived: {error.what}"
        raise
    known = _TYPES.get(found) or ("string" if found.startswith("ENUM(") else None)
    if known is None and not _DECIMAL.fullmatch(found):
        raise TransformFailed(
            f"{name} would be of DuckDB's type {found}", why="no canonical type holds it", fix="CAST it in the expression"
        )
    return Type.parse(known or found.lower())


def apply(batch: pa.Table, args: Mapping[str, object], out: tuple[Column, ...], secrets: Mapping[str, str]) -> pa.Table:
    types = {c.name: c.type for c in out}
    derived = {}
    for name, text in args.items():
        sql = f"({text}\n)"
        if str(types[name]) in _AS:
            sql = f"CAST({sql} AS {_AS[str(types[name])]})"
        try:
            derived[name] = _expression.selected(batch, f"{sql} AS found").column(0)
        except BadValues as error:
            error.what, error.column = f"{name} can't be derived", name
            raise
    for name, values in derived.items():
        batch = replaced(batch, name, values.cast(types[name].arrow))
    return batch


transform = Transform(check=check, schema=schema, apply=apply, touches=named, sign=" = ")
