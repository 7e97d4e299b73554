"""Unkind values of every built-in type of the four databases, as SQL literals, and where each is refused.

A value is a literal; `no("literal", "read")` is one that the engine refuses to read, `no("literal", "mysql", …)` one that
these targets refuse to hold. What is refused nowhere else arrives exactly, or in its declared form.
"""

from __future__ import annotations

from dataclasses import dataclass

DATABASES = ("postgresql", "mysql", "sqlite", "duckdb")


@dataclass(frozen=True)
class Value:
    literal: str
    refused: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Case:
    """A column of a type, its values, and by which rule two of them are the same (see `plain_values.norm`)."""

    database: str
    type: str
    kind: str
    values: tuple[Value, ...]

    def __str__(self) -> str:
        return f"{self.database} {self.type}"


def no(literal: str, *where: str) -> Value:
    return Value(literal, frozenset(where))


def _cases(database: str, *rows: tuple[str, str, list[str | Value]]) -> tuple[Case, ...]:
    return tuple(
        Case(database, type, kind, tuple(v if isinstance(v, Value) else Value(v) for v in (*values, "NULL"))) for type, kind, values in rows
    )


_TEXTS: list[str | Value] = ["''", "'NULL'", "'\\N'", "'😀 Ünï ß'", "'tab\tline\nreturn\r'", "'\"quo''te\", {a}'", "' '", "'trail  '"]
_INT = {n: [str(-(2 ** (n - 1))), "-1", "0", str(2 ** (n - 1) - 1)] for n in (8, 16, 24, 32, 64)}
_UINT = {n: ["0", str(2**n - 1)] for n in (8, 16, 24, 32, 64)}

