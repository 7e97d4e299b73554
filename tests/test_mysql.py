"""MySQL and MariaDB as source and target, against a real server."""

from __future__ import annotations

import datetime as dt
import resource
import struct
import tempfile
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import MySQLdb
import pyarrow as pa
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from penstock import databases
from penstock.databases import Dependent, ddl, execute, mysql, qualified, quote, select
from penstock.errors import ConnectionFailed, LoadFailed, PenstockError, ReadFailed, UnsupportedType
from penstock.schema import NAMES, Column, ForeignKey, Index, Table, TableName, Type, arrow_schema

DATABASE: databases.Database = databases.of(sa.make_url("mysql://x"))
# MariaDB's names have no characters beyond the basic plane, so no emoji: see the test of refused names.
UNKIND = ["sel`ect", "--%s %(x)s 100%", "a\\b \"q\" 's'", "(a), `b`", "a) (b", "Ünï 名前", "order", "line\nbreak", "`"]
T = TableName("t")


@pytest.fixture
def connection(mariadb_url: sa.URL) -> Iterator[sa.Connection]:
    with mysql.engine(mariadb_url).connect() as connection:
        yield connection


@pytest.fixture
def other(mariadb_url: sa.URL) -> Iterator[Any]:
    """Another session, by the plain driver: without SQLAlchemy and without Penstock."""
    u = mariadb_url
    other = MySQLdb.connect(
        host=u.host, port=u.port, user=u.username, password=u.password, database=u.database, charset="utf8mb4", autocommit=True
    )
    yield other
    other.close()


def plain(other: Any, query: str) -> list[tuple[Any, ...]]:
    cursor = other.cursor()
    cursor.execute(query)
    return list(cursor.fetchall())


def table(connection: sa.Connection, name: str = "t") -> Table:
    (found,) = mysql.inspect(connection, None, [name])
    return found


def rows(connection: sa.Connection, name: TableName, columns: Sequence[Column], where: str = "") -> pa.Table:
    return pa.Table.from_batches(mysql.read(connection, select(DATABASE, name, columns, where), columns), arrow_schema(columns))


def column(written: str, name: str = "v") -> Column:
    type = Type.parse(written)
    return Column(name, type, native=mysql.native(type))


def batch(columns: Sequence[Column], *values: Sequence[Any]) -> pa.RecordBatch:
    arrays = [pa.array(v, c.type.arrow) for c, v in zip(columns, values, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=arrow_schema(columns))


def make(connection: sa.Connection, columns: Sequence[Column], name: TableName = T) -> None:
    execute(connection, f"DROP TABLE IF EXISTS {qualified(DATABASE, name)}")
    execute(connection, ddl.create_table(DATABASE, Table(name, tuple(columns)), name))


def through(connection: sa.Connection, written: str, values: Sequence[Any]) -> list[Any]:
    """These values, written into a column of that canonical type and read back."""
    v = column(written)
    make(connection, [v])
    mysql.write(connection, T, [v], [batch([v], values)])
    found: list[Any] = rows(connection, T, [v])["v"].to_pylist()
    return found


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
    "p": "geometry", "ip": "unsupported", "b8": "unsupported",
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
    columns = tuple(c for c in every.columns if c.type.name != "unsupported")
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
    same |= {"l": "CONVERT(l USING utf8mb4)", "u": "CAST(u AS CHAR)", "dt6": "CAST(dt6 AS CHAR)", "ts": "UNIX_TIMESTAMP(ts)"}
    fields = ", ".join(same.get(c.name, f"`{c.name}`") for c in columns)
    first, second = (plain(other, f"SELECT {fields} FROM {name} ORDER BY id + 0") for name in ("every", "again"))
    assert first == second and len(first) == 4


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
    }  # fmt: skip
    assert set(values) == set(NAMES), "every canonical type is tried"
    columns = [column(text, name) for name, (text, _) in values.items()]
    given_rows = batch(columns, *[v for _, v in values.values()])
    make(connection, columns)
    mysql.write(connection, T, columns, [given_rows])
    assert rows(connection, T, columns).equals(pa.Table.from_batches([given_rows]), check_metadata=True)


_WIDENED = {"boolean", "json", "uuid", "enum", "set", "decimal"}


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


# ---- reading


