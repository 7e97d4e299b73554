"""Declared transforms, one a file, found by name. Each says its output columns before any row moves.

A module declares `transform = Transform(check=..., schema=..., apply=...)`: see `_transform`, and docs/contributing/add-a-transform.md.

Migration files are read whenever Airflow parses a DAG, so a module imports pyarrow and DuckDB inside its functions.
While rows move, a value may be told in an error's `why`, and only there: tables with sensitive columns withhold it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from penstock.errors import BadValues, MigrationError, PenstockError, TransformFailed
from penstock.runtime.nearest import nearest
from penstock.runtime.registry import Registry
from penstock.transforms._transform import Transform, every, named, none

if TYPE_CHECKING:
    import pyarrow as pa

    from penstock.model.schema import Column

__all__ = [
    "Shapes",
    "Step",
    "Transform",
    "apply",
    "check",
    "every",
    "keeps_rows",
    "made",
    "mapping",
    "named",
    "names",
    "need",
    "none",
    "of",
    "plain",
    "replaced",
    "schema",
    "shapes",
]

Step = tuple[str, Any]
Shapes = Sequence[tuple["Column", ...]]
"""The columns after each step."""
_WITHHELD = "withheld: it may name a value, and the table has columns whose values are never shown"


_REGISTRY = Registry("penstock.transforms", __path__)


def names() -> tuple[str, ...]:
    """The transforms there are."""
    return _REGISTRY.names


def of(name: str) -> Transform:
    """The transform called `name`, imported on first use. Raises MigrationError when there is none."""
    try:
        module = _REGISTRY.load(name)
    except KeyError:
        raise MigrationError(f"no transform called {name!r}", fix=nearest(name, names())) from None
    found = getattr(module, "transform", None)
    if not isinstance(found, Transform):
        fix = "end it with `transform = Transform(check=check, schema=schema, apply=apply)`"
        raise MigrationError(f"the module {module.__name__} declares no transform", fix=fix)
    return found


def check(name: str, args: Any) -> str | None:
    """What is wrong with the shape of a step's arguments, in words; None when nothing is. Raises MigrationError."""
    return of(name).check(args)


def schema(columns: tuple[Column, ...], steps: Sequence[Step], where: str) -> tuple[Column, ...]:
    """The columns that `steps` make of `columns`. Raises TransformFailed, saying which step of `where` can't be."""
    return (columns, *shapes(columns, steps, where))[-1]


def shapes(columns: tuple[Column, ...], steps: Sequence[Step], where: str) -> Shapes:
    """The columns after each of the `steps`. Raises as `schema` does."""
    found = []
    for number, (name, args) in enumerate(steps):
        try:
            columns = _after(columns, name, args)
        except PenstockError as error:
            error.where = f"{where}.transform[{number}].{name}"
            raise
        found.append(columns)
    return found


def apply(
    table: pa.Table | pa.RecordBatch,
    columns: tuple[Column, ...],
    steps: Sequence[Step],
    secrets: Mapping[str, str],
    sensitive: Collection[str] = (),
    known: Shapes = (),
) -> pa.Table:
    """The rows that `steps` make of `table`, which has `columns`: exactly of the columns that `schema` says.

    known: the shapes of these steps, where somebody has asked already.
    No error tells a value when the table has `sensitive` columns, or masks one. Raises TransformFailed.
    """
    import pyarrow as pa

    from penstock.model.schema import arrow_schema

    batch = pa.Table.from_batches([table]) if isinstance(table, pa.RecordBatch) else table
    quiet = bool(sensitive) or any(of(name).conceals(args, [c.name for c in columns]) for name, args in steps)
    for number, (name, args) in enumerate(steps):
        out = known[number] if known else _after(columns, name, args)
        wanted = arrow_schema(out)
        before, transform = batch.num_rows, of(name)
        try:
            batch = transform.apply(batch, args, out, secrets)
        except PenstockError as error:
            error.why = _WITHHELD if quiet and error.why else error.why
            if isinstance(error, BadValues):
                error.step = number
            raise
        if batch.schema.names != wanted.names or batch.schema.types != wanted.types:
            fields = [f"{f.name} {f.type}" for f in batch.schema]
            raise TransformFailed(f"the step {name} made {fields}, not what it said it would", why=f"its schema says {wanted.names}")
        if transform.keeps_rows and batch.num_rows != before:
            what = f"the step {name} made {batch.num_rows} rows of {before}, and declares that it keeps every row"
            raise TransformFailed(what, fix=f"declare `keeps_rows=False` in the transform {name}")
        batch, columns = batch.cast(wanted), out
    return batch


def keeps_rows(steps: Sequence[Step]) -> bool:
    """Whether the rows after these steps are those before, one for one, in the same order."""
    return all(of(name).keeps_rows for name, _ in steps)


def _after(columns: tuple[Column, ...], name: str, args: Any) -> tuple[Column, ...]:
    out = of(name).schema(columns, args)
    repeated = [column for column, times in Counter(c.name for c in out).items() if times > 1]
    if repeated:
        raise TransformFailed(f"two columns would be called {repeated[0]!r}", fix="give one of them another name, or drop it before")
    return out


def need(columns: Iterable[Column], wanted: Iterable[str]) -> None:
    """Raise TransformFailed for the first wanted column that is not there, with the nearest that is."""
    known = [c.name for c in columns]
    for name in wanted:
        if name not in known:
            raise TransformFailed(f"there is no column {name!r} here", fix=nearest(name, known))


def made(columns: tuple[Column, ...], new: Mapping[str, Column]) -> tuple[Column, ...]:
    """`columns` with those in `new` replaced in place, or added at the end."""
    known = {c.name for c in columns}
    return tuple(new.get(c.name, c) for c in columns) + tuple(c for name, c in new.items() if name not in known)


def plain(column: Column, **changes: Any) -> Column:
    """A column whose values a step changes: no longer numbered, defaulted, computed or written as its database did."""
    own: dict[str, Any] = {"default": None, "identity": False, "native": "", "expression": "", "generated": "", "collation": ""}
    return replace(column, **{**own, "numbering": None, "touched": False, "kept": "", **changes})


def replaced(batch: pa.Table, name: str, values: pa.ChunkedArray | pa.Array) -> pa.Table:
    """`batch` with other `values` in the column called `name`; added at the end when there is none."""
    place = batch.schema.get_field_index(name)
    return batch.append_column(name, values) if place < 0 else batch.set_column(place, name, values)


def mapping(args: Any, what: str) -> str | None:
    """The shape that most steps have: column to something."""
    if not isinstance(args, Mapping) or not args:
        return f"expected {what}"
    odd = [k for k in args if not isinstance(k, str)]
    return f"{odd[0]!r} is not a column's name: put it in quotes" if odd else None
