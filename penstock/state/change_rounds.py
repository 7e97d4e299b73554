"""Rounds of a stream in staging: the changes of some whole transactions, a Parquet file a table, and a manifest that is written last.

Each manifest names where the round before it ended, so rounds form a chain. Once a round is applied, its files and the manifests before it
are removed; the last manifest stays, for the next one to go on from.

A file has a row for each image of a changed row, in the order of the changes:

    operation     I, U or D; T for a truncated table, which has no image
    kind          K the old key, O the old row, N the new row
    transaction   its number in the round, from 0
    commit        the position of its commit      at   when it was committed
    left_out      a byte for each column, 1 where its value did not change and is not known; NULL where all are known
    row           the columns of the source
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

import pyarrow as pa
from pydantic import TypeAdapter

from penstock.databases.change_log import RowImages
from penstock.errors import StagingDamaged
from penstock.model.schema import Column, arrow_schema
from penstock.state import run_files
from penstock.state.json_file import JsonFile
from penstock.state.staging import Staging

_WHOLE = 1 << 24  # rows: a row group comes as it was written
_FIELDS = (
    pa.field("operation", pa.string()),
    pa.field("kind", pa.string()),
    pa.field("transaction", pa.int32()),
    pa.field("commit", pa.int64()),
    pa.field("at", pa.timestamp("us", "UTC")),
    pa.field("left_out", pa.binary()),
)


@dataclass(frozen=True)
class StagedChanges:
    """The changes of one table. changes: how many; an update is one, though it may have two images."""

    table: str
    file: str
    sha256: str
    changes: int
    bytes: int


@dataclass(frozen=True)
class Round:
    """A round. number: from 1.  first, last: the positions behind which it begins, and at which it ends.

    committed_at: when its first and its last transaction were committed, microseconds since 1970.  marks: those that it has.
    """

    number: int
    first: int
    last: int
    transactions: int
    committed_at: tuple[int, int]
    marks: tuple[str, ...]
    tables: tuple[StagedChanges, ...]

    @property
    def changes(self) -> int:
        return sum(t.changes for t in self.tables)


_ADAPTER = TypeAdapter(Round)


def _file(number: int) -> JsonFile[Round]:
    return JsonFile(run_files.change_round(number), _ADAPTER)


def schema(columns: Sequence[Column]) -> pa.Schema:
    """Of the file of a table with these columns."""
    return pa.schema([*_FIELDS, pa.field("row", pa.struct(list(arrow_schema(columns))))])


def truncated(columns: Sequence[Column], transaction: int, commit: int, at: int) -> pa.RecordBatch:
    """The row of a truncated table."""
    names = ("operation", "kind", "transaction", "commit", "at", "left_out", "row")
    row = dict(zip(names, ("T", None, transaction, commit, at, None, None), strict=True))
    return pa.RecordBatch.from_pylist([row], schema=schema(columns))


def changed(images: RowImages, columns: Sequence[Column], facts: Sequence[pa.Array]) -> pa.RecordBatch:
    """The rows of changes. facts: of each image, its transaction, commit and instant."""
    kind = schema(columns)
    row = pa.StructArray.from_arrays(images.rows.columns, fields=list(kind.field("row").type)) if columns else None
    arrays = [images.operations, images.kinds, *facts, images.left_out, row]
    return pa.RecordBatch.from_arrays([a.cast(f.type) for a, f in zip(arrays, kind, strict=True)], schema=kind)


def publish(area: Staging, made: Round) -> None:
    """Write the manifest of a round, whose files are there: from here on it is staged."""
    _file(made.number).write(area, made)


def staged(area: Staging, applied: int, position: int) -> list[Round]:
    """The rounds that are staged and not applied, in their order.

    applied: the number of the last applied round, 0 for none.  position: where it ended.
    Raises StagingDamaged when they do not go on from there.
    """
    numbers = sorted(int(n.removesuffix(".json")) for n in area.names(run_files.CHANGES) if n.endswith(".json"))
    found: list[Round] = []
    for number in (n for n in numbers if n > applied):
        made = _file(number).read(area)
        if (made.number, made.first) != (applied + len(found) + 1, position):
            why = f"it is round {made.number} and begins at {made.first}; expected was round {applied + len(found) + 1} from {position}"
            raise StagingDamaged.of_run(f"{area.url}/{run_files.change_round(number)}", why)
        found.append(made)
        position = made.last
    return found


def pieces(area: Staging, of: StagedChanges) -> Iterator[pa.RecordBatch]:
    """The changes of a table as they were written, some at a time. No change is in two pieces. Raises StagingDamaged."""
    return area.unchanged(of, 0, rows=_WHOLE)


def forget(area: Staging, done: Round) -> None:
    """Remove the files of an applied round, and the manifest of the one before."""
    for file in (*(t.file for t in done.tables), *([run_files.change_round(done.number - 1)] if done.number > 1 else [])):
        with suppress(FileNotFoundError):
            area.remove(file)
