"""Tables as DDL: SQLAlchemy writes the statements, each database the types."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.schema import CreateIndex, CreateTable, SetColumnComment, SetTableComment
from sqlalchemy.types import UserDefinedType

from penstock.databases import Database, qualified, quote
from penstock.databases._shared import constraints, dialects
from penstock.databases._shared.ansi import fitted as fitted
from penstock.model.schema import DECIMALS, INTEGERS, Column, Index, Numbering, Partition, Table, TableName, Type


@dataclass(frozen=True)
class Made:
    """A statement that gives a table a part. kind, name: of the part: `index`, `a`."""

    kind: str
    name: str
    text: str


class _Native(UserDefinedType[Any]):
    """A column type that is already SQL text."""

    cache_ok = True

    def __init__(self, text: str) -> None:
        self.text = text

    def get_col_spec(self, **_: object) -> str:
        return self.text


def dialect(database: Database) -> sa.Dialect:
    """The database's SQLAlchemy dialect, set to write statements that are run as they stand."""
    made: sa.Dialect = sa.URL.create(database.drivername).get_dialect()()
    dialects.write_percents_once(made)
    return made


class _Constraint(sa.Constraint):
    """A constraint that is already SQL text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text


@compiles(_Constraint)
def _written_constraint(constraint: _Constraint, _: object, **__: object) -> str:
    return constraint.text


def create_table(
    database: Database, table: Table, name: TableName, if_not_exists: bool = False, places: Mapping[TableName, TableName] | None = None
) -> str:
    """CREATE TABLE for `table` at `name`: columns, defaults, checks, and the keys that can't be added later.

    places: where the tables are that its foreign keys refer to, to declare these with it where they could be added later.
    """
    built = _build(database, table, name)
    written = []
    if not database.keys_after_load and table.primary_key and not _numbers_once(table):
        written.append(constraints.primary_key(database, table.primary_key, table.primary))
    written += [constraints.check(database, c) for c in table.checks if c.valid and not c.column]
    written += [_inline(database, i) for i in (_numbering_index(database, table),) if i]
    for text in written:
        built.append_constraint(_Constraint(text))
    _hold_labels(database, table, built)
    if not database.secondary_indexes:
        for index in table.indexes:
            if index.unique and index.plain:
                built.append_constraint(sa.UniqueConstraint(*_quoted(index.columns)))
    if database.foreign_keys and not database.follows_renames:
        for key in table.foreign_keys:
            named = replace(key, name="" if key.unnamed else key.name)
            # such a database has one schema, and takes no name of it here
            built.append_constraint(_Constraint(constraints.foreign_key(database, named, TableName(key.ref_table))))
    for key in table.foreign_keys if places is not None else ():
        built.append_constraint(_Constraint(constraints.foreign_key(database, key, (places or {})[table.referred(key)])))
    made = _text(CreateTable(built, if_not_exists=if_not_exists), database)
    if not table.logged:
        made = made.replace("CREATE TABLE", "CREATE UNLOGGED TABLE", 1)
    by = f" PARTITION BY {table.partitioning.by}" if table.partitioning else ""
    return made + database.table_options(table) + by


def _numbers_once(table: Table) -> bool:
    """Whether the primary key is declared with its column, since only so the database numbers rows without giving a number twice."""
    return any(c.numbering and c.numbering.unique for c in table.columns)


def _numbering_index(database: Database, table: Table) -> Index | None:
    """The index that lets the database number a column, which must be there from the beginning; None where the primary key does."""
    numbered = next((c.name for c in table.columns if c.identity), "") if database.numbers_keys_only else ""
    if not numbered or table.primary_key[:1] == (numbered,):
        return None
    return next((i for i in table.indexes if not i.method and _held_whole(i)[:1] == [numbered]), None)


def _inline(database: Database, index: Index) -> str:
    """An index as a part of CREATE TABLE."""
    fields = [quote(database, c) for c in index.columns]
    if not index.plain:
        fields = [f"{quote(database, p.column) if p.column else f'({p.expression})'} {p.order}".strip() for p in index.parts]
    return f"{'UNIQUE ' if index.unique else ''}KEY {quote(database, index.name)} ({', '.join(fields)}){database.index_options(index)}"


def furnish(database: Database, table: Table, name: TableName) -> list[str]:
    """Statements that complete an empty table made by `create_table`: its partitions, and comments where they are statements."""
    statements = _partitions(database, table.partitioning.partitions, name, name) if table.partitioning else []
    if not dialect(database).inline_comments:
        built = _build(database, table, name)
        made: list[Any] = [SetTableComment(built)] if built.comment else []
        made += [SetColumnComment(c) for c in built.columns if c.comment]
        statements += [_text(m, database) for m in made]
    for column in table.columns:
        alter = f"ALTER TABLE {qualified(database, name)} ALTER COLUMN {quote(database, column.name)} SET"
        statements += [f"{alter} {words}" for words in column.storage]
    return statements


def _partitions(database: Database, partitions: Sequence[Partition], parent: TableName, root: TableName) -> list[str]:
    statements = []
    for partition in partitions:
        name = TableName(partition.name, root.schema)
        by = f" PARTITION BY {partition.by}" if partition.by else ""
        statements.append(f"CREATE TABLE {qualified(database, name)} PARTITION OF {qualified(database, parent)} {partition.bounds}{by}")
        statements += _partitions(database, partition.partitions, name, root)
    return statements


def keys(database: Database, table: Table, name: TableName) -> list[str]:
    """Statements for a loaded table's primary key and indexes, and for constraints that only new rows have to meet."""
    return [made.text for made in key_parts(database, table, name)]