@pytest.mark.parametrize(
    ("native", "value"),
    [
        ("date", "0000-00-00"),
        ("date", "2020-00-10"),
        ("date", "2020-02-31"),
        ("datetime", "0000-00-00 00:00:00"),
        ("timestamp NULL", "0000-00-00 00:00:00"),
        ("time", "24:00:00"),
        ("time", "-00:00:01"),
        ("time", "838:59:59"),
    ],
)
def test_what_has_no_counterpart_is_named_and_the_connection_goes_on(connection: sa.Connection, native: str, value: str) -> None:
    execute(connection, "SET sql_mode = 'ALLOW_INVALID_DATES'")
    execute(connection, f"CREATE TABLE t (id int AUTO_INCREMENT PRIMARY KEY, `when %s` {native})")
    execute(connection, f"INSERT INTO t (`when %s`) VALUES ('{value}')")
    execute(connection, "INSERT INTO t (`when %s`) SELECT NULL FROM seq_1_to_5000")
    t = table(connection)
    with pytest.raises(ReadFailed) as refused:
        rows(connection, t.name, t.columns)
    assert "when %s" in str(refused.value) and value in str(refused.value) and refused.value.fix
    assert execute(connection, "SELECT count(*) FROM t").scalar_one() == 5001, "the rows behind it are not left on the wire"


def test_a_fault_among_many_rows_is_not_masked_when_the_connection_ends(mariadb_url: sa.URL) -> None:
    with pytest.raises(ReadFailed), mysql.engine(mariadb_url).begin() as connection:
        execute(connection, "CREATE TABLE t (v tinyint(1))")
        execute(connection, "INSERT INTO t SELECT 2 FROM seq_1_to_50000")
        rows(connection, T, [column("boolean")])


def test_a_reader_that_stops_early_leaves_the_connection_usable(connection: sa.Connection) -> None:
    execute(connection, "CREATE TABLE t AS SELECT seq AS v FROM seq_1_to_50000")
    reading = mysql.read(connection, "SELECT v FROM t", [column("int64")])
    next(iter(reading))
    reading.close()  # type: ignore[attr-defined]
    assert execute(connection, "SELECT count(*) FROM t").scalar_one() == 50_000


def test_a_select_that_fails_is_a_read_failure(connection: sa.Connection) -> None:
    with pytest.raises(ReadFailed) as refused:
        list(mysql.read(connection, "SELECT nothing FROM nowhere", [column("int64")]))
    assert "nowhere" in refused.value.why


def test_batches_stay_small_when_long_rows_follow_short_ones(connection: sa.Connection) -> None:
    execute(connection, "CREATE TABLE t (id int AUTO_INCREMENT PRIMARY KEY, v longtext)")
    execute(connection, "INSERT INTO t (v) SELECT 'x' FROM seq_1_to_40000")
    execute(connection, "INSERT INTO t (v) SELECT REPEAT('y', 300000) FROM seq_1_to_1000")  # 286 MiB
    t = table(connection)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    query = select(DATABASE, t.name, t.columns) + " ORDER BY id"
    batches = [(b.num_rows, b.nbytes) for b in mysql.read(connection, query, t.columns)]
    assert sum(n for n, _ in batches) == 41_000
    assert max(size for _, size in batches) <= 16 << 20
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200 << 10, "KiB: less than the long rows together"


def test_an_empty_table_is_no_rows_of_the_right_types(connection: sa.Connection, every: Table) -> None:
    execute(connection, "DELETE FROM every")
    assert rows(connection, every.name, every.columns).schema.equals(arrow_schema(every.columns))


def test_a_snapshot_sees_one_instant_in_all_tables(connection: sa.Connection, other: Any) -> None:
    for name in ("a", "b"):
        plain(other, f"CREATE TABLE {name} (v int)")
        plain(other, f"INSERT INTO {name} VALUES (1)")
    mysql.begin_snapshot(connection)
    v = [column("int32")]
    assert rows(connection, TableName("a"), v).num_rows == 1
    for name in ("a", "b"):
        plain(other, f"INSERT INTO {name} VALUES (2)")
    assert rows(connection, TableName("a"), v).num_rows == rows(connection, TableName("b"), v).num_rows == 1
    with pytest.raises(sa.exc.DBAPIError, match="READ ONLY"):
        execute(connection, "INSERT INTO a VALUES (3)")
    connection.rollback()
    assert rows(connection, TableName("b"), v).num_rows == 2


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


# ---- writing

