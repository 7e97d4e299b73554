"""Positions in PostgreSQL's write-ahead log (LSN): `0/16B3748` is a number of 64 bits."""

from __future__ import annotations


def parse(text: str) -> int:
    high, low = text.split("/")
    return int(high, 16) << 32 | int(low, 16)


def shown(position: int) -> str:
    return f"{position >> 32:X}/{position & 0xFFFFFFFF:X}"
