"""mask: {column: sha256} — a value's HMAC-SHA256 under the mask key, in hex: equal values stay equal, nobody can guess them back.

RFC 2104, over whole columns, of the value's text in UTF-8 (binary: of its bytes); NULL stays NULL. Only texts of one form
mask alike: 5 and 5.00 do not.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from penstock.errors import TransformFailed
from penstock.transforms import Transform, _expression, made, mapping, named, need, plain, replaced

if TYPE_CHECKING:
    import pyarrow as pa

    from penstock.model.schema import Column

_BLOCK = 64  # bytes that SHA-256 takes at a time


def check(args: Any) -> str | None:
    fault = mapping(args, "{column: sha256}")
    return fault or next((f"{k}: unknown method {v!r}; use sha256" for k, v in args.items() if v != "sha256"), None)


def schema(columns: tuple[Column, ...], args: Mapping[str, str]) -> tuple[Column, ...]:
    from penstock.model.schema import Type

    need(columns, args)
    return made(columns, {c.name: plain(c, type=Type("string", length=64)) for c in columns if c.name in args})


def apply(batch: pa.Table, args: Mapping[str, str], out: tuple[Column, ...], secrets: Mapping[str, str]) -> pa.Table:
    import pyarrow as pa

    if not secrets.get("mask_key"):
        fix = "set the password of the Airflow connection penstock_mask; on the command line, PENSTOCK_MASK_KEY"
        raise TransformFailed("no mask key is configured", fix=fix)
    key = secrets["mask_key"].encode()
    key = (hashlib.sha256(key).digest() if len(key) > _BLOCK else key).ljust(_BLOCK, b"\0")
    pads = [bytes(b ^ pad for b in key) for pad in (0x36, 0x5C)]
    for name in args:
        values = batch.column(name)
        if pa.types.is_decimal256(values.type):
            values = values.cast(pa.string())
        value = "v" if pa.types.is_binary(values.type) else "encode(v::VARCHAR)"
        # the key is a parameter, so that it is in no statement that an error could show
        masked = _expression.selected(pa.table({"v": values}), f"sha256($2 || from_hex(sha256($1 || {value}))) AS masked", pads)
        batch = replaced(batch, name, masked.column(0))
    return batch


transform = Transform(
    check=check,
    schema=schema,
    apply=apply,
    touches=named,
    reads=named,
    conceals=named,
    same_for_same=True,
    args_hold_values=False,
    sign=" by ",
    secret="mask_key",
)
