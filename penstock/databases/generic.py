"""Any database that SQLAlchemy has a dialect for, as a source: slower and plainer, but exact or refused."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from penstock.databases import Dependent, Move, Size, Use, execute
from penstock.databases._shared import inspection
from penstock.databases._shared.ansi import quoted
from penstock.databases._shared.column_checks import Refusal
from penstock.errors import MigrationError, Problem, ReadFailed, UnsupportedType
from penstock.model.schema import TEXTS, Column, Table, TableName, Type, arrow_schema
from penstock.runtime.memory import USUAL, Room

label = "a SQLAlchemy source"
drivername = "generic"
quote_character = '"'
max_identifier = 1000
own_names: frozenset[str] = frozenset()
refused_names = ""
folds_tables = False
snapshot = "table"
ddl_in_transaction = True
parallel_writers = False
ordered_keys = False
row_place = ""
keys_after_load = False
more_memory = ""
copies = (2, 2)
vector = 1
secondary_indexes = False
foreign_keys = False
dialect = ""
holds: frozenset[str] = frozenset()
shared_names: frozenset[str] = frozenset()
keep_numbers = ""
follows_renames = False
embedded = False
oldest: dict[str, tuple[int, ...]] = {}
kept_types = ""
loose: frozenset[str] = frozenset()

BATCH_ROWS = 16_384

# Asked in this order: SQLAlchemy's generic types, the narrower first.
_CANONICAL: tuple[tuple[type[sa.types.TypeEngine[Any]], str], ...] = (
    (sa.Boolean, "boolean"),
    (sa.SmallInteger, "int16"),
    (sa.BigInteger, "int64"),
    (sa.Integer, "int64"),
    (sa.Float, "float64"),
    (sa.Uuid, "uuid"),
    (sa.LargeBinary, "binary"),
    (sa.DateTime, "timestamp"),
    (sa.Date, "date"),
    (sa.Time, "time"),
    (sa.String, "string"),
)


def canonical(native: str) -> Type:
    """`native` is a canonical type's own written form here: `inspect` has asked SQLAlchemy already."""
    return Type("unsupported") if native.startswith("?") else Type.parse(native)


def _written(type: sa.types.TypeEngine[Any]) -> str:
    if isinstance(type, sa.Numeric) and not isinstance(type, sa.Float):
        if type.precision and type.precision <= 76:
            return f"decimal({type.precision},{type.scale or 0})"
        return f"?{type}"
    for known, name in _CANONICAL:
        if isinstance(type, known):
            if name == "string" and getattr(type, "length", None):
                return f"string({getattr(type, 'length')})"  # noqa: B009
            return "timestamptz" if name == "timestamp" and getattr(type, "timezone", False) else name
    return f"?{type}"


def folded(name: str) -> str:
    return name


def native(type: Type, identity: bool = False) -> str:
    raise UnsupportedType("this database is only a source", fix="targets are PostgreSQL, MySQL/MariaDB, SQLite and DuckDB")


def exact(type: Type) -> bool:
    raise _only_a_source()


def refuses(column: Column) -> list[Refusal]:
    raise _only_a_source()


def key_native(type: Type) -> str | None:
    raise _only_a_source()


def octets(column: Column) -> str:
    return ""  # nobody knows what it calls that


def bound(memory: int) -> list[str]:
    return []


def read_expression(column: Column) -> str:
    return quoted(column.name)


def key_expression(column: Column) -> str:
    return quoted(column.name)


def key_literal(value: int | str, column: Column) -> str:
    return str(value) if isinstance(value, int) else "'" + value.replace("'", "''") + "'"


def key_value(column: Column) -> str:
    return quoted(column.name) if column.type.name not in TEXTS | {"date"} else f"CAST({quoted(column.name)} AS VARCHAR(4000))"


def moment(column: Column) -> str:
    return quoted(column.name)


def moment_literal(moment: str, column: Column) -> str:
    return f"{'DATE' if column.type.name == 'date' else 'TIMESTAMP'} '{moment}'"


def shadow(live: TableName, migration: str, token: str = "") -> TableName:
    raise _only_a_source()


def kept(live: TableName, migration: str, token: str) -> TableName:
    raise _only_a_source()


