"""DuckDB's types. Manual: https://duckdb.org/docs/stable/sql/data_types/overview

Not carried as they are: lists of lists, STRUCT, MAP, UNION and VARIANT, whose text is JSON here, and GEOMETRY.
"""

from __future__ import annotations

from penstock.databases._shared.types import Types, declared, exact
from penstock.model.schema import INTEGERS

_LISTED = frozenset(
    {"boolean", "float32", "float64", "decimal", "string", "binary", "date", "time", "timestamp", "timestamptz", "uuid", "json"}
    | INTEGERS - {"year"}
)

TYPES = Types(
    "duckdb",
    "DuckDB",
    canonical=(
        (r"BOOLEAN", "boolean"),
        (r"TINYINT", "int8"),
        (r"SMALLINT", "int16"),
        (r"INTEGER", "int32"),
        (r"BIGINT", "int64"),
        (r"HUGEINT", "int128"),
        (r"UTINYINT", "uint8"),
        (r"USMALLINT", "uint16"),
        (r"UINTEGER", "uint32"),
        (r"UBIGINT", "uint64"),
        (r"UHUGEINT", "uint128"),
        (r"BIGNUM", "number"),
        (r"DECIMAL\((\d+), *(\d+)\)", r"decimal(\1,\2)"),
        (r"FLOAT", "float32"),
        (r"DOUBLE", "float64"),
        (r"VARCHAR", "string"),
        (r"BLOB", "binary"),
        (r"BIT", "varbits"),
        (r"DATE", "date"),
        (r"TIME(?:_NS)?", "time"),
        (r"TIME WITH TIME ZONE", "timetz"),
        (r"TIMESTAMP(?:_S|_MS|_NS)?", "timestamp"),
        (r"TIMESTAMP WITH TIME ZONE|TIMESTAMPTZ_NS", "timestamptz"),
        (r"INTERVAL", "interval"),
        (r"JSON", "json"),
        (r"UUID", "uuid"),
        (r"ENUM(\(.*\))", r"enum\1"),
        (r"(.*)\[\d*\]", "array"),
    ),
    native=(
        exact("boolean", "BOOLEAN"),
        exact("int8", "TINYINT"),
        exact("int16", "SMALLINT"),
        exact("int32", "INTEGER"),
        exact("int64", "BIGINT"),
        exact("int128", "HUGEINT"),
        exact("uint8", "UTINYINT"),
        exact("uint16", "USMALLINT"),
        exact("uint32", "UINTEGER"),
        exact("uint64", "UBIGINT"),
        exact("uint128", "UHUGEINT"),
        exact("decimal", "DECIMAL({precision},{scale})", precision=38),
        declared("number", "VARCHAR"),
        declared("money", "DECIMAL(19,2)"),
        declared("year", "SMALLINT"),
        exact("float32", "FLOAT"),
        exact("float64", "DOUBLE"),
        exact("string", "VARCHAR"),
        exact("binary", "BLOB"),
        exact("date", "DATE"),
        exact("time", "TIME"),
        exact("timetz", "TIME WITH TIME ZONE"),
        exact("timestamp", "TIMESTAMP"),
        exact("timestamptz", "TIMESTAMP WITH TIME ZONE"),
        exact("interval", "INTERVAL"),
        exact("json", "JSON"),
        exact("jsonb", "JSON"),
        exact("uuid", "UUID"),
        exact("enum", "ENUM({labels})"),
        declared("set", "VARCHAR"),
        declared("geometry", "BLOB"),
        declared("vector", "BLOB"),
        exact("bits", "BIT"),
        exact("varbits", "BIT"),
        exact("array", "{element}[]"),
        *(declared(name, "VARCHAR") for name in ("inet", "cidr", "macaddr", "xml", "range", "array")),
    ),
    listed=_LISTED,
    choices="decimal(38,s) when the digits fit, or to string to keep every digit",
)

canonical = TYPES.read