POSTGRESQL = _cases(
    "postgresql",
    ("boolean", "bool", ["true", "false"]),
    ("smallint", "number", _INT[16]),
    ("integer", "number", _INT[32]),
    ("bigint", "number", _INT[64]),
    ("numeric(12,2)", "number", ["9999999999.99", "-0.01", "0", no("'NaN'", "read")]),
    ("numeric(38,10)", "number", ["9999999999999999999999999999.9999999999", "-0.0000000001", no("'NaN'", "read")]),
    ("numeric(76,38)", "number", ["9" * 38 + "." + "9" * 38, f"-0.{'0' * 37}1"]),
    ("numeric(3,-2)", "number", ["12345", "-99900"]),
    ("numeric(100,50)", "number", ["9" * 50 + "." + "9" * 50, "'NaN'"]),
    ("numeric", "number", ["1e-30", "1" + "0" * 200, "1.50", "'NaN'", "'Infinity'", "'-Infinity'", "-0.0"]),
    ("money", "number", ["'-92233720368547758.08'::numeric::money", "0.01", "92233720368547758.07::numeric"]),
    (
        "real",
        "float32",
        [
            "3.4028235e38",
            "1e-45",
            "'-0'",
            "0.1",
            "16777217",
            no("'NaN'", "mysql", "sqlite"),
            no("'Infinity'", "mysql"),
            no("'-Infinity'", "mysql"),
        ],
    ),
    (
        "double precision",
        "float64",
        [
            "1.7976931348623157e308",
            "5e-324",
            "'-0'",
            "0.1",
            no("'NaN'", "mysql", "sqlite"),
            no("'Infinity'", "mysql"),
            no("'-Infinity'", "mysql"),
        ],
    ),
    ("text", "text", [*_TEXTS, "U&'\\FEFFbom'", "repeat('x', 70000)"]),
    ("character varying(20)", "text", _TEXTS),
    ("character(6)", "text", ["''", "'ab'", "'😀'", "'  x'"]),
    ("bytea", "bytes", ["''", "'\\x00ff5c0a09c328'", "'\\xf0288cbc'", "'\\x00'"]),
    (
        "date",
        "moment",
        [
            "'0001-01-01'",
            "'9999-12-31'",
            "'2020-02-29'",
            no("'infinity'", "read"),
            no("'0044-03-15 BC'", "read"),
            no("'10000-01-01'", "read"),
        ],
    ),
    ("time without time zone", "moment", ["'00:00'", "'23:59:59.999999'", no("'24:00'", "read")]),
    ("time with time zone", "text", ["'12:30:00.5+05:30'", "'24:00:00-15:59:59'", "'00:00:00+00'"]),
    (
        "timestamp without time zone",
        "moment",
        [
            "'0001-01-01 00:00:00.000001'",
            "'9999-12-31 23:59:59.999999'",
            "'2013-03-31 02:30:00'",
            no("'infinity'", "read"),
            no("'0044-03-15 12:00 BC'", "read"),
            no("'294276-12-31'", "read"),
        ],
    ),
    (
        "timestamp with time zone",
        "moment",
        [
            "'2013-03-31 02:30:00+02'",
            "'2013-10-27 00:30:00+00'",
            "'1970-01-01 00:00:01+00'",
            no("'0001-01-01 00:00:00+00'", "mysql"),
            no("'9999-12-31 23:59:59.999999+00'", "mysql"),
            no("'-infinity'", "read"),
        ],
    ),
    (
        "interval",
        "interval",
        [
            "'1 mon 2 days'",
            "'-14 months 3 days -01:23:26.000007'",
            "'0'",
            "'2147483647 months -2147483648 days'",
            "'2562047788:00:54.775807'",
            "'-2562047788:00:54.775807'",
            "'1 year 25:00:00'",
        ],
    ),
    ("json", "json", ['\'{"a": 1.0, "a": 123456789012345678901234567890}\'', "'null'", "' [1e400, -0]'", "'\"😀\\u0000\"'"]),
    ("jsonb", "json", ['\'{"b": 1.00, "a": 123456789012345678901234567890}\'', "'null'", "'[]'", "'1e3'"]),
    ("uuid", "text", ["'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'", "'00000000-0000-0000-0000-000000000000'"]),
    ("mood", "text", ["'so, so'", "'it''s'", "'a\\b'", "'ü)'"]),
    ("bit(5)", "text", ["'00101'", "'11111'", "'00000'"]),
    ("bit(64)", "text", ["'" + "1" * 64 + "'", "'1" + "0" * 63 + "'"]),
    ("bit varying(9)", "text", ["'000000001'", no("''", "duckdb"), "'1'"]),
    ("bit varying", "text", ["repeat('01', 500)::varbit", "'0'"]),
    ("inet", "text", ["'10.0.0.1/8'", "'10.0.0.1'", "'::1'", "'::ffff:1.2.3.4/96'", "'2001:db8::1'", "'0.0.0.0/0'"]),
    ("cidr", "text", ["'10.0.0.0/8'", "'::/0'", "'192.168.1.1/32'"]),
    ("macaddr", "text", ["'08-00-2b-01-02-03'", "'ff:ff:ff:ff:ff:ff'"]),
    ("macaddr8", "text", ["'08-00-2b-01-02-03-04-05'"]),
    ("xml", "text", ["'<a b=\"c\">&amp; 😀</a>'", "'two <b/> pieces'", "''"]),
    ("int4range", "text", ["'[1,10)'", "'empty'", "'(,)'", "'[-2147483648,2147483646]'"]),
    ("int8range", "text", ["'(1,)'", "'[-9223372036854775808,0]'"]),
    ("numrange", "text", ["'(1.50,2]'", "'[NaN,]'"]),
    ("daterange", "text", ["'[0001-01-01,infinity)'", "'[2020-02-29,2020-02-29]'"]),
    ("tsrange", "text", ["'[2010-01-01 14:30,2010-01-01 15:30:00.000001]'"]),
    ("tstzrange", "text", ["'(2013-03-31 02:30+02,)'"]),
    ("int4multirange", "text", ["'{[1,2),[4,5]}'", "'{}'"]),
    ("integer[]", "array", ["'{}'", "'{1,NULL,-2147483648}'", no("'{{1,2},{3,4}}'", "duckdb"), no("'[0:1]={1,2}'", "duckdb")]),
    ("bigint[]", "array", ["'{9223372036854775807}'"]),
    (
        "double precision[]",
        "array",
        [
            "'{1,0.1,1e15,1234567890123456.7,1e16,-1e-5,0.0001,5e-324,-0,Infinity,-Infinity,NaN,NULL,123456789012345.6,1.7976931348623157e308}'",
            "'{}'",
        ],
    ),
    ("real[]", "array", ["'{1,0.1,1e5,1e6,16777216,1234567.8,3.4028235e38,1e-45,-0,NaN,NULL,1e15,123456.7}'"]),
    (
        "text[]",
        "array",
        [
            '\'{NULL,"NULL","",a,"b c"}\'',
            "ARRAY['q\"\\', '{x,y}', e'tab\\tline\\n', '😀', 'null', ' ']",
            "'{}'",
            no("'{{a},{b}}'", "duckdb"),
        ],
    ),
    ("boolean[]", "array", ["'{t,f,NULL}'"]),
    ("bytea[]", "array", ["ARRAY['\\x00ff'::bytea, '', NULL]"]),
    ("numeric[]", "array", ["'{1.50,NaN,NULL,1e-30}'"]),
    ("numeric(12,2)[]", "array", ["'{1.50,NULL,-0.01}'", no("'{NaN}'", "duckdb")]),
    ("date[]", "array", ["'{2020-02-29,NULL,0001-01-01,infinity}'"]),
    ("timestamp with time zone[]", "array", ["'{2013-03-31 02:30:00.5+02,NULL}'"]),
    ("uuid[]", "array", ["'{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11,NULL}'"]),
    ("jsonb[]", "array", ["ARRAY['{\"a\": [1, \"x,y\"]}'::jsonb, 'null', NULL]"]),
    ("json[]", "array", ["ARRAY['{\"a\":  1.0}'::json, NULL]"]),
    ("mood[]", "array", ["'{\"so, so\",it''s,NULL}'"]),
    ("inet[]", "array", ["'{10.0.0.1/8,::1,NULL}'"]),
    ("interval[]", "array", ["'{1 mon 2 days,NULL}'"]),
    ("point", "text", ["'(1,-0)'", "'(1e300,NaN)'", "'(0.1,Infinity)'"]),
    ("line", "text", ["'{1,2,3}'"]),
    ("lseg", "text", ["'[(0,0),(1,1)]'"]),
    ("box", "text", ["'(2,2),(0.1,0)'"]),
    ("path", "text", ["'[(0,0),(1,1)]'", "'((0,0),(1,1))'"]),
    ("polygon", "text", ["'((0,0),(1,1),(1,0))'"]),
    ("circle", "text", ["'<(0,0),0.1>'"]),
    ("tsvector", "text", ["'''a b'':1A c'"]),
    ("tsquery", "text", ["'a & !b <-> c'"]),
    ("jsonpath", "text", ["'$.a[*] ? (@ > 1)'"]),
    ("pg_lsn", "text", ["'16/B374D848'"]),
    ("pg_snapshot", "text", ["'10:20:10,14,15'"]),
    ("txid_snapshot", "text", ["'10:20:10,14,15'"]),
    ('"char"', "text", ["'a'", "''"]),
    ("name", "text", ["'sel\"ect'"]),
    ("oid", "text", ["4294967295"]),
    ("oidvector", "text", ["'1 2'"]),
    ("int2vector", "text", ["'1 -2'"]),
    ("xid", "text", ["'4294967295'"]),
    ("xid8", "text", ["'18446744073709551615'"]),
    ("cid", "text", ["'7'"]),
    ("tid", "text", ["'(0,1)'"]),
    ("point[]", "text", ["'{\"(1,2)\",NULL}'"]),
    ("regclass", "text", ["'pg_class'"]),
    ("aclitem", "text", []),
    ("money[]", "text", ["'{1.00}'"]),
    ("pair", "text", ["ROW(1, 'x')"]),
)

