"""Columns whose type the target's database can't store in any form."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from penstock import transforms
from penstock.databases import Database
from penstock.errors import PenstockError, Problem, Remedy, UnsupportedType
from penstock.model.plan import TablePlan
from penstock.model.schema import BINARIES, Column, Type
from penstock.planning.preflight.context import Context
from penstock.runtime.formatting import yaml

order = 100


def check(context: Context) -> Iterator[Problem]:
    """Each such column, with what to do."""
    database = context.target.database
    for plan in context.plans:
        for column in plan.target.columns:
            where = f"table {plan.name}, column {column.name}"
            if column.type.name == "unsupported":
                name = yaml(column.name)
                fix = f"add `cast: {{{name}: string}}` to carry it as text (`json` if it is JSON), or `drop: [{name}]`"
                what = f"the source type {column.native} has no counterpart" if column.native else "it is declared without a type"
                yield Problem(True, where, what, fix, "type", _remedies(plan, column, ["string"]))
                continue
            try:
                database.native(column.type)
            except UnsupportedType as error:
                into = _into(column, database)
                yield Problem(True, where, error.what, _choices(column, into), "type", _remedies(plan, column, into))


_INTO: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("uint8", "uint16", "uint32", "uint64"), ("int64", "decimal(20,0)")),
    **dict.fromkeys(("int128", "uint128"), ("decimal(39,0)",)),
    "money": ("decimal(19,2)",),
    "geometry": ("binary",),
    "vector": ("binary",),
    "jsonb": ("json",),
}
"""What a type can be cast to and stays of its kind, the nearest first."""


def _into(column: Column, database: Database) -> list[str]:
    """The types that the target has a place for, and that this column's values may be cast to."""
    kind = column.type
    into = _INTO.get(kind.name, ())
    if kind.name == "decimal":
        scale = min(kind.scale or 0, 15)
        into = (f"decimal(38,{scale})", f"decimal(65,{scale})")
    return [text for text in (*into, *(() if kind.name in BINARIES else ("string",))) if _has_place(text, kind, database)]


def _choices(column: Column, into: Sequence[str]) -> str:
    name = yaml(column.name)
    casts = [f"`cast: {{{name}: {yaml(text)}}}`" for text in into]
    return f"{'add ' if casts else ''}{', or '.join([*casts, f'`drop: [{name}]`'])}"


def _has_place(text: str, found: Type, database: Database) -> bool:
    try:
        transforms.schema((Column("c", found),), [("cast", {"c": text})], "")
        database.native(Type.parse(text))
    except PenstockError:
        return False
    return True


def _remedies(plan: TablePlan, column: Column, into: Sequence[str]) -> tuple[Remedy, ...]:
    """The column as one of these types; or without it."""
    steps = (*({"cast": {column.name: text}} for text in into), {"drop": [column.name]})
    return tuple(Remedy(plan.name, {"transform": [step]}) for step in steps)
