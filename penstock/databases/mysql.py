"""MySQL and MariaDB: raw rows in by mysqlclient, LOAD DATA LOCAL out, one RENAME TABLE to switch.

Manual: https://mariadb.com/kb/en/load-data-infile/ (LOCAL turns errors into warnings, so they are counted),
https://mariadb.com/kb/en/rename-table/ (several tables in one atomic statement; foreign keys follow).
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from penstock.databases import Dependent, Move, ddl, execute, inspection, tsv
from penstock.errors import LoadFailed, ReadFailed, UnsupportedType
from penstock.schema import BINARIES, INTEGERS, TEXTS, Column, Table, TableName, Type, arrow_schema

label = "MySQL/MariaDB"
drivername = "mysql+mysqldb"
quote_character = "`"
max_identifier = 64
snapshot = "run"
ddl_in_transaction = False
parallel_writers = True
keys_after_load = False  # InnoDB stores rows in the order of the primary key
secondary_indexes = True
foreign_keys = True
shared_names = frozenset({"foreign key"})
follows_renames = True

FETCH_ROWS = 16_384
BATCH_BYTES = 8 << 20
FILE_BYTES = 32 << 20

# COLUMN_TYPE, a regular expression, to canonical type.
_CANONICAL: tuple[tuple[str, str], ...] = (
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
    (r"(?:var)?char\((\d+)\)", r"string(\1)"),
    (r"(?:tiny|medium|long)?text", "string"),
    (r"(?:var)?binary\((\d+)\)", r"binary(\1)"),
    (r"(?:tiny|medium|long)?blob", "binary"),
    (r"json", "json"),
    (r"uuid", "uuid"),
    (r"date", "date"),
    (r"datetime.*", "timestamp"),
    (r"timestamp.*", "timestamptz"),  # an instant; datetime is a clock's reading
    (r"time.*", "time"),
    (r"year.*", "year"),
    (r"((?:enum|set)\(.*\))", r"\1"),
    (r"geometry|point|linestring|polygon|multipoint|multilinestring|multipolygon|geom(?:etry)?collection", "geometry"),
)
# Bytewise collation: keys that differ at the source can't collide here, whatever the server's default compares as equal.
_TEXT = "CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
_NATIVE = {
    "boolean": "tinyint(1)",
    "int8": "tinyint",
    "int16": "smallint",
    "int32": "int",
    "int64": "bigint",
    "uint8": "tinyint unsigned",
    "uint16": "smallint unsigned",
    "uint32": "int unsigned",
    "uint64": "bigint unsigned",
    "year": "year",
    "float32": "float",
    "float64": "double",
    "string": f"longtext {_TEXT}",
    "json": f"longtext {_TEXT}",
    "uuid": f"varchar(36) {_TEXT}",
    "binary": "longblob",
    "geometry": "geometry",
    "date": "date",
    "time": "time(6)",
    "timestamp": "datetime(6)",
    "timestamptz": "timestamp(6)",
}
_LONGEST_VARCHAR = 1024  # a row has 65,535 bytes for all of its varchars
_LONGEST_KEY = 255  # of an unbounded text that is part of a key; InnoDB's keys have 3,072 bytes
_SESSION = (
    "SET time_zone = '+00:00'",
    "SET sql_mode = 'STRICT_ALL_TABLES,NO_AUTO_VALUE_ON_ZERO,NO_ENGINE_SUBSTITUTION,NO_ZERO_DATE,NO_ZERO_IN_DATE'",
)


def canonical(native: str) -> Type:
    for pattern, written in _CANONICAL:
        if match := re.fullmatch(pattern, native, re.DOTALL):
            return Type.parse(match.expand(written))
    return Type("unsupported")


def native(type: Type, identity: bool = False) -> str:
    if identity and type.name in INTEGERS:
        return f"{_NATIVE[type.name]} AUTO_INCREMENT"
    if type.name == "decimal" and (type.precision or 0) <= 65 and (type.scale or 0) <= 30:
        return f"decimal({type.precision},{type.scale})"
    if type.name in ("enum", "set"):
        labels = ",".join("'" + label.replace("\\", "\\\\").replace("'", "''") + "'" for label in type.labels)
        return f"{type.name}({labels}) {_TEXT}"
    if type.length is not None and type.length <= _LONGEST_VARCHAR:
        return f"varchar({type.length}) {_TEXT}" if type.name == "string" else f"varbinary({type.length})"
    if type.name not in _NATIVE:
        raise UnsupportedType(f"MySQL and MariaDB have no counterpart for {type}", fix="cast it to decimal(65,30) or less, or to string")
    return _NATIVE[type.name]


def key_native(type: Type) -> str | None:
    """How a text or binary column is written when it is part of a key, which can't be of any length; None when that makes no difference."""
    if type.name not in ("string", "binary", "json") or (type.length is not None and type.length <= _LONGEST_KEY * 3):
        return None
    return f"varbinary({_LONGEST_KEY})" if type.name == "binary" else f"varchar({_LONGEST_KEY}) {_TEXT}"


