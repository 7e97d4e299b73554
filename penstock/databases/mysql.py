"""MySQL and MariaDB: raw rows in by mysqlclient, LOAD DATA LOCAL out, one RENAME TABLE to switch.

Manual: https://mariadb.com/kb/en/load-data-infile/ (LOCAL turns errors into warnings, so they are counted),
https://mariadb.com/kb/en/rename-table/ (several tables in one atomic statement; foreign keys follow).
The catalogue is read from information_schema: SQLAlchemy parses SHOW CREATE TABLE and trips over, or silently loses
keys with, names that hold backticks, percent signs, parentheses or line breaks.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from operator import itemgetter
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from penstock.databases import Dependent, Move, ddl, execute, inspection, tsv
from penstock.errors import LoadFailed, ReadFailed, UnsupportedType
from penstock.schema import BINARIES, INTEGERS, TEXTS, Column, ForeignKey, Index, Table, TableName, Type, arrow_schema

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
STEP_ROWS, STEP_BYTES = 128, 1 << 20  # what is fetched before its size is looked at
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
# Only trailing spaces don't count (its NO PAD twin has another name on MySQL than on MariaDB): such keys are refused as duplicates.
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
_ESCAPED = {"0": "\0", "n": "\n", "r": "\r"}
_SESSION = (
    "SET net_write_timeout = 3600",  # rows stream unbuffered: a consumer that pauses must not be cut off
    "SET time_zone = '+00:00'",
    "SET sql_mode = 'STRICT_ALL_TABLES,NO_AUTO_VALUE_ON_ZERO,NO_ENGINE_SUBSTITUTION,NO_ZERO_DATE,NO_ZERO_IN_DATE'",
)


def canonical(native: str) -> Type:
    native = re.sub(r" /\*.*?\*/$", "", native)  # MariaDB's COMPRESSED is how it is stored, not what it is
    if native.startswith(("enum(", "set(")):
        native = _unescaped(native)
    for pattern, written in _CANONICAL:
        if match := re.fullmatch(pattern, native, re.DOTALL):
            return Type.parse(match.expand(written))
    return Type("unsupported")


def _unescaped(text: str) -> str:
    """What the catalogue writes of a literal, without its backslash escapes."""
    return re.sub(r"\\(.)", lambda m: _ESCAPED.get(m[1], m[1]), text)


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
    if column.type.name in ("float32", "float64"):
        return f"{name} * 1E0"  # a float would be printed with six digits, a double(10,3) with three decimals
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
    home = _home(connection, schema)

    def asked(fields: str, view: str, order: str, column: str = "TABLE_SCHEMA") -> dict[str, list[Any]]:
        """Rows of a catalogue view by table, whose name is the first field."""
        query = sa.text(f"SELECT {fields} FROM information_schema.{view} WHERE {column} = :home ORDER BY {order}")
        found: dict[str, list[Any]] = {}
        for table, *row in connection.execute(query, {"home": home}):
            found.setdefault(_decoded(table), []).append([_decoded(v) if isinstance(v, bytes) else v for v in row])
        return found

    mariadb = version(connection).startswith("MariaDB")
    kinds = asked("TABLE_NAME, TABLE_TYPE, ENGINE", "TABLES", "TABLE_NAME")
    columns = asked("TABLE_NAME, COLUMN_NAME, COLUMN_TYPE, IS_NULLABLE, COLUMN_DEFAULT, EXTRA", "COLUMNS", "ORDINAL_POSITION")
    indexes = asked("TABLE_NAME, INDEX_NAME, COLUMN_NAME, NON_UNIQUE, SUB_PART, INDEX_TYPE", "STATISTICS", "INDEX_NAME, SEQ_IN_INDEX")
    rules = asked(
        "TABLE_NAME, CONSTRAINT_NAME, DELETE_RULE, UPDATE_RULE", "REFERENTIAL_CONSTRAINTS", "CONSTRAINT_NAME", "CONSTRAINT_SCHEMA"
    )
    referring = asked(
        "TABLE_NAME, CONSTRAINT_NAME, COLUMN_NAME, REFERENCED_COLUMN_NAME, REFERENCED_TABLE_NAME, REFERENCED_TABLE_SCHEMA, TABLE_SCHEMA",
        "KEY_COLUMN_USAGE",
        "CONSTRAINT_NAME, ORDINAL_POSITION",
    )
    checks = asked("TABLE_NAME, CONSTRAINT_NAME, CONSTRAINT_TYPE", "TABLE_CONSTRAINTS", "CONSTRAINT_NAME")
    triggers = asked("EVENT_OBJECT_TABLE, TRIGGER_NAME", "TRIGGERS", "TRIGGER_NAME", "EVENT_OBJECT_SCHEMA")
    tables = []
    for name, [(kind, storage)] in sorted(kinds.items()):
        if kind not in ("BASE TABLE", "SYSTEM VERSIONED") or (only is not None and name not in only):
            continue
        notes = [f"check constraint {label}" for label, what in checks.get(name, ()) if what == "CHECK"]
        notes += [f"trigger {label}" for (label,) in triggers.get(name, ())]
        if kind == "SYSTEM VERSIONED":
            notes.append("it is system-versioned: its present rows are carried, its history is not")
        if storage and storage.lower() != "innodb":
            notes.append(f"its engine is {storage}: no snapshot covers it")
        made = tuple(_column(row, mariadb, notes) for row in columns[name])
        primary, others = _indexes(indexes.get(name, ()), notes)
        foreign = tuple(_foreign_keys(referring.get(name, ()), {r[0]: r[1:] for r in rules.get(name, ())}, notes))
        tables.append(Table(TableName(name, schema), made, primary, others, foreign, tuple(notes)))
    return tables


def _home(connection: sa.Connection, schema: str | None) -> str:
    return schema or _decoded(connection.scalar(sa.text("SELECT DATABASE()")))


def _column(row: Sequence[Any], mariadb: bool, notes: list[str]) -> Column:
    name, written, nullable, text, extra = row
    extra = extra.lower()
    numbered, type = "auto_increment" in extra, canonical(written)
    computed = "generated" in extra and "default_generated" not in extra
    if "on update" in extra:
        notes.append(f"{name} ON UPDATE CURRENT_TIMESTAMP")
    if computed:
        notes.append(f"{name} is a generated column: its values are carried, its expression is not")
    default, carried = (None, True) if numbered or computed else _default(text, type, mariadb or "default_generated" in extra)
    if not carried:
        notes.append(f"default of {name}: {text}")
    return Column(name, type, nullable == "YES" and not numbered, default, numbered, written)


def _default(text: str | None, type: Type, expression: bool) -> tuple[str | None, bool]:
    """A default in our words (see `Column.default`), and whether it could be carried. MySQL writes literals bare, MariaDB as SQL."""
    if text and (bits := re.fullmatch(r"b'([01])'", text)):
        return f"={bits[1]}", True
    if expression:
        found, carried = inspection.default(text)
        found = _unescaped(found) if found else found
    elif text and type.name in ("timestamp", "timestamptz") and text.upper().startswith("CURRENT_TIMESTAMP"):
        return "now", True  # MySQL 5.7 does not say that it is an expression
    else:
        found, carried = None if text is None else f"={text}", True
    if found and type.name in ("date", "timestamp", "timestamptz") and re.search(r"-00|=0000-", found):
        return None, False  # a zero date: nothing else knows it
    return found, carried


def _indexes(rows: Sequence[Any], notes: list[str]) -> tuple[tuple[str, ...], tuple[Index, ...]]:
    """The primary key's columns and the other indexes over whole columns."""
    primary: tuple[str, ...] = ()
    found: dict[str, Index] = {}
    odd: dict[str, str] = {}
    for label, column, repeats, prefix, method in rows:
        if label == "PRIMARY":
            primary = (*primary, column)
        elif column is not None:
            before = found.get(label, Index(label, (), not int(repeats)))
            found[label] = Index(label, (*before.columns, column), before.unique)
        if column is None or method in ("FULLTEXT", "SPATIAL", "RTREE"):
            odd[label] = "by expression" if column is None else str(method).lower()
        elif prefix is not None:
            odd[label] = "unique by prefix" if not int(repeats) else "by prefix"
    notes += [f"index {label} ({why})" for label, why in odd.items()]
    kept = [index for index in found.values() if index.name not in odd]
    return primary, tuple(sorted(kept, key=lambda index: (not index.unique, index.name)))


