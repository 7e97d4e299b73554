"""What a table is, whatever database it stands in: names, columns, keys and canonical types.

A canonical type is an Arrow type plus what Arrow can't say (the labels of an enum, the length of a
string, that an integer is a year). Every database maps its own types to canonical ones and back.
What Arrow has no type for is carried as text, in one stated form that every database reads and writes the same way.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import pyarrow as pa

# By Arrow's own names: a DAG is parsed without Arrow, so this file must not import it.
_SIMPLE: dict[str, str] = {
    "boolean": "bool",
    "int8": "int8",
    "int16": "int16",
    "int32": "int32",
    "int64": "int64",
    "uint8": "uint8",
    "uint16": "uint16",
    "uint32": "uint32",
    "uint64": "uint64",
    "float32": "float32",
    "float64": "float64",
    "string": "string",
    "binary": "binary",
    "date": "date32",
    "time": "time64[us]",
    "timestamp": "timestamp[us]",
    "timestamptz": "timestamp[us]",
    "json": "string",
    "jsonb": "string",  # as PostgreSQL writes it: keys sorted, once each
    "uuid": "string",
    "enum": "string",
    "set": "string",
    "year": "int16",
    "geometry": "binary",
    "vector": "binary",  # length: its numbers, 4 bytes each, little end first
    # In a text of one form, below:
    "number": "string",  # digits, a point where there are more behind it, no exponent; NaN, Infinity, -Infinity
    "interval": "string",  # 14 months 3 days -5006000007 microseconds: always these three, none carried over to another
    "timetz": "string",  # 12:30:00.5+05:30, no more digits than it takes
    "bits": "string",  # 0s and 1s, exactly `length` of them
    "varbits": "string",  # 0s and 1s, at most `length` of them
    "inet": "string",  # 10.0.0.1/8, ::1: an address, and its network's bits when these are not all
    "cidr": "string",  # 10.0.0.0/8
    "macaddr": "string",  # 08:00:2b:01:02:03
    "xml": "string",
    "range": "string",  # of `element`, as PostgreSQL writes it: [1,10)
    "array": "string",  # of `element`, as PostgreSQL writes it: {1,NULL}, {{a,"b c"},{d,e}}, [0:1]={1,2}
    "native": "string",  # labels: a database and its type; the text that this database writes, which no other reads
    # Not carried as it is: read as the database's own text, and refused at the target until a cast says what it becomes.
    "unsupported": "string",
}
# Decimals of a known size: their digits before and behind the point.
_DIGITS = {"int128": (39, 0), "uint128": (39, 0), "money": (19, 2)}
NAMES: tuple[str, ...] = (*(n for n in _SIMPLE if n != "unsupported"), "decimal", *_DIGITS)
INTEGERS = frozenset({"int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "year"})
DECIMALS = frozenset({"decimal", *_DIGITS})
TEXTS = frozenset({"string", "json", "jsonb", "uuid", "enum", "set"})
BINARIES = frozenset({"binary", "geometry", "vector"})
# Carried in a text of one form. A cast can't make them: only the databases that have them know what is one.
WORDED = frozenset({"number", "interval", "timetz", "bits", "varbits", "inet", "cidr", "macaddr", "xml", "range", "array", "native"})
_LENGTHS = frozenset({"string", "binary", "bits", "varbits", "vector"})
_LABELLED = frozenset({"enum", "set", "native"})

_TYPE = re.compile(r"\s*(?P<name>\w+)\s*(?:\((?P<args>.*)\))?\s*", re.DOTALL)
_LABEL = re.compile(r"\s*'((?:[^']|'')*)'\s*(?:,|$)")


@dataclass(frozen=True)
class Type:
    """A canonical type. `str()` gives its written form, `Type.parse` reads it back.

    length: of string and binary, in characters and bytes; None is unbounded. Of bits and varbits in bits, of vector in numbers.
    precision, scale: of decimal, in digits (precision 1 to 76).
    labels: of enum and set, in their declared order.
    element: of array and range, what they are made of.
    """

    name: str
    length: int | None = None
    precision: int | None = None
    scale: int | None = None
    labels: tuple[str, ...] = ()
    element: Type | None = None

    @property
    def arrow(self) -> pa.DataType:
        """The Arrow type that holds every value of this type exactly."""
        import pyarrow as pa

        if self.name == "timestamptz":
            return pa.timestamp("us", tz="UTC")
        if self.name not in DECIMALS:
            return pa.type_for_alias(_SIMPLE[self.name])
        precision, scale = _DIGITS.get(self.name) or (self.precision or 38, self.scale or 0)
        return pa.decimal128(precision, scale) if precision <= 38 else pa.decimal256(precision, scale)

    def __str__(self) -> str:
        if self.element:
            return f"{self.name}({self.element})"
        if self.labels:
            quoted = ",".join("'" + label.replace("'", "''") + "'" for label in self.labels)
            return f"{self.name}({quoted})"
        if self.name == "decimal":
            return f"decimal({self.precision},{self.scale})"
        return f"{self.name}({self.length})" if self.length is not None else self.name

    @classmethod
    def parse(cls, text: str) -> Type:
        """The type written as `text`: `int64`, `decimal(10,2)`, `string(45)`, `enum('a','b')`.

        Raises ValueError, saying what was expected, when there is no such type.
        """
        match = _TYPE.fullmatch(text)
        name, args = (match["name"], match["args"]) if match else (text, None)
        if name not in NAMES:
            raise ValueError(f"no type called {text!r}; known: {', '.join(NAMES)}")
        if name in _LABELLED:
            return cls(name, labels=tuple(m[1].replace("''", "'") for m in _LABEL.finditer(args or "")))
        if name in ("array", "range"):
            return cls(name, element=cls.parse(args or ""))
        numbers = [int(a) for a in (args or "").split(",") if a.strip()]
        if name == "decimal":
            if len(numbers) not in (1, 2) or not 1 <= numbers[0] <= 76 or not 0 <= (numbers[1:] or [0])[0] <= numbers[0]:
                raise ValueError(f"{text!r}: a decimal is written decimal(precision,scale), precision 1 to 76")
            return cls("decimal", precision=numbers[0], scale=(numbers[1:] or [0])[0])
        if numbers and name not in _LENGTHS:
            raise ValueError(f"{text!r}: {name} takes no length")
        return cls(name, length=numbers[0] if numbers else None)


@dataclass(frozen=True)
class TableName:
    """Where a table stands: its name, and its schema (None: the connection's own)."""

    name: str
    schema: str | None = None

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}" if self.schema else self.name


