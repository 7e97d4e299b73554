"""Quarantine: the rows that could not be carried, each with its reason, kept as they were until somebody mends what was wrong.

In a run's staging area, written by the stage that found them:

    quarantine/<table>/<stage>-00000.parquet   the rows of a chunk
    quarantine/<table>/<stage>-00000.json      and after it what is in it: the manifest
    quarantine_source/<table>/00000.parquet    once the run has finished: the rows that the load rejected, as the source gave them

`row` holds a row as the stage read it, in its own types; the columns beside it say which row that is, which of its
columns is bad, why, and with what value. A chunk whose rows are all good has neither file.
"""

from __future__ import annotations

import posixpath
import sys
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, fields, replace
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from pydantic import TypeAdapter

from penstock import transforms
from penstock.errors import TooManyBadRows
from penstock.model import digest
from penstock.model.bad_row import Bad
from penstock.model.digest import Digest
from penstock.model.plan import Plan, TablePlan
from penstock.model.schema import Column, arrow_schema
from penstock.runtime import events
from penstock.state import run_files
from penstock.state.json_file import JsonFile
from penstock.state.staging import Staging
from penstock.transforms._hidden_columns import secret_columns

_EXAMPLES = 3
_HIDDEN = "(sensitive)"


@dataclass(frozen=True)
class Group:
    """Rows that a stage rejected for the same column and reason. keys: those of a few."""

    stage: str
    column: str
    reason: str
    rows: int
    keys: tuple[str, ...]


@dataclass(frozen=True)
class Manifest:
    """What a quarantine file holds. digest: of its rows as they are kept.  reading: of the source, that they come from."""

    table: str
    stage: str
    chunk: int
    rows: int
    digest: str
    file: str
    sha256: str
    groups: tuple[Group, ...]
    reading: int = 0


_MANIFEST: TypeAdapter[Manifest] = TypeAdapter(Manifest)


@dataclass(frozen=True)
class Entry:
    """One quarantined row as a list shows it. value: the text of what stood in the column; None for NULL, or when a step made it."""

    table: str
    stage: str
    chunk: int
    place: int
    key: str
    column: str
    reason: str
    value: str | None


class Place(NamedTuple):
    """Which row of a table's quarantine: the stage and the chunk whose file it is in, and its place in the chunk."""

    stage: str
    chunk: int
    place: int


class StillBad(NamedTuple):
    """A row that a re-drive could not take: its place, and the column and the reason that were found."""

    stage: str
    chunk: int
    place: int
    column: str
    reason: str


@dataclass(frozen=True)
class Taken:
    """What a re-drive did with the rows of a table: those that are no longer in quarantine, and those that stay."""

    gone: tuple[Place, ...]
    left: tuple[StillBad, ...]


_TAKEN: TypeAdapter[Taken] = TypeAdapter(Taken)


def taken(file: str) -> JsonFile[Taken]:
    """The record of a re-drive."""
    return JsonFile(file, _TAKEN)


class Rejects:
    """The bad rows of one chunk of a table, of `columns`, as a stage finds them."""

    def __init__(self, plan: TablePlan, run: Plan, columns: Sequence[Column]) -> None:
        self._plan, self._run, self._columns = plan, run, columns
        self._limit = min((n for n in (run.at_most, plan.at_most) if n is not None), default=sys.maxsize)
        self._rows: list[pa.RecordBatch] = []
        self._bad: list[Bad] = []

    @property
    def count(self) -> int:
        return len(self._bad)

    @property
    def room(self) -> int:
        """How many more there may be."""
        return max(0, self._limit - self.count)

    @property
    def too_many(self) -> bool:
        """Whether there are more in this chunk alone than there may be: the rest need not be looked for."""
        return self.count > self._limit

    def add(self, batch: pa.RecordBatch, bad: Sequence[Bad], before: int = 0) -> None:
        """Take the bad ones out of a batch, before which the chunk has `before` rows."""
        if bad:
            self._rows.append(batch.take(pa.array([b.place for b in bad], pa.int64())))
            self._bad += [replace(b, place=b.place + before) for b in bad]

    def publish(self, area: Staging, stage: str, chunk: int) -> str:
        """Keep them in the run's quarantine, in the place of what an earlier try of the stage has left there, and answer their digest.

        Raises TooManyBadRows when the run now has more than may go there.
        """
        _forget(area, self._plan.name, stage, chunk)
        if not self._bad:
            return ""
        rows = pa.Table.from_batches(self._rows).combine_chunks().to_batches()[0]
        held = _publish(area, self._plan, stage, chunk, self._columns, rows, self._bad)
        _within(area, self._run, self._plan)
        return held.digest


