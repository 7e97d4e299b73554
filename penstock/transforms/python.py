"""python: module:function — a function of yours over a pandas DataFrame, a batch at a time.

Written `python: module:function` when the columns stay as they are, or `python: {call: module:function, columns: {name: type}}`
when it adds columns or changes their type. It may leave rows out, not add any. The frame's types are Arrow's, so nothing is
rounded on the way in; what comes back must be exactly of the declared types. pandas' missing values come back as NULL.
"""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

from penstock.errors import BadValues, TransformFailed
from penstock.transforms import Transform, made, mapping, plain

if TYPE_CHECKING:
    import pyarrow as pa

    from penstock.model.schema import Column

_CALL = re.compile(r"[^\W\d][\w.]*:[^\W\d]\w*")


def check(args: Any) -> str | None:
    call, columns = _parts(args)
    if not isinstance(call, str) or not _CALL.fullmatch(call) or (isinstance(args, Mapping) and not {*args} <= {"call", "columns"}):
        return "expected module:function, or {call: module:function, columns: {name: type}}"
    if columns == {}:
        return None
    fault = mapping(columns, "columns: {name: type}")
    return fault or next((f"columns: {v!r} is not a type" for v in columns.values() if not isinstance(v, str)), None)


def _parts(args: Any) -> tuple[Any, Any]:
    return (args.get("call"), args.get("columns", {})) if isinstance(args, Mapping) else (args, {})


def schema(columns: tuple[Column, ...], args: Any) -> tuple[Column, ...]:
    from penstock.model.schema import Column, Type

    call, declared = _parts(args)
    _function(call)
    known = {c.name: c for c in columns}
    new = {}
    for name, text in declared.items():
        try:
            kind = Type.parse(text)
        except ValueError as error:
            raise TransformFailed(f"{call}: the column {name} can't be {text!r}", why=str(error)) from None
        new[name] = plain(known[name], type=kind) if name in known else Column(name, kind)
    return made(columns, new)


def _function(call: str) -> Callable[[Any], Any]:
    module, name = call.split(":")
    fix = "install the module where the workers run, or put it on PYTHONPATH"
    try:
        found = getattr(import_module(module), name)
    except Exception as error:  # importing runs the author's code
        raise TransformFailed(f"can't find {call}", why=f"{type(error).__name__}: {error}", fix=fix) from None
    if not callable(found):
        raise TransformFailed(f"{call} is not a function", fix=fix)
    return found  # type: ignore[no-any-return]


def apply(batch: pa.Table, args: Any, out: tuple[Column, ...], secrets: Mapping[str, str]) -> pa.Table:
    import pandas as pd
    import pyarrow as pa

    call, _ = _parts(args)
    try:
        frame = _function(call)(batch.to_pandas(types_mapper=pd.ArrowDtype))
    except TransformFailed:
        raise
    except Exception as error:
        at = traceback.extract_tb(error.__traceback__)[-1]
        what = f"{call} failed: {type(error).__name__} in {at.filename}, line {at.lineno}"
        raise BadValues(what, why=str(error), fix="try it on rows of the staged Parquet file") from None
    names = [c.name for c in out]
    if not isinstance(frame, pd.DataFrame):
        raise TransformFailed(f"{call} gave no DataFrame", why=f"it gave {type(frame).__name__}", fix="return the frame")
    if sorted(map(str, frame.columns)) != sorted(names):
        odd = sorted({*map(str, frame.columns)} ^ {*names}) or names
        raise TransformFailed(f"{call} gave other columns than it declares: {', '.join(odd)}", fix="declare what it adds under `columns`")
    if len(frame) > batch.num_rows:
        raise TransformFailed(f"{call} gave {len(frame)} rows of {batch.num_rows}", fix="it may leave rows out, not add any")
    return pa.table([_column(call, frame[c.name], c) for c in out], names=names)


def _column(call: str, series: Any, column: Column) -> pa.ChunkedArray:
    """What the function gave as the column's values, exactly. Raises TransformFailed."""
    import pyarrow as pa

    from penstock.transforms import cast

    kind = column.type.arrow
    try:
        given = pa.array(series, from_pandas=True)
        values = given if isinstance(given, pa.ChunkedArray) else pa.chunked_array([given])
        if pa.types.is_null(values.type) or (pa.types.is_large_string(values.type) and pa.types.is_string(kind)):
            values = values.cast(kind)
        if values.type != kind and not _alike(values.type, kind):
            raise TypeError(f"they are {values.type}")
        values = cast.convert(values, column.type)
    except (pa.ArrowException, ValueError, TypeError) as error:
        what = f"{call} gave values in {column.name} that are not {column.type}"
        fix = "declare its type under `columns`, or convert the values"
        raise BadValues(what, why=str(error).splitlines()[0], fix=fix, column=column.name) from None
    if values.null_count and not column.nullable:
        what, fix = f"{call} gave NULL in {column.name}, which has none", "fill it, or leave those rows out"
        raise BadValues(what, fix=fix, column=column.name)
    return values


def _alike(found: pa.DataType, wanted: pa.DataType) -> bool:
    """Whether values of one Arrow type can be values of another at all: numbers, or dates and timestamps."""
    import pyarrow as pa

    kinds = pa.types
    numbers = (kinds.is_integer, kinds.is_floating, kinds.is_decimal, kinds.is_boolean)
    days = (kinds.is_date, kinds.is_timestamp)
    return any(all(any(is_(t) for is_ in group) for t in (found, wanted)) for group in (numbers, days))


transform = Transform(check=check, schema=schema, apply=apply, keeps_rows=False, samples=False)
