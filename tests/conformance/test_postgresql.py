"""PostgreSQL as source and target, against a real server."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import psycopg
import pyarrow as pa
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from penstock import databases
from penstock.databases import execute, qualified, select
from penstock.databases.postgresql import DATABASE as postgresql
from penstock.errors import ConnectionFailed, LoadFailed, MigrationError, ReadFailed, UnsupportedType
from penstock.model import digest
from penstock.model.schema import (
    NAMES,
    WORDED,
    Check,
    Column,
    ForeignKey,
    Index,
    Part,
    Partition,
    Partitioning,
    Table,
    TableName,
    Type,
    arrow_schema,
)
from penstock.runtime.memory import Room

DATABASE: databases.Database = databases.of(sa.make_url("postgresql://x"))
UNKIND = 'sel"ect; --%s %(x)s \\ Ünï 😀, (a)'


@pytest.fixture
def connection(postgresql_url: sa.URL) -> Iterator[sa.Connection]:
    engine = postgresql.engine(postgresql_url)
    with engine.connect() as connection:
        yield connection


@pytest.fixture
def other(postgresql_url: sa.URL) -> Iterator[psycopg.Connection[Any]]:
    """Another session, without SQLAlchemy and without Penstock."""
    with psycopg.connect(postgresql_url.set(drivername="postgresql").render_as_string(hide_password=False), autocommit=True) as other:
        yield other


def table(connection: sa.Connection, name: str, schema: str = "public") -> Table:
    (found,) = postgresql.inspect(connection, schema, [name])
    return found


def rows(connection: sa.Connection, name: TableName, columns: Sequence[Column], where: str = "") -> pa.Table:
    return pa.Table.from_batches(postgresql.read(connection, select(DATABASE, name, columns, where), columns), arrow_schema(columns))


def copied(connection: sa.Connection, source: Table, name: str) -> tuple[pa.Table, pa.Table]:
    """What `source` gave, and what stands in a new table made of the canonical types after writing it there."""
    target = TableName(name, "public")
    fields = ", ".join(f"{databases.quote(DATABASE, c.name)} {postgresql.native(c.type)}" for c in source.columns)
    execute(connection, f"CREATE TABLE {qualified(DATABASE, target)} ({fields})")
    given_rows = rows(connection, source.name, source.columns)
    postgresql.write(connection, target, source.columns, given_rows.to_batches())
    columns = [replace(c, native=postgresql.native(c.type)) for c in source.columns]
    return given_rows, rows(connection, target, columns)


# ---- types

SOURCE = """
CREATE TYPE mood AS ENUM ('so, so', 'it''s', 'a\\b', 'ü)');
CREATE DOMAIN short AS varchar(5); CREATE DOMAIN shorter AS short CHECK (length(value) < 4);
CREATE TABLE every (
  id integer PRIMARY KEY, si smallint, bi bigint, b boolean, n numeric(12,2), n60 numeric(60,20), nn numeric(3,-2), ns numeric(2,4),
  r real, d double precision, t text, v varchar(9), c char(6), bin bytea, da date, ti time, t3 time(3), ts timestamp, t0 timestamp(0),
  tz timestamptz, j json, jb jsonb, u uuid, e mood, dom shorter, iv interval, ar integer[], anyn numeric, ip inet);
INSERT INTO every (id) VALUES (1);
INSERT INTO every VALUES
 (2, -32768, 9223372036854775807, true, -9999999999.99, 1234567890123456789012345678901234567890.12345678901234567891, 12345,
  0.0012, 3.4028235e38, 5e-324, '', '', '', '', '0001-01-01', '00:00', '23:59:59.123',
  '0001-01-01 00:00:00.000001', '1999-12-31 23:59:59',
  '9999-12-31 23:59:59.999999+00',
  '{"a": 1.0, "a": 2}', '{"b":1, "a":[null]}', 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11', 'so, so', 'äöü',
  '1 mon 2 days', '{1,null}', 1e-30, '10.0.0.1/8'),
 (3, 0, -9223372036854775808, false, 0.00, 0, -500, -0.0099, 'NaN', '-Infinity',
  E'a\\tb\\nc\\r\\n\\\\d\\\\N"q"''s'',x', 'NULL', 'ab', '\\x00ff5c0a09',
  '9999-12-31',
  '23:59:59.999999', '00:00', '9999-12-31 23:59:59.999999', '0044-03-15', '2013-03-31 02:30:00+02',
  '[]', '"\\\\"', gen_random_uuid(), 'ü)', '', NULL, NULL, 0, NULL),
 (4, 1, 1, NULL, 0.01, -0.00000000000000000001, 0, 0, '-0', '-0',
  '\\N', 'éé', ' x', '\\x', '1582-10-10',
  '12:30:00.5', '12:30', '1582-10-10 00:00', NULL,
  '0001-01-01 00:00+00', 'null', 'null', gen_random_uuid(), 'it''s', 'a', NULL, NULL, 0, NULL),
 (5, 1, 1, NULL, NULL, NULL, NULL, NULL, 0.1, 0.1,
  U&'\\FEFFbom', E'\\\\.', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'a\\b', NULL, NULL, NULL, 0, NULL);
