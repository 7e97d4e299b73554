"""Types of MySQL and MariaDB, as COLUMN_TYPE has them. Manual: https://mariadb.com/kb/en/data-types/

Not carried as it is: what a server newer than these tables calls otherwise.
"""

from __future__ import annotations

import re

from penstock.databases._shared.types import Types, declared, exact
from penstock.model.schema import Type

# Bytewise collation without padding: keys that differ at the source can't collide here, whatever the server's default compares as equal.
# It has another name on MySQL (8.0.17) than on MariaDB (10.2.2); each server reads its own comment.
TEXT = "CHARACTER SET utf8mb4 COLLATE /*!80017 utf8mb4_0900_bin */ /*M!100202 utf8mb4_nopad_bin */"
_LONGEST_VARCHAR = 1024  # a row has 65,535 bytes for all of its varchars
_ESCAPED = {"0": "\0", "n": "\n", "r": "\r"}

TYPES = Types(
    "mysql",
    "MySQL/MariaDB",
    canonical=(
        (r"tinyint(?:\(\d+\))? unsigned.*", "uint8"),
        (r"tinyint.*", "int8"),  # tinyint(1) holds -128 to 127 too
        (r"smallint(?:\(\d+\))? unsigned.*", "uint16"),
        (r"smallint.*", "int16"),
        (r"(?:mediumint|int)(?:\(\d+\))? unsigned.*", "uint32"),
        (r"(?:mediumint|int).*", "int32"),
        (r"bigint(?:\(\d+\))? unsigned.*", "uint64"),
        (r"bigint.*", "int64"),
        (r"decimal\((\d+),(\d+)\).*", r"decimal(\1,\2)"),
        (r"float.*", "float32"),
        (r"double.*", "float64"),
        (r"bit\(1\)", "boolean"),
        (r"bit\((\d+)\)", r"bits(\1)"),
        (r"(?:var)?char\((\d+)\)", r"string(\1)"),
        (r"(?:tiny|medium|long)?text", "string"),
        (r"(?:var)?binary\((\d+)\)", r"binary(\1)"),
        (r"(?:tiny|medium|long)?blob", "binary"),
        (r"json", "json"),
        (r"uuid", "uuid"),
        (r"inet[46]", "inet"),
        (r"date", "date"),
        (r"datetime.*", "timestamp"),
        (r"timestamp.*", "timestamptz"),  # an instant; datetime is a clock's reading
        (r"time.*", "time"),
        (r"year.*", "year"),
        (r"((?:enum|set)\(.*\))", r"\1"),
        (r"geometry|point|linestring|polygon|multipoint|multilinestring|multipolygon|geom(?:etry)?collection", "geometry"),
        (r"vector\((\d+)\)", r"vector(\1)"),
    ),
    native=(
        declared("boolean", "tinyint(1)"),
        exact("int8", "tinyint"),
        exact("int16", "smallint"),
        exact("int32", "int"),
        exact("int64", "bigint"),
        declared("int128", "decimal(39,0)"),
        exact("uint8", "tinyint unsigned"),
        exact("uint16", "smallint unsigned"),
        exact("uint32", "int unsigned"),
        exact("uint64", "bigint unsigned"),
        declared("uint128", "decimal(39,0)"),
        exact("decimal", "decimal({precision},{scale})", precision=65, scale=30),
        declared("number", f"longtext {TEXT}"),
        declared("money", "decimal(19,2)"),
        exact("year", "year"),
        exact("float32", "float"),
        exact("float64", "double"),
        exact("string", f"varchar({{length}}) {TEXT}", length=_LONGEST_VARCHAR),
        exact("string", f"longtext {TEXT}"),
        exact("binary", "varbinary({length})", length=_LONGEST_VARCHAR),
        exact("binary", "longblob"),
        exact("date", "date"),
        exact("time", "time(6)"),
        exact("timestamp", "datetime(6)"),
        exact("timestamptz", "timestamp(6)"),
        declared("json", f"longtext {TEXT}"),  # json would round its numbers to doubles
        declared("jsonb", f"longtext {TEXT}"),
        declared("uuid", f"varchar(36) {TEXT}"),
        exact("enum", f"enum({{labels}}) {TEXT}"),
        exact("set", f"set({{labels}}) {TEXT}"),
        exact("geometry", "geometry"),
        exact("vector", "vector({length})"),
        exact("bits", "bit({length})", length=64),
        declared("bits", f"longtext {TEXT}"),
        declared("varbits", f"longtext {TEXT}"),
        declared("interval", f"varchar(80) {TEXT}"),
        declared("timetz", f"varchar(24) {TEXT}"),
        declared("inet", f"varchar(43) {TEXT}"),
        declared("cidr", f"varchar(43) {TEXT}"),
        declared("macaddr", f"varchar(17) {TEXT}"),
        declared("xml", f"longtext {TEXT}"),
        declared("range", f"longtext {TEXT}"),
        declared("array", f"longtext {TEXT}"),
    ),
    listed=frozenset(),
    choices="decimal(65,30) or less, or to string",
    doubled="\\'",
)


# Those that SQLAlchemy's dialect has no name for.
UNKNOWN = (
    "geometry", "point", "linestring", "polygon", "multipoint", "multilinestring", "multipolygon", "geomcollection", "geometrycollection",
    "vector", "uuid", "inet4", "inet6",
)  # fmt: skip

_ZERO = re.compile(r"0000-.*|\d{4}-00.*|\d{4}-\d\d-00.*")
_BEYOND_A_DAY = re.compile(r"-.*|(?:2[4-9]|[3-9]\d|\d{3}):.*")


def own_moment(type: Type, text: str) -> bool:
    """Whether no other kind of database has this date or time: a date with zeros in it, a time below zero or beyond a day."""
    if type.name == "time":
        return _BEYOND_A_DAY.fullmatch(text) is not None
    return type.name in ("date", "timestamp", "timestamptz") and _ZERO.fullmatch(text) is not None


def canonical(native: str) -> Type:
    native = re.sub(r" SRID \d+$", "", native)
    native = re.sub(r" /\*.*?\*/$", "", native)  # MariaDB's COMPRESSED is how it is stored, not what it is
    if native.startswith(("enum(", "set(")):
        native = unescaped(native)
    return TYPES.read(native)


def unescaped(text: str) -> str:
    """What the catalogue writes of a literal, without its backslash escapes."""
    return re.sub(r"\\(.)", lambda m: _ESCAPED.get(m[1], m[1]), text)
