"""The rows of pgoutput's messages without the compiled part: penstock/native/changes.c does the same, and says what the form is."""

from __future__ import annotations

import struct

_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_NULL = b"\xff\xff\xff\xff"


def change_rows(messages: list[bytes], columns: int) -> bytes:
    """As `penstock._native.change_rows`."""
    parts = [_HEADER]
    for number, message in enumerate(messages):
        if len(message) < 6 or message[:1] not in (b"I", b"U", b"D"):
            raise ValueError("it is no change of a row")
        at = 5
        while at < len(message):
            at = _add_row(parts, number, message, at, columns)
    parts.append(b"\xff\xff")
    return b"".join(parts)


def _add_row(parts: list[bytes], number: int, message: bytes, at: int, columns: int) -> int:
    """Append the row at `at`, and answer where it ends."""
    if len(message) - at < 3:
        raise ValueError("a row is cut short")
    (count,) = struct.unpack_from(">H", message, at + 1)
    if count != columns:
        raise ValueError("a row has another number of columns than its table")
    letters, at = message[:1] + message[at : at + 1], at + 3
    values, left_out = [], bytearray(columns)
    for column in range(columns):
        kind, at = message[at : at + 1], at + 1
        if kind in (b"t", b"b"):
            if len(message) - at < 4 or (size := struct.unpack_from(">i", message, at)[0]) < 0 or len(message) - at - 4 < size:
                raise ValueError("a value is cut short")
            values.append(message[at : at + 4 + size])
            at += 4 + size
        elif kind in (b"n", b"u"):
            left_out[column] = kind == b"u"
            values.append(_NULL)
        else:
            raise ValueError("a value is of an unknown kind" if kind else "a row is cut short")
    mask = struct.pack(">i", columns) + left_out if any(left_out) else _NULL
    parts += [struct.pack(">Hii", 3 + columns, 4, number), struct.pack(">i", 2), letters, mask, *values]
    return at
