"""What is compiled: the digest and the binary COPY hold for every Arrow type however it lies, and malformed input is an error.

Without the compiled part the same is done in Python: both get the same rows, and must answer the same.
"""

from __future__ import annotations

import datetime as dt
import math
import struct
from collections.abc import Iterator
from decimal import Context, Decimal
from typing import Any

import pyarrow as pa
import pytest
import xxhash
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock import _native
from penstock.databases.postgresql import plain_copy
from penstock.databases.postgresql.live import plain_changes
from penstock.errors import ReadFailed
from penstock.model import digest, plain_digest
from penstock.model.digest import Digest
from penstock.model.schema import Column, Type, arrow_schema
from tests.support.data.plain_numbers import PLAIN

EPOCH = dt.datetime(1970, 1, 1)
MICROSECOND = dt.timedelta(microseconds=1)
moments = st.datetimes(dt.datetime(1, 1, 1), dt.datetime(9999, 12, 31, 23, 59, 59, 999999))


def decimals(precision: int, scale: int) -> st.SearchStrategy[Decimal]:
    return st.integers(-(10**precision) + 1, 10**precision - 1).map(lambda n: Decimal(n).scaleb(-scale, Context(prec=80)))


VALUES: dict[str, st.SearchStrategy[Any]] = {
    **PLAIN,
    "float32": st.floats(width=32),
    "float64": st.floats(),
    "decimal(9,4)": decimals(9, 4),
    "decimal(18,0)": decimals(18, 0),
    "decimal(19,19)": decimals(19, 19),
    "decimal(38,7)": decimals(38, 7),
    "decimal(39,1)": decimals(39, 1),
    "decimal(76,30)": decimals(76, 30),
    "string": st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12),
    "binary": st.binary(max_size=12),
    "date": st.dates(),
    "time": st.times(),
    "timestamp": moments,
    "timestamptz": moments.map(lambda m: m.replace(tzinfo=dt.UTC)),
}
COLUMNS = tuple(Column(f"c{n}", Type.parse(written)) for n, written in enumerate(VALUES))
rows = st.lists(st.tuples(*(st.none() | values for values in VALUES.values())), max_size=6)


def batch(values: list[tuple[Any, ...]]) -> pa.RecordBatch:
    arrays = [pa.array([row[n] for row in values], c.type.arrow) for n, c in enumerate(COLUMNS)]
    return pa.RecordBatch.from_arrays(arrays, schema=arrow_schema(COLUMNS))


def number(value: Any, kind: pa.DataType) -> int:
    """What Arrow holds, as a whole number."""
    if isinstance(value, Decimal):
        return int(value.scaleb(kind.scale, Context(prec=100)))
    if isinstance(value, dt.datetime):
        return (value.replace(tzinfo=None) - EPOCH) // MICROSECOND
    if isinstance(value, dt.date):
        return (value - EPOCH.date()).days
    if isinstance(value, dt.time):
        return (dt.datetime.combine(EPOCH.date(), value) - EPOCH) // MICROSECOND
    return int(value)


def field(value: Any, kind: pa.DataType) -> bytes:
    """A value's field of the fixed part, as docs/explanation/proof.md defines it."""
    if pa.types.is_floating(kind):
        plain = 0.0 if value is None else math.nan if math.isnan(value) else value + 0.0
        return struct.pack("<f" if kind == pa.float32() else "<d", plain)
    if kind in (pa.string(), pa.binary()):
        return struct.pack("<I", len(variable(value)))
    width = 1 if pa.types.is_boolean(kind) else kind.bit_width // 8
    if pa.types.is_decimal(kind) and kind.precision <= 18:
        width = 8
    held = 0 if value is None else number(value, kind)
    return held.to_bytes(width, "little", signed=held < 0)


def variable(value: str | bytes | None) -> bytes:
    return value.encode() if isinstance(value, str) else value or b""


