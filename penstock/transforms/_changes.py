"""What each step does to each column of a table, and what of the column's declaration is lost by it.

A step that changes a value may leave its meaning: a whole number that is cast to another whole number is the same number. What is declared
over such a column (a check, an index, a foreign key) can be declared over the new one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from penstock import transforms
from penstock.model.schema import DECIMALS, INTEGERS, Column
from penstock.transforms import Step


@dataclass(frozen=True)
class Change:
    """One step that may change the values of a column.

    argument: what the step says of this column.  before, after: the column before and after it; after is None for one that it drops.
    """

    step: str
    argument: Any
    before: Column
    after: Column | None

    @property
    def keeps_value(self) -> bool:
        """Whether every value after the step equals the one before it: as numbers, or as texts."""
        if self.after is None or self.step != "cast" or isinstance(self.argument, Mapping):
            return False
        found, wanted = self.before.type.name, self.after.type.name
        numbers = (INTEGERS - {"year"}) | DECIMALS
        return {found, wanted} <= numbers or (found in ("string", "enum") and wanted == "string")


@dataclass(frozen=True)
class StepLoss:
    """A property of a column's declaration that a step takes away.

    column: its name at the source.  property: as a schema difference names it.  part: in words.  was: its text.
    """

    column: str
    property: str
    part: str
    was: str
    step: str


Changes = Mapping[str, Sequence[Change]]
"""The changes of every column of the source, by its name there, in the order of the steps."""


def changes(columns: tuple[Column, ...], steps: Sequence[Step], where: str = "") -> dict[str, tuple[Change, ...]]:
    """What `steps` do to each of `columns`. Raises TransformFailed as `transforms.schema` does."""
    found: dict[str, list[Change]] = {c.name: [] for c in columns}
    names = {c.name: c.name for c in columns}  # the name before the step: the name at the source
    for (step, args), after in zip(steps, transforms.shapes(columns, steps, where), strict=True):
        transform = transforms.of(step)
        touched, renamed = transform.touches(args, names), transform.renames(args)
        was, is_ = {c.name: c for c in columns}, {c.name: c for c in after}
        for name, source in names.items():
            made = is_.get(renamed.get(name, name))
            if made is None or name in touched:
                found[source].append(Change(step, args.get(name) if isinstance(args, Mapping) else args, was[name], made))
        names = {renamed.get(name, name): source for name, source in names.items() if renamed.get(name, name) in is_}
        columns = after
    return {name: tuple(made) for name, made in found.items()}


def kept_values(names: Mapping[str, str], changed: Changes) -> dict[str, str]:
    """Of `names`, source column to target column, those whose values arrive as they were, or as equal ones."""
    return {old: new for old, new in names.items() if all(c.keeps_value for c in changed.get(old, ()))}


def changed_alike(first: Sequence[Change], second: Sequence[Change]) -> bool:
    """Whether equal values of two columns are equal after these changes, and values that differ still differ."""
    if not first or not second or len(first) != len(second) or not _begins_alike(first[0].before, second[0].before):
        return False
    pairs = zip(first, second, strict=True)
    return all(a.step == b.step and a.argument == b.argument and transforms.of(a.step).same_for_same for a, b in pairs)


def _begins_alike(first: Column, second: Column) -> bool:
    kinds = {first.type.name, second.type.name}
    # a key that cuts the table into chunks is read as what it is, where its other end is read as a text: both give the same text
    return len(kinds) == 1 or kinds <= INTEGERS or kinds <= INTEGERS | {"unsupported"}


def lost_parts(changed: Changes) -> Iterator[StepLoss]:
    """What steps take away from the columns that they change."""
    for column, made in changed.items():
        if made and made[-1].after is None:  # dropped: nothing of it was to be kept
            continue
        for change in made:
            if change.after is not None:
                yield from (StepLoss(column, *lost, change.step) for lost in _lost(change.before, change.after))


def _lost(before: Column, after: Column) -> Iterator[tuple[str, str, str]]:
    """Each lost property, its part in words, and its text."""
    if before.default is not None and after.default is None:
        yield "default", f"default {shown_default(before)}", shown_default(before)
    if before.expression and not after.expression:
        yield "default", f"default {before.expression}", before.expression
    if before.identity and not after.identity:
        yield "identity", "the numbering", "yes"
    if before.touched and not after.touched:
        yield "ON UPDATE", "ON UPDATE CURRENT_TIMESTAMP", "CURRENT_TIMESTAMP"
    if before.comment and not after.comment:
        yield "comment", "the comment", before.comment
    if not before.nullable and after.nullable:
        yield "nullable", "NOT NULL", "NOT NULL"


def shown_default(column: Column) -> str:
    """The default of a column as a person writes it."""
    if column.default in ("now", "today"):
        return "CURRENT_TIMESTAMP" if column.default == "now" else "CURRENT_DATE"
    text = (column.default or "").removeprefix("=")
    return text if column.type.name in INTEGERS | DECIMALS | {"boolean", "float32", "float64"} else "'" + text.replace("'", "''") + "'"
