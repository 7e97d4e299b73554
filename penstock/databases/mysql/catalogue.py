"""What the catalogue of MySQL and MariaDB says of a schema's tables, and of what hangs on them.

It is read from information_schema: SQLAlchemy parses SHOW CREATE TABLE and trips over, or silently loses keys with,
names that hold backticks, percent signs, parentheses or line breaks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from penstock.databases import Dependent, Server
from penstock.databases._shared import ansi, inspection
from penstock.databases.mysql import objects
from penstock.databases.mysql.flavours import FEATURES
from penstock.databases.mysql.types import canonical, unescaped
from penstock.model.schema import Column, ForeignKey, Index, Numbering, Part, PrimaryKey, Table, TableName, Type

_OPTION = re.compile(r"(?:[^\s']|'(?:[^']|'')*')+")


_TABLES = ("BASE TABLE", "SYSTEM VERSIONED")


def inspect(connection: sa.Connection, schema: str | None, only: Sequence[str] | None = None) -> list[Table]:
    home = home_of(connection, schema)

    def asked(fields: str, view: str, order: str, column: str = "TABLE_SCHEMA") -> dict[str, list[Any]]:
        """Rows of a catalogue view by table, whose name is the first field."""
        query = sa.text(f"SELECT {fields} FROM information_schema.{view} WHERE {column} = :home ORDER BY {order}")
        found: dict[str, list[Any]] = {}
        for table, *row in connection.execute(query, {"home": home}):
            found.setdefault(decoded(table), []).append([decoded(v) if isinstance(v, bytes) else v for v in row])
        return found

    server = Server.of(version(connection))
    mariadb = server.product == "MariaDB"
    kinds = asked("TABLE_NAME, TABLE_TYPE, ENGINE, TABLE_COMMENT, AUTO_INCREMENT, CREATE_OPTIONS, TABLE_COLLATION", "TABLES", "TABLE_NAME")
    srid = "SRS_ID" if server.has({"MySQL": (8, 0, 3)}) else "NULL"
    columns = asked(
        "TABLE_NAME, COLUMN_NAME, COLUMN_TYPE, IS_NULLABLE, COLUMN_DEFAULT, EXTRA, GENERATION_EXPRESSION, COLUMN_COMMENT, COLLATION_NAME,"
        f" {srid}",
        "COLUMNS",
        "ORDINAL_POSITION",
    )
    computed = "EXPRESSION" if server.has(FEATURES["functional index"]) else "NULL"
    hidden = ("IGNORED = 'YES'" if mariadb else "IS_VISIBLE = 'NO'") if server.has(FEATURES["invisible index"]) else "0"
    indexes = asked(
        f"TABLE_NAME, INDEX_NAME, COLUMN_NAME, NON_UNIQUE, SUB_PART, INDEX_TYPE, COLLATION, INDEX_COMMENT, {computed}, {hidden}",
        "STATISTICS",
        "INDEX_NAME, SEQ_IN_INDEX",
    )
    rules = asked(
        "TABLE_NAME, CONSTRAINT_NAME, DELETE_RULE, UPDATE_RULE", "REFERENTIAL_CONSTRAINTS", "CONSTRAINT_NAME", "CONSTRAINT_SCHEMA"
    )
    referring = asked(
        "TABLE_NAME, CONSTRAINT_NAME, COLUMN_NAME, REFERENCED_COLUMN_NAME, REFERENCED_TABLE_NAME, REFERENCED_TABLE_SCHEMA, TABLE_SCHEMA",
        "KEY_COLUMN_USAGE",
        "CONSTRAINT_NAME, ORDINAL_POSITION",
    )
    checks = objects.checks(connection, home, mariadb)
    triggers = asked("EVENT_OBJECT_TABLE, TRIGGER_NAME", "TRIGGERS", "TRIGGER_NAME", "EVENT_OBJECT_SCHEMA")
    tables = []
    # each question sees the catalogue as it is by then: a table that another session has dropped meanwhile has no columns
    wanted = [n for n, [(kind, *_)] in kinds.items() if kind in _TABLES and (only is None or n in only) and n in columns]
    statements = objects.shown(connection, (qualified(TableName(name, home)) for name in wanted))
    for name, [(kind, storage, comment, following, options, collation)] in sorted(kinds.items()):
        if name not in wanted:
            continue
        notes = [f"trigger {label}" for (label,) in triggers.get(name, ())]
        if kind == "SYSTEM VERSIONED":
            notes.append("it is system-versioned: its present rows are carried, its history is not")
        if storage and storage.lower() != "innodb":
            notes.append(f"its engine is {storage}: no snapshot covers it")
        made = tuple(_column(row, mariadb, following) for row in columns[name])
        statement = statements.get(qualified(TableName(name, home)), b"")
        made, written = _with_bytes(made, statement), statement.decode(errors="replace")
        if period := objects.period(written):
            notes.append(f"its period {period}, and that keys are WITHOUT OVERLAPS of it")
        others = _indexes(indexes.get(name, ()), written)
        primary = others.pop("PRIMARY", Index("PRIMARY", ()))
        orders = tuple(part.order for part in primary.parts)
        usual = "RESTRICT" if mariadb else "NO ACTION"
        foreign = tuple(_foreign_keys(referring.get(name, ()), {r[0]: r[1:] for r in rules.get(name, ())}, notes, usual))
        words = _OPTION.findall(options or "")
        tables.append(
            Table(
                TableName(name, schema),
                made,
                primary.columns or tuple(part.column for part in primary.parts),
                tuple(sorted(others.values(), key=lambda index: (not index.unique, objects.order(written, index.name)))),
                foreign,
                tuple(notes),
                dialect="mysql",
                checks=tuple(checks.get(name, ())),
                comment=comment,
                partitioning=objects.partitioning(written, (c.name for c in made)) if "partitioned" in words else None,
                primary=PrimaryKey(orders=orders if any(orders) else ()),
                collation=collation or "",
                options=tuple(word for word in words if word != "partitioned"),
            )
        )
    return tables


def home_of(connection: sa.Connection, schema: str | None) -> str:
    return schema or decoded(connection.scalar(sa.text("SELECT DATABASE()")))


def _column(row: Sequence[Any], mariadb: bool, following: int | None) -> Column:
    name, written, nullable, text, extra, computed, comment, collation, srid = row
    extra = extra.lower()
    numbered, type = "auto_increment" in extra, canonical(written)
    written += f" SRID {srid}" if srid is not None else ""
    made = Column(
        name,
        type,
        nullable == "YES" and not numbered,
        None,
        numbered,
        written,
        comment=comment,
        collation=collation or "",
        invisible="invisible" in extra,
    )
    if computed:
        return replace(made, generated=objects.expression(computed, mariadb), stored="stored" in extra or "persistent" in extra)
    if numbered:
        return replace(made, numbering=Numbering(next=int(following)) if following and int(following) > 1 else None)
    default, carried = _default(text, type, mariadb or "default_generated" in extra)
    made = replace(made, default=default, touched="on update" in extra)
    if carried:
        return made
    return replace(made, expression=objects.expression(text, mariadb))


_ESCAPES = {b"0": b"\0", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"Z": b"\x1a", b"b": b"\b"}


def _with_bytes(columns: Sequence[Column], statement: bytes) -> tuple[Column, ...]:
    """`columns` with the defaults of binary ones: information_schema writes them as texts, with a question mark for what is no UTF-8.

    statement: what SHOW CREATE TABLE writes of the table.
    """

    def whole(column: Column) -> Column:
        if column.type.name != "binary" or not column.default or column.default.startswith("x"):
            return column
        name = re.escape(ansi.quoted(column.name, "`").encode())
        found = re.search(rb"\n  " + name + rb" [^\n]*? DEFAULT (?:'((?:[^'\\]|\\.|'')*)'|0x([0-9A-Fa-f]*))", statement, re.DOTALL)
        if found is None:
            return replace(column, default=None, expression=column.default.removeprefix("="))
        if found[2] is not None:
            return replace(column, default=f"x{found[2].decode().lower()}")
        text = re.sub(rb"\\(.)|''", lambda m: _ESCAPES.get(m[1], m[1]) if m[1] else b"'", found[1], flags=re.DOTALL)
        return replace(column, default=f"x{text.hex()}")

    return tuple(map(whole, columns))


def _default(text: str | None, type: Type, expression: bool) -> tuple[str | None, bool]:
    """A default in our words (see `Column.default`), and whether it could be carried. MySQL writes literals bare, MariaDB as SQL."""
    if text and (bits := re.fullmatch(r"b'([01])'", text)) and type.name == "boolean":
        return f"={bits[1]}", True
    if text and (value := inspection.meant(text, type)) is not None:
        return value, True
    if expression:
        found, carried = inspection.default(text)
        found = unescaped(found) if found else found
    elif text and type.name in ("timestamp", "timestamptz") and text.upper().startswith("CURRENT_TIMESTAMP"):
        return "now", True  # MySQL 5.7 does not say that it is an expression
    else:
        found, carried = None if text is None else f"={text}", True
    found = {"date": "today", "time": "time"}.get(type.name, found) if found == "now" else found
    return found, carried


def _indexes(rows: Sequence[Any], written: str) -> dict[str, Index]:
    """The indexes by name, the primary key among them. written: the table's SHOW CREATE TABLE."""
    found: dict[str, Index] = {}
    for label, column, repeats, prefix, method, order, comment, computed, hidden in rows:
        kind = method if method in ("FULLTEXT", "SPATIAL") else ""
        if label not in found:
            parser = objects.parser(written, label) if kind == "FULLTEXT" else ""
            options = [f"WITH PARSER {parser}"] * bool(parser) + [f"COMMENT {_literal(comment)}"] * bool(comment)
            found[label] = Index(label, (), not int(repeats), method=kind, visible=not int(hidden or 0), options=tuple(options))
        behind = f"({prefix})" if prefix is not None and not kind else "DESC" if order == "D" else ""
        expression = objects.expression(computed, mariadb=False) if column is None else ""
        found[label] = replace(found[label], parts=(*found[label].parts, Part(column or "", expression, behind)))
    return {label: index.simplified for label, index in found.items()}


