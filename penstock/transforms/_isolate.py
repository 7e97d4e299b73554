"""Rows through a table's steps, those set apart that a step can't be applied to, or that the target could not hold afterwards."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from penstock import transforms
from penstock.databases._shared.column_checks import Sieve
from penstock.errors import BadValues
from penstock.model.bad_row import Bad
from penstock.model.schema import Table
from penstock.transforms import Shapes, Step
from penstock.transforms._mapping import origin

Places = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Sift:
    """A table's steps, and what the target can't hold of what they make."""

    source: Table
    steps: Sequence[Step]
    sieve: Sieve
    secrets: Mapping[str, str]
    sensitive: Collection[str]

    @cached_property
    def shapes(self) -> Shapes:
        """The columns after each step."""
        return transforms.shapes(self.source.columns, self.steps, f"table {self.source.name.name}")

    def apply(self, rows: pa.RecordBatch) -> pa.Table:
        """What the steps make of the rows. Raises TransformFailed when one of them can't be carried through."""
        return transforms.apply(rows, self.source.columns, self.steps, self.secrets, self.sensitive, self.shapes)

    def parted(self, rows: pa.RecordBatch, at_most: int) -> tuple[list[pa.Table], list[Bad]]:
        """What the steps make of the good ones among the rows, and the bad ones by their place; no more are looked for beyond `at_most`.

        Where a step can say which rows are bad, or the sieve can, they are taken out together; otherwise what fails is halved,
        until it is one row. Raises TransformFailed when it isn't for the rows.
        """
        made: list[pa.Table] = []
        bad: list[Bad] = []
        untried: list[tuple[pa.RecordBatch, Places]] = [(rows, np.arange(rows.num_rows))]
        while untried and len(bad) <= at_most:
            batch, places = untried.pop()
            try:
                out = self.apply(batch)
            except BadValues as error:
                told = error.rows if transforms.keeps_rows(self.steps[: error.step]) else ()
                if told or batch.num_rows == 1:
                    column = origin(self.source, self.steps[: error.step], error.column)
                    bad += [Bad(int(places[n]), column, error.what) for n in told or (0,)]
                    untried.append(_without(batch, places, told or (0,)))
                else:
                    untried += _halves(batch, places)
                continue
            refused = self.sieve.refused(whole(out))
            if refused and (batch.num_rows == 1 or transforms.keeps_rows(self.steps)):
                bad += [Bad(int(places[n]), origin(self.source, self.steps, column), why) for n, column, why in refused]
                made.append(out.filter(_others(out.num_rows, [n for n, _, _ in refused])))
            elif refused:
                untried += _halves(batch, places)
            else:
                made.append(out)
        return made, sorted(bad, key=lambda b: b.place)


def whole(table: pa.Table) -> pa.RecordBatch:
    """The table as one batch."""
    return pa.RecordBatch.from_arrays([c.combine_chunks() for c in table.columns], schema=table.schema)


def _without(batch: pa.RecordBatch, places: Places, gone: Sequence[int]) -> tuple[pa.RecordBatch, Places]:
    others = _others(batch.num_rows, gone)
    return batch.filter(others), places[others.to_numpy(zero_copy_only=False)]


def _others(count: int, gone: Sequence[int]) -> pa.Array:
    kept = np.ones(count, np.bool_)
    kept[list(gone)] = False
    return pa.array(kept)


def _halves(batch: pa.RecordBatch, places: Places) -> list[tuple[pa.RecordBatch, Places]]:
    """The second half first, as a stack wants it."""
    half = batch.num_rows // 2
    return [(batch.slice(half), places[half:]), (batch.slice(0, half), places[:half])]
