"""Changes to the catalogue of a target, as somebody may make them between build and proof: each drops or alters one object of a table.

On PostgreSQL and MariaDB they are statements. On SQLite and DuckDB, which can alter little, the table is made again as it would be then.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from penstock import databases
from penstock.databases import Database
from penstock.databases._shared import ddl
from penstock.model.schema import Check, Column, ForeignKey, Index, Part, Table


@dataclass(frozen=True)
class SchemaChange:
    """kind: what it is called in the figures.  said: how the proof's line begins.  after: the table as it is then.

    alter: on PostgreSQL and on MariaDB, what stands behind ALTER TABLE, or whole statements where `{t}` is the table; empty: not on this
    database.
    """

    kind: str
    said: str
    after: Table
    postgresql: tuple[str, ...] = ()
    mysql: tuple[str, ...] = ()


def changes(table: Table) -> list[SchemaChange]:
    """The changes that a shadow can be given. table: as the catalogue has it."""
    return [*_columns(table), *_indexes(table), *_foreign_keys(table), *_rest(table)]


def statements(change: SchemaChange, before: Table, database: Database) -> list[str]:
    """What makes the change; empty where this database can't."""
    place = databases.qualified(database, before.name)
    if database.dialect in ("postgresql", "mysql"):
        texts = change.postgresql if database.dialect == "postgresql" else change.mysql
        return [s.replace("{t}", place) if "{t}" in s else f"ALTER TABLE {place} {s}" for s in texts]
    return rebuilt(change.after, before, database) if change.after != before else []


def rebuilt(after: Table, before: Table, database: Database) -> list[str]:
    """What drops a table and makes it again, with its rows."""
    place, aside = databases.qualified(database, before.name), databases.quote(database, "aside")
    kept = replace(after, columns=tuple(replace(c, kept=c.native) for c in after.columns))
    names = {c.name for c in after.columns}
    given = ", ".join(databases.quote(database, c.name) for c in before.columns if not c.generated and c.name in names)
    return [
        f"CREATE TABLE {aside} AS SELECT * FROM {place}",
        f"DROP TABLE {place}",
        ddl.create_table(database, kept, before.name),
        f"INSERT INTO {place} ({given}) SELECT {given} FROM {aside}",
        f"DROP TABLE {aside}",
        *ddl.furnish(database, kept, before.name),
        *ddl.keys(database, kept, before.name),
    ]


def _mysql(column: Column) -> str:
    """The definition of a column for MODIFY."""
    words = [column.native]
    words += [f"COLLATE {column.collation}"] if column.collation else []
    words += [f"GENERATED ALWAYS AS ({column.generated}) STORED"] if column.generated else []
    words += ["NULL" if column.nullable and not column.identity else "NOT NULL"] if not column.generated else []
    words += [f"DEFAULT '{column.default[1:]}'"] if column.default else []
    words += ["AUTO_INCREMENT"] if column.identity else []
    words += [f"COMMENT '{column.comment}'"] if column.comment else []
    return f"MODIFY `{column.name}` {' '.join(words)}"


def _columns(table: Table) -> Iterator[SchemaChange]:
    held = {c for k in table.foreign_keys for c in k.columns} | set(table.primary_key)
    held |= {c for i in table.indexes for c in (*i.columns, *(p.column for p in i.parts))}
    read = {c.name for c in table.columns for d in table.columns if c.name in d.generated}
    texts = [*(check.expression for check in table.checks), *(index.where for index in table.indexes)]
    read |= {c.name for c in table.columns if any(c.name in text for text in texts)}
    for column in table.columns:
        name, of = column.name, _Column(table, column)
        if column.comment:
            yield of.changed("comment dropped", "comment", f"COMMENT ON COLUMN {{t}}.{of.quoted} IS NULL", comment="")
            yield of.changed("comment changed", "comment", f"COMMENT ON COLUMN {{t}}.{of.quoted} IS 'other'", comment="other")
        if column.generated:
            yield of.changed("no longer generated", "generated", f"{of.alter} DROP EXPRESSION", generated="", stored=True)
        elif column.identity:
            native = "BIGINT" if column.native == "INTEGER" else column.native  # SQLite numbers every INTEGER PRIMARY KEY
            yield of.changed("identity dropped", "identity", f"{of.alter} DROP IDENTITY", identity=False, numbering=None, native=native)
        else:
            yield from _of_type(of)
            yield from _of_rows(of, name in held or name in ("born", "note"))
        if name not in held | read and not column.generated and not column.identity:
            gone = replace(table, columns=tuple(c for c in table.columns if c != column))
            yield SchemaChange(
                "column dropped", f"column {name} is missing", gone, (f"DROP COLUMN {of.quoted}",), (f"DROP COLUMN `{name}`",)
            )