def _publish(
    area: Staging, plan: TablePlan, stage: str, chunk: int, columns: Sequence[Column], rows: pa.RecordBatch, bad: Sequence[Bad]
) -> Manifest:
    table, places = plan.name, {c.name: n for n, c in enumerate(columns)}
    keys = _keys(rows, plan)
    values = [_text(rows.column(places[b.column]).slice(n, 1))[0].as_py() if b.column in places else None for n, b in enumerate(bad)]
    told = {
        "table": pa.array([table] * len(bad), pa.string()),
        "stage": pa.array([stage] * len(bad), pa.string()),
        "chunk": pa.array([chunk] * len(bad), pa.int32()),
        "place": pa.array([b.place for b in bad], pa.int64()),
        "key": pa.array(keys, pa.string()),
        "column": pa.array([b.column for b in bad], pa.string()),
        "reason": pa.array([b.reason for b in bad], pa.string()),
        "value": pa.array(values, pa.string()),
    }
    kept = pa.StructArray.from_arrays(rows.columns, fields=list(arrow_schema(columns)))
    whole = pa.RecordBatch.from_pydict(told | {"row": kept})
    file, described = run_files.quarantined(table, stage, chunk)
    with area.parquet(whole.schema, file) as staged:
        staged.writer.write_batch(whole)
    shown = [""] * len(bad) if secret_columns(plan) & set(_key(plan)) else keys  # the manifest is plain text
    found, reading = _groups(stage, bad, shown), area.reading(table)
    made = Manifest(table, stage, chunk, len(bad), str(digest.of(rows, columns)), file, staged.sha256, found, reading)
    _described(described).write(area, made)
    events.emit("quarantine.written", table=table, stage=stage, chunk=chunk, rows=len(bad))
    return made


def _forget(area: Staging, table: str, stage: str, chunk: int) -> None:
    """Take away what an earlier try of the same chunk found."""
    for file in reversed(run_files.quarantined(table, stage, chunk)):
        if area.exists(file):
            area.remove(file)


def manifest(area: Staging, table: str, stage: str, chunk: int) -> Manifest | None:
    """What the quarantine holds of a chunk, None when nothing."""
    found = _described(run_files.quarantined(table, stage, chunk)[1]).find(area)
    return found if found and found.reading == area.reading(table) else None


def manifests(area: Staging, table: str, stages: Collection[str] = ("transformed", "loaded")) -> list[Manifest]:
    """All of a table's, of the reading that counts, in the order of stages and chunks."""
    place = run_files.table_folder(run_files.QUARANTINE, table)
    names = [n for n in area.names(place) if n.endswith(".json") and n.rpartition("-")[0] in stages]
    found = [_described(posixpath.join(place, n)).read(area) for n in names]
    reading = area.reading(table) if found else 0
    return sorted((m for m in found if m.reading == reading), key=lambda m: (m.stage != "transformed", m.chunk))


def _described(file: str) -> JsonFile[Manifest]:
    return JsonFile(file, _MANIFEST)


def rows(area: Staging, held: Manifest) -> pa.RecordBatch:
    """The rows of a quarantine file, as they were. Raises StagingDamaged when it is not what its manifest says."""
    return pa.RecordBatch.from_struct_array(_whole(area, held).column("row"))


def entries(area: Staging, held: Manifest, plan: TablePlan) -> list[Entry]:
    """What is to be told of the rows of a file; values of sensitive columns are withheld."""
    told = _whole(area, held).select([f.name for f in fields(Entry)]).to_pylist()
    secret = bool(set(_key(plan)) & secret_columns(plan))
    return [_withheld(Entry(**record), secret_columns(plan), secret) for record in told]


def digest_of(area: Staging, held: Manifest, columns: Sequence[Column]) -> Digest:
    """The digest of a file's rows, taken now. Raises StagingDamaged."""
    return digest.of(rows(area, held), columns)


def places(area: Staging, held: Manifest) -> list[int]:
    """Where the rows of a file stood among those of their chunk."""
    found: list[int] = _whole(area, held).column("place").to_pylist()
    return found


def as_read(area: Staging, held: Manifest, plan: TablePlan) -> pa.RecordBatch | None:
    """The rows of a file as the source gave them, before any step; None where they can't be found again.

    A row that the load has rejected is found among those that were extracted, by its place: unless a step may have left rows out.
    """
    if held.stage == "transformed" or not plan.steps:
        return rows(area, held)
    if area.exists(kept := _source(held)):
        return pa.Table.from_batches(area.batches(kept)).combine_chunks().to_batches()[0]
    extracted = area.receipt("extracted", plan.name, held.chunk)
    if extracted is None or not area.exists(extracted.file) or not transforms.keeps_rows(plan.steps):
        return None
    before = manifest(area, plan.name, "transformed", held.chunk)
    passed = np.delete(np.arange(extracted.rows), places(area, before) if before else [])
    wanted, start, found = passed[places(area, held)], 0, []
    for batch in area.rows(extracted):
        here = wanted[(wanted >= start) & (wanted < start + batch.num_rows)] - start
        found.append(batch.take(pa.array(here)))
        start += batch.num_rows
    return pa.Table.from_batches(found).combine_chunks().to_batches()[0]