def schemas(names: Iterable[TableName]) -> list[str]:
    raise _only_a_source()


def moves(moves: Sequence[Move]) -> list[str]:
    raise _only_a_source()


def drops(names: Sequence[TableName]) -> list[str]:
    raise _only_a_source()


def hold(shadows: Sequence[TableName], patience: int) -> list[str]:
    raise _only_a_source()


def renumber(table: Table, name: TableName) -> list[str]:
    raise _only_a_source()


def engine(url: sa.URL) -> sa.Engine:
    return sa.create_engine(url, poolclass=sa.pool.NullPool)


def inspect(connection: sa.Connection, schema: str | None, only: Sequence[str] | None = None) -> list[Table]:
    inspector = sa.inspect(connection)
    names = [n for n in inspector.get_table_names(schema=schema) if only is None or n in only]
    types = {(n, c["name"]): _written(c["type"]) for n in names for c in inspector.get_columns(n, schema=schema)}
    return inspection.tables(connection, schema, canonical, types, names)


def left_behind(connection: sa.Connection, schema: str | None) -> list[tuple[str, str]]:
    inspector = sa.inspect(connection)
    return [("view", name) for name in sorted(inspector.get_view_names(schema=schema))]


def cuts(connection: sa.Connection, name: TableName, pieces: int) -> list[str]:
    return []


def begin_snapshot(connection: sa.Connection, *others: sa.Connection) -> bool:
    """One select sees one state; no more is promised of a database nobody has looked into."""
    return not others


def read(connection: sa.Connection, select: str, columns: Sequence[Column], room: Room = USUAL) -> Iterator[pa.RecordBatch]:
    schema = arrow_schema(columns)
    result = execute(connection.execution_options(stream_results=True), select)
    size = 64
    while rows := result.fetchmany(size):
        arrays = [_array(values, column) for values, column in zip(zip(*rows, strict=True), columns, strict=True)]
        batch = pa.RecordBatch.from_arrays(arrays, schema=schema)
        size = max(1, min(BATCH_ROWS, size * 2, room.batch * batch.num_rows // max(batch.nbytes, 1)))
        yield batch


def _array(values: tuple[Any, ...], column: Column) -> pa.Array:
    """One column's values as the driver gave them, or ReadFailed when one is not exactly of the column's type."""
    kind = column.type.arrow
    try:
        if column.type.name in ("uuid", "unsupported"):
            return pa.array([None if v is None else str(v) for v in values], pa.string())
        if column.type.name == "boolean" and set(values) <= {0, 1, None}:
            return pa.array([None if v is None else bool(v) for v in values], pa.bool_())
        if (pa.types.is_temporal(kind) or pa.types.is_decimal(kind)) and any(isinstance(v, str) for v in values):
            return pa.array(values, pa.string()).cast(kind)
        return pa.array(values, kind)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError) as error:
        what, fix = f"a value of {column.name} is not a {column.type}", "declare a cast or drop the column"
        raise ReadFailed(what, where=f"column {column.name}", why=str(error).splitlines()[0], fix=fix) from None


def write(connection: sa.Connection, name: TableName, columns: Sequence[Column], batches: Iterable[pa.RecordBatch]) -> None:
    raise _only_a_source()


def seal(connection: sa.Connection, name: TableName) -> str | None:
    raise _only_a_source()


def dependents(connection: sa.Connection, tables: Sequence[TableName]) -> list[Dependent]:
    raise _only_a_source()


def version(connection: sa.Connection) -> str:
    known = ".".join(str(p) for p in connection.dialect.server_version_info or ())
    return f"{connection.dialect.name} {known}".strip()


def assess(connection: sa.Connection, use: Use) -> list[Problem]:
    what = "only what SQLAlchemy tells of it is known: its privileges and settings are not looked at"
    return [Problem(False, use.role, what, "let its user read every table of the migration", "privileges")]


def sizes(connection: sa.Connection, tables: Sequence[Table]) -> dict[str, Size]:
    return {t.name.name: Size(None, None) for t in tables}


def _only_a_source() -> MigrationError:
    fix = "targets are PostgreSQL, MySQL/MariaDB, SQLite and DuckDB"
    return MigrationError("a database without a module of its own is only a source", fix=fix)
