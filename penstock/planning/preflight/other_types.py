"""The types that a column can be cast to, where its own has no place at the target, or not for all of its values."""

from __future__ import annotations

from collections.abc import Sequence

from penstock import transforms
from penstock.databases import Database
from penstock.errors import PenstockError, Remedy
from penstock.model.plan import TablePlan
from penstock.model.schema import BINARIES, Column, Type
from penstock.transforms._mapping import origin

_INTO: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("uint8", "uint16", "uint32", "uint64"), ("int64", "decimal(20,0)")),
    **dict.fromkeys(("int128", "uint128"), ("decimal(39,0)",)),
    "money": ("decimal(19,2)",),
    "geometry": ("binary",),
    "vector": ("binary",),
    "jsonb": ("json",),
}
"""What a type can be cast to and stays of its kind, the nearest first."""


def into(column: Column, database: Database) -> list[str]:
    """The types that the target has a place for, and that this column's values may be cast to."""
    kind = column.type
    found = _INTO.get(kind.name, ())
    if kind.name == "decimal":
        scale = min(kind.scale or 0, 15)
        found = (f"decimal(38,{scale})", f"decimal(65,{scale})")
    return [text for text in (*found, *(() if kind.name in BINARIES else ("string",))) if _has_place(text, kind, database)]


def wider(column: Column, database: Database) -> list[str]:
    """Those of them that may hold what the column, as it is stored there, can't."""
    found = (text for text in into(column, database) if not (text == "int64" and column.type.name == "uint64"))
    return [text for text in found if database.native(Type.parse(text)) != column.native]


def name(plan: TablePlan, column: str) -> str:
    """How a step that is put before all others calls a column of the target."""
    return origin(plan.source, plan.steps, column)


def casts(plan: TablePlan, column: Column, types: Sequence[str]) -> tuple[Remedy, ...]:
    """The column, by its name at the target, as one of these types; or without it."""
    called = name(plan, column.name)
    steps = (*({"cast": {called: text}} for text in types), {"drop": [called]})
    return tuple(Remedy(plan.name, {"transform": [step]}) for step in steps)


def first(plan: TablePlan) -> str:
    """Where such a step is put, in words."""
    return " before the other steps" if plan.steps else ""


def _has_place(text: str, found: Type, database: Database) -> bool:
    try:
        transforms.schema((Column("c", found),), [("cast", {"c": text})], "")
        database.native(Type.parse(text))
    except PenstockError:
        return False
    return True
