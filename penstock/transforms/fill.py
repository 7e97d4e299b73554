"""fill: {column: value} — put a value where there is NULL; the column then has none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from penstock.schema import Column
from penstock.transforms import map, mapping

if TYPE_CHECKING:
    import pyarrow as pa


def check(args: Any) -> str | None:
    fault = mapping(args, "{column: value}")
    return fault or next((f"{k}: NULL fills nothing" for k, v in args.items() if v is None), None)


def schema(columns: tuple[Column, ...], args: Mapping[str, Any]) -> tuple[Column, ...]:
    return map.schema(columns, {name: {None: value} for name, value in args.items()})


def apply(batch: pa.Table, columns: tuple[Column, ...], args: Mapping[str, Any], secrets: Mapping[str, str]) -> pa.Table:
    return map.apply(batch, columns, {name: {None: value} for name, value in args.items()}, secrets)