def key_parts(database: Database, table: Table, name: TableName) -> list[Made]:
    """The same, each with what it makes."""
    built = _build(database, table, name)
    alter = f"ALTER TABLE {qualified(database, name)}"
    added, statements = [], []
    if database.keys_after_load and table.primary_key:
        added.append(Made("primary key", "", constraints.primary_key(database, table.primary_key, table.primary)))
    if database.secondary_indexes:
        for index in (i for i in table.indexes if i != _numbering_index(database, table)):
            if database.keys_after_load and index.constraint:
                added.append(Made("index", index.name, constraints.unique(database, index)))
            else:
                made = _text(CreateIndex(_index(database, built, index)), database) + database.index_options(index)
                statements.append(Made("index", index.name, made))
    added += [Made("exclusion constraint", x.name, f"CONSTRAINT {quote(database, x.name)} {x.definition}") for x in table.exclusions]
    added += [Made("check", c.name, constraints.check(database, c)) for c in table.checks if not c.valid]
    for column in table.columns:
        if label := column.unchecked_null:
            words = f"CONSTRAINT {quote(database, label)} NOT NULL {quote(database, column.name)} NOT VALID"
            added.append(Made("not null", column.name, words))
    if identity := table.replica_identity:
        how = identity if identity in ("FULL", "NOTHING") else f"USING INDEX {quote(database, identity)}"
        statements.append(Made("replica identity", "", f"{alter} REPLICA IDENTITY {how}"))
    return [replace(part, text=f"{alter} ADD {part.text}") for part in added] + statements


def _index(database: Database, built: sa.Table, index: Index) -> sa.Index:
    if index.plain:
        fields: list[Any] = [built.c[c] for c in index.columns]
    else:
        fields = []
        for part in index.parts:
            field = quote(database, part.column) if part.column else f"({part.expression})"
            fields.append(_sql(field + (part.order if part.order.startswith("(") else f" {part.order}").rstrip()))
    options: dict[str, Any] = {}
    if index.where:
        options["where"] = _sql(index.where)
    if index.include:
        options["include"] = [built.c[c] for c in index.include]
    if index.nulls_not_distinct:
        options["nulls_not_distinct"] = True
    if index.options and "with" in database.index_keywords:
        options["with"] = dict(option.split("=", 1) for option in index.options)
    if index.method:
        options["prefix" if index.method.isupper() else "using"] = index.method  # FULLTEXT comes before the word INDEX
    named = {database.index_keywords[option]: value for option, value in options.items() if option in database.index_keywords}
    return sa.Index(_q(index.name), *fields, unique=index.unique, _table=built, **named)


def foreign_keys(database: Database, table: Table, name: TableName, places: Mapping[TableName, TableName]) -> list[str]:
    """Statements for a loaded table's foreign keys; `places` says where each referred table stands now."""
    return [made.text for made in foreign_key_parts(database, table, name, places)]


def foreign_key_parts(database: Database, table: Table, name: TableName, places: Mapping[TableName, TableName]) -> list[Made]:
    """The same, each with what it makes."""
    if not database.foreign_keys or not database.follows_renames:
        return []
    alter = f"ALTER TABLE {qualified(database, name)} ADD"
    made = [(k, constraints.foreign_key(database, k, places[table.referred(k)])) for k in table.foreign_keys]
    return [Made("foreign key", key.name, f"{alter} {text}") for key, text in made]


def free_name(name: str, taken: Collection[str], limit: int) -> str:
    """`name`, or the first of `name__2`, `name__3`, ... that is not taken, kept within `limit` bytes."""
    taken = {t.lower() for t in taken}
    number, candidate = 1, fitted(name, limit)
    while candidate.lower() in taken:
        number += 1
        candidate = fitted(name, limit - len(f"__{number}")) + f"__{number}"
    return candidate


def column_type(database: Database, table: Table, column: Column) -> str:
    """The type that `create_table` gives a column, without how it is collated and numbered."""
    written = column.kept or (database.key_native(column.type) if column.name in _keyed(table) else None)
    return re.split(r" (?:CHARACTER SET|GENERATED|AUTO_INCREMENT)\b", written or database.native(column.type, column.identity))[0]


def _keyed(table: Table) -> set[str]:
    """The columns that are part of a key."""
    return set(table.primary_key) | {c for i in table.indexes for c in _held_whole(i)} | {c for f in table.foreign_keys for c in f.columns}


