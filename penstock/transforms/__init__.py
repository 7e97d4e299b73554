"""Declared transforms, one a file, found by name. Each says its output columns before any row moves.

A module offers
    check(args)                              what is wrong with the arguments' shape, in words, or None; imports nothing heavy
    schema(columns, args)                    the columns after the step; raises TransformFailed
    apply(batch, columns, args, secrets)     the rows after the step; `columns` are those before it
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any, Protocol, cast

from penstock.errors import MigrationError, PenstockError, TransformFailed

if TYPE_CHECKING:
    import pyarrow as pa

    from penstock.schema import Column

Step = tuple[str, Any]
_MACHINERY = frozenset({"expression"})


class Transform(Protocol):
    """What a module of this folder offers."""

    def check(self, args: Any) -> str | None: ...

    def schema(self, columns: tuple[Column, ...], args: Any) -> tuple[Column, ...]: ...

    def apply(self, batch: pa.Table, columns: tuple[Column, ...], args: Any, secrets: Mapping[str, str]) -> pa.Table: ...


def names() -> list[str]:
    """The transforms there are."""
    return sorted(m.name for m in iter_modules(__path__) if m.name not in _MACHINERY)


def of(name: str) -> Transform:
    """The transform called `name`. Raises MigrationError when there is none."""
    if name not in names():
        raise MigrationError(f"no transform called {name!r}", fix=_nearest(name, names()))
    return cast(Transform, import_module(f"penstock.transforms.{name}"))


def check(name: str, args: Any) -> str | None:
    """What is wrong with the shape of a step's arguments, in words; None when nothing is."""
    return of(name).check(args)


def schema(columns: tuple[Column, ...], steps: Sequence[Step], where: str) -> tuple[Column, ...]:
    """The columns that `steps` make of `columns`. Raises TransformFailed, saying which step of `where` can't be."""
    for number, (name, args) in enumerate(steps):
        try:
            columns = of(name).schema(columns, args)
        except PenstockError as error:
            error.where = f"{where}.transform[{number}].{name}"
            raise
        repeated = {c.name for c in columns if sum(d.name == c.name for d in columns) > 1}
        if repeated:
            what = f"two columns would be called {sorted(repeated)[0]!r}"
            raise TransformFailed(what, where=f"{where}.transform[{number}].{name}", fix="give one of them another name")
    return columns


def apply(table: pa.Table, columns: tuple[Column, ...], steps: Sequence[Step], secrets: Mapping[str, str]) -> pa.Table:
    """The rows that `steps` make of `table`, exactly of the columns that `schema` says. Raises TransformFailed."""
    from penstock.schema import arrow_schema

    for name, args in steps:
        step = of(name)
        after = step.schema(columns, args)
        try:
            table = step.apply(table, columns, args, secrets)
        except PenstockError as error:
            error.why = error.why or f"in the step {name}"
            raise
        wanted = arrow_schema(after)
        if table.schema.names != wanted.names or table.schema.types != wanted.types:
            raise TransformFailed(f"the step {name} made {table.schema.names}, not {wanted.names}", why="its output differs from its schema")
        table, columns = table.cast(wanted), after
    return table


def need(columns: Iterable[Column], wanted: Iterable[str]) -> None:
    """Raise TransformFailed for the first wanted column that is not there, with the nearest that is."""
    known = [c.name for c in columns]
    for name in wanted:
        if name not in known:
            raise TransformFailed(f"there is no column {name!r} here", fix=_nearest(name, known))


def made(columns: tuple[Column, ...], new: Mapping[str, Column]) -> tuple[Column, ...]:
    """`columns` with those in `new` replaced in place, or added at the end."""
    kept = tuple(new.get(c.name, c) for c in columns)
    return kept + tuple(c for n, c in new.items() if n not in {k.name for k in columns})


def plain(column: Column, **changes: Any) -> Column:
    """A column whose values a step changes: no longer numbered, defaulted or written as its database did."""
    return replace(column, **{"default": None, "identity": False, "native": "", **changes})


def mapping(args: Any, what: str) -> str | None:
    """The shape that most steps have: column to something."""
    if isinstance(args, Mapping) and args and all(isinstance(k, str) for k in args):
        return None
    return f"expected {what}"


def _nearest(word: str, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(word, known, n=1)
    return f"did you mean {close[0]!r}?" if close else f"there are: {', '.join(known)}"