MYSQL = _cases(
    "mysql",
    ("tinyint(1)", "number", ["-128", "0", "1", "2", "127"]),
    ("tinyint", "number", _INT[8]),
    ("tinyint unsigned", "number", _UINT[8]),
    ("smallint", "number", _INT[16]),
    ("smallint unsigned", "number", _UINT[16]),
    ("mediumint", "number", _INT[24]),
    ("mediumint unsigned", "number", _UINT[24]),
    ("int", "number", _INT[32]),
    ("int unsigned", "number", _UINT[32]),
    ("bigint", "number", _INT[64]),
    ("bigint unsigned", "number", _UINT[64]),
    ("decimal(12,2)", "number", ["-9999999999.99", "0.01"]),
    ("decimal(38,10)", "number", ["9999999999999999999999999999.9999999999"]),
    ("decimal(65,30)", "number", ["9" * 35 + "." + "9" * 30, "-1e-30"]),
    ("float", "float32", ["3.4028234663852886e38", "0.1", "-0e0", "1.4e-45", "16777217"]),
    ("double", "float64", ["1.7976931348623157e308", "5e-324", "0.1", "-0e0"]),
    ("bit(1)", "bool", ["b'0'", "b'1'"]),
    ("bit(9)", "text", ["b'000000001'", "b'111111111'"]),
    ("bit(64)", "text", ["b'" + "1" * 64 + "'", "0"]),
    ("char(6)", "text", ["''", "'ab'", "'😀'", "'  x'"]),
    ("varchar(20)", "text", [*_TEXTS, no("'a\\0b'", "postgresql")]),
    ("tinytext", "text", ["''", "'😀'"]),
    ("text", "text", [*_TEXTS, "repeat('x', 60000)"]),
    ("mediumtext", "text", ["repeat('y', 70000)"]),
    ("longtext", "text", ["''", no("'\\0'", "postgresql")]),
    ("binary(3)", "bytes", ["0x00ff00", "''"]),
    ("varbinary(20)", "bytes", ["''", "0x00ff5c0a09c328", "0xf0288cbc"]),
    ("tinyblob", "bytes", ["0x00"]),
    ("blob", "bytes", ["''", "0x00ff5c0a09c328"]),
    ("mediumblob", "bytes", ["0xdeadbeef"]),
    ("longblob", "bytes", ["0x0a0d09"]),
    ("json", "json", ['\'{"a": 1.0, "a": 123456789012345678901234567890}\'', "'null'", "'\"😀\"'"]),
    ("uuid", "text", ["'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'"]),
    ("inet4", "address", ["'0.0.0.0'", "'255.255.255.255'"]),
    (
        "inet6",
        "address",
        [
            "'0:1:0:2:3:4:5:6'",
            "'1:0:2:3:4:5:6:0'",
            "'1:2:0:3:4:5:6:7'",
            "'1:2:3:4:5:6:7:0'",
            "'::1'",
            "'2001:db8::1:0:0:1'",
            "'::ffff:1.2.3.4'",
            "'::'",
        ],
    ),
    ("date", "moment", ["'0001-01-01'", "'9999-12-31'", "'2020-02-29'", no("'0000-00-00'", "read"), no("'2020-00-10'", "read")]),
    ("datetime", "moment", ["'0001-01-01 00:00:00'", "'9999-12-31 23:59:59'", no("'0000-00-00 00:00:00'", "read")]),
    ("datetime(6)", "moment", ["'2013-03-31 02:30:00.000001'", "'9999-12-31 23:59:59.999999'"]),
    ("timestamp(6) NULL", "moment", ["'1970-01-01 00:00:01'", "'2038-01-19 03:14:07.999999'", "'2013-03-31 01:30:00'", no("0", "read")]),
    (
        "time(6)",
        "moment",
        ["'00:00:00'", "'23:59:59.999999'", no("'838:59:59'", "read"), no("'-01:00:00'", "read"), no("'24:00:00'", "read")],
    ),
    ("year", "number", ["1901", "2155", "0"]),
    ("enum('so, so','it''s','a\\\\b','ü)','')", "text", ["'so, so'", "'it''s'", "'a\\\\b'", "'ü)'", "''"]),
    ("set('a','b','c d')", "text", ["''", "'a,c d'", "'a,b,c d'"]),
    ("geometry", "bytes", ["POINT(1.5, -2)", "ST_GeomFromText('LINESTRING(0 0, 1 1)', 4326)"]),
    ("point", "bytes", ["POINT(0, 1e300)"]),
)