@dataclass(frozen=True)
class _Column:
    """A column of a table, to be changed."""

    table: Table
    column: Column

    @property
    def quoted(self) -> str:
        return f'"{self.column.name}"'

    @property
    def alter(self) -> str:
        return f"ALTER COLUMN {self.quoted}"

    def changed(self, kind: str, property: str, postgresql: str, **to: Any) -> SchemaChange:
        made = replace(self.column, **to)
        after = replace(self.table, columns=tuple(made if c == self.column else c for c in self.table.columns))
        return SchemaChange(kind, f"{property} of column {made.name}", after, (postgresql,), (_mysql(made),))


def _of_rows(of: _Column, filled: bool) -> Iterator[SchemaChange]:
    """What a column requires and what it is given. filled: it must stay nullable or not for a key."""
    column = of.column
    if not column.nullable and column.name not in of.table.primary_key:
        yield of.changed("NOT NULL dropped", "nullable", f"{of.alter} DROP NOT NULL", nullable=True)
    if column.nullable and not filled:
        yield of.changed("NOT NULL added", "nullable", f"{of.alter} SET NOT NULL", nullable=False)
    if column.default:
        yield of.changed("default dropped", "default", f"{of.alter} DROP DEFAULT", default=None)
        yield of.changed("default changed", "default", f"{of.alter} SET DEFAULT '7'", default="=7")


def _of_type(of: _Column) -> Iterator[SchemaChange]:
    column = of.column
    if "char" in column.native.lower() and column.type.length:
        wider = column.native.replace(str(column.type.length), str(column.type.length + 5))
        collate = f' COLLATE "{column.collation}"' if column.collation else ""
        yield of.changed("type widened", "type", f"{of.alter} TYPE {wider}{collate}", native=wider)
    if column.collation and column.name == "note":
        other = {"utf8mb4_general_ci": "utf8mb4_bin"}.get(column.collation, "")
        yield of.changed("collation changed", "collation", f'{of.alter} TYPE {column.native} COLLATE "default"', collation=other)


def _indexes(table: Table) -> Iterator[SchemaChange]:
    for index in table.indexes:
        of = _Index(table, index)
        columns = index.columns
        yield of.changed("index dropped", "", None)
        if index.unique and index.plain:
            yield of.changed("no longer unique", "unique", replace(index, unique=False, constraint=False))
        if len(columns) > 1:
            yield of.changed("index columns reordered", "columns", replace(index, columns=columns[::-1], constraint=False))
        if index.plain and not index.unique and not of.needed:
            parts = tuple(Part(c, order="DESC") for c in columns)
            yield of.changed("index order changed", "columns", replace(index, columns=(), parts=parts))
        if index.where:
            plain = replace(index, where="", columns=tuple(p.column for p in index.parts), parts=())
            yield of.changed("index predicate dropped", "where", plain)


@dataclass(frozen=True)
class _Index:
    """An index of a table, to be changed."""

    table: Table
    index: Index

    @property
    def needed(self) -> bool:
        """Whether MariaDB needs it for a foreign key."""
        return any(k.columns == self.index.columns for k in self.table.foreign_keys)

    def changed(self, kind: str, property: str, other: Index | None) -> SchemaChange:
        """The index as another one, or dropped."""
        name, home = self.index.name, f'"{self.table.name.schema}".' if self.table.name.schema else ""
        drop = f'DROP CONSTRAINT "{name}"' if self.index.constraint else f'DROP INDEX {home}"{name}" /* {{t}} */'
        indexes = tuple(other if i == self.index else i for i in self.table.indexes)
        after = replace(self.table, indexes=tuple(i for i in indexes if i))
        mysql = () if self.needed else (f"DROP INDEX `{name}`",)
        if other is None:
            return SchemaChange(kind, f"index {name} is missing", after, (drop,), mysql)
        parts = ", ".join(f'"{p.column}" {p.order}' for p in other.parts or map(Part, other.columns))
        create = f'CREATE {"UNIQUE " if other.unique else ""}INDEX "{name}" ON {{t}} ({parts})'
        return SchemaChange(kind, f"{property} of index {name}", after, (drop, create), mysql and (*mysql, create.replace('"', "`")))


