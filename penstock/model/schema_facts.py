"""A table as facts: its objects by kind and name, and the properties of each as text. Two tables are compared fact by fact."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, TypeVar

from penstock.model.schema import Check, Column, ForeignKey, Index, Numbering, Partition, Table

Place = tuple[str, str]
"""The kind of an object and its name; the name is empty for what a table has only once."""
Facts = dict[Place, dict[str, str]]
"""The properties of each object. A property that is absent is the empty text."""
Named = TypeVar("Named", Index, ForeignKey, Check)

_WORDS = {"touched": "ON UPDATE", "ref_table": "referred table", "ref_schema": "referred schema", "ref_columns": "referred columns"}
# Read elsewhere here, or not properties of the object.
_COLUMN = {"name", "type", "native", "kept", "nullable", "default", "expression", "generated", "stored", "numbering"}
_INDEX = {"name", "columns", "parts", "where"}
_PRIMARY_KEY = {"name"}
_FOREIGN_KEY = {"name", "unnamed"}
_CHECK = {"name", "expression", "column"}
_TABLE = {"name", "columns", "primary_key", "primary", "indexes", "foreign_keys", "exclusions"}
_TABLE |= {"notes", "dialect", "checks", "partitioning", "needs"}


@dataclass(frozen=True)
class View:
    """How facts are written. type: of a column.  expression: of an SQL expression."""

    type: Callable[[Column], str] = lambda column: column.native
    expression: Callable[[str], str] = lambda text: text


@dataclass(frozen=True)
class Change:
    """A fact that differs. property: empty when one of the tables has no such object; `before` or `after` is then empty."""

    object: str
    name: str
    property: str
    before: str
    after: str


def facts(table: Table, view: View) -> Facts:
    """The facts of a table."""
    found: Facts = {("table", ""): {"order of columns": ", ".join(c.name for c in table.columns), **_others(table, _TABLE)}}
    found |= {("column", c.name): _column(table, c, view) for c in table.columns}
    if table.primary_key:
        found["primary key", ""] = {"columns": ", ".join(table.primary_key), **_others(table.primary, _PRIMARY_KEY)}
    found |= {("index", i.name): _index(table, i, view) for i in table.indexes}
    found |= {("foreign key", k.name): _others(k, _FOREIGN_KEY) for k in table.foreign_keys}
    for check in table.checks:
        found["check constraint", check_name(table, check)] = {"expression": view.expression(check.expression), **_others(check, _CHECK)}
    for exclusion in table.exclusions:
        found["exclusion constraint", exclusion.name] = {"definition": view.expression(exclusion.definition)}
    if cut := table.partitioning:
        found["partitions", ""] = {"by": cut.by, "partitions": "; ".join(_partitions(cut.partitions))}
    return found


def check_name(table: Table, check: Check) -> str:
    """What a check of the table is called: one without a name by its number."""
    unnamed = [c for c in table.checks if not c.name]
    return check.name or f"number {unnamed.index(check) + 1} without a name"


def changes(before: Facts, after: Facts) -> Iterator[Change]:
    """Every fact that differs, those of `before` first."""
    for (kind, name), properties in before.items():
        now = after.get((kind, name))
        if now is None:
            yield Change(kind, name, "", described(properties), "")
            continue
        for key in dict.fromkeys((*properties, *now)):
            if properties.get(key, "") != now.get(key, ""):
                yield Change(kind, name, key, properties.get(key, ""), now.get(key, ""))
    for (kind, name), properties in after.items():
        if (kind, name) not in before:
            yield Change(kind, name, "", "", described(properties))


def described(properties: Mapping[str, str]) -> str:
    """The properties of an object in one line."""
    return ", ".join(f"{key} {value}" for key, value in properties.items() if value) or "yes"


def named_alike(table: Table, after: Table) -> Table:
    """`after` with the names that `table` has for the same indexes, foreign keys and checks: some databases give names of their own."""
    return replace(
        after,
        indexes=_paired(table.indexes, after.indexes, lambda i: (i.unique, i.columns, tuple(p.column for p in i.parts))),
        foreign_keys=_paired(table.foreign_keys, after.foreign_keys, lambda k: (k.columns, k.ref_columns)),
        checks=_paired(table.checks, after.checks, lambda c: ()),
    )


def _paired(before: Sequence[Named], after: Sequence[Named], content: Callable[[Named], object]) -> tuple[Named, ...]:
    """Those of `after`, each with the name of the one in `before` that has its name, or else its content."""
    names = {a.name for a in after if a.name}
    free = [b for b in before if b.name not in names]
    known = {b.name for b in before if b.name}
    made = []
    for one in after:
        twin = None if one.name in known else next((b for b in free if content(b) == content(one)), None)
        if twin is not None:
            free.remove(twin)
        made.append(replace(one, name=twin.name) if twin else one)
    return tuple(made)


def _column(table: Table, column: Column, view: View) -> dict[str, str]:
    required = not column.nullable or column.name in table.primary_key or column.identity
    numbering = column.numbering or Numbering()
    return {
        "type": view.type(column),
        "nullable": "NOT NULL" if required else "NULL",
        "default": view.expression(column.expression) or _default(column.default),
        "generated": view.expression(column.generated),
        "stored": ("stored" if column.stored else "virtual") if column.generated else "",
        "numbering": _numbering(numbering) if column.identity else "",
        "limits of the numbers": _limits(numbering) if column.identity else "",
        "numbers given once": "yes" if column.identity and numbering.unique else "",
        "next number": str(numbering.next) if column.identity and numbering.next is not None else "",
        **_others(column, _COLUMN),
    }


def _default(default: str | None) -> str:
    if default is None:
        return ""
    return "CURRENT_TIMESTAMP" if default == "now" else f"'{default.removeprefix('=')}'"


def _numbering(numbering: Numbering) -> str:
    begin = f", from {numbering.start}" if numbering.start != 1 else ""
    return f"in steps of {numbering.step}{begin}{', whatever number is given' if numbering.always else ''}"


def _limits(numbering: Numbering) -> str:
    words = [f"from {numbering.minimum}"] * (numbering.minimum is not None) + [f"to {numbering.maximum}"] * (numbering.maximum is not None)
    return ", ".join([*words, *["cycle"] * numbering.cycle, *[f"cache {numbering.cache}"] * (numbering.cache != 1)])


def _index(table: Table, index: Index, view: View) -> dict[str, str]:
    collations = {c.name: f"COLLATE {c.collation}" for c in table.columns if c.collation}  # an index has it without a word
    orders = [p.order.removeprefix(collations.get(p.column, "")).strip() for p in index.parts]
    names = [p.column or view.expression(p.expression) for p in index.parts]
    parts = [" ".join(filter(None, part)) for part in zip(names, orders, strict=True)]
    return {"columns": ", ".join(index.columns or parts), "where": view.expression(index.where), **_others(index, _INDEX)}


def _partitions(partitions: Sequence[Partition]) -> Iterator[str]:
    for partition in partitions:
        yield " ".join(filter(None, (partition.name, partition.bounds, partition.by)))
        yield from _partitions(partition.partitions)


def _others(value: Any, known: set[str]) -> dict[str, str]:
    """Every further field of a dataclass, so that a field that is added to the model is compared too."""
    names = [f.name for f in fields(value) if f.name not in known]
    return {_WORDS.get(n, n.replace("_", " ")): _text(getattr(value, n)) for n in names}


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else ""
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)
