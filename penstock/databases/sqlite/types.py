"""SQLite's declared types. Manual: https://www.sqlite.org/datatype3.html

Any column holds any value: a declared type says what is expected, and what else is met is refused by name.
Types whose name ends in _TEXT are Penstock's: their affinity is text, so that SQLite changes no digit.
"""

from __future__ import annotations

from penstock.databases._shared.types import Types, declared, exact
from penstock.model.schema import Type

TYPES = Types(
    "sqlite",
    "SQLite",
    canonical=(
        (r"BOOL|BOOLEAN", "boolean"),
        (r"TINYINT", "int8"),
        (r"SMALLINT|INT2", "int16"),
        (r"MEDIUMINT|INT4", "int32"),
        (r"UNSIGNED BIG ?INT", "uint64"),
        (r".*INT.*", "int64"),
        (r"(?:DECIMAL|NUMERIC|DECIMAL_TEXT)\((\d+), *(\d+)\)", r"decimal(\1,\2)"),
        (r"(?:DECIMAL|NUMERIC|DECIMAL_TEXT)\((\d+)\)", r"decimal(\1,0)"),
        (r"DECIMAL|NUMERIC|NUMBER", "number"),
        (r"JSON(?:_TEXT)?", "json"),
        (r"UUID(?:_TEXT)?", "uuid"),
        (r"(?:N?(?:VAR)?CHAR|NCHAR|CHARACTER|VARYING CHARACTER|NATIVE CHARACTER|TEXT)\((\d+)\)", r"string(\1)"),
        (r".*(?:CHAR|CLOB|TEXT).*", "string"),
        (r".*BLOB.*", "binary"),
        (r"TIMESTAMPTZ|TIMESTAMP WITH TIME ZONE", "timestamptz"),
        (r"(?:DATETIME|TIMESTAMP)(?:\(\d\))?", "timestamp"),
        (r"DATE", "date"),
        (r"TIME(?:\(\d\))?", "time"),
        (r".*(?:REAL|FLOA|DOUB).*", "float64"),
    ),
    native=(
        exact("boolean", "BOOLEAN"),
        exact("int8", "TINYINT"),
        exact("int16", "SMALLINT"),
        exact("int32", "MEDIUMINT"),
        exact("int64", "BIGINT"),
        exact("uint8", "SMALLINT"),
        exact("uint16", "MEDIUMINT"),
        exact("uint32", "BIGINT"),
        exact("decimal", "DECIMAL({precision},{scale})", precision=15),
        exact("decimal", "DECIMAL_TEXT({precision},{scale})"),
        declared("int128", "DECIMAL_TEXT(39,0)"),
        declared("uint128", "DECIMAL_TEXT(39,0)"),
        declared("money", "DECIMAL_TEXT(19,2)"),
        declared("year", "SMALLINT"),
        exact("float32", "REAL"),
        exact("float64", "REAL"),
        exact("string", "VARCHAR({length})"),
        exact("string", "TEXT"),
        exact("binary", "BLOB"),
        exact("date", "DATE"),
        exact("time", "TIME"),
        exact("timestamp", "TIMESTAMP"),
        exact("timestamptz", "TIMESTAMPTZ"),
        exact("json", "JSON_TEXT"),
        exact("jsonb", "JSON_TEXT"),
        exact("uuid", "UUID_TEXT"),
        declared("geometry", "BLOB"),
        declared("vector", "BLOB"),
        *(declared(n, "TEXT") for n in ("enum", "set", "number", "interval", "timetz", "bits", "varbits", "inet", "cidr")),
        *(declared(n, "TEXT") for n in ("macaddr", "xml", "range", "array")),
    ),
    listed=frozenset(),
    choices="decimal(20,0), or to string",
)


def canonical(native: str) -> Type:
    return TYPES.read(" ".join(native.upper().split()))
