"""PostgreSQL's binary COPY without the compiled part: the stream is taken apart value by value, in Python.

penstock/native/copy_read.c does the same; what it refuses is refused here in the same words.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Context, Decimal
from typing import Any

import pyarrow as pa

from penstock.errors import ReadFailed
from penstock.model.schema import Column, arrow_schema

_SIGNATURE = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_DAYS_TO_2000 = 10_957
_DAY = 86_400_000_000
_FIRST, _LAST = -719_162, 2_932_896  # the years 1 to 9999
_EXACT = Context(prec=1000)

Value = Any
Decode = Callable[[bytes], Value]


class Unfit(ValueError):
    """A value that its column's type can't hold, and why."""


def batches(blocks: Iterable[bytes], columns: Sequence[Column], padded: Sequence[bool], rows: int, size: int) -> Iterator[pa.RecordBatch]:
    """The rows of a COPY TO STDOUT in batches of at most `rows` rows, and of no more once there are `size` bytes.

    Raises ReadFailed, Unfit(number of the column, why).
    """
    schema = arrow_schema(columns)
    decoders = [_decoder(field.type, blanks) for field, blanks in zip(schema, padded, strict=True)]
    held: list[list[Value]] = []
    taken = 0
    for row in _rows(blocks, len(columns)):
        held.append([None if value is None else _decoded(n, decoders[n], value) for n, value in enumerate(row)])
        taken += sum(8 if value is None else len(value) for value in row)
        if len(held) >= rows or taken >= size:
            yield _batch(held, schema)
            held, taken = [], 0
    if held:
        yield _batch(held, schema)


def _decoded(number: int, decode: Decode, value: bytes) -> Value:
    try:
        return decode(value)
    except Unfit as error:
        raise Unfit(number, str(error)) from None


def _rows(blocks: Iterable[bytes], count: int) -> Iterator[list[bytes | None]]:
    """The values of each row. A block may end anywhere."""
    stream = _Stream(blocks)
    if stream.take(len(_SIGNATURE)) != _SIGNATURE:
        raise _defect("it does not begin as COPY's binary format does")
    while (columns := int.from_bytes(stream.take(2), signed=True)) != -1:
        if columns != count:
            raise _defect("a row has another number of columns than were asked for")
        yield [stream.value() for _ in range(count)]
    if stream.rest():
        raise _defect("there is something behind its end")


class _Stream:
    """Bytes that come in blocks."""

    def __init__(self, blocks: Iterable[bytes]) -> None:
        self.blocks = iter(blocks)
        self.block, self.at = b"", 0

    def take(self, length: int) -> bytes:
        """The next bytes."""
        end = self.at + length
        if end <= len(self.block):
            found = self.block[self.at : end]
            self.at = end
            return found
        parts, missing = [self.block[self.at :]], end - len(self.block)
        while missing > 0:
            self.block = bytes(next(self.blocks, b""))
            if not self.block:
                raise _defect("they end without their trailer")
            self.at = min(missing, len(self.block))
            parts.append(self.block[: self.at])
            missing -= self.at
        return b"".join(parts)

    def value(self) -> bytes | None:
        """The next value; None for NULL."""
        length = int.from_bytes(self.take(4), signed=True)
        if length < -1:
            raise _defect("its length is negative")
        return None if length == -1 else self.take(length)

    def rest(self) -> bool:
        """Whether anything follows."""
        return self.at < len(self.block) or any(self.blocks)


def _batch(rows: list[list[Value]], schema: pa.Schema) -> pa.RecordBatch:
    arrays = []
    for number, (values, field) in enumerate(zip(zip(*rows, strict=True), schema, strict=True)):
        held = _HELD.get(field.type.id)
        try:
            arrays.append(pa.array(values, held or field.type).cast(field.type))
        except pa.ArrowInvalid:
            raise Unfit(number, "its bytes are not UTF-8" if pa.types.is_string(field.type) else "its type can't hold it") from None
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


_HELD = {
    pa.string().id: pa.binary(),
    pa.date32().id: pa.int32(),
    pa.time64("us").id: pa.int64(),
    pa.timestamp("us").id: pa.int64(),
}
"""What values of a type are before Arrow makes them its own."""


# ---- values


def _decoder(kind: pa.DataType, padded: bool) -> Decode:
    if pa.types.is_string(kind) or pa.types.is_binary(kind):
        return (lambda value: value.rstrip(b" ")) if padded else bytes
    if kind == pa.uint64():
        return _uint64
    if pa.types.is_integer(kind):
        return _whole(kind)
    if pa.types.is_floating(kind):
        return _floating(kind.bit_width // 8)
    if pa.types.is_decimal(kind):
        return lambda value: _number(value, kind.precision, kind.scale)
    if pa.types.is_boolean(kind):
        return _boolean
    return {pa.date32().id: _date, pa.time64("us").id: _time, pa.timestamp("us").id: _moment}[kind.id]


def _whole(kind: pa.DataType) -> Decode:
    signed = pa.types.is_signed_integer(kind)
    least, most = (-(1 << kind.bit_width - 1), (1 << kind.bit_width - 1) - 1) if signed else (0, (1 << kind.bit_width) - 1)

    def decode(wire: bytes) -> int:
        if len(wire) not in (2, 4, 8):
            raise Unfit("its form is not a whole number's")
        value = int.from_bytes(wire, signed=True)
        if not least <= value <= most:
            raise Unfit(f"it is {value}")
        return value

    return decode


def _uint64(wire: bytes) -> int:
    value = int(_number(wire, 20, 0))
    if not 0 <= value < 1 << 64:
        raise Unfit("it is beyond its column's type")
    return value


def _floating(width: int) -> Decode:
    form = struct.Struct(">f" if width == 4 else ">d")

    def decode(wire: bytes) -> float:
        if len(wire) != width:
            raise Unfit("its form is not a floating number's")
        return float(form.unpack(wire)[0])

    return decode


def _boolean(wire: bytes) -> bool:
    if wire not in (b"\0", b"\1"):
        raise Unfit("its form is not a boolean's")
    return wire == b"\1"


_STRANGE = {0xC000: "it is NaN", 0xD000: "it is Infinity", 0xF000: "it is -Infinity"}


def _number(wire: bytes, precision: int, scale: int) -> Decimal:
    """Groups of four digits, of which the first is worth 10000^weight."""
    if len(wire) < 8:
        raise Unfit("its form is not a number's")
    count, weight, sign, _ = struct.unpack_from(">HhHH", wire)
    if sign in _STRANGE:
        raise Unfit(_STRANGE[sign])
    if sign not in (0, 0x4000) or len(wire) != 8 + 2 * count:
        raise Unfit("its form is not a number's")
    groups = struct.unpack_from(f">{count}H", wire, 8)
    if any(group > 9999 for group in groups):
        raise Unfit("its form is not a number's")
    digits = int("".join(f"{group:04}" for group in groups) or "0")
    unit = 4 * (weight - count + 1) + scale  # the last group's unit is 10^unit of the column's own
    if digits and unit > precision:
        raise Unfit("it has more digits than its column")
    value, lost = divmod(digits, 10**-unit) if unit < 0 else (digits * 10**unit if digits else 0, 0)
    if lost:
        raise Unfit("it has more digits behind the point than its column")
    if value >= 10**precision:
        raise Unfit("it has more digits than its column")
    return Decimal(-value if sign else value).scaleb(-scale, _EXACT)


def _date(wire: bytes) -> int:
    if len(wire) != 4:
        raise Unfit("its form is not a date's or a time's")
    days = int.from_bytes(wire, signed=True)
    _finite(days, 32)
    if not _FIRST <= days + _DAYS_TO_2000 <= _LAST:
        raise Unfit(f"it is {_day(days + _DAYS_TO_2000)}")
    return days + _DAYS_TO_2000


def _time(wire: bytes) -> int:
    if len(wire) != 8:
        raise Unfit("its form is not a date's or a time's")
    value = int.from_bytes(wire, signed=True)
    if not 0 <= value < _DAY:
        raise Unfit("it is 24:00:00" if value == _DAY else "it is beyond a day")
    return value


def _moment(wire: bytes) -> int:
    if len(wire) != 8:
        raise Unfit("its form is not a date's or a time's")
    value = int.from_bytes(wire, signed=True)
    _finite(value, 64)
    days, time = divmod(value, _DAY)
    days += _DAYS_TO_2000
    if not _FIRST <= days <= _LAST:
        seconds = time // 1_000_000
        raise Unfit(f"it is {_day(days, f' {seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}')}")
    return value + _DAYS_TO_2000 * _DAY


def _finite(value: int, bits: int) -> None:
    if value in (-(1 << bits - 1), (1 << bits - 1) - 1):
        raise Unfit("it is -infinity" if value < 0 else "it is infinity")


def _day(days: int, time: str = "") -> str:
    """A day as PostgreSQL would write it. Source: https://howardhinnant.github.io/date_algorithms.html#civil_from_days"""
    era, of_era = divmod(days + 719_468, 146_097)
    year_of_era = (of_era - of_era // 1460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    month = (5 * of_year + 2) // 153
    day, year = of_year - (153 * month + 2) // 5 + 1, year_of_era + era * 400 + (month >= 10)
    month += 3 if month < 10 else -9
    return f"{year if year > 0 else 1 - year:04}-{month:02}-{day:02}{time}{' BC' if year <= 0 else ''}"


def _defect(why: str) -> ReadFailed:
    return ReadFailed("the server's rows have another form", why=why, fix="this is a defect of Penstock: please report it")
