"""fill: {column: value} — put a value where there is NULL; the column then has none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from penstock.transforms import Transform, made, map, mapping, named

if TYPE_CHECKING:
    import pyarrow as pa

    from penstock.model.schema import Column


def check(args: Any) -> str | None:
    fault = mapping(args, "{column: value}")
    return fault or next((f"{k}: the value can't be NULL" for k, v in args.items() if v is None), None)


def schema(columns: tuple[Column, ...], args: Mapping[str, Any]) -> tuple[Column, ...]:
    map.schema(columns, _mapped(args))  # raises where a value is none of the column's
    return made(columns, {c.name: replace(c, nullable=False, generated="") for c in columns if c.name in args})


def apply(batch: pa.Table, args: Mapping[str, Any], out: tuple[Column, ...], secrets: Mapping[str, str]) -> pa.Table:
    return map.apply(batch, _mapped(args), out, secrets)


def _mapped(args: Mapping[str, Any]) -> dict[str, dict[None, Any]]:
    return {name: {None: value} for name, value in args.items()}


transform = Transform(check=check, schema=schema, apply=apply, touches=named, reads=named, sign=" with ")
