"""Any database that SQLAlchemy has a dialect for, as a source: slower and plainer, but exact or refused."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from penstock.databases import Database, Dependent, Failure, Move, names
from penstock.databases._shared import cursor_rows, inspection
from penstock.databases._shared.types import Types
from penstock.errors import MigrationError, UnsupportedType
from penstock.model.schema import TEXTS, Column, Table, TableName, Type
from penstock.runtime.memory import USUAL, Room

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


def _written(type: sa.types.TypeEngine[Any]) -> str:
    """A canonical type's written form, or `?` and SQLAlchemy's name of a type that has no canonical one."""
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


class Generic(Database):
    """A source that no package describes. It is never a target: `databases.of` refuses that."""

    label = "a SQLAlchemy source"
    drivername = "generic"
    url_form = "dialect://user@host/database"
    type_table = Types("", label, canonical=(), native=(), listed=frozenset(), choices="")
    max_identifier = 1000
    ddl_in_transaction = True
    has_schemas = True

    def canonical(self, native: str) -> Type:
        """`native` is a canonical type's own written form here: `inspect` has asked SQLAlchemy already."""
        return Type("unsupported") if native.startswith("?") else Type.parse(native)

    def native(self, type: Type, identity: bool = False) -> str:
        raise UnsupportedType("this database is only a source", fix=f"targets are: {', '.join(names())}")

    def maps_exactly(self, type: Type) -> bool:
        raise _only_a_source()

    def key_expression(self, column: Column) -> str:
        return self.quoted(column.name)

    def key_literal(self, value: int | str, column: Column) -> str:
        return str(value) if isinstance(value, int) else "'" + value.replace("'", "''") + "'"

    def key_value(self, column: Column) -> str:
        name = self.quoted(column.name)
        return name if column.type.name not in TEXTS | {"date"} else f"CAST({name} AS VARCHAR(4000))"

    def moment_literal(self, moment: str, column: Column) -> str:
        return f"{'DATE' if column.type.name == 'date' else 'TIMESTAMP'} '{moment}'"

    def moves(self, moves: Sequence[Move]) -> list[str]:
        raise _only_a_source()

    def version(self, connection: sa.Connection) -> str:
        known = ".".join(str(p) for p in connection.dialect.server_version_info or ())
        return f"{connection.dialect.name} {known}".strip()

    def inspect(self, connection: sa.Connection, schema: str | None, only: Sequence[str] | None = None) -> list[Table]:
        inspector = sa.inspect(connection)
        wanted = [n for n in inspector.get_table_names(schema=schema) if only is None or n in only]
        types = {(n, c["name"]): _written(c["type"]) for n in wanted for c in inspector.get_columns(n, schema=schema)}
        return inspection.tables(connection, schema, self.canonical, types, wanted)

    def dependents(self, connection: sa.Connection, tables: Sequence[TableName]) -> list[Dependent]:
        raise _only_a_source()

    def read(self, connection: sa.Connection, select: str, columns: Sequence[Column], room: Room = USUAL) -> Iterator[pa.RecordBatch]:
        return cursor_rows.read(connection, select, columns, room)

    def write(self, connection: sa.Connection, name: TableName, columns: Sequence[Column], batches: Iterable[pa.RecordBatch]) -> None:
        raise _only_a_source()

    def classify(self, error: sa.exc.DBAPIError) -> Failure:
        return Failure.CONNECTION_LOST if error.connection_invalidated else Failure.OTHER


def _only_a_source() -> MigrationError:
    return MigrationError("a database without a package of its own is only a source", fix=f"targets are: {', '.join(names())}")


DATABASE = Generic()
