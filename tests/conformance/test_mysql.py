"""MySQL and MariaDB as source and target, against a real server."""

from __future__ import annotations

import datetime as dt
import ipaddress
import struct
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from penstock import databases
from penstock.databases import execute
from penstock.databases._shared import ddl
from penstock.databases.mysql import DATABASE as mysql
from penstock.errors import ConnectionFailed, LoadFailed, UnsupportedType
from penstock.model.schema import NAMES, WORDED, Column, Index, Table, TableName, Type, arrow_schema
from tests.support.data import mysql_tables
from tests.support.data.mysql_tables import DATABASE, T, batch, column, make, plain, rows, table, through

connection, other, way = mysql_tables.connection, mysql_tables.other, mysql_tables.way


# ---- types

SOURCE = r"""
CREATE TABLE every (
  id int(5) unsigned zerofill PRIMARY KEY, t1 tinyint(1), t tinyint, tu tinyint unsigned, s smallint(5) unsigned, sm smallint, m mediumint,
  mu mediumint unsigned, i int(11), b bigint, bu bigint(20) unsigned, d decimal(65,30), dz decimal(10,2) unsigned zerofill, f float,
  f2 float(7,3), g double, g3 double(10,3), bit1 bit(1), c char(6), l varchar(9) CHARACTER SET latin1, v varchar(300), x longtext,
  cp varchar(10) COMPRESSED, bi binary(3), vb varbinary(5), bl mediumblob, j json, u uuid, da date, dt0 datetime, dt6 datetime(6),
  ts timestamp(6) NULL, ti time(6), y year, e enum('so, so','it''s','a\\b','ü)',''), se set('a','b','c d'), p point, ip inet6, b8 bit(8)
) CHARACTER SET utf8mb4
"""
EXPECTED = {
    "id": "uint32", "t1": "int8", "t": "int8", "tu": "uint8", "s": "uint16", "sm": "int16", "m": "int32", "mu": "uint32", "i": "int32",
    "b": "int64", "bu": "uint64", "d": "decimal(65,30)", "dz": "decimal(10,2)", "f": "float32", "f2": "float32", "g": "float64",
    "g3": "float64", "bit1": "boolean", "c": "string(6)", "l": "string(9)", "v": "string(300)", "x": "string", "cp": "string(10)",
    "bi": "binary(3)", "vb": "binary(5)", "bl": "binary", "j": "string", "u": "uuid", "da": "date", "dt0": "timestamp", "dt6": "timestamp",
    "ts": "timestamptz", "ti": "time", "y": "year", "e": "enum('so, so','it''s','a\\b','ü)','')", "se": "set('a','b','c d')",
    "p": "geometry", "ip": "inet", "b8": "bits(8)",
}  # fmt: skip
VALUES = [
    r"INSERT INTO every (id) VALUES (1)",
    r"""INSERT INTO every VALUES (2, -128, 127, 255, 65535, -32768, -8388608, 16777215, -2147483648, -9223372036854775808, 18446744073709551615,
     -99999999999999999999999999999999999.999999999999999999999999999999, 1.5, 3.4028234663852886e38, 1234.567, 5e-324, 1.005, b'0',
     '', '', '', '', '', '', '', '', '{"a": 1.0, "a": 2}', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '0001-01-01', '0001-01-01 00:00:00',
     '0001-01-01 00:00:00.000001', '1970-01-01 00:00:01', '00:00:00', 1901, 'so, so', '', POINT(1.5, -2), '::1', b'00000101')""",
    r"""INSERT INTO every VALUES (3, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0.000000000000000000000000000001, 0, 0.1, -0.001, -0.1, 0, b'1',
     'ab', 'Ärger', 'a\tb\nc\r\n\\d\\N"q"''s'',x\0y', '😀 \Z', 'x', 0x00, 0x00ff5c0a09, 0xdeadbeef, 'null', NULL, '9999-12-31',
     '9999-12-31 23:59:59', '9999-12-31 23:59:59.999999', '2038-01-19 03:14:07.999999', '23:59:59.999999', 2155, '', 'a,c d', NULL, NULL,
     NULL)""",
    r"""INSERT INTO every (id, t1, g, x, e, y, v, se) VALUES (4, 7, 1.7976931348623157e308, '\\N', 'a\\b', 0, 'NULL', 'a,b,c d')""",
]