@dataclass(frozen=True)
class Numbering:
    """How a database numbers rows, where it is not from 1 in steps of 1.

    next: the number that comes next; None is one step past the last row's.  always: nobody else may give a number.
    minimum, maximum: None where they are those of the column's type.  cycle: after the last number the first one follows.
    cache: how many numbers a session takes at a time.
    unique: a number is never given twice, not even that of a deleted row (SQLite's AUTOINCREMENT; elsewhere it is so anyway).
    """

    start: int = 1
    step: int = 1
    next: int | None = None
    always: bool = False
    minimum: int | None = None
    maximum: int | None = None
    cycle: bool = False
    cache: int = 1
    unique: bool = False


@dataclass(frozen=True)
class Column:
    """One column. Expressions are SQL text of the table's `dialect`.

    default: None, `now` for the current time, or `=` followed by a literal's text (`=0`, `=G`).
    identity: the database numbers the rows itself (auto-increment, serial, identity).
    native: the type as its own database writes it; empty for a column a transform made.
    expression: a default that is neither a literal nor the current time.
    generated: what the database computes the column by; its values are never loaded.  stored: computed when written, not when read.
    collation: as its database names it; empty for the database's own, or where there is none.
    touched: the database sets it to the current time whenever the row is changed.
    kept: the type as the source wrote it, where a target of the same kind takes it as it is.
    named_type: the enum or domain that it is declared with, with its schema: a type that somebody has created.
    invisible: `SELECT *` leaves it out.
    unchecked_null: the name of a NOT NULL constraint that is NOT VALID: rows from before it may have NULLs, so the column is nullable here.
    storage: how its values are stored, in its database's own words (`STORAGE EXTERNAL`, `COMPRESSION lz4`).
    """

    name: str
    type: Type
    nullable: bool = True
    default: str | None = None
    identity: bool = False
    native: str = ""
    expression: str = ""
    generated: str = ""
    stored: bool = True
    comment: str = ""
    collation: str = ""
    numbering: Numbering | None = None
    touched: bool = False
    kept: str = ""
    named_type: str = ""
    invisible: bool = False
    unchecked_null: str = ""
    storage: tuple[str, ...] = ()