def by_hand(row: tuple[Any, ...]) -> int:
    """The row hash as docs/explanation/proof.md defines it, in plain Python."""
    present = sum(1 << n for n, value in enumerate(row) if value is not None)
    kinds = [c.type.arrow for c in COLUMNS]
    fixed = b"".join(field(value, kind) for value, kind in zip(row, kinds, strict=True))
    texts = b"".join(variable(value) for value, kind in zip(row, kinds, strict=True) if kind in (pa.string(), pa.binary()))
    return xxhash.xxh3_128_intdigest(present.to_bytes((len(row) + 7) // 8, "little") + fixed + texts)


def expected(values: list[tuple[Any, ...]]) -> Digest:
    return Digest(len(values), sum(map(by_hand, values)) % 2**128)


@settings(max_examples=60, deadline=None)
@given(rows, st.integers(0, 6), st.integers(0, 6), st.integers(0, 6))
def test_any_values_are_hashed_by_the_definition_however_they_lie(values: list[tuple[Any, ...]], start: int, end: int, cut: int) -> None:
    whole = batch(values)
    assert digest.of(whole, COLUMNS) == expected(values)
    assert digest.of(whole.slice(start, end), COLUMNS) == expected(values[start : start + end])
    chunked = pa.Table.from_batches([whole.slice(0, cut), whole.slice(cut)], arrow_schema(COLUMNS))
    assert digest.of(chunked, COLUMNS) == expected(values)
    shifted = pa.RecordBatch.from_arrays(  # offsets of bitmaps that are no multiple of eight
        [pa.concat_arrays([pa.nulls(3, a.type), a]).slice(3) for a in whole.columns], schema=whole.schema
    )
    assert digest.of(shifted, COLUMNS) == expected(values)
    for part in (whole, whole.slice(start, end), shifted):
        assert plain_digest.digest(part) == _native.digest(part)


@settings(max_examples=60, deadline=None)
@given(rows, st.integers(0, 6), st.integers(0, 6))
def test_any_values_come_back_from_the_binary_copy_as_they_were(values: list[tuple[Any, ...]], start: int, end: int) -> None:
    sent = batch(values).slice(start, end)
    found = decoded(COPY + b"".join(_native.CopyWriter(sent)) + b"\xff\xff", COLUMNS)
    assert digest.of(found, COLUMNS) == expected(values[start : start + end])
    found.validate(full=True)


COPY = b"PGCOPY\n\xff\r\n\0" + bytes(8)


class Handed:
    def __init__(self, schema: pa.Schema, array: object) -> None:
        self.schema, self.array = schema, array

    def __arrow_c_array__(self, requested_schema: object = None) -> tuple[object, object]:
        return self.schema.__arrow_c_schema__(), self.array


def decoded(stream: bytes, columns: tuple[Column, ...], padded: list[int] | None = None, exact: bool = True) -> pa.RecordBatch:
    """The rows of a COPY, on which the compiled reader and the plain one agree. exact: in the words of a fault, too."""
    schema, empty = arrow_schema(columns), pa.RecordBatch.from_arrays([[] for _ in columns], schema=arrow_schema(columns))
    blanks = [n in (padded or []) for n in range(len(columns))]
    try:
        array = _native.CopyReader(schema, 1000, 1 << 30, padded or []).decode(stream)
    except ValueError as compiled:
        with pytest.raises((plain_copy.Unfit, ReadFailed)) as plain:
            list(plain_copy.batches(blocks(stream), columns, blanks, 1000, 1 << 30))
        if exact and compiled.args[0] >= 0:
            assert plain.value.args == compiled.args
        raise
    found = pa.record_batch(Handed(schema, array)) if array else empty
    assert_same(next(plain_copy.batches(blocks(stream), columns, blanks, 1000, 1 << 30), empty), found)
    return found


def blocks(stream: bytes, size: int = 7) -> Iterator[bytes]:
    """The stream in blocks that end anywhere."""
    return (stream[n : n + size] for n in range(0, len(stream), size))


def assert_same(plain: pa.RecordBatch, compiled: pa.RecordBatch) -> None:
    assert plain.schema == compiled.schema
    assert plain_digest.digest(plain) == _native.digest(compiled)
    assert str(plain.to_pylist()) == str(compiled.to_pylist())  # NaN is NaN


def one(written: str, *values: bytes | None) -> pa.RecordBatch:
    """Values of one column, as the server would send them."""
    fields = [struct.pack(">hi", 1, -1) if v is None else struct.pack(">hi", 1, len(v)) + v for v in values]
    return decoded(COPY + b"".join(fields) + b"\xff\xff", (Column("c", Type.parse(written)),))


def numeric(weight: int, scale: int, *groups: int, sign: int = 0) -> bytes:
    return struct.pack(f">HhHH{len(groups)}H", len(groups), weight, sign, scale, *groups)


@pytest.mark.parametrize(
    ("written", "wire", "value"),
    [
        ("decimal(9,4)", numeric(0, 4, 1, 5000), "1.5000"),
        ("decimal(9,2)", numeric(-1, 2, 500), "0.05"),
        ("decimal(9,2)", numeric(-1, 6, 500, 0), "0.05"),
        ("decimal(9,2)", numeric(1, 2, 0, 12, 3400, sign=0x4000), "-12.34"),
        ("decimal(9,0)", numeric(1, 0, 3), "30000"),
        ("decimal(38,38)", numeric(-10, 38, 100), "1E-38"),
        ("decimal(76,0)", numeric(18, 0, 9999), "9999" + "0" * 72),
        ("decimal(9,2)", numeric(0, 2), "0.00"),
    ],
)
def test_numbers_are_read_whatever_zeros_stand_around_their_digits(written: str, wire: bytes, value: str) -> None:
    assert one(written, wire, None).column(0).to_pylist() == [Decimal(value), None]


@pytest.mark.parametrize(
    ("written", "wire", "why"),
    [
        ("decimal(9,2)", numeric(0, 4, 1, 5001), "behind the point"),
        ("decimal(9,2)", numeric(0, 8, 1, 5000, 1), "behind the point"),
        ("decimal(9,2)", numeric(2, 0, 1000), "more digits"),
        ("decimal(38,0)", numeric(9, 0, 100), "more digits"),
        ("decimal(9,2)", numeric(30000, 0, 1), "more digits"),
        ("decimal(9,2)", numeric(0, 0, sign=0xC000), "NaN"),
        ("decimal(60,2)", numeric(0, 0, sign=0xF000), "-Infinity"),
        ("decimal(9,2)", numeric(0, 0, 10_000), "form"),
        ("decimal(9,2)", numeric(0, 0, 1)[:-1], "form"),
        ("decimal(9,2)", b"", "form"),
        ("uint64", numeric(4, 0, 1844, 6744, 737, 955, 1616), "beyond"),
        ("uint8", struct.pack(">h", 256), "256"),
        ("uint8", struct.pack(">h", -1), "-1"),
        ("int64", b"123", "form"),
        ("float64", b"1234", "form"),
        ("boolean", b"\2", "form"),
        ("date", struct.pack(">i", 2**31 - 1), "infinity"),
        ("date", b"1", "form"),
        ("timestamp", struct.pack(">q", 2**63 - 2), "294277-01-09 04:00:54"),
        ("time", struct.pack(">q", 86_400_000_000), "24:00:00"),
        ("string", b"\xff", "UTF-8"),
        ("string", b"a\xe2\x82", "UTF-8"),
        ("string", b"\xed\xa0\x80", "UTF-8"),
    ],
)
def test_what_a_column_can_not_hold_is_refused_and_says_why(written: str, wire: bytes, why: str) -> None:
    with pytest.raises(ValueError) as refused:
        one(written, None, wire)
    number, told = refused.value.args
    assert number == 0 and why in told


def test_a_text_that_is_whole_only_with_its_neighbour_is_refused() -> None:
    with pytest.raises(ValueError):
        one("string", b"\xc3", b"\xa4")


def test_only_the_blanks_that_fill_up_a_text_are_taken_off() -> None:
    columns = (Column("c", Type("string")), Column("d", Type("string")))
    stream = (
        COPY + b"".join(_native.CopyWriter(pa.record_batch({"c": ["a b  ", "  ", "", "\t "], "d": ["a ", " ", "", "x"]}))) + b"\xff\xff"
    )
    found = decoded(stream, columns, [0])
    assert found.to_pydict() == {"c": ["a b", "", "", "\t"], "d": ["a ", " ", "", "x"]}


@pytest.mark.parametrize("cut", [0, 5, 18, 19, 20, 22, 25, 40])
def test_a_stream_that_ends_within_a_row_is_an_error(cut: int) -> None:
    stream = COPY + struct.pack(">hi", 1, 20) + bytes(20) + b"\xff\xff"
    with pytest.raises(ValueError):
        decoded(stream[:cut], (Column("b", Type("binary")),))


@settings(max_examples=300, deadline=None)
@given(rows.filter(bool), st.data())
def test_a_stream_with_a_wrong_byte_is_an_error_or_other_values_and_never_a_crash(
    values: list[tuple[Any, ...]], data: st.DataObject
) -> None:
    stream = bytearray(COPY + b"".join(_native.CopyWriter(batch(values))) + b"\xff\xff")
    for _ in range(data.draw(st.integers(1, 3))):
        stream[data.draw(st.integers(0, len(stream) - 1))] = data.draw(st.integers(0, 255))
    try:
        found = decoded(bytes(stream), COLUMNS, exact=False)
    except (ValueError, MemoryError):
        return
    found.validate(full=True)


def test_rows_longer_than_a_block_are_hashed_and_sent_in_pieces() -> None:
    columns = (Column("t", Type("string")), Column("n", Type("int32")), Column("b", Type("binary")))
    values = [("x" * 300_000, 1, b"y" * 200_001), (None, 2, b"z" * 131_000), ("short", None, None), ("ü" * 70_000, 4, b"")]
    whole = pa.record_batch(
        [pa.array(v, c.type.arrow) for v, c in zip(zip(*values, strict=True), columns, strict=True)], schema=arrow_schema(columns)
    )

    def form(t: str | None, n: int | None, b: bytes | None) -> bytes:
        present = (t is not None) + 2 * (n is not None) + 4 * (b is not None)
        fixed = struct.pack("<BIiI", present, len(variable(t)), n or 0, len(variable(b)))
        return fixed + variable(t) + variable(b)

    assert digest.of(whole, columns).sum == sum(xxhash.xxh3_128_intdigest(form(*v)) for v in values) % 2**128
    pieces = list(_native.CopyWriter(whole))
    assert len(pieces) > 4 and max(map(len, pieces)) <= 1 << 17
    assert decoded(COPY + b"".join(pieces) + b"\xff\xff", columns).equals(whole)
    assert plain_digest.digest(whole) == _native.digest(whole)


def test_rows_of_other_types_or_another_form_have_no_digest() -> None:
    with pytest.raises(TypeError, match="are not of"):
        digest.of(pa.record_batch({"n": pa.array([1], pa.int32())}), (Column("n", Type("int64")),))
    for hashed in (_native.digest, plain_digest.digest):
        with pytest.raises(TypeError, match="column n"):
            hashed(pa.record_batch({"n": pa.array(["a"], pa.large_string())}))
    back = pa.Array.from_buffers(pa.string(), 2, [None, pa.array([0, 5, 2], pa.int32()).buffers()[1], pa.py_buffer(b"abcde")])
    with pytest.raises(ValueError, match="offsets"):
        _native.digest(pa.RecordBatch.from_arrays([back], ["t"]))
    with pytest.raises(AttributeError):
        _native.digest(7)  # type: ignore[arg-type]


def test_no_rows_and_no_columns_have_a_digest() -> None:
    assert digest.of(batch([]), COLUMNS) == Digest()
    assert digest.of(pa.table({}), ()) == Digest()
    assert plain_digest.digest(batch([])) == (0, 0, 0)


CELL = st.sampled_from([b"n", b"u"]) | st.binary(max_size=6).map(lambda value: b"t" + struct.pack(">i", len(value)) + value)
IMAGE = st.tuples(st.sampled_from([b"K", b"O", b"N"]), st.lists(CELL, max_size=4)).map(
    lambda image: image[0] + struct.pack(">h", len(image[1])) + b"".join(image[1])
)
MESSAGE = st.tuples(st.sampled_from([b"I", b"U", b"D", b"T"]), st.lists(IMAGE, max_size=2)).map(lambda m: m[0] + bytes(4) + b"".join(m[1]))


def taken_apart(work: Any, messages: list[bytes], columns: int) -> bytes | str:
    try:
        return bytes(work(messages, columns))
    except ValueError as error:
        return str(error)


@given(st.lists(MESSAGE | st.binary(max_size=40), max_size=4), st.integers(0, 4), st.integers(0, 60))
@settings(max_examples=500, deadline=None)
def test_changes_are_taken_apart_alike_whole_and_cut_short(messages: list[bytes], columns: int, cut: int) -> None:
    shortened = [*messages[:-1], messages[-1][:cut]] if messages else []
    for given_ in (messages, shortened):
        assert taken_apart(_native.change_rows, given_, columns) == taken_apart(plain_changes.change_rows, given_, columns)
