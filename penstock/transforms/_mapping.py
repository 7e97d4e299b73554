"""How a source table becomes a target table: what the declared transforms make of its columns, keys and indexes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from penstock import transforms
from penstock.model.schema import Column, Table, TableName
from penstock.transforms import Step
from penstock.transforms._changes import Changes, kept_values


@dataclass(frozen=True)
class Mapped:
    """The target table, and the source columns whose values arrive as they were, with their names there.

    names: source column to target column, of all.  changes: what the steps do to each column of the source; empty where that was not asked
    for.
    """

    table: Table
    untouched: dict[str, str]
    names: dict[str, str] = field(default_factory=dict)
    changes: Changes = field(default_factory=dict)

    @property
    def kept_values(self) -> dict[str, str]:
        """The source columns whose values arrive as they were, or as equal ones of another type."""
        return kept_values(self.names, self.changes) if self.changes else self.untouched


@dataclass(frozen=True)
class Trace:
    """What steps do to the columns of a source table, by their names at the source.

    names: the name of each column after the steps; a column that is dropped is missing.
    touched, renamed, dropped: columns whose values a step may have changed, that one has renamed, or dropped; with the number of the last.
    concealed: columns that do not reach the target as they are, because a step masks or drops them.
    as_text: columns that a step takes as a text, or drops, before any other step can have looked at them.
    must_be_text: those of them that can't be read otherwise.
    read: columns that a step looks at or changes.
    """

    names: dict[str, str]
    touched: Mapping[str, int]
    renamed: Mapping[str, int]
    dropped: Mapping[str, int]
    concealed: frozenset[str]
    as_text: frozenset[str]
    must_be_text: frozenset[str]
    read: frozenset[str]


def trace(columns: Iterable[str], steps: Sequence[Step]) -> Trace:
    """Follow the source's columns through the steps. Raises MigrationError when a transform is not installed."""
    source = {c: c for c in columns}  # the name before the step: the name at the source
    touched: dict[str, int] = {}
    renamed: dict[str, int] = {}
    dropped: dict[str, int] = {}
    concealed: set[str] = set()
    as_text: set[str] = set()
    must_be_text: set[str] = set()
    seen: set[str] = set()
    for number, (name, args) in enumerate(steps, 1):
        transform = transforms.of(name)
        gone, new_names = _known(transform.drops(args, source), source), transform.renames(args)
        concealed |= gone | _known(transform.conceals(args, source), source)
        as_text |= (gone | _known(transform.takes_text(args, source), source)) - seen
        must_be_text |= _known(transform.wants_text(args, source), source) - seen
        seen |= _known(transform.reads(args, source), source)
        touched |= dict.fromkeys(_known(transform.touches(args, source), source), number)
        renamed |= dict.fromkeys(_known(new_names, source), number)
        dropped |= dict.fromkeys(gone, number)
        source = {new_names.get(now, now): old for now, old in source.items() if old not in gone}
    names = {old: now for now, old in source.items()}
    looked_at = frozenset(seen | touched.keys() | as_text)
    return Trace(names, touched, renamed, dropped, frozenset(concealed), frozenset(as_text), frozenset(must_be_text), looked_at)


def _known(names: Collection[str], source: dict[str, str]) -> set[str]:
    """The source's names of those that are columns of the source."""
    return {source[name] for name in names if name in source}


def map_table(source: Table, columns: tuple[Column, ...], steps: Sequence[Step], live: TableName) -> Mapped:
    """`source` as the table `live` with the output `columns` of `steps`.

    Keys, plain indexes and foreign keys follow their columns under new names; one whose column was dropped is left out.
    """
    found = trace((c.name for c in source.columns), steps)
    present = {c.name for c in columns}
    names = {old: new for old, new in found.names.items() if new in present}

    def follow(wanted: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(names[c] for c in wanted) if all(c in names for c in wanted) else ()

    primary = follow(source.primary_key)
    plain = [i for i in source.indexes if i.plain]  # of others, `schema_objects` knows what comes along
    indexes = tuple(replace(i, columns=kept) for i in plain if (kept := follow(i.columns)))
    foreign = tuple(replace(f, columns=kept) for f in source.foreign_keys if (kept := follow(f.columns)))
    table = Table(live, columns, primary, indexes, foreign, source.notes)
    return Mapped(table, {old: new for old, new in names.items() if old not in found.touched}, names)


def origin(source: Table, steps: Sequence[Step], name: str) -> str:
    """The source column that is called `name` after these steps; `name` itself when a step has made it."""
    names = trace((c.name for c in source.columns), steps).names
    return next((old for old, new in names.items() if new == name), name)
