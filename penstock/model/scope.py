"""The scope of a table in a run: which of its rows the run moves. One of four values, never a mixture.

Whole          all rows
Partition      the rows of one data interval
Changes        the rows that changed since the last run (an increment)
Differences    the rows, of all or of one partition, that differ between source and target (a repair)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from penstock.model.schema import Column, TableName


@dataclass(frozen=True)
class Side:
    """One end of a parent: its table, the pairs (column of the child, column of the parent) of the foreign key, and its time column.

    clock: None where the parent follows a parent of its own.
    """

    table: TableName
    pairs: tuple[tuple[str, str], ...]
    clock: Column | None


@dataclass(frozen=True)
class Parent:
    """The table that another one follows through a foreign key: a row belongs to the interval of the row that it refers to.

    pending: where rows of the parent wait at the target (see penstock/stages/switch/pending_rows.py); None where none can.
    """

    name: str
    source: Side
    target: Side
    pending: TableName | None = None
    parent: Parent | None = None

    @property
    def clock(self) -> Column:
        """The source column whose time decides, of this table or of the last one that is followed."""
        if self.parent is not None:
            return self.parent.clock
        assert self.source.clock is not None
        return self.source.clock


@dataclass(frozen=True)
class Whole:
    """All rows of the table."""

    type: Literal["whole"] = "whole"


@dataclass(frozen=True)
class Partition:
    """The rows with low <= `by` < high, on the column's own clock.

    to: the same column at the target.  first: the rows before low, and those without a time, are of this partition too.
    parent: of a table that follows another one; `by` and `to` are empty then, and the bounds are on the clock of that one's column.
    pending: where proved rows wait that refer to a row of an interval that is not live yet; None where that can't be.
    """

    by: str
    to: str
    low: str
    high: str
    first: bool = False
    parent: Parent | None = None
    pending: TableName | None = None
    type: Literal["interval"] = "interval"


@dataclass(frozen=True)
class Changes:
    """The rows with low <= `by`, on the column's own clock, and those without a time.

    to: the same column at the target.
    """

    by: str
    to: str
    low: str
    type: Literal["changes"] = "changes"


@dataclass(frozen=True)
class Differences:
    """The rows that differ from the live ones: all rows of `among` are read, and only what differs is loaded and put live.

    delete_keys: the table at the target with the keys of the live rows to delete; None for a table without a primary key, of which all
    rows of `among` are replaced.
    """

    among: Whole | Partition
    delete_keys: TableName | None = None
    type: Literal["differences"] = "differences"


Scope = Annotated[Whole | Partition | Changes | Differences, Field(discriminator="type")]
