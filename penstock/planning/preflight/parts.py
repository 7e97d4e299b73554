"""The parts of a table that a run can leave out without changing a row, and the table without them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from penstock.model.schema import Column, Table

PartKind = Literal["index", "foreign key", "actions", "check", "default", "generated", "collation", "comment", "partitions"]


@dataclass(frozen=True)
class Part:
    """A part of a table. name: of the index, the foreign key or the check; of the column; "" of the table itself."""

    kind: PartKind
    name: str = ""


def without(table: Table, parts: Iterable[Part]) -> Table:
    """The table without these parts."""
    for part in parts:
        table = _REMOVE[part.kind](table, part.name)
    return table


def of_create_table(table: Table) -> list[Part]:
    """The parts that are written into CREATE TABLE, or go with it, and that the table can do without."""
    columns = [(kind, c.name) for c in table.columns for kind, there in _of_column(c) if there]
    parts = [Part("check", c.name or c.expression) for c in table.checks]
    parts += [Part("comment")] * bool(table.comment) + [Part("partitions")] * (table.partitioning is not None)
    return [*parts, *(Part(kind, name) for kind, name in columns)]


def _of_column(column: Column) -> list[tuple[PartKind, bool]]:
    return [
        ("default", bool(column.expression or column.default)),
        ("generated", bool(column.generated)),
        ("collation", bool(column.collation)),
        ("comment", bool(column.comment)),
    ]


def _column(table: Table, name: str, change: Callable[[Column], Column]) -> Table:
    return replace(table, columns=tuple(change(c) if c.name == name else c for c in table.columns))


def _uncommented(table: Table, name: str) -> Table:
    return _column(table, name, lambda c: replace(c, comment="")) if name else replace(table, comment="")


_REMOVE: Mapping[PartKind, Callable[[Table, str], Table]] = {
    "index": lambda t, name: replace(t, indexes=tuple(i for i in t.indexes if i.name != name)),
    "foreign key": lambda t, name: replace(t, foreign_keys=tuple(k for k in t.foreign_keys if k.name != name)),
    "actions": lambda t, name: replace(
        t, foreign_keys=tuple(replace(k, on_delete="", on_update="") if k.name == name else k for k in t.foreign_keys)
    ),
    "check": lambda t, name: replace(t, checks=tuple(c for c in t.checks if (c.name or c.expression) != name)),
    "default": lambda t, name: _column(t, name, lambda c: replace(c, expression="", default=None)),
    "generated": lambda t, name: _column(t, name, lambda c: replace(c, generated="")),
    "collation": lambda t, name: _column(t, name, lambda c: replace(c, collation="")),
    "comment": _uncommented,
    "partitions": lambda t, _: replace(t, partitioning=None),
}