def _build(database: Database, table: Table, name: TableName) -> sa.Table:
    keyed = _keyed(table)
    columns = [_column(database, table, c, c.name in keyed) for c in table.columns]
    schema = _q(name.schema) if name.schema else None
    return sa.Table(_q(name.name), sa.MetaData(), *columns, schema=schema, comment=table.comment or None)


def _held_whole(index: Index) -> list[str]:
    """The columns that an index holds whole values of."""
    if index.plain:
        return list(index.columns)
    return [p.column for p in index.parts if p.column and not p.order.startswith("(") and not index.method.isupper()]


def _hold_labels(database: Database, table: Table, built: sa.Table) -> None:
    """Keep an enum's column to its labels where the database has no enums of its own."""
    labelled = labelled_columns(database, table)
    for column, made in zip(table.columns, built.columns, strict=True):
        if column in labelled:
            built.append_constraint(sa.CheckConstraint(made.in_([sa.literal(v, sa.String()) for v in column.type.labels])))


def labelled_columns(database: Database, table: Table) -> list[Column]:
    """The columns of enums that a check keeps to their labels, because the database has no enums of its own."""
    enums = [c for c in table.columns if c.type.labels and c.type.name == "enum" and not c.kept]
    return [c for c in enums if not column_type(database, table, c).lower().startswith("enum")]


def _column(database: Database, table: Table, column: Column, keyed: bool) -> sa.Column[Any]:
    written = (database.key_native(column.type) if keyed else None) or database.native(column.type, column.identity)
    if column.kept:
        plain = database.native(column.type)
        written = column.kept + (written.removeprefix(plain) if column.identity and written.startswith(plain) else "")
    written = _written(database, table, column, written)
    if column.generated:
        written += f" GENERATED ALWAYS AS ({column.generated}) {'STORED' if column.stored else 'VIRTUAL'}"
    if column.invisible:
        written += " INVISIBLE"
    primary = column.name in table.primary_key
    declared = ["PRIMARY KEY AUTOINCREMENT"] * (primary and _numbers_once(table))
    declared += [constraints.check(database, replace(c, name="")) for c in table.checks if c.column == column.name]
    return sa.Column(
        _q(column.name),
        _Native(written),
        *map(_Constraint, declared),
        nullable=column.nullable and not primary and not column.identity,
        server_default=None if column.generated else _default(database, column, written),
        autoincrement=False,
        comment=column.comment or None,
    )


def _written(database: Database, table: Table, column: Column, written: str) -> str:
    """The column's type with how it is collated, numbered and touched."""
    if column.collation:
        of_its_own = column.collation != table.collation
        written = written.partition(" CHARACTER SET")[0] + f" COLLATE {quote(database, column.collation)}" * of_its_own
    if (numbering := column.numbering) and written.endswith(" AS IDENTITY"):
        begin = written.removesuffix("BY DEFAULT AS IDENTITY") + ("ALWAYS" if numbering.always else "BY DEFAULT")
        written = f"{begin} AS IDENTITY (START WITH {numbering.start} INCREMENT BY {numbering.step}{_limits(numbering)})"
    return written + f" ON UPDATE {_now(written)}" if column.touched else written


def _limits(numbering: Numbering) -> str:
    words = [f" MINVALUE {numbering.minimum}"] * (numbering.minimum is not None)
    words += [f" MAXVALUE {numbering.maximum}"] * (numbering.maximum is not None)
    return "".join(words) + f" CACHE {numbering.cache}" * (numbering.cache != 1) + " CYCLE" * numbering.cycle


def _now(written: str) -> str:
    # MySQL wants the same number of fractional digits on both sides
    digits = re.match(r"(?:datetime|timestamp)(\(\d\))", written)
    return f"CURRENT_TIMESTAMP{digits[1] if digits else ''}"


def _default(database: Database, column: Column, written: str) -> Any:
    if column.expression:
        return _sql(f"({column.expression})")
    if column.default is None:
        return None
    if column.default == "now":
        return sa.text(_now(written))
    if words := database.default_words(column.default, column.type):
        return _sql(words)
    value = column.default.removeprefix("=")
    if column.type.name == "boolean":
        return sa.text("TRUE" if value.lower() in ("true", "t", "1", "b'1'") else "FALSE")
    if _is_number(column.type):
        return sa.text(value)
    if database.expression_defaults and re.match(database.expression_defaults, written):
        return _sql(f"({_text(sa.literal(value, sa.String()), database)})")
    return value


def _is_number(type: Type) -> bool:
    return type.name in INTEGERS | DECIMALS | {"float32", "float64", "year"}


def _sql(text: str) -> sa.ColumnClause[Any]:
    """Finished SQL: no character of it is special."""
    return sa.literal_column(text)


def _q(name: str) -> sa.quoted_name:
    return sa.quoted_name(name, quote=True)


def _quoted(names: tuple[str, ...]) -> list[sa.quoted_name]:
    return [_q(n) for n in names]


def _text(element: Any, database: Database) -> str:
    return str(element.compile(dialect=dialect(database), compile_kwargs={"literal_binds": True})).strip()
