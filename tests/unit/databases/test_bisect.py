"""Trials find each row that a target refuses and no other, whether or not the target can say which they are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, cast

import pyarrow as pa
import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.databases import Database
from penstock.databases._shared import bisect
from penstock.errors import LoadFailed, RowsRefused
from penstock.model.schema import Column, TableName, Type

COLUMNS = (Column("v", Type("int64")),)


class Refusing:
    """A database that refuses these values; it tells of none, of the first, or of all of them up to a number."""

    def __init__(self, bad: set[int], tells: int) -> None:
        self.bad, self.tells, self.sent = bad, tells, 0

    def write(self, connection: Any, name: TableName, columns: Sequence[Column], batches: Iterable[pa.RecordBatch]) -> None:
        values = [v for b in batches for v in b.column(0).to_pylist()]
        self.sent += len(values)
        found = [(n, "v", f"{v} is bad") for n, v in enumerate(values) if v in self.bad]
        if found:
            raise RowsRefused("refused", why=found[0][2] if len(values) == 1 else "one of many", column="v", rows=found[: self.tells])


def refused(database: Refusing, count: int) -> list[bisect.Refused]:
    rows = pa.record_batch([pa.array(range(count), pa.int64())], names=["v"])
    with sa.create_engine("sqlite://").connect() as connection:
        return list(bisect.refused(cast(Database, database), connection, TableName("t"), COLUMNS, rows))


@settings(deadline=None)
@given(st.integers(0, 300), st.sets(st.integers(0, 299)), st.sampled_from([0, 1, 5, 1000]))
def test_every_refused_row_is_found_and_no_other(count: int, bad: set[int], tells: int) -> None:
    assert refused(Refusing(bad, tells), count) == [(n, "v", f"{n} is bad") for n in sorted(bad) if n < count]


@pytest.mark.parametrize(("tells", "at_most"), [(0, 14), (1, 5), (1000, 3)], ids=["halving", "the first", "all"])
def test_rows_are_sent_a_few_times_over_however_many_are_bad(tells: int, at_most: int) -> None:
    database = Refusing(set(range(0, 65_536, 1000)), tells)
    assert len(refused(database, 65_536)) == 66
    assert database.sent <= at_most * 65_536


def test_what_is_not_for_the_rows_is_no_row_s_fault() -> None:
    class Full(Refusing):
        def write(self, *_: Any) -> None:
            raise LoadFailed("the disk is full")

    with pytest.raises(LoadFailed):
        refused(Full(set(), 0), 10)