"""
EXPECTED = {
    "id": "int32", "si": "int16", "bi": "int64", "b": "boolean", "n": "decimal(12,2)", "n60": "decimal(60,20)", "nn": "decimal(5,0)",
    "ns": "decimal(4,4)", "r": "float32", "d": "float64", "t": "string", "v": "string(9)", "c": "string(6)", "bin": "binary", "da": "date",
    "ti": "time", "t3": "time", "ts": "timestamp", "t0": "timestamp", "tz": "timestamptz", "j": "json", "jb": "jsonb", "u": "uuid",
    "e": "enum('so, so','it''s','a\\b','ü)')", "dom": "string(5)", "iv": "interval", "ar": "array(int32)", "anyn": "number", "ip": "inet",
}  # fmt: skip


def test_every_type_has_its_canonical_counterpart(connection: sa.Connection) -> None:
    execute(connection, SOURCE)
    found = table(connection, "every")
    assert {c.name: str(c.type) for c in found.columns} == EXPECTED
    assert found.primary_key == ("id",)
    assert found.column("dom").named_type == "public.shorter" and found.column("e").named_type == "public.mood"


def test_every_value_is_the_same_after_reading_and_writing(connection: sa.Connection, other: psycopg.Connection[Any]) -> None:
    execute(connection, SOURCE)
    source = table(connection, "every")
    given_rows, standing = copied(connection, source, "again")
    assert given_rows.num_rows == 5
    assert standing.schema.equals(given_rows.schema, check_metadata=True)
    # NaN is not equal to itself in Arrow: compare what is left, and the bits of the floats
    for name in given_rows.column_names:
        mine, theirs = given_rows[name].to_pylist(), standing[name].to_pylist()
        assert list(map(repr, mine)) == list(map(repr, theirs)), name
    connection.commit()
    fields = ", ".join(f'"{c.name}"::text' for c in source.columns)
    before = other.execute(f"SELECT {fields} FROM every ORDER BY id").fetchall()
    after = other.execute(f"SELECT {fields} FROM again ORDER BY id").fetchall()
    assert before == after
    by_id = {r["id"]: r for r in given_rows.to_pylist()}
    assert set(by_id[1].values()) == {1, None}
    assert by_id[2]["t"] == by_id[2]["c"] == "" and by_id[2]["bin"] == b"" and by_id[2]["n"] == Decimal("-9999999999.99")
    assert by_id[2]["n60"] == Decimal("1234567890123456789012345678901234567890.12345678901234567891")
    assert by_id[3]["t"] == "a\tb\nc\r\n\\d\\N\"q\"'s',x" and by_id[3]["v"] == "NULL" and by_id[3]["bin"] == b"\x00\xff\x5c\x0a\x09"
    assert by_id[3]["c"] == "ab" and by_id[3]["tz"] == dt.datetime(2013, 3, 31, 0, 30, tzinfo=dt.UTC)
    assert by_id[2]["j"] == '{"a": 1.0, "a": 2}' and by_id[4]["t"] == "\\N" and str(by_id[4]["d"]) == "-0.0"
    assert by_id[5]["t"] == "\ufeffbom"


def test_a_leading_byte_order_mark_is_data(connection: sa.Connection) -> None:
    execute(connection, "CREATE TABLE t (a text); INSERT INTO t VALUES (U&'\\FEFF'), (U&'\\FEFFx')")
    t = table(connection, "t")
    assert rows(connection, t.name, t.columns)["a"].to_pylist() == ["\ufeff", "\ufeffx"]


def test_what_arrow_has_no_type_for_is_read_in_one_form_of_text(connection: sa.Connection) -> None:
    execute(connection, SOURCE)
    source = table(connection, "every")
    odd = [c for c in source.columns if c.type.name in WORDED]
    assert rows(connection, source.name, odd, "id = 2").to_pylist() == [
        {"iv": "1 months 2 days 0 microseconds", "ar": "{1,NULL}", "anyn": "0.000000000000000000000000000001", "ip": "10.0.0.1/8"}
    ]


def test_a_column_that_is_cast_to_string_is_read_as_the_database_writes_it(connection: sa.Connection) -> None:
    execute(
        connection, "CREATE TABLE t (n numeric(5,2), d date, z timestamptz); INSERT INTO t VALUES ('NaN', '0044-03-15 BC', '-infinity')"
    )
    columns = [replace(c, type=Type("unsupported")) for c in table(connection, "t").columns]
    assert rows(connection, TableName("t", "public"), columns).to_pylist() == [{"n": "NaN", "d": "0044-03-15 BC", "z": "-infinity"}]


def test_every_canonical_type_is_read_back_from_its_native_one(connection: sa.Connection) -> None:
    values: dict[str, tuple[str, list[Any]]] = {
        "boolean": ("boolean", [True, False, None]),
        **{f"int{b}": (f"int{b}", [-(2 ** (b - 1)), 2 ** (b - 1) - 1, None]) for b in (8, 16, 32, 64)},
        **{f"uint{b}": (f"uint{b}", [0, 2**b - 1, None]) for b in (8, 16, 32, 64)},
        "float32": ("float32", [1.5, -0.0, None]),
        "float64": ("float64", [0.1, 1e300, None]),
        "string": ("string(3)", ["äöü", "", None]),
        "binary": ("binary(4)", [b"\0\\", b"", None]),
        "date": ("date", [dt.date(2020, 2, 29), dt.date(1, 1, 1), None]),
        "time": ("time", [dt.time(23, 59, 59, 1), dt.time(0), None]),
        "timestamp": ("timestamp", [dt.datetime(2020, 1, 1, 1, 1, 1, 1), dt.datetime(1, 1, 1), None]),
        "timestamptz": ("timestamptz", [dt.datetime(2020, 1, 1, tzinfo=dt.UTC), None, None]),
        "json": ("json", ['{"a":1,  "a":2}', "null", None]),
        "uuid": ("uuid", ["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", None, None]),
        "enum": ("enum('a','it''s')", ["a", "it's", None]),
        "set": ("set('a','b')", ["a,b", "", None]),
        "year": ("year", [1901, 2155, None]),
        "geometry": ("geometry", [b"\x01\x00", b"", None]),
        "decimal": ("decimal(76,38)", [Decimal("9" * 38 + "." + "9" * 38), Decimal(f"-0.{'0' * 37}1"), None]),
        "jsonb": ("jsonb", ['{"a": 1, "b": [null]}', "1.0", None]),
        "vector": ("vector(1)", [b"\0\0\x80\x3f", None, None]),
        "number": ("number", ["NaN", "-Infinity", "1" * 100 + "." + "0" * 40 + "1"]),
        "int128": ("int128", [Decimal(2**127 - 1), Decimal(-(2**127)), None]),
        "uint128": ("uint128", [Decimal(2**128 - 1), Decimal(0), None]),
        "money": ("money", [Decimal("-92233720368547758.08"), Decimal("0.01"), None]),
        "interval": ("interval", ["-14 months 3 days -5006000007 microseconds", "0 months 0 days 0 microseconds", None]),
        "timetz": ("timetz", ["12:30:00.5+05:30", "24:00:00-15:59:59", None]),
        "bits": ("bits(3)", ["101", "000", None]),
        "varbits": ("varbits(4)", ["", "0011", None]),
        "inet": ("inet", ["10.0.0.1/8", "::1", None]),
        "cidr": ("cidr", ["10.0.0.0/8", "::/0", None]),
        "macaddr": ("macaddr", ["08:00:2b:01:02:03", None, None]),
        "xml": ("xml", ["<a>\t&amp;</a>", "", None]),
        "range": ("range(number)", ["[1,2.50)", "empty", "(,)"]),
        "array": ("array(string)", ['{NULL,"NULL","","a\\\\\\"\t"}', "{}", "[0:1]={a,b}"]),
        "native": ("native('postgresql','point')", ["(1,-0)", "(1e+300,NaN)", None]),
    }
    assert set(values) == set(NAMES), "every canonical type is tried"
    columns = [Column(name, Type.parse(text), native=postgresql.native(Type.parse(text))) for name, (text, _) in values.items()]
    arrays = [pa.array(v, c.type.arrow) for c, (_, v) in zip(columns, values.values(), strict=True)]
    batch = pa.RecordBatch.from_arrays(arrays, schema=arrow_schema(columns))
    execute(connection, "CREATE TABLE t (" + ", ".join(f'"{c.name}" {c.native}' for c in columns) + ")")
    name = TableName("t", "public")
    postgresql.write(connection, name, columns, [batch])
    assert rows(connection, name, columns).equals(pa.Table.from_batches([batch]), check_metadata=True)


_WIDENED = {
    "enum",
    "set",
    "year",
    "geometry",
    "vector",
    "decimal",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "int8",
    "int128",
    "uint128",
    "money",
}
_WIDENED |= {"bits", "range", "array", "native"}  # of no length, of nothing


@pytest.mark.parametrize("name", sorted(set(NAMES) - _WIDENED))
def test_what_native_writes_is_understood_again(name: str) -> None:
    assert postgresql.canonical(postgresql.native(Type(name))) == Type(name)


@pytest.mark.parametrize("written", ["public.mood", "public.mood[]", "regclass", "aclitem", "money[]", "record"])
def test_types_that_are_not_carried_are_unsupported(written: str) -> None:
    assert postgresql.canonical(written) == Type("unsupported")


def test_native_says_what_it_can_not_write() -> None:
    with pytest.raises(UnsupportedType):
        postgresql.native(Type("unsupported"))
    assert postgresql.native(Type("string", length=20_000_000)) == "text"
    assert postgresql.native(Type("uint64"), identity=True) == "bigint GENERATED BY DEFAULT AS IDENTITY"
    assert postgresql.native(Type("decimal", precision=20, scale=0), identity=True) == "numeric(20,0)"


# ---- values, any

_ANY = st.characters(exclude_characters="\0", exclude_categories=["Cs"])
_TEXT = st.text(_ANY, max_size=30) | st.text(st.sampled_from('\\\t\n\r",N.\ufeff '), max_size=6)
_TIME = st.datetimes(dt.datetime(1, 1, 1), dt.datetime(9999, 12, 31, 23, 59, 59, 999999))
_ROW = st.tuples(
    st.none() | _TEXT,
    st.none() | st.binary(max_size=40),
    st.none() | st.integers(1 - 10**38, 10**38 - 1).map(lambda i: Decimal(f"{i}e-7")),
    st.none() | _TIME,
    st.none() | st.floats(),
    st.none() | st.floats(width=32),
)
_COLUMNS = [
    Column("s", Type("string")),
    Column("b", Type("binary")),
    Column("n", Type("decimal", precision=38, scale=7)),
    Column("t", Type("timestamp")),
    Column("d", Type("float64")),
    Column("f", Type("float32")),
]


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(_ROW, max_size=8), st.integers(1, 6))
def test_any_value_is_read_as_it_was_written(connection: sa.Connection, values: list[tuple[Any, ...]], width: int) -> None:
    columns = _COLUMNS[:width]
    name = TableName("t", "pg_temp")
    connection.rollback()
    execute(connection, "CREATE TEMP TABLE t (" + ", ".join(f"{c.name} {postgresql.native(c.type)}" for c in columns) + ")")
    arrays = [pa.array([v[i] for v in values], c.type.arrow) for i, c in enumerate(columns)]
    batch = pa.RecordBatch.from_arrays(arrays, schema=arrow_schema(columns))
    postgresql.write(connection, name, columns, [batch])
    read = rows(connection, name, columns)
    assert list(map(repr, read.to_pylist())) == list(map(repr, batch.to_pylist()))
    independent = execute(connection, "SELECT s FROM pg_temp.t").scalars().all()
    assert independent == [v[0] for v in values]


@pytest.mark.parametrize(
    ("type", "value", "shown"),
    [
        ("numeric(5,2)", "NaN", "NaN"),
        ("numeric(60,2)", "NaN", "NaN"),
        ("timestamp", "infinity", "infinity"),
        ("timestamptz", "-infinity", "-infinity"),
        ("timestamp", "0044-03-15 12:00:00 BC", "0044-03-15 12:00:00 BC"),
        ("timestamp", "10000-01-01", "10000-01-01"),
        ("date", "infinity", "infinity"),
        ("date", "0044-03-15 BC", "0044-03-15 BC"),
        ("time", "24:00:00", "24:00:00"),
    ],
)
def test_a_value_without_exact_counterpart_stops_the_read_by_name(connection: sa.Connection, type: str, value: str, shown: str) -> None:
    execute(connection, f"CREATE TABLE t (id int, \"odd one\" {type}); INSERT INTO t VALUES (1, NULL), (2, '{value}')")
    t = table(connection, "t")
    with pytest.raises(ReadFailed) as failed:
        rows(connection, t.name, t.columns)
    assert "odd one" in failed.value.where and shown in failed.value.why


def test_no_rows_and_single_null_columns_are_read(connection: sa.Connection) -> None:
    execute(connection, "CREATE TABLE t (a text); CREATE TABLE n (a int)")
    t, n = table(connection, "t"), table(connection, "n")
    assert rows(connection, t.name, t.columns).num_rows == 0
    postgresql.write(connection, t.name, t.columns, [])
    execute(connection, "INSERT INTO t VALUES (NULL), (''), (NULL); INSERT INTO n VALUES (NULL), (1)")
    assert rows(connection, t.name, t.columns)["a"].to_pylist() == [None, "", None]
    assert rows(connection, n.name, n.columns)["a"].to_pylist() == [None, 1]


def test_batches_are_bounded_in_rows_and_bytes(connection: sa.Connection) -> None:
    execute(connection, "CREATE TABLE t (a text, b numeric(70,0))")
    execute(connection, "INSERT INTO t SELECT repeat('x', 400), 1 FROM generate_series(1, 100000)")
    t = table(connection, "t")
    batches = list(postgresql.read(connection, select(DATABASE, t.name, t.columns), t.columns))
    assert sum(b.num_rows for b in batches) == 100_000
    assert max(b.nbytes for b in batches) <= 16 << 20 and max(b.num_rows for b in batches) <= 65_536


def test_a_batch_that_is_full_in_the_middle_of_a_row_has_the_whole_of_it(connection: sa.Connection) -> None:
    execute(connection, "CREATE TABLE t (id int, a text)")
    execute(
        connection, "INSERT INTO t SELECT n, repeat(chr(96 + n), 1000000 + n) FROM generate_series(1, 20) AS n"
    )  # 12 MiB are no row's end
    found = rows(connection, table(connection, "t").name, table(connection, "t").columns)
    assert sorted((n, a[:1], len(a)) for n, a in zip(*found.to_pydict().values(), strict=True)) == [
        (n, chr(96 + n), 1_000_000 + n) for n in range(1, 21)
    ]


def test_rows_that_come_in_pieces_are_the_same_rows(connection: sa.Connection) -> None:
    """A value in many pieces, one that ends where a piece does, empty ones, NULLs, texts of several bytes a character; short rows between."""
    execute(connection, "CREATE TABLE t (id int, a text, b bytea, c varchar, d numeric(9,2), e jsonb, f char(3), g int[])")
    execute(
        connection,
        "INSERT INTO t SELECT n, CASE n % 4 WHEN 0 THEN repeat(md5(n::text) || 'é😀', 400000) WHEN 1 THEN NULL ELSE 'short' END,"
        " CASE n % 5 WHEN 0 THEN decode(repeat('00ff', 4194304), 'hex') WHEN 1 THEN '' WHEN 2 THEN NULL ELSE 'x' END,"
        " CASE WHEN n = 7 THEN repeat('ü', 9000000) END, n / 3.0, to_jsonb(repeat('x', n)), 'ab', ARRAY[n] FROM generate_series(1, 25) AS n",
    )
    t = table(connection, "t")
    query = select(DATABASE, t.name, t.columns)
    whole = digest.total(postgresql.read(connection, query, t.columns), t.columns)
    pieces = list(postgresql.read(connection, query, t.columns, Room(longest=1 << 30)))
    assert digest.total(pieces, t.columns) == whole and whole.rows == 25
    assert all(b.num_rows == 1 for b in pieces if b.nbytes > 16 << 20)


def test_a_row_larger_than_a_block_is_whole(connection: sa.Connection) -> None:
    execute(connection, "CREATE TABLE t (a text, b bytea)")
    execute(connection, "INSERT INTO t SELECT repeat(E'x\\n\"', 8000000), decode(repeat('00ff', 6000000), 'hex')")
    source = table(connection, "t")
    given_rows, standing = copied(connection, source, "u")
    assert given_rows["a"][0].as_py() == 'x\n"' * 8_000_000 and given_rows["b"][0].as_py() == b"\x00\xff" * 6_000_000
    assert standing.equals(given_rows)


# ---- names


def test_unkind_names_work_everywhere(connection: sa.Connection) -> None:
    q = databases.quote(DATABASE, UNKIND)
    execute(connection, f"CREATE SCHEMA {q}")
    parent, child = f'{q}."Order"', f"{q}.{q}"
    execute(connection, f'CREATE TABLE {parent} ("a, b" int, {q} text, "user" int GENERATED ALWAYS AS IDENTITY, PRIMARY KEY ("a, b", {q}))')
    refers = f'CONSTRAINT {q} FOREIGN KEY ("x)", {q}) REFERENCES {parent} ON DELETE CASCADE'
    execute(connection, f'CREATE TABLE {child} ({q} text, "x)" int, {refers})')
    execute(connection, f'CREATE UNIQUE INDEX "i ""%s" ON {child} ("x)", {q})')
    execute(connection, f"CREATE VIEW {q}.v AS SELECT {q} FROM {child}")
    first, second = postgresql.inspect(connection, UNKIND)
    assert (first.name, second.name) == (TableName("Order", UNKIND), TableName(UNKIND, UNKIND))
    assert first.primary_key == ("a, b", UNKIND) and first.column("user").identity
    assert second.foreign_keys == (ForeignKey(UNKIND, ("x)", UNKIND), "Order", ("a, b", UNKIND), "CASCADE"),)
    assert second.indexes == (Index('i "%s', ("x)", UNKIND), True),)
    column = [c for c in first.columns if c.name != "user"]
    batch = pa.RecordBatch.from_arrays([pa.array([1], pa.int32()), pa.array([UNKIND])], schema=arrow_schema(column))
    postgresql.write(connection, first.name, column, [batch])
    assert rows(connection, first.name, first.columns).to_pylist() == [{"a, b": 1, UNKIND: UNKIND, "user": 1}]
    key = first.column(UNKIND)
    where = f"{postgresql.key_expression(key)} = {postgresql.key_literal(UNKIND, key)}"
    assert rows(connection, first.name, column, where).num_rows == 1
    (view,) = postgresql.dependents(connection, [second.name])
    assert view.kind == "view" and view.follows
    place = postgresql.shadow(second.name, UNKIND)
    for statement in [*postgresql.schemas([place]), *postgresql.moves([(second.name, place)]), *postgresql.renumber(first, first.name)]:
        execute(connection, statement)
    assert postgresql.inspect(connection, place.schema)[0].name == place
    assert postgresql.seal(connection, place) == "0:0"


def test_places_fit_into_an_identifier_and_stay_apart() -> None:
    live = TableName("t", "public")
    assert postgresql.shadow(live, "m") == TableName("t", "penstock_new_m")
    assert postgresql.kept(live, "m", "r1") == TableName("t", "penstock_old_m_r1")
    long = [postgresql.kept(live, "ü" * 40, token).schema or "" for token in ("r1", "r2")]
    assert all(len(s.encode()) <= 63 for s in long) and long[0] != long[1]


# ---- keys


def test_text_keys_are_ordered_by_their_bytes(connection: sa.Connection) -> None:
    execute(connection, 'CREATE TABLE t (k text COLLATE "en-x-icu")')
    texts = ["a", "B", "", "Ä", "z", "😀", "a\\'b", "\ufeff"]
    for text in texts:
        connection.execute(sa.text("INSERT INTO t VALUES (:v)"), {"v": text})
    k = table(connection, "t").columns[0]
    expression = postgresql.key_expression(k)
    ordered = execute(connection, f"SELECT {postgresql.key_value(k)} FROM t ORDER BY {expression}").scalars().all()
    assert ordered == sorted(texts, key=str.encode)
    for bound in texts:
        count = execute(connection, f"SELECT count(*) FROM t WHERE {expression} < {postgresql.key_literal(bound, k)}").scalar_one()
        assert count == ordered.index(bound)


@pytest.mark.parametrize(
    ("written", "values"),
    [
        ("integer", [-5, 3, 2_000_000_000]),
        ("bigint", [-(2**63), 0, 2**63 - 1]),
        ("numeric(10,3)", ["-1.500", "2.000", "10.000"]),
        ("date", ["2019-12-31", "2020-01-01", "2020-01-02"]),
        ("timestamptz", ["2020-01-01 00:00:00.000001+00", "2020-01-01 00:00:01+00", "2021-01-01 00:00:00+00"]),
        ("uuid", ["00000000-0000-0000-0000-0000000000ff", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "f0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"]),
        ("bytea", ["", "00ff", "ff"]),
        ("real", ["-0.1", "0.1", "1e+30"]),
        ("boolean", ["false", "true"]),
        ("enum", ["a", "b"]),
    ],
)
def test_a_key_value_written_as_a_literal_finds_its_row(connection: sa.Connection, written: str, values: list[int | str]) -> None:
    execute(connection, "CREATE TYPE enum AS ENUM ('b', 'a')")
    execute(connection, f"CREATE TABLE t (k {written})")
    for value in reversed(values):
        execute(connection, "INSERT INTO t VALUES (" + (f"'\\x{value}'" if written == "bytea" else f"'{value}'") + ")")
    k = table(connection, "t").columns[0]
    expression = postgresql.key_expression(k)
    assert execute(connection, f"SELECT {postgresql.key_value(k)} FROM t ORDER BY {expression}").scalars().all() == values
    for place, value in enumerate(values):
        literal = postgresql.key_literal(value, k)
        assert execute(connection, f"SELECT count(*) FROM t WHERE {expression} = {literal}").scalar_one() == 1
        assert execute(connection, f"SELECT count(*) FROM t WHERE {expression} < {literal}").scalar_one() == place


# ---- shape


def test_inspect_sees_keys_identity_generated_columns_and_what_it_can_not_carry(connection: sa.Connection) -> None:
    execute(
        connection,
        """
        CREATE TABLE a (id bigserial PRIMARY KEY, n int UNIQUE NULLS NOT DISTINCT, low text DEFAULT 'x', at timestamptz DEFAULT now(),
          twice int GENERATED ALWAYS AS (n * 2) STORED, odd int DEFAULT (1 + 1), CHECK (n > 0), doc jsonb,
          EXCLUDE USING gist (int4range(n, n) WITH &&));
        CREATE INDEX part ON a (n) WHERE n > 5; CREATE INDEX docs ON a USING gin (doc); CREATE INDEX plain ON a (low, n) INCLUDE (at);
        CREATE TABLE root (d date NOT NULL, v int) PARTITION BY RANGE (d);
        CREATE TABLE root_1 PARTITION OF root FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
        CREATE TABLE b (id int GENERATED BY DEFAULT AS IDENTITY, a_id bigint REFERENCES a ON UPDATE SET NULL, UNIQUE (a_id));
        CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
        CREATE TRIGGER trg BEFORE INSERT ON b FOR EACH ROW EXECUTE FUNCTION f();
        CREATE VIEW v AS SELECT * FROM a; CREATE MATERIALIZED VIEW m AS SELECT 1;
        INSERT INTO root VALUES ('2020-05-05', 1);
        CREATE SCHEMA beside; CREATE TABLE beside.c (a_id bigint REFERENCES a);
        """,
    )
    a, b, root = postgresql.inspect(connection, "public")
    assert [t.name.name for t in (a, b, root)] == ["a", "b", "root"]
    assert [c.name for c in a.columns if c.identity] == ["id"] and b.column("id").identity
    assert a.column("low").default == "=x" and a.column("at").default == "now" and a.column("odd").default is None
    n = (Part("n"),)
    assert {i.name: i for i in a.indexes} == {
        "a_n_key": Index("a_n_key", ("n",), True, nulls_not_distinct=True, constraint=True),
        "docs": Index("docs", (), False, (Part("doc"),), method="gin"),
        "part": Index("part", (), False, n, where="(n > 5)"),
        "plain": Index("plain", (), False, (Part("low"), Part("n")), include=("at",)),
    }
    assert (a.column("twice").generated, a.column("twice").stored, a.column("odd").expression) == ("(n * 2)", True, "(1 + 1)")
    assert a.checks == (Check("a_n_check", "(n > 0)"),) and a.notes == () and "EXCLUDE" in a.exclusions[0].definition
    assert b.indexes == (Index("b_a_id_key", ("a_id",), True, constraint=True),) and b.notes == ("trigger trg",)
    assert root.partitioning == Partitioning(
        "RANGE (d)", ("d",), (Partition("root_1", "FOR VALUES FROM ('2020-01-01') TO ('2021-01-01')"),)
    )
    assert postgresql.left_behind(connection, "public") == [("function", "f()"), ("materialized view", "m"), ("view", "v")]
    assert b.foreign_keys == (ForeignKey("b_a_id_fkey", ("a_id",), "a", ("id",), "", "SET NULL"),)
    assert rows(connection, root.name, root.columns).num_rows == 1
    (c,) = postgresql.inspect(connection, "beside")
    assert [(k.ref_table, k.ref_schema) for k in c.foreign_keys] == [("a", "public")] and c.notes == ()
    assert [t.name for t in postgresql.inspect(connection, None, ["b"])] == [TableName("b")]
    assert postgresql.inspect(connection, "nothing here") == []


# ---- switching


def test_tables_move_there_and_back_with_indexes_identity_and_foreign_keys(connection: sa.Connection) -> None:
    execute(
        connection,
        """
        CREATE TABLE a (id int GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, n int CHECK (n > 0)); CREATE INDEX i ON a (n);
        CREATE TABLE b (a_id int REFERENCES a, s serial); INSERT INTO a (n) VALUES (7);
        """,
    )
    live = [TableName("a", "public"), TableName("b", "public")]
    before = postgresql.inspect(connection, "public")
    there = [(t, postgresql.kept(t, "m", "r1")) for t in live]
    for statement in [*postgresql.schemas(new for _, new in there), *postgresql.moves(there)]:
        execute(connection, statement)
    assert postgresql.inspect(connection, "public") == []
    moved = postgresql.inspect(connection, "penstock_old_m_r1")
    assert [replace(t, name=TableName(t.name.name, "public")) for t in moved] == before
    execute(connection, "INSERT INTO penstock_old_m_r1.a (n) VALUES (8)")
    for statement in postgresql.moves([(new, old) for old, new in there]):
        execute(connection, statement)
    assert [unnumbered(t) for t in postgresql.inspect(connection, "public")] == [unnumbered(t) for t in before]
    assert execute(connection, "SELECT id, n FROM a ORDER BY id").all() == [(1, 7), (2, 8)]
    execute(connection, "INSERT INTO b VALUES (2)")
    with pytest.raises(sa.exc.IntegrityError):
        execute(connection, "INSERT INTO b VALUES (3)")


def unnumbered(table: Table) -> Table:
    """The table but for which number comes next."""
    return replace(table, columns=tuple(replace(c, numbering=None) for c in table.columns))


def test_a_move_can_rename_and_needs_a_schema(connection: sa.Connection) -> None:
    execute(connection, "CREATE SCHEMA s; CREATE TABLE a (n int)")
    for statement in postgresql.moves([(TableName("a"), TableName("b", "s"))]):
        execute(connection, statement)
    assert postgresql.inspect(connection, "s")[0].name == TableName("b", "s")
    with pytest.raises(MigrationError):
        postgresql.moves([(TableName("b", "s"), TableName("a"))])


def test_the_next_number_follows_the_highest_one(connection: sa.Connection) -> None:
    execute(
        connection,
        """
        CREATE TABLE "E" ("I d" int GENERATED BY DEFAULT AS IDENTITY, n int);
        CREATE TABLE f (id bigserial, n int); INSERT INTO f VALUES (41), (7); CREATE TABLE g (id serial, n int); INSERT INTO g VALUES (-5);
        """,
    )
    for t in postgresql.inspect(connection, "public"):
        for statement in postgresql.renumber(t, t.name):
            execute(connection, statement)
        execute(connection, f'INSERT INTO "{t.name.name}" (n) VALUES (99)')
    nexts = [execute(connection, f"SELECT {i} FROM {t} WHERE n = 99").scalar_one() for t, i in (('"E"', '"I d"'), ("f", "id"), ("g", "id"))]
    assert nexts == [1, 42, 1]


_CHANGES = ["INSERT INTO t VALUES (4)", "UPDATE t SET n = n WHERE n = 2", "DELETE FROM t WHERE n = 1", "TRUNCATE t"]


@pytest.mark.parametrize("change", _CHANGES)
def test_the_seal_breaks_when_a_row_changes(connection: sa.Connection, other: psycopg.Connection[Any], change: str) -> None:
    other.execute("CREATE TABLE t (n int)")
    other.execute("INSERT INTO t VALUES (1), (2), (3)")
    name = TableName("t", "public")
    sealed = postgresql.seal(connection, name)
    connection.rollback()
    other.execute("VACUUM (FULL, FREEZE) t")
    assert postgresql.seal(connection, name) == sealed
    connection.rollback()
    other.execute(change)
    assert postgresql.seal(connection, name) != sealed


def test_the_seal_breaks_when_a_row_is_replaced(connection: sa.Connection, other: psycopg.Connection[Any]) -> None:
    other.execute("CREATE TABLE t (n int)")
    other.execute("INSERT INTO t VALUES (1), (2)")
    sealed = postgresql.seal(connection, TableName("t", "public"))
    with other.transaction():
        other.execute("DELETE FROM t WHERE n = 1")
        other.execute("INSERT INTO t VALUES (1)")
    assert postgresql.seal(connection, TableName("t", "public")) != sealed


def test_a_snapshot_does_not_see_what_others_commit_later(connection: sa.Connection, other: psycopg.Connection[Any]) -> None:
    other.execute("CREATE TABLE t (n int)")
    other.execute("INSERT INTO t VALUES (1)")
    postgresql.begin_snapshot(connection)
    other.execute("INSERT INTO t VALUES (2)")
    columns = [Column("n", Type("int32"))]
    assert rows(connection, TableName("t", "public"), columns)["n"].to_pylist() == [1]
    other.execute("UPDATE t SET n = 9")
    assert rows(connection, TableName("t", "public"), columns)["n"].to_pylist() == [1]
    with pytest.raises(sa.exc.InternalError, match="read-only"):
        execute(connection, "INSERT INTO t VALUES (3)")
    connection.rollback()
    assert rows(connection, TableName("t", "public"), columns)["n"].to_pylist() == [9, 9]


# ---- dependents


def dependents_of(connection: sa.Connection, *names: str) -> dict[tuple[str, str], bool]:
    return {(d.kind, d.name): d.follows for d in postgresql.dependents(connection, [TableName(n, "public") for n in names])}


def test_what_would_be_left_behind_is_named(connection: sa.Connection) -> None:
    execute(
        connection,
        """
        CREATE TABLE a (id int PRIMARY KEY, n int); CREATE TABLE inner_one (a_id int REFERENCES a); CREATE SCHEMA s;
        CREATE TABLE s.outer_one (a_id int CONSTRAINT ofk REFERENCES a);
        CREATE MATERIALIZED VIEW mat AS SELECT n FROM a;
        CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
        CREATE TRIGGER trg BEFORE INSERT ON a FOR EACH ROW EXECUTE FUNCTION f();
        ALTER TABLE a ENABLE ROW LEVEL SECURITY; CREATE POLICY pol ON a USING (n > 0);
        CREATE RULE rul AS ON DELETE TO a DO ALSO NOTHING;
        CREATE FUNCTION takes(x a) RETURNS int LANGUAGE sql AS 'SELECT 1';
        CREATE FUNCTION counts() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM a; END;
        CREATE TABLE kid () INHERITS (a); CREATE PUBLICATION pub FOR TABLE a;
        """,
    )
    assert dependents_of(connection, "a", "inner_one", "absent") == {
        ("foreign key", "ofk of s.outer_one"): False,
        ("function", "public.counts()"): False,
        ("function", "public.takes(public.a)"): False,
        ("inheritance", "public.kid"): False,
        ("materialized view", "public.mat"): False,
        ("policy", "pol"): False,
        ("publication", "pub"): False,
        ("rule", "rul"): False,
        ("trigger", "trg"): False,
    }
    assert ("foreign key", "inner_one_a_id_fkey of public.inner_one") in dependents_of(connection, "a")
    assert dependents_of(connection, "inner_one") == {}
    assert execute(connection, "SHOW search_path").scalar_one() == '"$user", public'


def test_views_and_grants_follow_the_switch(connection: sa.Connection, postgresql_url: sa.URL) -> None:
    reader, owner = (f'{n} "{postgresql_url.database}"' for n in ("reader", "owner"))
    q, o = databases.quote(DATABASE, reader), databases.quote(DATABASE, owner)
    execute(
        connection,
        f"""
        CREATE ROLE {q}; CREATE ROLE {o};
        CREATE TABLE a (id int PRIMARY KEY, "n %" int); INSERT INTO a VALUES (1, 1); CREATE SCHEMA s;
        CREATE VIEW s.v WITH (security_barrier=true) AS SELECT "n %" AS m FROM a WHERE "n %" > 0 WITH LOCAL CHECK OPTION;
        CREATE VIEW s.w AS SELECT m FROM s.v; GRANT SELECT ON s.v TO {q};
        GRANT SELECT, INSERT ON a TO {q} WITH GRANT OPTION; GRANT UPDATE ("n %") ON a TO PUBLIC; ALTER TABLE a OWNER TO {o};
        """,
    )
    live, shadow, kept = TableName("a", "public"), TableName("a", "penstock_new_m"), TableName("a", "penstock_old_m_r")
    found = postgresql.dependents(connection, [live])
    assert {(d.kind, d.name, d.follows) for d in found} == {
        ("view", "s.v", True),
        ("grant", "to PUBLIC", True),
        ("grant", f"to {reader}", True),
        ("owner", owner, True),
    }
    grants = "SELECT array_agg(a::text ORDER BY a::text) FROM unnest(relacl) a"
    rights = f"SELECT relowner::regrole::text, ({grants}) FROM pg_class WHERE oid = 'public.a'::regclass"
    before = execute(connection, rights).one()
    for statement in postgresql.schemas([shadow, kept]):
        execute(connection, statement)
    execute(connection, 'CREATE TABLE penstock_new_m.a (id int PRIMARY KEY, "n %" int); INSERT INTO penstock_new_m.a VALUES (1, 42)')
    for statement in [*postgresql.moves([(live, kept), (shadow, live)]), *(s for d in found for s in d.statements)]:
        execute(connection, statement)
    assert execute(connection, "SELECT m FROM s.v").scalars().all() == [42]
    assert execute(connection, "SELECT m FROM s.w").scalars().all() == [42]
    assert execute(connection, rights).one() == before
    options = execute(connection, "SELECT reloptions, relacl::text FROM pg_class WHERE oid = 's.v'::regclass").one()
    assert options[0] == ["security_barrier=true", "check_option=local"] and "reader" in options[1]
    assert dependents_of(connection, "a").keys() == {(d.kind, d.name) for d in found}
    execute(connection, f"DROP OWNED BY {q}, {o} CASCADE; DROP ROLE {q}, {o}")
    connection.commit()


def test_what_another_role_owns_is_refused(connection: sa.Connection, postgresql_url: sa.URL) -> None:
    role = f"weak_{postgresql_url.database}"
    execute(connection, f"CREATE TABLE a (n int); CREATE VIEW v AS SELECT n FROM a; CREATE ROLE {role}; SET ROLE {role}")
    assert dependents_of(connection, "a") == {("view", "public.v"): False, ("owner", postgresql_url.username): False}
    connection.rollback()


# ---- faults


def test_a_refused_row_names_table_and_column_but_not_its_content(connection: sa.Connection) -> None:
    execute(connection, "CREATE TABLE t (id int PRIMARY KEY, secret varchar(3) NOT NULL CHECK (secret <> 'bad'))")
    name, columns = TableName("t", "public"), [Column("id", Type("int32")), Column("secret", Type("string"))]

    def load(ids: list[int], texts: list[str | None]) -> LoadFailed:
        batch = pa.RecordBatch.from_arrays([pa.array(ids, pa.int32()), pa.array(texts, pa.string())], schema=arrow_schema(columns))
        savepoint = connection.begin_nested()
        with pytest.raises(LoadFailed) as failed:
            postgresql.write(connection, name, columns, [batch])
        savepoint.rollback()
        assert "hush" not in str(failed.value) and str(name) in failed.value.where and failed.value.fix
        return failed.value

    assert "column secret" in load([1], ["hush"]).where
    assert "column secret" in load([1], [None]).where
    assert "(id)=(1)" in load([1, 1], ["a", "b"]).why
    assert "check constraint" in load([1], ["bad"]).why
    assert "0x00" in load([1], ["\0"]).why
    execute(connection, "CREATE TABLE u (id int, secret int)")
    name = TableName("u", "public")
    assert "column secret" in load([1], ["hush hush"]).where


def test_a_load_that_breaks_off_leaves_nothing(connection: sa.Connection, other: psycopg.Connection[Any]) -> None:
    other.execute("CREATE TABLE t (n int)")
    columns = [Column("n", Type("int32"))]
    batch = pa.RecordBatch.from_arrays([pa.array([1], pa.int32())], schema=arrow_schema(columns))

    def broken() -> Iterator[pa.RecordBatch]:
        yield batch
        raise KeyError("staging is gone")

    with pytest.raises(KeyError):
        postgresql.write(connection, TableName("t", "public"), columns, broken())
    connection.rollback()
    postgresql.write(connection, TableName("t", "public"), columns, [batch])
    assert other.execute("SELECT count(*) FROM t").fetchone() == (0,)
    connection.commit()
    assert other.execute("SELECT count(*) FROM t").fetchone() == (1,)


def test_a_lost_session_can_be_retried(postgresql_url: sa.URL, other: psycopg.Connection[Any]) -> None:
    with pytest.raises(ConnectionFailed), postgresql.engine(postgresql_url).begin() as connection:
        pid = execute(connection, "SELECT pg_backend_pid()").scalar_one()
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
        rows(connection, TableName("pg_class", "pg_catalog"), [Column("relname", Type("string"))])


def test_rows_hidden_by_a_policy_stop_the_read(connection: sa.Connection, postgresql_url: sa.URL) -> None:
    role = f"reader_{postgresql_url.database}"
    execute(connection, f"CREATE ROLE {role}; CREATE TABLE t (n int); ALTER TABLE t ENABLE ROW LEVEL SECURITY")
    execute(connection, f"GRANT SELECT ON t TO {role}; SET ROLE {role}")
    with pytest.raises(ReadFailed, match="read") as failed:
        rows(connection, TableName("t", "public"), [Column("n", Type("int32"))])
    assert "row-level security" in failed.value.why
    connection.rollback()


def test_sessions_are_utc_and_the_version_is_the_servers(connection: sa.Connection) -> None:
    assert execute(connection, "SHOW TimeZone").scalar_one() == "UTC"
    assert execute(connection, "SHOW server_encoding").scalar_one() == "UTF8"
    assert postgresql.version(connection).startswith("PostgreSQL 1")
    assert str(uuid.UUID(execute(connection, "SELECT gen_random_uuid()::text").scalar_one()))