def read_expression(column: Column) -> str:
    name = _quote(column.name)
    if column.type.name == "float32":
        return f"{name} * 1E0"  # as a float it would be printed with six digits
    if column.type.name == "boolean":
        return f"{name} + 0"  # bit(1) would come as a byte
    if column.type.name in ("unsupported", "uuid", "json"):
        width = re.fullmatch(r"bit\((\d+)\)", column.native)
        return f"LPAD(BIN({name} + 0), {width[1]}, '0')" if width else f"CAST({name} AS CHAR)"
    return name


def key_expression(column: Column) -> str:
    name = _quote(column.name)
    return f"CAST(CONVERT({name} USING utf8mb4) AS BINARY)" if column.type.name in TEXTS else name


def key_literal(value: int | str, column: Column) -> str:
    if isinstance(value, int):
        return str(value)
    return f"X'{value.encode().hex()}'" if column.type.name in TEXTS else "'" + value.replace("'", "''") + "'"


def key_value(column: Column) -> str:
    return _quote(column.name) if column.type.name in INTEGERS else f"CAST({_quote(column.name)} AS CHAR)"


def shadow(live: TableName, migration: str) -> TableName:
    return TableName(ddl.fitted(f"penstock_new__{live.name}", max_identifier), live.schema)


def kept(live: TableName, migration: str, token: str) -> TableName:
    return TableName(ddl.fitted(f"penstock_old_{token}__{live.name}", max_identifier), live.schema)


def schemas(names: Iterable[TableName]) -> list[str]:
    return []


def moves(moves: Sequence[Move]) -> list[str]:
    return ["RENAME TABLE " + ", ".join(f"{_qualified(old)} TO {_qualified(new)}" for old, new in moves)]


def drops(names: Sequence[TableName]) -> list[str]:
    # foreign keys may go round in a circle among them
    return (
        [
            "SET foreign_key_checks = 0",
            "DROP TABLE IF EXISTS " + ", ".join(map(_qualified, names)),
            "SET foreign_key_checks = 1",
        ]
        if names
        else []
    )


def hold(shadows: Sequence[TableName], patience: int) -> list[str]:
    return [f"SET lock_wait_timeout = {patience}"]


def renumber(table: Table, name: TableName) -> list[str]:
    return []  # loading a number sets the next one past it


def engine(url: sa.URL) -> sa.Engine:
    made = sa.create_engine(url, poolclass=sa.pool.NullPool, connect_args={"charset": "utf8mb4", "local_infile": 1})

    @sa.event.listens_for(made, "connect")
    def _session(connection: Any, _: object) -> None:
        for statement in _SESSION:
            connection.query(statement)

    return made


def inspect(connection: sa.Connection, schema: str | None, only: Sequence[str] | None = None) -> list[Table]:
    home = schema or connection.scalar(sa.text("SELECT DATABASE()"))

    def asked(fields: str, table: str, column: str = "TABLE_SCHEMA") -> Sequence[Any]:
        return connection.execute(
            sa.text(f"SELECT {fields} FROM information_schema.{table} WHERE {column} = :home"), {"home": home}
        ).fetchall()

    rows = asked("TABLE_NAME, COLUMN_NAME, COLUMN_TYPE, EXTRA", "COLUMNS")
    notes: dict[str, list[str]] = {}
    for table, column, _, extra in rows:
        if "on update" in extra.lower():
            notes.setdefault(table, []).append(f"{column} ON UPDATE CURRENT_TIMESTAMP")
    for table, trigger in asked("EVENT_OBJECT_TABLE, TRIGGER_NAME", "TRIGGERS", "EVENT_OBJECT_SCHEMA"):
        notes.setdefault(table, []).append(f"trigger {trigger}")
    for table, kind in asked("TABLE_NAME, ENGINE", "TABLES"):
        if kind and kind.lower() != "innodb":
            notes.setdefault(table, []).append(f"its engine is {kind}: no snapshot covers it")
    return inspection.tables(
        connection,
        schema,
        canonical,
        {(table, column): _decoded(written) for table, column, written, _ in rows},
        only,
        frozenset((t, c) for t, c, _, extra in rows if "auto_increment" in extra.lower()),
        frozenset((t, c) for t, c, _, extra in rows if "generated" in extra.lower() and "default_generated" not in extra.lower()),
        notes,
    )


