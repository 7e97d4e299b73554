"""The seal of a table: what the server computes of all rows, so that no change goes unseen.

CHECKSUM TABLE would not do. It adds up a CRC-32 of the values' bytes one behind the other: bytes that move from one column to the next are
never seen, and two rows that swap values far more often go unseen than once in 2^32. This is a count, and sums of both halves of an MD5
of each row, in which each value has its length, a NULL is like no value, and texts count by their bytes.
"""

from __future__ import annotations

import hashlib

import sqlalchemy as sa

from penstock.databases import execute
from penstock.databases.mysql.catalogue import decoded, home_of, qualified, quoted
from penstock.model.schema import TableName

_COLUMNS = """
SELECT COLUMN_NAME, DATA_TYPE, COLUMN_TYPE FROM information_schema.COLUMNS
WHERE TABLE_SCHEMA = :home AND TABLE_NAME = :name ORDER BY ORDINAL_POSITION
"""
_PLAIN = frozenset({"tinyint", "smallint", "mediumint", "int", "bigint", "decimal", "date", "datetime", "timestamp", "time", "year"})
_SHORT = frozenset({"char", "varchar", "binary", "varbinary", "enum", "set"})
_GEOMETRIES = frozenset(
    {"geometry", "point", "linestring", "polygon", "multipoint", "multilinestring", "multipolygon", "geometrycollection", "geomcollection"}
)


def of(connection: sa.Connection, name: TableName) -> str:
    """The seal of the table that is there now: of its columns' names and types, and of its rows."""
    home = home_of(connection, name.schema)
    columns = [[decoded(v) for v in row] for row in connection.execute(sa.text(_COLUMNS), {"home": home, "name": name.name})]
    row = f"MD5(CONCAT_WS('|', {', '.join(_value(column, kind) for column, kind, _ in columns)}))"
    halves = (f"SUM(CAST(CONV({part}({row}, 16), 16, 10) AS UNSIGNED))" for part in ("LEFT", "RIGHT"))
    query = f"SELECT CONCAT_WS(' ', COUNT(*), {', '.join(f'COALESCE({half}, 0)' for half in halves)}) FROM {qualified(name)}"
    shape = hashlib.sha256(repr(columns).encode()).hexdigest()[:32]
    return f"md5={shape} {decoded(execute(connection, query).scalar_one())}"


def _value(column: str, kind: str) -> str:
    """The SQL of a value: never NULL, and so that no two rows write the same."""
    name = quoted(column)
    if kind in _PLAIN:  # digits and signs
        return f"IFNULL({name}, 'N')"
    if kind in ("float", "double"):  # a float would be written with six digits, a double(10,3) with three decimals
        return f"IFNULL({name} * 1E0, 'N')"
    if kind == "bit":
        return f"IFNULL({name} + 0, 'N')"
    if kind in _SHORT:
        return f"IFNULL(CONCAT(LENGTH({name}), ':', CAST({name} AS BINARY)), 'N')"
    if kind in _GEOMETRIES:
        return f"IFNULL(MD5(CONCAT(ST_SRID({name}), ':', ST_AsWKB({name}))), 'N')"
    if kind == "json":
        return f"IFNULL(MD5(CAST({name} AS CHAR)), 'N')"
    # Hashed by themselves: a row of several long values could exceed max_allowed_packet, and its hash would be NULL.
    return f"IFNULL(MD5({name}), 'N')"
