"""TSV as PostgreSQL and MySQL read it back: nothing lost, nothing added."""

from __future__ import annotations

import io

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.databases._shared import text_format

_UNESCAPED = {"\\": "\\", "t": "\t", "n": "\n", "r": "\r", "0": "\0"}
_AWKWARD = st.text(st.sampled_from("\\\t\n\r\0N.a'\"%é😀\ufeff"), max_size=12)


def _decoded(field: str) -> str | None:
    """An independent reading of one field, by the manuals' rules."""
    if field == "\\N":
        return None
    out, characters = [], iter(field)
    for c in characters:
        out.append(_UNESCAPED[next(characters)] if c == "\\" else c)
    return "".join(out)


def _plain(array: pa.Array, _: pa.Field) -> pa.Array:
    return array if pa.types.is_string(array.type) else array.cast(pa.string())


def _rows(buffer: pa.Buffer) -> list[list[str | None]]:
    text = buffer.to_pybytes().decode()
    assert text == "" or text.endswith("\n")
    return [[_decoded(f) for f in line.split("\t")] for line in text.split("\n")[:-1]]


@given(st.lists(st.tuples(st.none() | st.text(max_size=20) | _AWKWARD, st.none() | _AWKWARD, st.none() | st.integers(-9, 9)), max_size=20))
def test_every_text_and_null_is_read_back_as_it_was(rows: list[tuple[str | None, str | None, int | None]]) -> None:
    types = (pa.string(), pa.string(), pa.int64())
    arrays = [pa.array([r[i] for r in rows], type) for i, type in enumerate(types)]
    batch = pa.RecordBatch.from_arrays(arrays, ["a", "b", "c"])
    assert _rows(text_format.lines(batch, _plain)) == [[a, b, None if c is None else str(c)] for a, b, c in rows]


@given(st.lists(st.none() | _AWKWARD, min_size=1, max_size=12), st.data())
def test_a_slice_of_a_batch_writes_only_its_own_rows(values: list[str | None], data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(values)))
    length = data.draw(st.integers(0, len(values)))
    batch = pa.RecordBatch.from_arrays([pa.array(values, pa.string())], ["a"]).slice(start, length)
    assert _rows(text_format.lines(batch, _plain)) == [[v] for v in values[start : start + length]]


def test_no_field_is_split_by_a_value_that_holds_separators() -> None:
    batch = pa.RecordBatch.from_arrays([pa.array(["a\tb\nc", "\\N", "\\."])], ["a"])
    assert text_format.lines(batch, _plain).to_pybytes() == b"a\\tb\\nc\n\\\\N\n\\\\.\n"


@given(st.lists(st.none() | st.binary(max_size=30), max_size=20), st.data())
def test_hex_there_and_back_gives_the_same_bytes(values: list[bytes | None], data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(values)))
    array = pa.array(values, pa.binary()).slice(start)
    digits = text_format.to_hex(array)
    assert digits.to_pylist() == [None if v is None else v.hex() for v in values[start:]]
    assert text_format.from_hex(digits).equals(array)
    assert text_format.from_hex(pa.concat_arrays([pa.array(["ff"]), digits]).slice(1)).equals(array)
    digits.validate(full=True)


def test_what_lies_under_a_null_is_not_taken_for_hex() -> None:
    hidden = pa.Array.from_buffers(
        pa.string(), 2, [pa.py_buffer(b"\x02"), pa.array([0, 1, 3], pa.int32()).buffers()[1], pa.py_buffer(b"zab")]
    )
    assert text_format.from_hex(hidden).to_pylist() == [None, b"\xab"]


def test_what_is_not_hex_is_refused() -> None:
    with pytest.raises(ValueError):
        text_format.from_hex(pa.array(["xy"]))


def test_long_rows_are_written_in_parts_that_make_the_same_lines() -> None:
    text = "a\té\n\\" * 400_000
    rows = pa.record_batch(
        {"t": pa.array([text, None, ""]), "b": pa.array([b"\0\xff" * 900_000, b"", None], pa.binary()), "n": pa.array([1, 2, 3])}
    )

    def spelled(array: pa.Array, field: pa.Field) -> pa.Array:
        return text_format.to_hex(array) if pa.types.is_binary(array.type) else _plain(array, field)

    stream = io.BytesIO()
    text_format.write(stream, rows, spelled)
    assert stream.getvalue() == text_format.lines(rows, spelled).to_pybytes()