def _foreign_keys(table: Table) -> Iterator[SchemaChange]:
    for key in table.foreign_keys:
        gone = tuple(k for k in table.foreign_keys if k != key)
        drop = f'DROP CONSTRAINT "{key.name}"'
        mysql = f"DROP FOREIGN KEY `{key.name}`"
        yield SchemaChange(
            "foreign key dropped", f"foreign key {key.name} is missing", replace(table, foreign_keys=gone), (drop,), (mysql,)
        )
        for action in ("CASCADE", "SET NULL", ""):
            if action == key.on_delete or (action == "SET NULL" and any(not table.column(c).nullable for c in key.columns)):
                continue
            other = replace(key, on_delete=action)
            after = replace(table, foreign_keys=tuple(other if k == key else k for k in table.foreign_keys))
            add = _added(other)
            said = f"on delete of foreign key {key.name}"
            yield SchemaChange("foreign key action changed", said, after, (drop, add), (mysql, add.replace('"', "`")))


def _added(key: ForeignKey) -> str:
    schema = f'"{key.ref_schema}".' if key.ref_schema else "{s}"
    own, theirs = (", ".join(f'"{c}"' for c in columns) for columns in (key.columns, key.ref_columns))
    behind = f" ON DELETE {key.on_delete}" if key.on_delete else ""
    return f'ADD CONSTRAINT "{key.name}" FOREIGN KEY ({own}) REFERENCES {schema}"{key.ref_table}" ({theirs}){behind}'


def _rest(table: Table) -> Iterator[SchemaChange]:
    for check in table.checks:
        said = f"check constraint {check.name or 'number 1 without a name'}"
        gone = replace(table, checks=tuple(c for c in table.checks if c != check))
        drop = f'DROP CONSTRAINT "{check.name}"'
        yield SchemaChange("check dropped", f"{said} is missing", gone, (drop,), (drop.replace('"', "`"),))
        column = table.columns[-1].name if not table.columns[-1].generated else table.columns[0].name
        other = Check(check.name, f"{column} IS NULL OR {column} IS NOT NULL")
        after = replace(table, checks=tuple(other if c == check else c for c in table.checks))
        add = f'ADD CONSTRAINT "{check.name}" CHECK ({other.expression})'
        yield SchemaChange("check changed", f"expression of {said}", after, (drop, add), (drop.replace('"', "`"), add.replace('"', "`")))
    if table.comment:
        for comment, kind in (("", "comment dropped"), ("other", "comment changed")):
            written = f"COMMENT ON TABLE {{t}} IS {f'{comment!r}' if comment else 'NULL'}"
            yield SchemaChange(kind, "comment of the table", replace(table, comment=comment), (written,), (f"COMMENT = '{comment}'",))
    if len(table.primary_key) > 1 and not table.partitioning:
        turned = tuple(reversed(table.primary_key))
        listed = ", ".join(f'"{c}"' for c in turned)
        add = f"ADD PRIMARY KEY ({listed})"
        pg = (f'DROP CONSTRAINT "{table.name.name}_pkey" CASCADE', add)
        mysql = ("DROP PRIMARY KEY, " + add.replace('"', "`"),)
        yield SchemaChange("primary key reordered", "columns of the primary key", replace(table, primary_key=turned), pg, mysql)
    for column in table.columns:
        if column.identity and column.numbering and column.numbering.next:
            further = column.numbering.next + 50
            place = f"SELECT setval(pg_get_serial_sequence('{{t}}', '{column.name}'), {further})"
            yield SchemaChange(
                "next number changed", f"next number of column {column.name}", table, (place,), (f"AUTO_INCREMENT = {further}",)
            )
    if table.partitioning:
        pg = tuple(f'DETACH PARTITION "{table.name.schema}"."{p.name}"' for p in table.partitioning.partitions[:1])
        yield SchemaChange("partition detached", "partitions of the partitions", table, pg, ())
        yield SchemaChange("partitions removed", "the partitions is missing", table, (), ("REMOVE PARTITIONING",))
        yield SchemaChange("partition dropped", "by of the partitions", table, (), ("DROP PARTITION `old`",))