def keep_as_read(area: Staging, plan: TablePlan) -> None:
    """Copy the rows that the load has rejected, as the source gave them, into the quarantine, before the extracted files are removed."""
    for held in manifests(area, plan.name, ["loaded"]) if plan.steps else ():
        if not area.exists(_source(held)) and (found := as_read(area, held, plan)) is not None:
            with area.parquet(found.schema, _source(held)) as staged:
                staged.writer.write_batch(found)


def _source(held: Manifest) -> str:
    return run_files.rows(run_files.QUARANTINE_SOURCE, held.table, held.chunk)


def _whole(area: Staging, held: Manifest) -> pa.RecordBatch:
    return pa.Table.from_batches(area.unchanged(held, held.chunk)).combine_chunks().to_batches()[0]


def _within(area: Staging, plan: Plan, table: TablePlan) -> None:
    """Raise TooManyBadRows when the run, or the table, has more bad rows than the migration lets go.

    Asked after a chunk's rows are published: of chunks at work beside each other, the last to ask sees them all.
    """
    own = manifests(area, table.name)
    limits = [(own, table.at_most, f"of {table.name} ")] if table.at_most is not None else []
    if plan.at_most is not None:
        limits.append(([m for t in plan.tables for m in manifests(area, t.name)], plan.at_most, ""))
    for found, at_most, of in limits:
        rows = sum(m.rows for m in found)
        if rows > at_most:
            raise _too_many(area, found, at_most, of, table.name)


def _too_many(area: Staging, found: Sequence[Manifest], at_most: int, of: str, table: str) -> TooManyBadRows:
    counts: Counter[str] = Counter()
    for held in found:
        for group in held.groups:
            counts[f"{held.table}: {group.column + ': ' if group.column else ''}{group.reason}"] += group.rows
    rows = sum(m.rows for m in found)
    return TooManyBadRows(
        f"{rows:,} bad rows {of}were found, and at most {at_most:,} may go to quarantine",
        where=f"table {table}; they are in {area.url}/{run_files.QUARANTINE}",
        why="this is what was found until the limit was passed; there may be more",
        fix="see them with `penstock quarantine`; correct them at the source, cast or map them in the migration, or raise `at_most`",
        rows=rows,
        at_most=at_most,
        counts=tuple(counts.most_common()),
    )


def summary(found: Iterable[Manifest], plan: TablePlan) -> list[Group]:
    """How many rows of a table for which reason, with the keys of a few where they may be shown."""
    merged: dict[tuple[str, str, str], Group] = {}
    secret = bool(set(_key(plan)) & secret_columns(plan))
    for group in (g for m in found for g in m.groups):
        which = (group.stage, group.column, group.reason)
        keys = () if secret else group.keys
        known = merged.get(which) or replace(group, rows=0, keys=())
        merged[which] = replace(known, rows=known.rows + group.rows, keys=(*known.keys, *keys)[:_EXAMPLES])
    return list(merged.values())


def _groups(stage: str, bad: Sequence[Bad], keys: Sequence[str]) -> tuple[Group, ...]:
    found: dict[tuple[str, str], list[str]] = {}
    for row, key in zip(bad, keys, strict=True):
        found.setdefault((row.column, row.reason), []).append(key)
    return tuple(Group(stage, c, r, len(of), tuple(filter(None, of[:_EXAMPLES]))) for (c, r), of in found.items())


def _withheld(entry: Entry, hidden: Collection[str], secret_key: bool) -> Entry:
    key = _HIDDEN if secret_key else entry.key
    value = _HIDDEN if entry.column in hidden and entry.value is not None else entry.value
    return replace(entry, key=key, value=value)


def key_of(batch: pa.RecordBatch, place: int, plan: TablePlan) -> str:
    """The key of a row of a batch as text, `id=5, line=2`; empty where it has none, or one that nothing may show."""
    return "" if secret_columns(plan) & set(_key(plan)) else _keys(batch.slice(place, 1), plan)[0]


def _key(plan: TablePlan) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*plan.source.key, *plan.target.key)))


def _keys(rows: pa.RecordBatch, plan: TablePlan) -> list[str]:
    """The keys of rows as text. They have the columns of the source's or of the target's table."""
    key = next((k for k in (plan.source.key, plan.target.key) if k and set(k) <= set(rows.schema.names)), ())
    texts = [_text(rows.column(name)).to_pylist() for name in key]
    return [", ".join(f"{n}={v}" for n, v in zip(key, row, strict=True)) for row in zip(*texts, strict=True)] or [""] * rows.num_rows


def _text(values: pa.Array) -> pa.Array:
    """Values as people read them; bytes in hex."""
    if pa.types.is_binary(values.type):
        return pa.array([None if v is None else v.hex() for v in values.to_pylist()], pa.string())
    return values.cast(pa.string())
