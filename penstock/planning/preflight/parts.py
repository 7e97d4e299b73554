"""The parts of a table that a run can leave out without changing a row, and the table without them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from penstock.model.schema import Column, Table
from penstock.model.schema_difference import SchemaDifference

PartKind = Literal[
    "index", "foreign key", "actions", "check", "exclusion constraint", "not null", "replica identity",
    "default", "generated", "collation", "comment", "partitions", "options", "storage", "unlogged",
]  # fmt: skip


@dataclass(frozen=True)
class Part:
    """A part of a table. name: of the index, the foreign key or the check; of the column; "" of the table itself."""

    kind: PartKind
    name: str = ""


def kind(written: str) -> PartKind:
    """The kind of a part that a statement makes."""
    found: PartKind = next(k for k in _REMOVE if k == written)
    return found


def without(table: Table, parts: Iterable[Part]) -> Table:
    """The table without these parts."""
    for part in parts:
        table = _REMOVE[part.kind](table, part.name)
    return table


def lost(table: str, part: Part) -> SchemaDifference:
    """A part of a table that is left out, as a difference of its schema. The dry build warns of it itself."""
    object, property = _DIFFERS.get(part.kind, ("column" if part.name else "table", part.kind))
    return SchemaDifference(table, object, part.name, property, "yes", "", "lost", "the target refuses it")


def of_create_table(table: Table) -> list[Part]:
    """The parts that are written into CREATE TABLE, or go with it, and that the table can do without."""
    columns = [(kind, c.name) for c in table.columns for kind, there in _of_column(c) if there]
    parts = [Part("check", c.name or c.expression) for c in table.checks]
    whole: dict[PartKind, bool] = {
        "comment": bool(table.comment),
        "partitions": table.partitioning is not None,
        "options": bool(table.options),
        "unlogged": not table.logged,
        "collation": bool(table.collation),
    }
    parts += [Part(kind) for kind, there in whole.items() if there]
    return [*parts, *(Part(kind, name) for kind, name in columns)]


def _of_column(column: Column) -> list[tuple[PartKind, bool]]:
    return [
        ("default", bool(column.expression or column.default)),
        ("generated", bool(column.generated)),
        ("collation", bool(column.collation)),
        ("comment", bool(column.comment)),
        ("storage", bool(column.storage)),
    ]


def _column(table: Table, name: str, change: Callable[[Column], Column]) -> Table:
    return replace(table, columns=tuple(change(c) if c.name == name else c for c in table.columns))


def _uncommented(table: Table, name: str) -> Table:
    return _column(table, name, lambda c: replace(c, comment="")) if name else replace(table, comment="")


_DIFFERS: Mapping[PartKind, tuple[str, str]] = {
    "index": ("index", ""),
    "foreign key": ("foreign key", ""),
    "actions": ("foreign key", "on delete"),
    "check": ("check constraint", ""),
    "exclusion constraint": ("exclusion constraint", ""),
    "not null": ("column", "unchecked null"),
    "unlogged": ("table", "logged"),
    "partitions": ("partitions", ""),
}
"""The object and the property of a part, where they are not called so."""

_REMOVE: Mapping[PartKind, Callable[[Table, str], Table]] = {
    "index": lambda t, name: replace(t, indexes=tuple(i for i in t.indexes if i.name != name)),
    "foreign key": lambda t, name: replace(t, foreign_keys=tuple(k for k in t.foreign_keys if k.name != name)),
    "actions": lambda t, name: replace(
        t, foreign_keys=tuple(replace(k, on_delete="", on_update="") if k.name == name else k for k in t.foreign_keys)
    ),
    "check": lambda t, name: replace(t, checks=tuple(c for c in t.checks if (c.name or c.expression) != name)),
    "default": lambda t, name: _column(t, name, lambda c: replace(c, expression="", default=None)),
    "generated": lambda t, name: _column(t, name, lambda c: replace(c, generated="")),
    "exclusion constraint": lambda t, name: replace(t, exclusions=tuple(x for x in t.exclusions if x.name != name)),
    "not null": lambda t, name: _column(t, name, lambda c: replace(c, unchecked_null="")),
    "replica identity": lambda t, _: replace(t, replica_identity=""),
    "options": lambda t, _: replace(t, options=()),
    "unlogged": lambda t, _: replace(t, logged=True),
    "storage": lambda t, name: _column(t, name, lambda c: replace(c, storage=())),
    "collation": lambda t, name: _column(t, name, lambda c: replace(c, collation="")) if name else replace(t, collation=""),
    "comment": _uncommented,
    "partitions": lambda t, _: replace(t, partitioning=None),
}