_REFUSED = [
    ("string(3)", "abcd"),
    ("string(3)", "abc "),
    ("binary(3)", b"abcd"),
    ("enum('a','b')", "c"),
    ("enum('a','b')", ""),
    ("set('a','b')", "a,c"),
    ("float64", float("nan")),
    ("float64", float("inf")),
    ("float32", float("-inf")),
    ("timestamptz", dt.datetime(1970, 1, 1, tzinfo=dt.UTC)),
    ("timestamptz", dt.datetime(2038, 1, 19, 3, 14, 8, tzinfo=dt.UTC)),
    ("year", 5),
    ("year", 99),
    ("year", 1900),
    ("year", -1),
    ("geometry", b"no geometry"),
]


@pytest.mark.parametrize(("written", "value"), _REFUSED)
def test_what_does_not_fit_is_refused_and_nothing_of_it_stays(connection: sa.Connection, written: str, value: Any, other: Any) -> None:
    v = column(written)
    make(connection, [v])
    with pytest.raises(LoadFailed) as refused:
        mysql.write(connection, T, [v], [batch([v], [None, value])])
    assert refused.value.where == "table t" and refused.value.why
    connection.rollback()
    assert plain(other, "SELECT count(*) FROM t") == [(0,)]


@pytest.mark.parametrize(("native", "written", "value"), [("tinyint", "int64", 128), ("int unsigned", "int64", -1), ("decimal(3,1)", "decimal(5,2)", Decimal("1.25"))])  # fmt: skip
def test_numbers_out_of_range_are_refused_not_clipped(connection: sa.Connection, native: str, written: str, value: Any) -> None:
    v = column(written)
    execute(connection, f"CREATE TABLE t (v {native})")
    with pytest.raises(LoadFailed):
        mysql.write(connection, T, [v], [batch([v], [value])])


def test_a_null_where_there_must_be_none_is_refused(connection: sa.Connection) -> None:
    v = column("int64")
    make(connection, [replace(v, nullable=False)])
    with pytest.raises(LoadFailed):
        mysql.write(connection, T, [v], [batch([v], [1, None])])


def test_a_duplicate_key_is_refused_though_local_loads_ignore_it(connection: sa.Connection, other: Any) -> None:
    execute(connection, "CREATE TABLE t (id bigint PRIMARY KEY, v varchar(40))")
    columns = [column("int64", "id"), column("string(40)", "v")]
    with pytest.raises(LoadFailed) as refused:
        mysql.write(connection, T, columns, [batch(columns, [1, 2, 1], ["a", "b", "c"])])
    assert "Duplicate entry" in refused.value.why and "PRIMARY" in refused.value.why
    connection.rollback()
    with connection.begin():
        mysql.write(connection, T, columns, [batch(columns, [1], ["a"])])
    with pytest.raises(LoadFailed), connection.begin():
        mysql.write(connection, T, columns, [batch(columns, [2, 1], ["b", "again"])])
    assert plain(other, "SELECT * FROM t") == [(1, "a")]


def test_a_refused_value_is_not_shown(connection: sa.Connection) -> None:
    execute(connection, "CREATE TABLE t (v varchar(60) PRIMARY KEY, d date)")
    secret = "s3cret' for key 'x' at row 1, s3cret"
    columns = [column("string(60)"), column("string(60)", "d")]
    for row in (batch(columns, [secret, secret], [None, None]), batch(columns, ["x"], [secret])):
        with pytest.raises(LoadFailed) as refused:
            mysql.write(connection, T, columns, [row])
        assert "s3cret" not in str(refused.value) and ("PRIMARY" in refused.value.why or "'d'" in refused.value.why)
        connection.rollback()