SQLITE = _cases(
    "sqlite",
    ("BOOLEAN", "bool", ["0", "1", no("2", "read"), no("'maybe'", "read")]),
    ("TINYINT", "number", [*_INT[8], no("300", "read")]),
    ("SMALLINT", "number", _INT[16]),
    ("MEDIUMINT", "number", _INT[32]),
    ("INT", "number", [*_INT[64], no("'abc'", "read"), no("1.5", "read")]),
    ("INTEGER", "number", _INT[64]),
    ("BIGINT", "number", _INT[64]),
    ("INT8", "number", _INT[64]),
    ("DECIMAL(10,2)", "number", ["12345678.99", "-0.01", "5", no("0.005", "read"), no("'1e400'", "read")]),
    ("DECIMAL(6,2)", "blob", [no("X'00'", "read")]),
    ("NUMERIC(15,5)", "number", ["1234567890.12345"]),
    ("DECIMAL_TEXT(38,10)", "number", ["'9999999999999999999999999999.9999999999'", no("'NaN'", "read")]),
    ("DECIMAL(5)", "number", ["99999", "-1"]),
    ("NUMERIC", "number", ["1", "0.1", "1e20", "-9223372036854775808", "1e-300", no("'abc'", "read")]),
    ("REAL", "float64", ["1.7976931348623157e308", "5e-324", "0.1", no("9e999", "mysql"), no("'abc'", "read"), "-0.0"]),
    ("FLOAT", "float64", ["0.1"]),
    ("DOUBLE PRECISION", "float64", ["0.1"]),
    (
        "TEXT",
        "text",
        [*_TEXTS, no("'a' || char(0) || 'b'", "postgresql"), no("X'ff'", "read"), no("X'61'", "read"), no("CAST(X'ff' AS TEXT)", "read")],
    ),
    ("CLOB", "text", ["''", "'😀'"]),
    ("VARCHAR(20)", "text", [*_TEXTS, no("'longer than twenty characters'", "postgresql", "mysql")]),
    ("NCHAR(55)", "text", ["'x'"]),
    ("BLOB", "bytes", ["X''", "X'00ff5c0a09c328'", no("'text'", "read")]),
    ("DATE", "moment", ["'0001-01-01'", "'9999-12-31'", no("'2013-02-30'", "read"), no("'today'", "read"), no("2460000", "read")]),
    ("TIME", "moment", ["'00:00:00'", "'23:59:59.999999'", no("'24:00:00'", "read")]),
    ("DATETIME", "moment", ["'2013-03-31 02:30:00'", "'9999-12-31T23:59:59.999999'", no("'infinity'", "read")]),
    ("TIMESTAMP", "moment", ["'0001-01-01 00:00:00.000001'"]),
    ("TIMESTAMPTZ", "moment", ["'2013-03-31 01:30:00+00:00'", "'2013-03-31 01:30:00+02:00'"]),
    ("JSON", "json", ['\'{"a": 1.0, "a": 123456789012345678901234567890}\'', "'null'"]),
    ("UUID", "text", ["'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'", no("'no uuid'", "postgresql", "duckdb")]),
    ("", "text", ["'x'"]),
    ("ANY", "text", ["'x'"]),
    ("STRING", "text", ["'x'"]),
)

