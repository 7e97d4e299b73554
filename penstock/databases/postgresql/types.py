r"""PostgreSQL's types. Manual: https://www.postgresql.org/docs/current/datatype.html

Not carried, because their text means something else elsewhere: composites, enums in ranges, reg* names, aclitem, money[].
"""

from __future__ import annotations

import re

from penstock.databases._shared.types import Types, declared, exact
from penstock.model.schema import NAMES, Type

_LONGEST_VARCHAR = 10_485_760
_OWN = (
    r'point|line|lseg|box|path|polygon|circle|tsvector|tsquery|pg_lsn|"char"|name|oid|oidvector|int2vector|xid8?|cid|tid'
    r"|macaddr8|jsonpath|pg_snapshot|txid_snapshot|\w+multirange"
)
# Of extensions. The schema is left out: the target may have the extension in another one.
_OF_EXTENSIONS = r'(?:\w+\.|"(?:[^"]|"")+"\.)?((?:hstore|citext|ltree)(?:\[\])?)'


def _decimal(numeric: re.Match[str]) -> Type:
    """The scale may be negative or above the precision."""
    precision, scale = int(numeric[1]), int(numeric[2])
    digits = max(precision, scale) - min(scale, 0)
    return Type("decimal", precision=digits, scale=max(scale, 0)) if digits <= 76 else Type("number")


TYPES = Types(
    "postgresql",
    "PostgreSQL",
    canonical=(
        (r"boolean", "boolean"),
        (r"smallint", "int16"),
        (r"integer", "int32"),
        (r"bigint", "int64"),
        (r"numeric", "number"),
        (r"numeric\((\d+),(-?\d+)\)", _decimal),
        (r"money", "money"),
        (r"real", "float32"),
        (r"double precision", "float64"),
        (r"text|character varying|varchar|bpchar", "string"),
        (r"(?:character varying|varchar|character|char)\((\d+)\)", r"string(\1)"),
        (r"bytea", "binary"),
        (r"date", "date"),
        (r"time(?:\(\d\))?(?: without time zone)?", "time"),
        (r"timetz|time(?:\(\d\))? with time zone", "timetz"),
        (r"timestamp(?:\(\d\))?(?: without time zone)?", "timestamp"),
        (r"timestamptz|timestamp(?:\(\d\))? with time zone", "timestamptz"),
        (r"interval(?: [a-z ]+)?(?:\(\d\))?", "interval"),
        (r"(jsonb?)", r"\1"),
        (r"(uuid|inet|cidr|macaddr|xml)", r"\1"),
        (r"bit\((\d+)\)", r"bits(\1)"),
        (r"bit varying\((\d+)\)", r"varbits(\1)"),
        (r"bit varying", "varbits"),
        (r"int4range", "range(int32)"),
        (r"int8range", "range(int64)"),
        (r"numrange", "range(number)"),
        (r"daterange", "range(date)"),
        (r"tsrange", "range(timestamp)"),
        (r"tstzrange", "range(timestamptz)"),
        (r"(enum\(.*\))", r"\1"),
        (_OF_EXTENSIONS, lambda found: Type("native", labels=("postgresql", found[1]))),
        (r"(.*)\[\]", "array"),
        (_OWN, "native"),
    ),
    native=(
        exact("boolean", "boolean"),
        exact("int8", "smallint"),
        exact("int16", "smallint"),
        exact("int32", "integer"),
        exact("int64", "bigint"),
        exact("uint8", "smallint"),
        exact("uint16", "integer"),
        exact("uint32", "bigint"),
        declared("uint64", "numeric(20,0)"),
        declared("int128", "numeric(39,0)"),
        declared("uint128", "numeric(39,0)"),
        exact("decimal", "numeric({precision},{scale})"),
        exact("number", "numeric"),
        declared("money", "numeric(19,2)"),
        declared("year", "smallint"),
        exact("float32", "real"),
        exact("float64", "double precision"),
        exact("string", "varchar({length})", length=_LONGEST_VARCHAR),
        exact("string", "text"),
        exact("binary", "bytea"),
        exact("date", "date"),
        exact("time", "time"),
        exact("timetz", "timetz"),
        exact("timestamp", "timestamp"),
        exact("timestamptz", "timestamptz"),
        exact("interval", "interval"),
        exact("json", "json"),  # keeps its text, jsonb would not
        exact("jsonb", "jsonb"),
        exact("uuid", "uuid"),
        declared("enum", "text"),  # its labels are held by a CHECK
        declared("set", "text"),
        declared("geometry", "bytea"),
        declared("vector", "bytea"),
        exact("bits", "bit({length})"),
        exact("varbits", "bit varying({length})"),
        exact("varbits", "bit varying"),
        exact("inet", "inet"),
        exact("cidr", "cidr"),
        exact("macaddr", "macaddr"),
        exact("xml", "xml"),
        exact("range(int32)", "int4range"),
        exact("range(int64)", "int8range"),
        exact("range(number)", "numrange"),
        exact("range(date)", "daterange"),
        exact("range(timestamp)", "tsrange"),
        exact("range(timestamptz)", "tstzrange"),
        exact("array", "{element}[]"),
    ),
    listed=frozenset(NAMES) - {"array", "native", "money"},
    choices="string to carry its text",
)

# Those that SQLAlchemy's dialect has no name for.
UNKNOWN = (
    "point", "line", "lseg", "box", "path", "polygon", "circle", "xml", "jsonpath", "pg_lsn", "pg_snapshot", "txid_snapshot", "oidvector",
    "int2vector", "xid", "xid8", "cid", "tid", "ltree",
)  # fmt: skip

canonical = TYPES.read
