"""Values read and written by the plain drivers alone, in a form in which two databases' can be compared. Nothing here is Penstock's."""

from __future__ import annotations

import datetime as dt
import ipaddress
import math
import re
import sqlite3
import struct
from collections.abc import Callable, Sequence
from contextlib import closing
from decimal import Decimal
from typing import Any

import duckdb
import MySQLdb
import numpy as np
import psycopg
import pytest
import sqlalchemy as sa

_PARTS = re.compile(r"(-?\d+) months (-?\d+) days (-?\d+) microseconds")
_PG_PARTS = (
    "(extract(year from {0}) * 12 + extract(month from {0}))::text || ' months ' || extract(day from {0})::text || ' days '"
    " || trunc((extract(hour from {0}) * 3600 + extract(minute from {0}) * 60) * 1000000 + extract(microseconds from {0}))::text || ' microseconds'"
)
_DUCK_PARTS = (
    "(datepart('year', {0}) * 12 + datepart('month', {0})) || ' months ' || datepart('day', {0}) || ' days ' || ((datepart('hour', {0})::HUGEINT * 60"
    " + datepart('minute', {0})) * 60000000 + datepart('microsecond', {0})) || ' microseconds'"
)


def norm(kind: str, value: Any) -> Any:
    """A value in the form by which it is compared: two are the same when these are equal."""
    if value is None:
        return None
    if kind == "bool":
        return {"t": 1, "true": 1, "f": 0, "false": 0}.get(str(value).lower(), value)
    if kind == "number":
        return value if isinstance(value, str) and not re.search(r"\d", value) else Decimal(str(value))
    if kind in ("float32", "float64"):
        number = float(value)
        return "NaN" if math.isnan(number) else struct.pack("<f" if kind == "float32" else "<d", number)
    if kind == "moment":
        text = str(value).replace("T", " ")
        text = re.sub(r"[+-]00(:00)?$", "", text)
        if re.search(r":\d\d(\.\d+)?[+-]\d\d:\d\d$", text):  # an instant, as SQLite may have it
            text = dt.datetime.fromisoformat(text).astimezone(dt.UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
        return re.sub(r"(\.\d*?)0+$", r"\1", text).rstrip(".")
    if kind == "interval":
        found = _PARTS.fullmatch(str(value))
        assert found, value
        return tuple(map(int, found.groups()))
    return str(ipaddress.ip_address(value)) if kind == "address" else value


def array_text(values: list[Any] | None, single: bool) -> str | None:
    """A list as PostgreSQL would write it."""
    if values is None:
        return None
    return "{" + ",".join("NULL" if v is None else _quoted(_word(v, single)) for v in values) + "}"


def _word(value: Any, single: bool) -> str:
    if isinstance(value, bool):
        return "t" if value else "f"
    if isinstance(value, bytes):
        return "\\x" + value.hex()
    if not isinstance(value, float):
        return str(value)
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    shortest = Decimal(str(np.float32(value)) if single else repr(value)).normalize()
    sign, digits, _ = shortest.as_tuple()
    power = shortest.adjusted() if value else 0
    word = "".join(map(str, digits))
    if -4 <= power < (6 if single else 15):
        word = f"{shortest.copy_abs():f}"
    else:
        word = word[0] + ("." + word[1:] if word[1:] else "") + f"e{'-' if power < 0 else '+'}{abs(power):02}"
    return "-" * sign + word


def _quoted(word: str) -> str:
    plain = word and word.upper() != "NULL" and not re.search(r'[{}",\\ \t\n\r\v\f]', word)
    return word if plain else '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'


class Plain:
    """A session of a database by its own driver."""

    def __init__(self, url: sa.URL) -> None:
        self.name = {"mariadb": "mysql"}.get(url.get_backend_name(), url.get_backend_name())
        if self.name == "postgresql":
            self.session: Any = psycopg.connect(url.set(drivername="postgresql").render_as_string(hide_password=False), autocommit=True)
            self.session.execute("SET TimeZone = 'UTC'; SET extra_float_digits = 3")
        elif self.name == "mysql":
            self.session = MySQLdb.connect(
                host=url.host,
                port=url.port,
                user=url.username,
                password=url.password,
                database=url.database,
                charset="utf8mb4",
                autocommit=True,
            )
            for setting in ("time_zone = '+00:00'", "sql_mode = ''"):
                self.run(f"SET {setting}")
        elif self.name == "sqlite":
            self.session = sqlite3.connect(str(url.database), isolation_level=None)
        else:
            self.session = duckdb.connect(str(url.database))
            self.session.execute("SET TimeZone = 'UTC'")

    def __enter__(self) -> Plain:
        return self

    def __exit__(self, *_: object) -> None:
        self.session.close()

    def run(self, statement: str) -> list[tuple[Any, ...]]:
        if self.name == "duckdb":
            return list(self.session.execute(statement).fetchall())
        with closing(self.session.cursor()) as cursor:
            cursor.execute(statement.encode() if self.name == "mysql" else statement)
            return list(cursor.fetchall()) if cursor.description else []

    def quote(self, name: str) -> str:
        q = "`" if self.name == "mysql" else '"'
        return q + name.replace(q, q + q) + q

    def text(self, value: str) -> str:
        """A text as a literal."""
        value = value.replace("\\", "\\\\") if self.name == "mysql" else value
        return "'" + value.replace("'", "''") + "'"

    def make(self, table: str, columns: Sequence[tuple[str, str, Sequence[str]]]) -> None:
        """A table of columns, each of a name, a type and literals, in rows numbered from 0 in id."""
        place = self.quote(table)
        self.run(f"CREATE TABLE {place} (id INTEGER PRIMARY KEY, " + ", ".join(f"{self.quote(n)} {type}" for n, type, _ in columns) + ")")
        for number in range(max(len(literals) for _, _, literals in columns)):
            row = [literals[number] if number < len(literals) else "NULL" for _, _, literals in columns]
            self.run(f"INSERT INTO {place} VALUES ({number}, {', '.join(row)})")

    def values(self, table: str, column: str, kind: str) -> list[Any]:
        """The values of a column in the order of id, as `norm` has them."""
        type = self.type(table, column)
        field = _FIELDS[self.name](self.quote(column), type, kind)
        found = [row[0] for row in self.run(f"SELECT {field} FROM {self.quote(table)} ORDER BY id")]
        if kind == "bytes":
            return [None if v is None else bytes.fromhex(v.removeprefix("\\x")) if isinstance(v, str) else bytes(v) for v in found]
        if kind == "array" and self.name == "duckdb" and type.endswith("]"):
            found = [array_text(v, type.startswith("FLOAT")) for v in found]
        return [norm(kind, v) for v in found]

    def type(self, table: str, column: str) -> str:
        """A column's type, as the catalogue writes it."""
        field, where = {
            "postgresql": (
                "format_type(atttypid, atttypmod)",
                f"pg_attribute WHERE attrelid = {self.text(self.quote(table))}::regclass AND attname = {self.text(column)}",
            ),
            "mysql": (
                "column_type",
                "information_schema.columns WHERE table_schema = DATABASE()"
                f" AND table_name = {self.text(table)} AND column_name = {self.text(column)}",
            ),
            "sqlite": ("type", f"pragma_table_info({self.text(table)}) WHERE name = {self.text(column)}"),
            "duckdb": ("data_type", f"duckdb_columns() WHERE table_name = {self.text(table)} AND column_name = {self.text(column)}"),
        }[self.name]
        [[found]] = self.run(f"SELECT {field} FROM {where}")
        return found.decode() if isinstance(found, bytes) else str(found)


def _of_postgresql(v: str, type: str, kind: str) -> str:
    if kind == "interval" and type == "interval":
        return _PG_PARTS.format(v)
    if type == "money":
        return f"{v}::numeric::text"
    if type.startswith("character("):  # its padding is not part of it
        return f"{v}::text"
    return f"CASE WHEN {v} IS NOT NULL THEN format('%s', {v}) END"


def _of_mysql(v: str, type: str, kind: str) -> str:
    if kind == "bytes":
        return f"HEX({v})"
    if kind.startswith("float"):
        return f"{v} * 1e0"
    if type.startswith("bit(") and kind != "bool":
        return f"LPAD(BIN({v} + 0), {type[4:-1]}, '0')"
    return f"CAST({v} AS CHAR)" if kind != "bool" else f"{v} + 0"


def _of_sqlite(v: str, type: str, kind: str) -> str:
    return v


def _of_duckdb(v: str, type: str, kind: str) -> str:
    if kind == "interval" and type == "INTERVAL":
        return _DUCK_PARTS.format(v)
    if kind == "array" and type.endswith("]"):
        return v if type.startswith(("FLOAT", "DOUBLE", "BLOB", "BOOLEAN")) else f"CAST({v} AS VARCHAR[])"
    return v if type == "BLOB" or kind.startswith("float") else f"CAST({v} AS VARCHAR)"


_FIELDS = {"postgresql": _of_postgresql, "mysql": _of_mysql, "sqlite": _of_sqlite, "duckdb": _of_duckdb}

Make = Callable[[str, str], sa.URL]


@pytest.fixture(scope="module")
def make(postgresql_server: sa.URL, mariadb_server: sa.URL, tmp_path_factory: pytest.TempPathFactory) -> Make:
    """Makes an empty database of a kind, under a name."""
    folder = tmp_path_factory.mktemp("databases")

    def made(database: str, name: str) -> sa.URL:
        if database == "postgresql":
            with Plain(postgresql_server) as server:
                server.run(f'DROP DATABASE IF EXISTS "{name}"')
                server.run(f'CREATE DATABASE "{name}"')
            return postgresql_server.set(database=name)
        if database == "mysql":
            with Plain(mariadb_server.set(database="mysql")) as server:
                server.run(f"DROP DATABASE IF EXISTS {name}")
                server.run(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
            return mariadb_server.set(database=name)
        return sa.make_url(f"{database}:///{folder}/{name}.db")

    return made