def _foreign_keys(rows: Sequence[Any], rules: dict[str, Any], notes: list[str]) -> Iterator[ForeignKey]:
    found: dict[str, list[Any]] = {}
    for label, *row in rows:
        if row[1] is not None:  # else it is a primary or unique key
            found.setdefault(label, []).append(row)
    for label, parts in found.items():
        columns, referred, (other, *_), (away, *_), (home, *_) = zip(*parts, strict=True)
        if away != home:
            notes.append(f"foreign key {label} refers to another schema")
            continue
        # RESTRICT is what InnoDB does anyway
        actions = ("" if rule in ("RESTRICT", "NO ACTION") else rule for rule in rules[label])
        yield ForeignKey(label, columns, other, referred, *actions)


def _decoded(written: object) -> str:
    return written.decode() if isinstance(written, bytes) else str(written)


def begin_snapshot(connection: sa.Connection) -> None:
    execute(connection, "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")
    execute(connection, "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")


def read(connection: sa.Connection, select: str, columns: Sequence[Column]) -> Iterator[pa.RecordBatch]:
    schema = arrow_schema(columns)
    with _raw_rows(connection, select) as result:
        for rows in _pieces(result, [i for i, c in enumerate(columns) if c.type.name in TEXTS | BINARIES | {"unsupported"}]):
            arrays = [_array(values, column) for values, column in zip(zip(*rows, strict=True), columns, strict=True)]
            yield from _cut(pa.RecordBatch.from_arrays(arrays, schema=schema))