def _literal(text: str) -> str:
    return ansi.literal(text.replace("\\", "\\\\"))


def _foreign_keys(rows: Sequence[Any], rules: dict[str, Any], notes: list[str], usual: str) -> Iterator[ForeignKey]:
    """The foreign keys. usual: what one does on delete and on update that declares nothing."""
    found: dict[str, list[Any]] = {}
    for label, *row in rows:
        if row[1] is not None:  # else it is a primary or unique key
            found.setdefault(label, []).append(row)
    for label, parts in found.items():
        columns, referred, (other, *_), (away, *_), (home, *_) = zip(*parts, strict=True)
        if label not in rules:  # MariaDB shows them to those only who may do more than SELECT
            notes.append(f"foreign key {label}: what it does ON DELETE and ON UPDATE can't be seen by this user")
        deleted, updated = ("" if rule == usual else rule for rule in rules.get(label, ("", "")))
        yield ForeignKey(label, columns, other, referred, deleted, updated, away if away != home else None)


def left_behind(connection: sa.Connection, schema: str | None) -> list[tuple[str, str]]:
    return objects.left_behind(connection, home_of(connection, schema))


def decoded(written: object) -> str:
    return written.decode() if isinstance(written, bytes) else str(written)


def dependents(connection: sa.Connection, tables: Sequence[TableName]) -> list[Dependent]:
    # The catalogue compares without case and accents; places are compared here, as the server's own file names are.
    folded = bool(connection.scalar(sa.text("SELECT @@lower_case_table_names")))

    def place(schema: str, name: str) -> tuple[str, str]:
        return (schema.lower(), name.lower()) if folded else (schema, name)

    def asked(query: str) -> list[tuple[str, ...]]:
        return [tuple(decoded(v) for v in row) for row in connection.execute(sa.text(query))]

    homes = [home_of(connection, t.schema) for t in tables]
    places = {place(home, t.name): t for home, t in zip(homes, tables, strict=True)}

    found = []
    keys = (
        "SELECT DISTINCT REFERENCED_TABLE_SCHEMA, REFERENCED_TABLE_NAME, CONSTRAINT_NAME, TABLE_SCHEMA, TABLE_NAME"
        " FROM information_schema.KEY_COLUMN_USAGE WHERE REFERENCED_TABLE_NAME IS NOT NULL ORDER BY 4, 5, 3"
    )
    for schema, name, label, *owner in asked(keys):
        if place(schema, name) in places and place(*owner) not in places:  # a rename would carry it along to the old table
            ours = is_ours(owner[1])  # a shadow or a kept table: nobody needs it there
            drop = f"ALTER TABLE {qualified(TableName(owner[1], owner[0]))} DROP FOREIGN KEY {quoted(label)}"
            statements = (drop,) if ours else ()
            found.append(Dependent("foreign key", f"{label} of {owner[1]}", places[place(schema, name)], ours, statements))
    triggers = "SELECT EVENT_OBJECT_SCHEMA, EVENT_OBJECT_TABLE, TRIGGER_NAME FROM information_schema.TRIGGERS ORDER BY 3"
    for schema, name, label in asked(triggers):
        if place(schema, name) in places:
            found.append(Dependent("trigger", label, places[place(schema, name)], follows=False))
    # Views and grants go by name: they follow without a word. A view's text names its tables in full.
    for label, text in asked("SELECT TABLE_NAME, VIEW_DEFINITION FROM information_schema.VIEWS WHERE TABLE_SCHEMA <> 'sys' ORDER BY 1"):
        named = [t for home, t in zip(homes, tables, strict=True) if qualified(TableName(t.name, home)) in text]
        found += [Dependent("view", label, table, follows=True) for table in named]
    return found


def is_ours(table: str) -> bool:
    """Whether it is the name of a shadow or of a kept table."""
    return table.startswith(("penstock_new", "penstock_old_"))


def version(connection: sa.Connection) -> str:
    found = str(connection.scalar(sa.text("SELECT VERSION()")))
    return f"MariaDB {found.split('-')[0]}" if "mariadb" in found.lower() else f"MySQL {found}"


def quoted(name: str) -> str:
    return ansi.quoted(name, "`")


def aliased(column: Column) -> str:
    """What a select's column is called from outside: the server takes the leading blanks off an alias."""
    return quoted(column.name.lstrip(" \t\n\v\f\r"))


def qualified(name: TableName) -> str:
    return ansi.qualified(name, "`")