DUCKDB = _cases(
    "duckdb",
    ("BOOLEAN", "bool", ["true", "false"]),
    ("TINYINT", "number", _INT[8]),
    ("SMALLINT", "number", _INT[16]),
    ("INTEGER", "number", _INT[32]),
    ("BIGINT", "number", _INT[64]),
    ("HUGEINT", "number", [str(-(2**127)), str(2**127 - 1), "0"]),
    ("UTINYINT", "number", _UINT[8]),
    ("USMALLINT", "number", _UINT[16]),
    ("UINTEGER", "number", _UINT[32]),
    ("UBIGINT", "number", _UINT[64]),
    ("UHUGEINT", "number", ["0", str(2**128 - 1)]),
    ("BIGNUM", "number", ["'" + "9" * 100 + "'", "'-1'", "'0'"]),
    ("DECIMAL(18,3)", "number", ["999999999999999.999", "-0.001"]),
    ("DECIMAL(38,10)", "number", ["9999999999999999999999999999.9999999999"]),
    (
        "FLOAT",
        "float32",
        ["3.4028235e38", "1e-45", "'-0.0'", "0.1", "16777217", no("'nan'", "mysql", "sqlite"), no("'inf'", "mysql"), no("'-inf'", "mysql")],
    ),
    (
        "DOUBLE",
        "float64",
        ["1.7976931348623157e308", "5e-324", "'-0.0'", "0.1", no("'nan'", "mysql", "sqlite"), no("'inf'", "mysql"), no("'-inf'", "mysql")],
    ),
    ("VARCHAR", "text", [*_TEXTS, no("'a' || chr(0) || 'b'", "postgresql"), "repeat('x', 70000)"]),
    ("BLOB", "bytes", ["''", "'\\x00\\xFF\\x5C\\x0A\\x09\\xC3\\x28'::BLOB"]),
    ("BIT", "text", ["'0'", "'0101'", "repeat('01', 500)::BIT"]),
    (
        "DATE",
        "moment",
        [
            "'0001-01-01'",
            "'9999-12-31'",
            no("'infinity'", "read"),
            no("'-infinity'", "read"),
            no("'0044-03-15 (BC)'", "postgresql", "mysql", "sqlite"),
            no("'10000-01-01'", "postgresql", "mysql", "sqlite"),
        ],
    ),
    ("TIME", "moment", ["'00:00:00'", "'23:59:59.999999'"]),
    ("TIME_NS", "moment", ["'23:59:59.999999'", no("'12:00:00.000000001'", "read")]),
    ("TIME WITH TIME ZONE", "text", ["'12:30:00.5+05:30'", "'24:00:00-15:59:59'", "'00:00:00+00'"]),
    (
        "TIMESTAMP",
        "moment",
        ["'0001-01-01 00:00:00.000001'", "'9999-12-31 23:59:59.999999'", "'2013-03-31 02:30:00'", no("'infinity'", "read")],
    ),
    ("TIMESTAMP_S", "moment", ["'2013-03-31 02:30:00'", no("'infinity'", "read")]),
    ("TIMESTAMP_MS", "moment", ["'2013-03-31 02:30:00.001'", no("'infinity'", "read")]),
    ("TIMESTAMP_NS", "moment", ["'2013-03-31 02:30:00.000001'", no("'2013-03-31 02:30:00.000000001'", "read"), no("'infinity'", "read")]),
    (
        "TIMESTAMP WITH TIME ZONE",
        "moment",
        ["'2013-03-31 02:30:00+02'", "'1970-01-01 00:00:01+00'", no("'9999-12-31 23:59:59.999999+00'", "mysql"), no("'-infinity'", "read")],
    ),
    (
        "INTERVAL",
        "interval",
        [
            "'1 month 2 days'",
            "'-14 months 3 days -5006000007 microseconds'",
            "'0 days'",
            "'2147483647 months -2147483648 days'",
            "'9223372036854775807 microseconds'",
            "'25 hours'",
        ],
    ),
    (
        "TIMESTAMPTZ_NS",
        "moment",
        ["'2013-03-31 02:30:00.000001+02'", no("'2013-03-31 02:30:00.000000001+02'", "read"), no("'infinity'", "read")],
    ),
    ("JSON", "json", ['\'{"a": 1.0, "a": 123456789012345678901234567890}\'', "'null'"]),
    ("UUID", "text", ["'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'", "'ffffffff-ffff-ffff-ffff-ffffffffffff'"]),
    ("ENUM('so, so', 'it''s', 'a\\b', 'ü)', '')", "text", ["'so, so'", "'it''s'", "'a\\b'", "'ü)'", "''"]),
    ("INTEGER[]", "array", ["[]", "[1, NULL, -2147483648]"]),
    (
        "DOUBLE[]",
        "array",
        [
            "[1, 0.1, 1e15, 1234567890123456.7, 1e16, -1e-5, 0.0001, 5e-324, '-0.0', 'inf', '-inf', 'nan', NULL, 123456789012345.6]::DOUBLE[]"
        ],
    ),
    ("FLOAT[]", "array", ["[1, 0.1, 1e5, 1e6, 16777216, 1234567.8, 3.4028235e38, 1e-45, '-0.0', 'nan', NULL, 123456.7]::FLOAT[]"]),
    ("FLOAT[3]", "array", ["[1, 2.5, -3]"]),
    ("VARCHAR[]", "array", ["['a', '', NULL, 'NULL', 'q\"\\', '{x,y}', chr(9), '😀', ' ', chr(11)]", "[]"]),
    ("BOOLEAN[]", "array", ["[true, false, NULL]"]),
    ("BLOB[]", "array", ["['\\x00\\xFF'::BLOB, ''::BLOB, NULL]"]),
    ("UBIGINT[]", "array", ["[18446744073709551615]"]),
    ("DECIMAL(18,3)[]", "array", ["[1.5, NULL, -0.001]"]),
    ("DATE[]", "array", ["['2020-02-29', NULL, '0001-01-01']::DATE[]"]),
    ("TIMESTAMP WITH TIME ZONE[]", "array", ["['2013-03-31 02:30:00.5+02', NULL]::TIMESTAMPTZ[]"]),
    ("UUID[]", "array", ["['a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', NULL]::UUID[]"]),
    ("INTEGER[][]", "text", ["[[1], []]"]),
    ("STRUCT(a INTEGER)", "text", ["{'a': 1}"]),
    ("MAP(VARCHAR, INTEGER)", "text", ["MAP {'a': 1}"]),
    ("UNION(a INTEGER, b VARCHAR)", "text", ["union_value(a := 1)"]),
    ("GEOMETRY", "text", []),
    ("VARIANT", "text", []),
)

CASES = {"postgresql": POSTGRESQL, "mysql": MYSQL, "sqlite": SQLITE, "duckdb": DUCKDB}
# PostgreSQL's own types that the cases use.
POSTGRESQL_TYPES = "CREATE TYPE mood AS ENUM ('so, so', 'it''s', 'a\\b', 'ü)'); CREATE TYPE pair AS (a integer, b text)"