@pytest.fixture
def every(connection: sa.Connection) -> Table:
    execute(connection, SOURCE)
    for statement in VALUES:
        execute(connection, statement)
    connection.commit()
    return table(connection, "every")


def test_every_type_has_its_canonical_counterpart(every: Table) -> None:
    assert {c.name: str(c.type) for c in every.columns} == EXPECTED


def test_every_value_is_read_as_it_is(connection: sa.Connection, every: Table) -> None:
    by_id = {r["id"]: r for r in rows(connection, every.name, every.columns).to_pylist()}
    assert set(by_id[1].values()) == {1, None}
    two, three, four = by_id[2], by_id[3], by_id[4]
    assert (two["bu"], two["b"], two["s"], two["t1"], four["t1"]) == (2**64 - 1, -(2**63), 65535, -128, 7)
    assert two["d"] == Decimal("-" + "9" * 35 + "." + "9" * 30) and three["d"] == Decimal("1e-30") and two["dz"] == Decimal("1.50")
    assert struct.pack("<f", two["f"]) == struct.pack("<I", 0x7F7FFFFF) and struct.pack("<f", three["f"]) == struct.pack("<f", 0.1)
    assert two["f2"] == struct.unpack("<f", struct.pack("<f", 1234.567))[0] and two["g3"] == 1.005
    assert (two["g"], four["g"]) == (5e-324, 1.7976931348623157e308)
    assert (two["bit1"], three["bit1"], two["b8"], two["ip"]) == (False, True, "00000101", "::1")
    assert [two[n] for n in ("c", "l", "v", "x", "cp", "vb", "bl", "e", "se")] == ["", "", "", "", "", b"", b"", "so, so", ""]
    assert two["bi"] == b"\0\0\0" and three["vb"] == b"\x00\xff\x5c\x0a\x09" and three["bl"] == b"\xde\xad\xbe\xef"
    assert three["v"] == "a\tb\nc\r\n\\d\\N\"q\"'s',x\0y" and three["l"] == "Ärger" and three["x"] == "😀 \x1a" and four["x"] == "\\N"
    assert two["j"] == '{"a": 1.0, "a": 2}' and two["u"] == "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"
    assert two["da"] == dt.date(1, 1, 1) and three["dt6"] == dt.datetime(9999, 12, 31, 23, 59, 59, 999999)
    assert three["ts"] == dt.datetime(2038, 1, 19, 3, 14, 7, 999999, dt.UTC) and three["ti"] == dt.time(23, 59, 59, 999999)
    assert (two["y"], three["y"], four["y"]) == (1901, 2155, 0)
    assert (three["e"], four["e"], three["se"], four["se"]) == ("", "a\\b", "a,c d", "a,b,c d")
    assert two["p"] == b"\0\0\0\0" + b"\1\1\0\0\0" + struct.pack("<dd", 1.5, -2)