Deferrable = Literal["", "immediate", "deferred"]
"""When a constraint is checked: always at once; at once, but a transaction may have it at its end; at the transaction's end."""


@dataclass(frozen=True)
class ForeignKey:
    """`columns` refer to `ref_columns` of `ref_table`; actions as in SQL (`CASCADE`), empty for none.

    ref_schema: where that table is, when not in the schema of the key's own table (see `Table.referred`).
    unnamed: the source has no name for it; `name` was made of its columns.
    match: `FULL`, or empty: a key with a NULL in it refers to nothing.
    set_columns: those that ON DELETE SET NULL or SET DEFAULT sets, where these are not all of `columns`.
    valid: False where rows from before it may break it.  enforced: False where it is never checked.
    period: the last column is a range, which ranges of the referred rows have to cover.
    """

    name: str
    columns: tuple[str, ...]
    ref_table: str
    ref_columns: tuple[str, ...]
    on_delete: str = ""
    on_update: str = ""
    ref_schema: str | None = None
    unnamed: bool = False
    match: str = ""
    deferrable: Deferrable = ""
    set_columns: tuple[str, ...] = ()
    valid: bool = True
    enforced: bool = True
    period: bool = False


@dataclass(frozen=True)
class PrimaryKey:
    """What a primary key is beside its columns.

    name: empty where its database gives it one.  include: further columns that its index only holds.
    overlaps: False where the last column is a range, and ranges of rows that are otherwise equal must not overlap.
    orders: what stands behind each column (`DESC`, `(10)`); empty where nothing does.
    options: what else its index has, in its database's own words.
    """

    name: str = ""
    include: tuple[str, ...] = ()
    deferrable: Deferrable = ""
    overlaps: bool = True
    orders: tuple[str, ...] = ()
    options: tuple[str, ...] = ()


@dataclass(frozen=True)
class Part:
    """One part of an index: a column, or else an expression; `order` is what stands behind it (`DESC`, `(10)`, an operator class)."""

    column: str = ""
    expression: str = ""
    order: str = ""


@dataclass(frozen=True)
class Index:
    """An index; `unique` ones are also how unique constraints are carried.

    columns: of a plain one, over whole columns in rising order. Any other has `parts` instead, and may have
    a predicate, another method than the database's ordinary one, and further columns that it only holds.
    constraint: it is declared as a unique constraint, where that makes a difference.
    nulls_not_distinct: of a unique one: two NULLs are equal.  deferrable: of a unique constraint.
    overlaps: False where the last part is a range, and ranges of rows that are otherwise equal must not overlap.
    visible: False where the database keeps it and does not use it.
    options: what else it has, in its database's own words (`fillfactor=70`).
    """

    name: str
    columns: tuple[str, ...]
    unique: bool = False
    parts: tuple[Part, ...] = ()
    where: str = ""
    method: str = ""
    include: tuple[str, ...] = ()
    constraint: bool = False
    nulls_not_distinct: bool = False
    deferrable: Deferrable = ""
    overlaps: bool = True
    visible: bool = True
    options: tuple[str, ...] = ()

    @property
    def plain(self) -> bool:
        return not self.parts

    @property
    def simplified(self) -> Index:
        """This index as a plain one, if its parts say no more than that."""
        special = self.where or self.method or self.include or not self.overlaps or any(p.expression or p.order for p in self.parts)
        return self if special or self.plain else replace(self, columns=tuple(p.column for p in self.parts), parts=())