def test_many_pieces_load_whole_and_leave_no_files(connection: sa.Connection, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(mysql, "FILE_BYTES", 4096)
    (folder := tmp_path / "it's \\ here").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    columns = [column("int64", "id"), column("string", "v")]
    make(connection, columns)
    values = [list(range(5000)), [f"v{n}" for n in range(5000)]]
    mysql.write(connection, T, columns, [batch(columns, *[v[n : n + 300] for v in values]) for n in range(0, 5000, 300)])
    assert sorted(rows(connection, T, columns)["id"].to_pylist()) == values[0]
    with pytest.raises(LoadFailed):
        mysql.write(connection, TableName("nowhere"), columns, [batch(columns, [1], ["x"])])
    assert list(folder.iterdir()) == []


def test_nothing_written_is_seen_before_the_commit(connection: sa.Connection, other: Any) -> None:
    v = [column("int64")]
    make(connection, v)
    mysql.write(connection, T, v, [batch(v, [1, 2])])
    assert plain(other, "SELECT count(*) FROM t") == [(0,)]
    connection.rollback()
    assert rows(connection, T, v).num_rows == 0
    connection.rollback()
    with connection.begin():
        mysql.write(connection, T, v, [batch(v, [1, 2])])
    assert plain(other, "SELECT count(*) FROM t") == [(2,)]


def test_writing_no_rows_is_no_fault(connection: sa.Connection) -> None:
    v = [column("int64")]
    make(connection, v)
    mysql.write(connection, T, v, [])
    mysql.write(connection, T, v, [batch(v, [])])
    assert rows(connection, T, v).num_rows == 0


def test_numbering_goes_on_behind_the_loaded_rows_and_zero_stays_zero(connection: sa.Connection) -> None:
    identity = replace(column("int64", "id"), nullable=False, identity=True)
    t = Table(T, (identity, column("int64")), ("id",))
    execute(connection, ddl.create_table(DATABASE, t, T))
    mysql.write(connection, T, t.columns, [batch(t.columns, [41, 0], [1, 1])])
    for statement in mysql.renumber(t, T):
        execute(connection, statement)
    execute(connection, "INSERT INTO t (v) VALUES (2)")
    assert sorted(rows(connection, T, t.columns)["id"].to_pylist()) == [0, 41, 42]
    assert table(connection).column("id").identity


# ---- names


@pytest.mark.parametrize("unkind", UNKIND)
def test_any_name_goes_all_the_way(connection: sa.Connection, other: Any, unkind: str) -> None:
    name = TableName(unkind + " t")
    identity = Column(unkind, Type("int64"), False, identity=True)
    text = Column("v" + unkind, Type("string", length=20), default="=a\\b'%s%%\n\"")
    link = Column("k" + unkind, Type("int64"))
    index, key = Index("u" + unkind, (text.name, link.name), True), ForeignKey("f" + unkind, (link.name,), name.name, (unkind,), "CASCADE")
    made = Table(name, (identity, text, link), (unkind,), (index,), (key,))
    shadow = mysql.shadow(name, "m")
    execute(connection, ddl.create_table(DATABASE, made, shadow))
    columns = made.columns
    mysql.write(connection, shadow, columns, [batch(columns, [1, 2], [unkind[:20], None], [2, None])])
    for statement in [*ddl.keys(DATABASE, made, shadow), *ddl.foreign_keys(DATABASE, made, shadow, {name.name: shadow})]:
        execute(connection, statement)
    for statement in mysql.moves([(shadow, name)]):
        execute(connection, statement)
    found = table(connection, name.name)
    assert [replace(c, native="") for c in found.columns] == list(columns)
    assert (found.primary_key, found.foreign_keys, found.notes) == ((unkind,), (key,), ())
    assert index in found.indexes
    values = {r[unkind]: r for r in rows(connection, name, found.columns).to_pylist()}
    assert values[1] == {unkind: 1, text.name: unkind[:20], link.name: 2} and values[2][text.name] is None
    assert databases.stands(connection, name) and not databases.stands(connection, shadow)
    assert mysql.seal(connection, name) and mysql.dependents(connection, [name]) == []
    connection.commit()
    assert (1, unkind[:20], 2) in plain(other, f"SELECT * FROM {qualified(DATABASE, name)}")
    plain(other, f"INSERT INTO {qualified(DATABASE, name)} () VALUES ()")
    default = plain(other, f"SELECT {quote(DATABASE, text.name)} FROM {qualified(DATABASE, name)} ORDER BY 1 DESC")
    assert ("a\\b'%s%%\n\"",) in default
    for statement in mysql.drops([name]):
        execute(connection, statement)
    assert mysql.inspect(connection, None) == []


def test_names_beyond_the_basic_plane_are_refused_by_the_server_not_changed(connection: sa.Connection) -> None:
    with pytest.raises(sa.exc.DBAPIError):
        execute(connection, "CREATE TABLE `t😀` (id int)")
    assert mysql.inspect(connection, None) == []


def test_long_names_are_cut_the_same_way_each_time_and_apart_from_each_other(connection: sa.Connection) -> None:
    first, second = TableName("ü" * 31 + "a"), TableName("ü" * 31 + "b")
    places = [f(t) for t in (first, second) for f in (lambda t: mysql.shadow(t, "m"), lambda t: mysql.kept(t, "m", "0123456789ab"))]
    assert len(set(places)) == 4 and all(len(p.name.encode()) <= 64 for p in places)
    assert mysql.shadow(first, "m") == places[0] and mysql.shadow(TableName("t"), "m").name == "penstock_new__t"
    assert mysql.kept(TableName("t", "s"), "m", "tok") == TableName("penstock_old_tok__t", "s")
    for place in places:
        make(connection, [column("int64")], place)
        assert databases.stands(connection, place)


# ---- inspecting

SHAPES = r"""
CREATE TABLE plain (id int AUTO_INCREMENT PRIMARY KEY, n int NOT NULL DEFAULT -5, s varchar(20) DEFAULT 'it''s \\ "x"', d decimal(5,2) DEFAULT 1.50,
  b bit(1) DEFAULT b'1', at timestamp(6) NOT NULL DEFAULT current_timestamp(6) ON UPDATE current_timestamp(6), z datetime DEFAULT '0000-00-00 00:00:00',
  ex int DEFAULT (1 + 2), nothing varchar(5) DEFAULT NULL, empty varchar(5) NOT NULL DEFAULT '', ge int AS (n + 1) STORED, vi int AS (n + 2) VIRTUAL,
  hidden int INVISIBLE, j json, txt text, p point NOT NULL,
  CONSTRAINT positive CHECK (d > 0), UNIQUE KEY first (s(3)), KEY part (txt(5)), KEY down (n DESC), FULLTEXT KEY words (txt), SPATIAL KEY place (p),
  UNIQUE KEY pair (n, s), KEY single (d))
"""


def test_what_can_not_be_carried_is_noted_and_nothing_else_is_lost(connection: sa.Connection) -> None:
    execute(connection, "SET sql_mode = ''")
    execute(connection, SHAPES)
    execute(connection, "CREATE TRIGGER `tri%s` BEFORE INSERT ON plain FOR EACH ROW SET NEW.n = 1")
    execute(connection, "CREATE TABLE old (id int) ENGINE=MyISAM")
    execute(connection, "CREATE TABLE timed (id int) WITH SYSTEM VERSIONING")
    execute(connection, "CREATE VIEW seen AS SELECT * FROM plain")
    execute(connection, "CREATE SEQUENCE numbers")
    found = {t.name.name: t for t in mysql.inspect(connection, None)}
    assert sorted(found) == ["old", "plain", "timed"]
    t = found["plain"]
    defaults = {c.name: c.default for c in t.columns if c.default is not None}
    assert defaults == {"n": "=-5", "s": '=it\'s \\ "x"', "d": "=1.50", "b": "=1", "at": "now", "empty": "="}
    assert {i.name: (i.columns, i.unique) for i in t.indexes} == {
        "pair": (("n", "s"), True),
        "down": (("n",), False),
        "single": (("d",), False),
    }
    assert [c.name for c in t.columns if c.identity] == ["id"] and "hidden" in [c.name for c in t.columns]
    assert [c.name for c in t.columns if not c.nullable] == ["id", "n", "at", "empty", "p"]
    said = "; ".join(t.notes)
    for word in ("positive", "trigger tri%s", "first (unique by prefix)", "part (by prefix)", "words (fulltext)", "place (spatial)", "ge is a generated",
                 "vi is a generated", "at ON UPDATE", "default of z: '0000-00-00 00:00:00'", "default of ex"):  # fmt: skip
        assert word in said
    assert "MyISAM" in found["old"].notes[0] and "system-versioned" in found["timed"].notes[0]
    assert mysql.inspect(connection, None, ["old", "not there"]) == [found["old"]]


def test_another_schema_is_inspected_by_its_name_and_keys_out_of_it_are_noted(connection: sa.Connection, mariadb_url: sa.URL) -> None:
    away = f"{mariadb_url.database}_`away%s"
    execute(connection, "CREATE TABLE t (id int PRIMARY KEY)")
    execute(connection, f"CREATE DATABASE {quote(DATABASE, away)}")
    try:
        execute(
            connection,
            f"CREATE TABLE {quote(DATABASE, away)}.s (id int PRIMARY KEY, t int, CONSTRAINT out_of_it FOREIGN KEY (t) REFERENCES {mariadb_url.database}.t (id))",
        )
        (s,) = mysql.inspect(connection, away)
        assert s.name == TableName("s", away) and s.foreign_keys == () and any("out_of_it" in n for n in s.notes)
        assert [(d.kind, d.follows) for d in mysql.dependents(connection, [T])] == [("foreign key", False)]
        assert mysql.dependents(connection, [T, s.name]) == []
    finally:
        execute(connection, f"DROP DATABASE {quote(DATABASE, away)}")


def test_sakila_is_seen_as_its_authors_made_it(mariadb_sakila: sa.URL) -> None:
    with mysql.engine(mariadb_sakila).connect() as connection:
        found = {t.name.name: t for t in mysql.inspect(connection, None)}
        assert len(found) == 16 and all(t.primary_key for t in found.values())
        assert sum(len(t.foreign_keys) for t in found.values()) == 22
        assert [(k.ref_table, k.on_delete, k.on_update) for k in found["store"].foreign_keys] == [
            ("address", "", "CASCADE"),
            ("staff", "", "CASCADE"),
        ]
        assert "store" in [k.ref_table for k in found["staff"].foreign_keys], "they refer to each other"
        assert found["film_actor"].primary_key == ("actor_id", "film_id") and found["film"].column("film_id").identity
        assert (
            str(found["film"].column("rating").type) == "enum('G','PG','PG-13','R','NC-17')"
            and found["film"].column("rating").default == "=G"
        )
        assert str(found["film"].column("release_year").type) == "year"
        assert any("fulltext" in n for n in found["film_text"].notes)
        for t in found.values():
            count = execute(connection, f"SELECT count(*) FROM {qualified(DATABASE, t.name)}").scalar_one()
            assert rows(connection, t.name, t.columns).num_rows == count > 0, t.name


# ---- the switch


def family(connection: sa.Connection, *names: str) -> None:
    """Two tables that refer to each other, standing at these names."""
    parent, child = names
    execute(connection, f"CREATE TABLE {parent} (id int PRIMARY KEY, eldest int)")
    execute(connection, f"CREATE TABLE {child} (id int PRIMARY KEY, p int, CONSTRAINT {child}_p FOREIGN KEY (p) REFERENCES {parent} (id))")
    execute(connection, f"ALTER TABLE {parent} ADD CONSTRAINT {parent}_e FOREIGN KEY (eldest) REFERENCES {child} (id)")


def referred(connection: sa.Connection) -> dict[str, str]:
    return {t.name.name: t.foreign_keys[0].ref_table for t in mysql.inspect(connection, None)}


def test_one_statement_moves_all_and_foreign_keys_follow_there_and_back(connection: sa.Connection) -> None:
    family(connection, "parent", "child")
    family(connection, "penstock_new__parent", "penstock_new__child")
    live = [TableName("parent"), TableName("child")]
    new, old = [mysql.shadow(t, "m") for t in live], [mysql.kept(t, "m", "tok") for t in live]
    there, back = [*zip(live, old, strict=True), *zip(new, live, strict=True)], [*zip(live, new, strict=True), *zip(old, live, strict=True)]
    (statement,) = mysql.moves(there)
    before = referred(connection)
    execute(connection, statement)
    assert referred(connection) == {
        "parent": "child", "child": "parent", "penstock_old_tok__parent": "penstock_old_tok__child", "penstock_old_tok__child": "penstock_old_tok__parent",
    }  # fmt: skip
    (statement,) = mysql.moves(back)
    execute(connection, statement)
    assert referred(connection) == before
    assert mysql.schemas(live) == []
    for statement in mysql.drops(new):
        execute(connection, statement)
    assert sorted(referred(connection)) == ["child", "parent"]
    assert execute(connection, "SELECT @@foreign_key_checks").scalar_one() == 1 and mysql.drops([]) == []


def test_a_move_that_can_not_be_done_moves_nothing(connection: sa.Connection) -> None:
    for name in ("a", "b"):
        make(connection, [column("int64")], TableName(name))
    (statement,) = mysql.moves([(TableName("a"), TableName("c")), (TableName("not there"), TableName("a"))])
    with pytest.raises(sa.exc.DBAPIError):
        execute(connection, statement)
    assert [t.name.name for t in mysql.inspect(connection, None)] == ["a", "b"]


def test_a_move_waits_no_longer_than_its_patience(connection: sa.Connection, other: Any) -> None:
    make(connection, [column("int64")])
    connection.commit()
    plain(other, "BEGIN")
    plain(other, "SELECT * FROM t")
    for statement in mysql.hold([T], 1):
        execute(connection, statement)
    with pytest.raises(sa.exc.DBAPIError, match="[Ll]ock wait"):
        execute(connection, mysql.moves([(T, TableName("elsewhere"))])[0])
    plain(other, "COMMIT")
    execute(connection, mysql.moves([(T, TableName("elsewhere"))])[0])


@pytest.mark.parametrize("named", [False, True])
def test_what_hangs_on_live_tables_is_told_and_whether_it_follows(connection: sa.Connection, mariadb_url: sa.URL, named: bool) -> None:
    family(connection, "parent", "child")
    schema = mariadb_url.database if named else None
    parent, child = TableName("parent", schema), TableName("child", schema)
    assert mysql.dependents(connection, [parent, child]) == [], "what hangs between themselves is left out"
    execute(connection, "CREATE TABLE visit (p int, CONSTRAINT `out%s` FOREIGN KEY (p) REFERENCES parent (id))")
    execute(connection, "CREATE TABLE Parent (id int PRIMARY KEY)")
    execute(connection, "CREATE TABLE guest (p int, CONSTRAINT other_case FOREIGN KEY (p) REFERENCES Parent (id))")
    execute(connection, "CREATE TRIGGER tri BEFORE INSERT ON child FOR EACH ROW SET NEW.p = NULL")
    execute(connection, "CREATE VIEW seen AS SELECT id FROM child")
    assert mysql.dependents(connection, [parent, child]) == [
        Dependent("foreign key", "out%s of visit", parent, False),
        Dependent("trigger", "tri", child, False),
        Dependent("view", "seen", child, True),
    ]
    assert [d.name for d in mysql.dependents(connection, [child])] == ["parent_e of parent", "tri", "seen"]


@pytest.mark.parametrize(
    "change",
    ["UPDATE t SET v = '' WHERE id = 2", "UPDATE t SET v = NULL, w = 'a' WHERE id = 1", "DELETE FROM t WHERE id = 3", "INSERT INTO t VALUES (4, NULL, NULL)",
     "UPDATE t SET v = 'A' WHERE id = 1"],
)  # fmt: skip
def test_the_seal_breaks_when_a_row_changes(connection: sa.Connection, other: Any, change: str) -> None:
    execute(connection, "CREATE TABLE t (id int PRIMARY KEY, v varchar(5) COLLATE utf8mb4_general_ci, w varchar(5))")
    execute(connection, "INSERT INTO t VALUES (1, 'a', NULL), (2, NULL, NULL), (3, '', 'x')")
    connection.commit()
    sealed = mysql.seal(connection, T)
    connection.commit()
    assert mysql.seal(connection, T) == sealed
    connection.commit()
    plain(other, change)
    assert mysql.seal(connection, T) != sealed


def test_two_sessions_may_load_at_once(mariadb_url: sa.URL, connection: sa.Connection) -> None:
    columns = [replace(column("int64", "id"), nullable=False), column("string(20)", "v")]
    execute(connection, ddl.create_table(DATABASE, Table(T, tuple(columns), ("id",)), T))
    failures: list[PenstockError] = []

    def load(start: int) -> None:
        values = [list(range(start, 20_000, 2)), [f"v{n}" for n in range(start, 20_000, 2)]]
        try:
            with mysql.engine(mariadb_url).begin() as own:
                mysql.write(own, T, columns, [batch(columns, *values)])
        except PenstockError as error:
            failures.append(error)

    threads = [threading.Thread(target=load, args=(n,)) for n in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert rows(connection, T, columns).num_rows == 20_000


# ---- connecting


def test_sessions_are_utc_utf8_and_strict(connection: sa.Connection) -> None:
    zone, charset, mode = execute(connection, "SELECT @@time_zone, @@character_set_client, @@sql_mode").one()
    assert (zone, charset) == ("+00:00", "utf8mb4")
    assert {"STRICT_ALL_TABLES", "NO_AUTO_VALUE_ON_ZERO", "NO_ZERO_DATE", "NO_ZERO_IN_DATE"} <= set(mode.split(","))
    assert mysql.version(connection).startswith("MariaDB 10.")


def test_a_wrong_password_is_not_repeated(mariadb_url: sa.URL) -> None:
    with pytest.raises(ConnectionFailed) as refused:
        databases.connect(DATABASE, mariadb_url.set(password="s3cret-not-it"), "target")
    assert "s3cret" not in str(refused.value)