def test_every_value_is_the_same_after_reading_and_writing(connection: sa.Connection, every: Table, other: Any) -> None:
    columns = every.columns
    standing = [replace(c, native=mysql.native(c.type)) for c in columns]
    make(connection, standing, TableName("again"))
    given_rows = rows(connection, every.name, columns)
    mysql.write(connection, TableName("again"), columns, given_rows.to_batches())
    found = rows(connection, TableName("again"), standing)
    assert found.num_rows == 4 and found.schema.equals(given_rows.schema, check_metadata=True)
    assert found.equals(given_rows)
    connection.commit()
    # The plain driver's word. What has another type there is brought to the same one, by the server.
    same = {"id": "id + 0", "dz": "dz + 0.00", "f": "f * 1e0", "f2": "f2 * 1e0", "g3": "g3 * 1e0", "bit1": "bit1 + 0", "c": "HEX(c)"}
    same |= {n: f"HEX({n})" for n in ("v", "x", "vb", "bl", "bi", "p", "j")} | {"dt0": "dt0 + INTERVAL 0 MICROSECOND"}
    same |= {
        "ip": "CAST(ip AS CHAR)",
        "b8": "b8 + 0",
        "l": "CONVERT(l USING utf8mb4)",
        "u": "CAST(u AS CHAR)",
        "dt6": "CAST(dt6 AS CHAR)",
        "ts": "UNIX_TIMESTAMP(ts)",
    }
    fields = ", ".join(same.get(c.name, f"`{c.name}`") for c in columns)
    first, second = (plain(other, f"SELECT {fields} FROM {name} ORDER BY id + 0") for name in ("every", "again"))
    assert first == second and len(first) == 4


def test_an_empty_table_is_no_rows_of_the_right_types(connection: sa.Connection, every: Table) -> None:
    execute(connection, "DELETE FROM every")
    assert rows(connection, every.name, every.columns).schema.equals(arrow_schema(every.columns))


