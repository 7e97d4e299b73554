"""mask: {column: sha256} — a value's HMAC-SHA256 under the mask key, in hex: equal values stay equal, nobody can guess them back.

RFC 2104, over whole columns. The key comes from the Airflow connection `penstock_mask`, or PENSTOCK_MASK_KEY on the command line.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from penstock.errors import TransformFailed
from penstock.schema import BINARIES, Column, Type
from penstock.transforms import expression, made, mapping, need, plain

if TYPE_CHECKING:
    import pyarrow as pa


def check(args: Any) -> str | None:
    fault = mapping(args, "{column: sha256}")
    return fault or next((f"{k}: {v!r} is not a way to mask; there is: sha256" for k, v in args.items() if v != "sha256"), None)


def schema(columns: tuple[Column, ...], args: Mapping[str, str]) -> tuple[Column, ...]:
    need(columns, args)
    return made(columns, {c.name: plain(c, type=Type("string", length=64)) for c in columns if c.name in args})


def apply(batch: pa.Table, columns: tuple[Column, ...], args: Mapping[str, str], secrets: Mapping[str, str]) -> pa.Table:
    if not secrets.get("mask_key"):
        fix = "set the password of the Airflow connection penstock_mask, or PENSTOCK_MASK_KEY on the command line"
        raise TransformFailed("there is no key to mask with", fix=fix)
    key = secrets["mask_key"].encode()
    key = (hashlib.sha256(key).digest() if len(key) > 64 else key).ljust(64, b"\0")
    inner, outer = (f"from_hex('{bytes(b ^ pad for b in key).hex()}')" for pad in (0x36, 0x5C))
    for column in columns:
        if column.name in args:
            values = batch.select([column.name]).rename_columns(["v"])
            value = "v" if column.type.name in BINARIES else "encode(v::VARCHAR)"
            masked = expression.selected(values, f"sha256({outer} || from_hex(sha256({inner} || {value}))) AS masked")
            batch = batch.set_column(batch.schema.get_field_index(column.name), column.name, masked.column(0))
    return batch
