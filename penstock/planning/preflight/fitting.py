"""Steps that make a table one that the target takes, where it refuses the table as it is: each is tried before it is offered."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from penstock.databases import Database
from penstock.model.schema import TEXTS, Column, Table, Type
from penstock.planning.preflight import other_types

Step = tuple[str, Any]
"""The name of a step and its argument."""
Takes = Callable[[Table], bool]
"""Whether the target creates such a table."""
_TEXT = Type("string")


def steps(table: Table, takes: Takes) -> list[Step]:
    """What makes a table narrow enough: its longest texts as texts without a length; or without its last columns. Each as few as needed."""
    keyed = {*table.primary_key}
    others = [c for c in table.columns if c.name not in keyed]
    texts = sorted((c for c in others if c.type.name in TEXTS and c.type.length), key=lambda c: -(c.type.length or 0))
    found: list[Step] = []
    if enough := _fewest(texts, lambda some: takes(_cast(table, dict.fromkeys((c.name for c in some), _TEXT)))):
        found.append(("cast", {c.name: "string" for c in enough}))
    if not found and (enough := _fewest(others[::-1], lambda some: takes(_dropped(table, some)))):
        found.append(("drop", [c.name for c in enough[::-1]]))
    return found


def of_key(table: Table, to: Database, takes: Takes) -> list[Step]:
    """A cast of one column of the primary key that makes the target take the key."""
    columns = [table.column(name) for name in table.primary_key]
    choices = [(c.name, text) for c in columns for text in other_types.into(c, to)]
    return [("cast", {name: text}) for name, text in choices if takes(_cast(table, {name: Type.parse(text)}))]


def _fewest(columns: Sequence[Column], enough: Callable[[Sequence[Column]], bool]) -> Sequence[Column]:
    """The shortest beginning of the columns that is enough; empty where all of them are not."""
    if not columns or not enough(columns):
        return ()
    low, high = 0, len(columns)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(columns[:middle]) else (middle, high)
    return columns[:high]


def _cast(table: Table, types: Mapping[str, Type]) -> Table:
    return replace(table, columns=tuple(_as(c, types[c.name]) if c.name in types else c for c in table.columns))


def _as(column: Column, kind: Type) -> Column:
    return replace(column, type=kind, native="", kept="", named_type="", collation="")


def _dropped(table: Table, gone: Sequence[Column]) -> Table:
    names = {c.name for c in gone}
    return replace(table, columns=tuple(c for c in table.columns if c.name not in names))