def test_every_canonical_type_is_read_back_from_its_native_one(connection: sa.Connection) -> None:
    values: dict[str, tuple[str, list[Any]]] = {
        "boolean": ("boolean", [True, False, None]),
        **{f"int{b}": (f"int{b}", [-(2 ** (b - 1)), 2 ** (b - 1) - 1, None]) for b in (8, 16, 32, 64)},
        **{f"uint{b}": (f"uint{b}", [0, 2**b - 1, None]) for b in (8, 16, 32, 64)},
        "float32": ("float32", [struct.unpack("<f", struct.pack("<I", 0x7F7FFFFF))[0], 1e-45, None]),
        "float64": ("float64", [0.1, 5e-324, None]),
        "string": ("string(3)", ["äö😀", "", None]),
        "binary": ("binary(4)", [b"\0\\\n", b"", None]),
        "date": ("date", [dt.date(2020, 2, 29), dt.date(1, 1, 1), None]),
        "time": ("time", [dt.time(23, 59, 59, 1), dt.time(0), None]),
        "timestamp": ("timestamp", [dt.datetime(2020, 1, 1, 1, 1, 1, 1), dt.datetime(1, 1, 1), None]),
        "timestamptz": ("timestamptz", [dt.datetime(2020, 3, 29, 1, 30, tzinfo=dt.UTC), dt.datetime(1970, 1, 1, 0, 0, 1, tzinfo=dt.UTC), None]),
        "json": ("json", ['{"a":1,  "a":2}', "null", None]),
        "uuid": ("uuid", ["A0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "", None]),
        "enum": ("enum('a','it''s, \\')", ["a", "it's, \\", None]),
        "set": ("set('a','b')", ["a,b", "", None]),
        "year": ("year", [1901, 0, None]),
        "geometry": ("geometry", [b"\0\0\0\0\1\1\0\0\0" + struct.pack("<dd", 1, 2), None, None]),
        "decimal": ("decimal(65,30)", [Decimal("9" * 35 + "." + "9" * 30), Decimal("-1e-30"), None]),
        "bits": ("bits(64)", ["1" * 64, "0" * 64, None]),
        "int128": ("int128", [Decimal(2**127 - 1), Decimal(-(2**127)), None]),
        "uint128": ("uint128", [Decimal(2**128 - 1), Decimal(0), None]),
        "money": ("money", [Decimal("-92233720368547758.08"), Decimal("0.01"), None]),
        **{name: (name, ["any text", "", None]) for name in ("jsonb", "number", "interval", "timetz", "varbits", "inet", "cidr", "macaddr", "xml")},
        "range": ("range(int32)", ["[1,2)", "empty", None]),
        "array": ("array(string)", ["{NULL,\"\\\\\"}", "{}", None]),
    }  # fmt: skip
    assert set(values) == set(NAMES) - {"vector", "native"}, "every canonical type is tried that this server has"
    columns = [column(text, name) for name, (text, _) in values.items()]
    given_rows = batch(columns, *[v for _, v in values.values()])
    make(connection, columns)
    mysql.write(connection, T, columns, [given_rows])
    assert rows(connection, T, columns).equals(pa.Table.from_batches([given_rows]), check_metadata=True)


_WIDENED = {"boolean", "json", "jsonb", "uuid", "enum", "set", "decimal", "int128", "uint128", "money", "vector"} | WORDED


@pytest.mark.parametrize("name", sorted(set(NAMES) - _WIDENED))
def test_what_native_writes_is_understood_again(connection: sa.Connection, name: str) -> None:
    make(connection, [column(name)])
    assert table(connection).column("v").type == Type(name)


def test_native_says_what_it_can_not_write() -> None:
    for type in (Type("unsupported"), Type("decimal", precision=66, scale=0), Type("decimal", precision=40, scale=31)):
        with pytest.raises(UnsupportedType):
            mysql.native(type)
    assert mysql.native(Type("uint64"), identity=True) == "bigint unsigned AUTO_INCREMENT"


def test_unbounded_texts_can_be_keys_and_are_compared_bytewise(connection: sa.Connection) -> None:
    name, data = column("string", "name"), column("binary", "data")
    key = Table(T, (replace(name, nullable=False), data), ("name",), (Index("by_data", ("data",), True),))
    execute(connection, ddl.create_table(DATABASE, key, T))
    for statement in ddl.keys(DATABASE, key, T):
        execute(connection, statement)
    mysql.write(connection, T, [name, data], [batch([name, data], ["a", "A", "ä", "á"], [b"a", b"A", b"a ", b""])])
    assert rows(connection, T, [name]).num_rows == 4
    with pytest.raises(LoadFailed):
        mysql.write(connection, T, [name, data], [batch([name, data], ["x" * 256], [b"x"])])


# ---- values that Hypothesis finds

_SETTINGS = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
_TEXT = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("\\\t\n\r\0'\"N\x1a😀"), max_size=30)


@_SETTINGS
@given(st.lists(st.none() | _TEXT, min_size=1, max_size=20))
def test_any_text_arrives(connection: sa.Connection, values: list[str | None]) -> None:
    assert through(connection, "string", values) == values
    assert through(connection, "string(30)", values) == values


@_SETTINGS
@given(st.lists(st.none() | st.binary(max_size=40), min_size=1, max_size=20))
def test_any_bytes_arrive(connection: sa.Connection, values: list[bytes | None]) -> None:
    assert through(connection, "binary", values) == values


@_SETTINGS
@given(st.lists(st.none() | st.decimals(-(10**35) + 1, 10**35 - 1, places=30, allow_nan=False), min_size=1, max_size=20))
def test_any_decimal_arrives(connection: sa.Connection, values: list[Decimal | None]) -> None:
    assert through(connection, "decimal(65,30)", values) == values


@_SETTINGS
@given(
    st.lists(st.none() | st.datetimes(), min_size=1, max_size=20),
    st.lists(st.datetimes(dt.datetime(1970, 1, 1, 0, 0, 1), dt.datetime(2038, 1, 19, 3, 14, 7), timezones=st.just(dt.UTC)), max_size=20),
)
def test_any_timestamp_arrives(connection: sa.Connection, clocks: list[dt.datetime | None], instants: list[dt.datetime]) -> None:
    assert through(connection, "timestamp", clocks) == clocks
    assert through(connection, "timestamptz", instants) == instants


_FINITE = {"allow_nan": False, "allow_infinity": False}


@_SETTINGS
@given(st.lists(st.floats(**_FINITE), min_size=1, max_size=20), st.lists(st.floats(width=32, **_FINITE), min_size=1, max_size=20))
def test_any_float_arrives_to_the_bit(connection: sa.Connection, doubles: list[float], singles: list[float]) -> None:
    # the server itself stores -0.0 as 0.0, which the digest holds for the same value
    assert [struct.pack("<d", v) for v in through(connection, "float64", doubles)] == [struct.pack("<d", v + 0.0) for v in doubles]
    assert [struct.pack("<f", v) for v in through(connection, "float32", singles)] == [struct.pack("<f", v + 0.0) for v in singles]


# ---- chunk bounds

KEYS = """
CREATE TABLE t (l varchar(9) CHARACTER SET latin1, c varchar(9) COLLATE utf8mb4_general_ci, e enum('z','a'), u uuid, n bigint unsigned, d date, y year)
"""


def test_chunk_bounds_name_each_row_once_whatever_its_collation(connection: sa.Connection) -> None:
    execute(connection, KEYS)
    execute(
        connection,
        r"INSERT INTO t VALUES ('é','a','a',uuid(),18446744073709551615,'2020-02-29',1999), ('E','A','z',uuid(),0,'0001-01-01',0)",
    )
    execute(connection, r"INSERT INTO t VALUES ('\\''','a ','z',uuid(),7,'2021-01-01',2000), ('%s','ä','a',uuid(),8,'2022-01-01',2001)")
    for c in table(connection).columns:
        found = execute(connection, f"SELECT {mysql.key_value(c)} FROM t").scalars().all()
        values = [v if isinstance(v, int) else str(v) for v in found]
        assert len(values) == 4
        for v in values:
            literal, key = mysql.key_literal(v, c), mysql.key_expression(c)
            counts = [execute(connection, f"SELECT count(*) FROM t WHERE {key} {sign} {literal}").scalar_one() for sign in ("<", "=", ">")]
            as_bytes = [(x if isinstance(x, int) else x.encode()) for x in values]
            mine = v if isinstance(v, int) else v.encode()
            assert counts == [sum(x < mine for x in as_bytes), as_bytes.count(mine), sum(x > mine for x in as_bytes)], (c.name, v)  # type: ignore[operator]


# ---- connecting


def test_sessions_are_utc_utf8_and_strict(connection: sa.Connection) -> None:
    zone, charset, mode = execute(connection, "SELECT @@time_zone, @@character_set_client, @@sql_mode").one()
    assert (zone, charset) == ("+00:00", "utf8mb4")
    assert {"STRICT_ALL_TABLES", "NO_AUTO_VALUE_ON_ZERO"} <= set(mode.split(","))
    assert mysql.version(connection).startswith("MariaDB 10.")


def test_a_wrong_password_is_not_repeated(mariadb_url: sa.URL) -> None:
    with pytest.raises(ConnectionFailed) as refused:
        databases.connect(DATABASE, mariadb_url.set(password="s3cret-not-it"), "target")
    assert "s3cret" not in str(refused.value)


@_SETTINGS
@given(st.lists(st.lists(st.sampled_from([0, 0, 1, 0xFFFF]) | st.integers(0, 0xFFFF), min_size=8, max_size=8), min_size=1, max_size=50))
def test_any_address_is_written_as_postgresql_writes_it(connection: sa.Connection, addresses: list[list[int]]) -> None:
    whole = [ipaddress.ip_address(b"".join(group.to_bytes(2, "big") for group in groups)) for groups in addresses]
    execute(connection, "CREATE OR REPLACE TABLE t (v inet6)")
    execute(connection, "INSERT INTO t VALUES " + ", ".join(f"('{a.exploded}')" for a in whole))
    inet = Column("v", Type("inet"), native="inet6")
    written = {w: a for w, a in zip(rows(connection, T, [inet])["v"].to_pylist(), whole, strict=True) if "." not in w}
    assert {w: str(a) for w, a in written.items()} == {w: w for w in written}
