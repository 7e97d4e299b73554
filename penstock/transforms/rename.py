"""rename: {old: new} — give columns other names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pyarrow as pa

from penstock.schema import Column
from penstock.transforms import mapping, need


def check(args: Any) -> str | None:
    fault = mapping(args, "{old name: new name}")
    return fault or next((f"{v!r} is not a name" for v in args.values() if not isinstance(v, str) or not v), None)


def schema(columns: tuple[Column, ...], args: Mapping[str, str]) -> tuple[Column, ...]:
    need(columns, args)
    return tuple(replace(c, name=args.get(c.name, c.name)) for c in columns)


def apply(batch: pa.Table, columns: tuple[Column, ...], args: Mapping[str, str], secrets: Mapping[str, str]) -> pa.Table:
    return batch.rename_columns([args.get(n, n) for n in batch.column_names])