@dataclass(frozen=True)
class Check:
    """A condition that every row holds.

    column: the one that it is declared with, where that makes a difference: it has no name of its own then.
    valid: False where rows from before it may break it.  enforced: False where it is never checked.
    inherited: False where it does not hold for tables that inherit this one.
    """

    name: str
    expression: str
    column: str = ""
    valid: bool = True
    enforced: bool = True
    inherited: bool = True


@dataclass(frozen=True)
class Exclusion:
    """An exclusion constraint, in its database's own words: `EXCLUDE USING gist (room WITH =, during WITH &&)`."""

    name: str
    definition: str


@dataclass(frozen=True)
class Partition:
    """One partition: the rows within `bounds`, which may be partitioned again."""

    name: str
    bounds: str
    by: str = ""
    partitions: tuple[Partition, ...] = ()


@dataclass(frozen=True)
class Partitioning:
    """How a table is cut into partitions by its database: `by` and bounds as it writes them, `columns` that they look at."""

    by: str
    columns: tuple[str, ...]
    partitions: tuple[Partition, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all partitions, those of partitions among them."""

        def below(partitions: tuple[Partition, ...]) -> list[str]:
            return [name for p in partitions for name in (p.name, *below(p.partitions))]

        return tuple(below(self.partitions))


@dataclass(frozen=True)
class Need:
    """An extension that a part of a table is of. kind: column, index.  name: of the part."""

    kind: str
    name: str
    extension: str


@dataclass(frozen=True)
class Table:
    """One table's shape. `notes` names what was seen and can't be carried (a trigger).

    dialect: the database whose SQL the expressions are.  inherits: tables whose rows include this one's, those of another schema
    with it.
    collation: of new text columns, as its database names it; empty where a table has none of its own.
    options: what else it has, in its database's own words (`fillfactor=70`, `ROW_FORMAT=COMPRESSED`, `STRICT`).
    logged: False where a crash of the server empties it.
    replica_identity: how a replica finds a changed row: `FULL`, `NOTHING`, the name of an index, or empty: by the primary key.
    needs: the extensions of its database that it uses.
    """

    name: TableName
    columns: tuple[Column, ...]
    primary_key: tuple[str, ...] = ()
    indexes: tuple[Index, ...] = ()
    foreign_keys: tuple[ForeignKey, ...] = ()
    notes: tuple[str, ...] = field(default=())
    dialect: str = ""
    checks: tuple[Check, ...] = ()
    comment: str = ""
    partitioning: Partitioning | None = None
    inherits: tuple[str, ...] = ()
    needs: tuple[Need, ...] = ()
    primary: PrimaryKey = PrimaryKey()
    exclusions: tuple[Exclusion, ...] = ()
    collation: str = ""
    options: tuple[str, ...] = ()
    logged: bool = True
    replica_identity: str = ""

    def column(self, name: str) -> Column:
        """The column called `name`; KeyError when there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)

    @property
    def key(self) -> tuple[str, ...]:
        """The columns that name a row: the primary key, else a unique index without NULLs, else none."""
        if self.primary_key:
            return self.primary_key
        for index in self.indexes:
            if index.unique and index.plain and not any(self.column(c).nullable for c in index.columns):
                return index.columns
        return ()

    @property
    def given(self) -> tuple[Column, ...]:
        """The columns that are loaded; the database computes the others itself."""
        return tuple(c for c in self.columns if not c.generated)

    def referred(self, key: ForeignKey) -> TableName:
        """The table that a foreign key of this one refers to."""
        return TableName(key.ref_table, key.ref_schema or self.name.schema)

    def loadable(self, rows: pa.RecordBatch) -> pa.RecordBatch:
        """`rows` of this table without what the database computes itself."""
        return rows if len(self.given) == len(self.columns) else rows.select([c.name for c in self.given])

    def renamed(self, name: TableName) -> Table:
        return replace(self, name=name)


def arrow_schema(columns: Iterable[Column]) -> pa.Schema:
    """The Arrow schema of these columns; each field's metadata carries the canonical type."""
    import pyarrow as pa

    return pa.schema([pa.field(c.name, c.type.arrow, metadata={b"penstock.type": str(c.type).encode()}) for c in columns])
