"""Net: what some changes of a table end as. Every key that they touch, and the last row under it, where there is one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from penstock.errors import ReadFailed

Key = tuple[object, ...]


@dataclass(frozen=True)
class Lacking:
    """A last row that lacks values, which stand in the row that the target has under another row's key.

    place: among `Net.rows`.  origin: the image with that key.  columns: a byte for each column, 1 where it lacks the value.
    """

    place: int
    origin: int
    columns: bytes


@dataclass(frozen=True)
class Net:
    """touched: of each key, an image that has it.  rows: the last rows, with all values that the changes themselves have."""

    touched: pa.Array
    rows: pa.RecordBatch
    lacking: tuple[Lacking, ...] = ()


@dataclass
class _Row:
    """Where the values of a row are. origin: an image with the key that it has at the target; None where the changes inserted it.

    known: by column that may be left out, the image that has the value.
    """

    origin: int | None
    known: dict[int, int] = field(default_factory=dict)


def net(changes: pa.RecordBatch, key: Sequence[str]) -> Net:
    """The net of changes as they are staged, without truncations. key: the columns that name a row."""
    rows = pa.RecordBatch.from_struct_array(changes.column("row"))
    keys: list[Key] = list(zip(*(rows.column(name).to_pylist() for name in key), strict=True))
    last = dict(zip(keys, range(len(keys)), strict=True))  # the last image under each key
    kinds = changes.column("kind").to_pylist()
    places = sorted(n for n in last.values() if kinds[n] == "N")
    ended = rows.take(pa.array(places, pa.int64()))
    touched, left_out = pa.array(sorted(last.values()), pa.int64()), changes.column("left_out")
    if left_out.null_count == len(left_out):
        return Net(touched, ended)
    masks: list[bytes | None] = left_out.to_pylist()
    found = _followed(changes, keys, kinds, masks)
    return _completed(Net(touched, ended), rows, places, [found.get(keys[n]) for n in places], [masks[n] for n in places])


def _followed(changes: pa.RecordBatch, keys: Sequence[Key], kinds: Sequence[str], masks: Sequence[bytes | None]) -> dict[Key, _Row]:
    """By key, where the values of each row are in the end: a row keeps them when its key changes."""
    may = sorted({column for mask in masks if mask for column, left in enumerate(mask) if left})
    found: dict[Key, _Row] = {}
    moved: _Row | None = None  # the row whose old image came right before
    for n, (operation, kind) in enumerate(zip(changes.column("operation").to_pylist(), kinds, strict=True)):
        if kind != "N":
            moved = found.pop(keys[n], None) or _Row(n)
            continue
        row = _Row(None) if operation == "I" else moved or found.pop(keys[n], None) or _Row(n)
        mask = masks[n]
        row.known |= {column: n for column in may if not (mask and mask[column])}
        found[keys[n]], moved = row, None
    return found


def _completed(ended: Net, rows: pa.RecordBatch, places: Sequence[int], found: Sequence[_Row | None], masks: Sequence[bytes | None]) -> Net:
    """With the values that earlier images of the same rows have."""
    columns, lacking = list(ended.rows.columns), []
    takes = [np.array(places, np.int64) for _ in columns]
    for place, (row, mask) in enumerate(zip(found, masks, strict=True)):
        if not mask:
            continue
        assert row is not None
        left = bytearray(len(columns))
        for column in (c for c, out in enumerate(mask) if out):
            if column in row.known:
                takes[column][place] = row.known[column]
            else:
                left[column] = 1
        if any(left):
            if row.origin is None:
                raise ReadFailed("a new row has a value that was left out", fix="this is a defect of Penstock: please report it")
            lacking.append(Lacking(place, row.origin, bytes(left)))
    for column, take in enumerate(takes):
        if (take != np.array(places, np.int64)).any():
            columns[column] = rows.column(column).take(pa.array(take))
    return Net(ended.touched, pa.RecordBatch.from_arrays(columns, schema=ended.rows.schema), tuple(lacking))