@contextmanager
def _raw_rows(connection: sa.Connection, select: str) -> Iterator[Any]:
    """An unbuffered result whose values are the bytes that the server sent."""
    driver = _driver(connection)
    converter, driver.converter = driver.converter, {}
    result = None
    try:
        driver.query(select.encode())
        result = driver.use_result()
        yield result
    except driver.Error as error:
        raise ReadFailed("the server could not read the rows", why=str(error.args[-1]), fix="see the server's log") from None
    finally:
        driver.converter = converter
        if result is not None:
            with suppress(driver.Error):
                result.discard()  # rows left unread would make the next statement, even a rollback, fail in place of the fault


def _pieces(result: Any, long: Sequence[int]) -> Iterator[list[tuple[Any, ...]]]:
    """The rows in lists of about a batch. `long` are the columns whose values may be of any length.

    How many rows are fetched in one step goes by how long the last ones were: a million bytes a row must not meet 16,384 rows a list.
    """
    rows: list[tuple[Any, ...]] = []
    size, step = 0, 1
    while fetched := result.fetch_row(step, 0):
        taken = sum(sum(map(len, filter(None, map(itemgetter(i), fetched)))) for i in long)
        rows += fetched
        size += taken
        step = max(1, min(STEP_ROWS, step * 2, STEP_BYTES * len(fetched) // max(taken, 1)))
        if size >= BATCH_BYTES or len(rows) >= FETCH_ROWS:
            yield rows
            rows, size = [], 0
    if rows:
        yield rows


def _cut(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """The batch, in pieces of at most twice BATCH_BYTES, or of one row."""
    if batch.nbytes <= 2 * BATCH_BYTES or batch.num_rows == 1:
        yield batch
    else:
        half = batch.num_rows // 2
        yield from _cut(batch.slice(0, half))
        yield from _cut(batch.slice(half))


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
    spelled = partial(_spelled, {c.name: c.type.name for c in columns})
    rows = size = 0
    for batch in batches:
        for start in range(0, batch.num_rows, FETCH_ROWS):
            piece = batch.slice(start, FETCH_ROWS)
            pending.append(tsv.lines(piece, spelled))
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
    try:
        with tempfile.NamedTemporaryFile(prefix="penstock-", suffix=".tsv") as file:
            for piece in pieces:
                file.write(memoryview(piece))
            file.flush()
            path = file.name.replace("\\", "\\\\").replace("'", "''")
            statement = (
                f"LOAD DATA LOCAL INFILE '{path}' INTO TABLE {_qualified(name)} CHARACTER SET utf8mb4"
                rf" FIELDS TERMINATED BY '\t' ESCAPED BY '\\' LINES TERMINATED BY '\n' ({fields})" + (f" SET {sets}" if sets else "")
            )
            driver.query(statement.encode())
        loaded = driver.affected_rows()
        driver.query(b"SHOW WARNINGS LIMIT 1")
        warned = driver.store_result().fetch_row(1, 0)
    except driver.Error as error:
        raise _refused(name, str(error.args[-1])) from None
    if warned or loaded != rows:
        raise _refused(name, _decoded(warned[0][2]) if warned else f"{rows - loaded} of {rows} rows were not taken")


def _refused(name: TableName, message: str) -> LoadFailed:
    # the quoted value stays out: it may be a sensitive column's
    said = re.sub(r"(value:?|entry) '.*'(?= for (?:key|column|function) | at row )", r"\1 '…'", message, flags=re.DOTALL)
    return LoadFailed(f"{name} refused rows", where=f"table {name}", why=said, fix="cast, map or filter the values in the migration")


def _spelled(kinds: dict[str, str], array: pa.Array, field: pa.Field) -> pa.Array:
    """A column in the spelling that LOAD DATA reads. `kinds` are the canonical types' names."""
    if kinds[field.name] == "year":
        # One or two digits would be taken for 2000 or 2005: none is 0000, and what a year can't be must be refused.
        years = array.cast(pa.int32())
        refused = pc.and_(pc.greater(years, 0), pc.less(years, 100))
        return pc.utf8_lpad(pc.if_else(refused, pc.add(years, 10_000), years).cast(pa.string()), 4, "0")
    if pa.types.is_float32(array.type):
        # the shortest text of the largest float is, read as a double, beyond it
        return array.cast(pa.float64()).cast(pa.string())
    if pa.types.is_boolean(array.type):
        return array.cast(pa.int8()).cast(pa.string())
    if pa.types.is_timestamp(array.type):
        return array.cast(pa.timestamp("us")).cast(pa.string())
    if pa.types.is_binary(array.type):
        return tsv.to_hex(array)
    return array if pa.types.is_string(array.type) else array.cast(pa.string())


def seal(connection: sa.Connection, name: TableName) -> str | None:
    checksum = execute(connection, f"CHECKSUM TABLE {_qualified(name)}").one()[1]
    return f"{checksum} {execute(connection, f'SELECT count(*) FROM {_qualified(name)}').scalar_one()}"


def dependents(connection: sa.Connection, tables: Sequence[TableName]) -> list[Dependent]:
    # The catalogue compares without case and accents; places are compared here, as the server's own file names are.
    folded = bool(connection.scalar(sa.text("SELECT @@lower_case_table_names")))

    def place(schema: str, name: str) -> tuple[str, str]:
        return (schema.lower(), name.lower()) if folded else (schema, name)

    def asked(query: str) -> list[tuple[str, ...]]:
        return [tuple(_decoded(v) for v in row) for row in connection.execute(sa.text(query))]

    homes = [_home(connection, t.schema) for t in tables]
    places = {place(home, t.name): t for home, t in zip(homes, tables, strict=True)}

    found = []
    keys = (
        "SELECT DISTINCT REFERENCED_TABLE_SCHEMA, REFERENCED_TABLE_NAME, CONSTRAINT_NAME, TABLE_SCHEMA, TABLE_NAME"
        " FROM information_schema.KEY_COLUMN_USAGE WHERE REFERENCED_TABLE_NAME IS NOT NULL ORDER BY 4, 5, 3"
    )
    for schema, name, label, *owner in asked(keys):
        if place(schema, name) in places and place(*owner) not in places:  # a rename would carry it along to the old table
            found.append(Dependent("foreign key", f"{label} of {owner[1]}", places[place(schema, name)], follows=False))
    triggers = "SELECT EVENT_OBJECT_SCHEMA, EVENT_OBJECT_TABLE, TRIGGER_NAME FROM information_schema.TRIGGERS ORDER BY 3"
    for schema, name, label in asked(triggers):
        if place(schema, name) in places:
            found.append(Dependent("trigger", label, places[place(schema, name)], follows=False))
    # Views and grants go by name: they follow without a word. A view's text names its tables in full.
    for label, text in asked("SELECT TABLE_NAME, VIEW_DEFINITION FROM information_schema.VIEWS WHERE TABLE_SCHEMA <> 'sys' ORDER BY 1"):
        named = [t for home, t in zip(homes, tables, strict=True) if _qualified(TableName(t.name, home)) in text]
        found += [Dependent("view", label, table, follows=True) for table in named]
    return found


def version(connection: sa.Connection) -> str:
    found = str(connection.scalar(sa.text("SELECT VERSION()")))
    return f"MariaDB {found.split('-')[0]}" if "mariadb" in found.lower() else f"MySQL {found}"


def _driver(connection: sa.Connection) -> Any:
    return connection.connection.driver_connection


def _quote(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def _qualified(name: TableName) -> str:
    return ".".join(_quote(p) for p in (name.schema, name.name) if p)