def _decoded(written: object) -> str:
    return written.decode() if isinstance(written, bytes) else str(written)


def begin_snapshot(connection: sa.Connection) -> None:
    execute(connection, "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")
    execute(connection, "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")


def read(connection: sa.Connection, select: str, columns: Sequence[Column]) -> Iterator[pa.RecordBatch]:
    schema = arrow_schema(columns)
    size = 1024
    with _raw_rows(connection, select) as result:
        while rows := result.fetch_row(size, 0):
            arrays = [_array(values, column) for values, column in zip(zip(*rows, strict=True), columns, strict=True)]
            batch = pa.RecordBatch.from_arrays(arrays, schema=schema)
            size = max(1, min(FETCH_ROWS, size * 2, BATCH_BYTES * batch.num_rows // max(batch.nbytes, 1)))
            yield batch


@contextmanager
def _raw_rows(connection: sa.Connection, select: str) -> Iterator[Any]:
    """An unbuffered result whose values are the bytes that the server sent."""
    driver = _driver(connection)
    converter, driver.converter = driver.converter, {}
    try:
        driver.query(select.encode())
        yield driver.use_result()
    except sa.exc.DBAPIError:
        raise
    except driver.Error as error:
        raise ReadFailed("the server could not read the rows", why=str(error.args[-1]), fix="see the server's log") from None
    finally:
        driver.converter = converter


def _array(values: tuple[Any, ...], column: Column) -> pa.Array:
    """One column's values from their text, or ReadFailed naming the first that is none of the column's type."""
    raw = pa.array(values, pa.binary())
    kind = column.type
    try:
        if kind.name in BINARIES:
            return raw
        texts = raw.cast(pa.string())
        if kind.name in TEXTS or kind.name == "unsupported":
            return texts
        if kind.name == "boolean":
            numbers = texts.cast(pa.int64())
            if pc.any(pc.or_(pc.less(numbers, 0), pc.greater(numbers, 1))).as_py():
                raise pa.ArrowInvalid("a boolean is 0 or 1")
            return numbers.cast(pa.bool_())
        if kind.name == "time":
            return pc.binary_join_element_wise("1970-01-01", texts, " ").cast(pa.timestamp("us")).cast(kind.arrow)
        if kind.name == "timestamptz":
            return texts.cast(pa.timestamp("us")).cast(kind.arrow)
        if kind.name == "float32":
            return texts.cast(pa.float64()).cast(kind.arrow, safe=False)
        return texts.cast(kind.arrow)
    except pa.ArrowInvalid as error:
        raise ReadFailed(
            f"a value of {column.name} is not a {kind}",
            where=f"column {column.name}, declared {column.native or kind}",
            why=str(error).splitlines()[0],
            fix="zero and partial dates, and times beyond a day, have no counterpart: correct them, filter those rows or drop the column",
        ) from None


def write(connection: sa.Connection, name: TableName, columns: Sequence[Column], batches: Iterable[pa.RecordBatch]) -> None:
    pending: list[pa.Buffer] = []
    rows = size = 0
    for batch in batches:
        for start in range(0, batch.num_rows, FETCH_ROWS):
            piece = batch.slice(start, FETCH_ROWS)
            pending.append(tsv.lines(piece, _spelled))
            rows, size = rows + piece.num_rows, size + pending[-1].size
            if size >= FILE_BYTES:
                _load(connection, name, columns, pending, rows)
                pending, rows, size = [], 0, 0
    if rows:
        _load(connection, name, columns, pending, rows)


def _load(connection: sa.Connection, name: TableName, columns: Sequence[Column], pieces: Sequence[pa.Buffer], rows: int) -> None:
    driver = _driver(connection)
    fields = ", ".join(f"@v{i}" if c.type.name in BINARIES else _quote(c.name) for i, c in enumerate(columns))
    sets = ", ".join(f"{_quote(c.name)} = UNHEX(@v{i})" for i, c in enumerate(columns) if c.type.name in BINARIES)
    with tempfile.NamedTemporaryFile(prefix="penstock-", suffix=".tsv", delete=False) as file:
        for piece in pieces:
            file.write(memoryview(piece))
    statement = (
        f"LOAD DATA LOCAL INFILE '{file.name}' INTO TABLE {_qualified(name)} CHARACTER SET utf8mb4"
        rf" FIELDS TERMINATED BY '\t' ESCAPED BY '\\' LINES TERMINATED BY '\n' ({fields})" + (f" SET {sets}" if sets else "")
    )
    try:
        driver.query(statement.encode())
        loaded = driver.affected_rows()
        driver.query(b"SHOW WARNINGS LIMIT 1")
        warned = driver.store_result().fetch_row(1, 0)
    except driver.Error as error:
        raise _refused(name, str(error.args[-1])) from None
    finally:
        os.unlink(file.name)
    if warned or loaded != rows:
        raise _refused(name, _decoded(warned[0][2]) if warned else f"{rows - loaded} of {rows} rows were not taken")


def _refused(name: TableName, message: str) -> LoadFailed:
    # the quoted value stays out: it may be a sensitive column's
    said = re.sub(r"(value|entry|values?:) '.*?'(?= for| at|$)", r"\1 '…'", message, flags=re.DOTALL)
    return LoadFailed(f"{name} refused rows", where=f"table {name}", why=said, fix="cast, map or filter the values in the migration")


def _spelled(array: pa.Array, field: pa.Field) -> pa.Array:
    """A column in the spelling that LOAD DATA reads."""
    if pa.types.is_boolean(array.type):
        return array.cast(pa.int8()).cast(pa.string())
    if pa.types.is_timestamp(array.type):
        return array.cast(pa.timestamp("us")).cast(pa.string())
    if pa.types.is_binary(array.type):
        return tsv.to_hex(array)
    if pa.types.is_float32(array.type):
        # the shortest text of the largest float is, read as a double, beyond it
        return array.cast(pa.float64()).cast(pa.string())
    return array if pa.types.is_string(array.type) else array.cast(pa.string())


def seal(connection: sa.Connection, name: TableName) -> str | None:
    return str(execute(connection, f"CHECKSUM TABLE {_qualified(name)}").one()[1])


def dependents(connection: sa.Connection, tables: Sequence[TableName]) -> list[Dependent]:
    found = []
    names = {(t.schema, t.name) for t in tables}
    for table in tables:
        here = {"schema": table.schema or connection.scalar(sa.text("SELECT DATABASE()")), "name": table.name}
        referring = sa.text(
            "SELECT DISTINCT CONSTRAINT_NAME, TABLE_SCHEMA, TABLE_NAME FROM information_schema.KEY_COLUMN_USAGE"
            " WHERE REFERENCED_TABLE_SCHEMA = :schema AND REFERENCED_TABLE_NAME = :name"
        )
        for constraint, schema, owner in connection.execute(referring, here):
            if (schema, owner) not in names:
                found.append(Dependent("foreign key", f"{constraint} of {owner}", table, follows=False))
        triggers = sa.text(
            "SELECT TRIGGER_NAME FROM information_schema.TRIGGERS WHERE EVENT_OBJECT_SCHEMA = :schema AND EVENT_OBJECT_TABLE = :name"
        )
        found += [Dependent("trigger", row[0], table, follows=False) for row in connection.execute(triggers, here)]
    return found  # views and grants go by name: they follow without a word


def version(connection: sa.Connection) -> str:
    found = str(connection.scalar(sa.text("SELECT VERSION()")))
    return f"MariaDB {found.split('-')[0]}" if "mariadb" in found.lower() else f"MySQL {found}"


def _driver(connection: sa.Connection) -> Any:
    return connection.connection.driver_connection


def _quote(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def _qualified(name: TableName) -> str:
    return ".".join(_quote(p) for p in (name.schema, name.name) if p)
