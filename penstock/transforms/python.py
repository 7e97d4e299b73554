"""python: module:function — a function of yours over a pandas DataFrame, a batch at a time.

Written `python: module:function` when the columns stay, or `python: {call: module:function, columns: {name: type}}` when it
adds columns or changes their type. It may leave rows out, not add any. The frame has Arrow-backed types: nothing is rounded.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

from penstock.errors import TransformFailed
from penstock.schema import Column, Type, arrow_schema
from penstock.transforms import made, plain

if TYPE_CHECKING:
    import pyarrow as pa

_CALL = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")


def check(args: Any) -> str | None:
    call, columns = _parts(args)
    if not isinstance(call, str) or not _CALL.fullmatch(call):
        return "expected module:function, or {call: module:function, columns: {name: type}}"
    return None if isinstance(columns, Mapping) else "columns: expected {name: type}"


def _parts(args: Any) -> tuple[Any, Any]:
    return (args.get("call"), args.get("columns") or {}) if isinstance(args, Mapping) else (args, {})


def schema(columns: tuple[Column, ...], args: Any) -> tuple[Column, ...]:
    call, declared = _parts(args)
    _function(call)
    known = {c.name: c for c in columns}
    try:
        new = {n: plain(known.get(n, Column(n, Type("string"))), type=Type.parse(t)) for n, t in declared.items()}
    except ValueError as error:
        raise TransformFailed(f"{call}: a declared column has no such type", why=str(error)) from None
    return made(columns, new)


def _function(call: str) -> Any:
    module, name = call.split(":")
    try:
        return getattr(import_module(module), name)
    except (ImportError, AttributeError) as error:
        fix = "install the module where the workers run, or put it on PYTHONPATH"
        raise TransformFailed(f"can't find {call}", why=str(error), fix=fix) from None


def apply(batch: pa.Table, columns: tuple[Column, ...], args: Any, secrets: Mapping[str, str]) -> pa.Table:
    import pandas as pd
    import pyarrow as pa

    call, _ = _parts(args)
    wanted = arrow_schema(schema(columns, args))
    try:
        frame = _function(call)(batch.to_pandas(types_mapper=pd.ArrowDtype))
    except Exception as error:
        # its text may hold values: only the type is told
        raise TransformFailed(
            f"{call} failed", why=type(error).__name__, fix="run it on a batch by hand: see docs/transforms.md"
        ) from error
    if not isinstance(frame, pd.DataFrame) or set(frame.columns) != set(wanted.names):
        found = sorted(map(str, frame.columns)) if isinstance(frame, pd.DataFrame) else type(frame).__name__
        raise TransformFailed(f"{call} gave {found}, not the columns {sorted(wanted.names)}", fix="declare what it adds under `columns`")
    try:
        return pa.table([pa.array(frame[f.name], from_pandas=True).cast(f.type) for f in wanted], names=wanted.names)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
        raise TransformFailed(f"{call} gave values of another type", why=str(error).splitlines()[0]) from None
