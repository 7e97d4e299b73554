"""How a table at the target differs from the one at the source, property by property.

Planning finds every difference and writes it into the plan. The proof compares what was built with the plan: what differs there was not
announced, and closes the gate.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from penstock.errors import Kind

Result = Literal["carried", "declared", "adapted", "lost"]
"""What became of an object of the schema.

    carried    it is the same at the target
    declared   a step or a setting of the migration file changes it
    adapted    the target has a documented counterpart
    lost       the target has it no longer, or has less of it
"""
RESULTS: tuple[Result, ...] = ("carried", "declared", "adapted", "lost")


_PLURALS = {"index": "indexes", "policy": "policies", "partitions": "partitions of tables", "other": "other parts"}
_PROPERTIES = {"nullable": "NOT NULL", "identity": "numbering", "default": "defaults", "comment": "comments"}


@dataclass(frozen=True)
class SchemaDifference:
    """One property of an object that is not the same at the target.

    table: the source table, as it is called in the run.
    object: the kind of object: `table`, `column`, `primary key`, `index`, `unique index`, `foreign key`, `check constraint`, `trigger`.
    name: its name at the source; empty for what a table has only once.
    property: `type`, `default`, `on delete`; empty for the object as a whole.
    source, target: the property at both ends, as text; empty for none.
    reason: why. Of a declared one, the step: `step 2, cast`.
    line: how it is reported, where its fields do not say enough.
    warned: `penstock check` has a warning for it. Of the others it prints the number.
    """

    table: str
    object: str
    name: str
    property: str
    source: str
    target: str
    result: Result
    reason: str
    line: str = ""
    warned: bool = False

    def key(self) -> tuple[str, str, str]:
        """What differs, within the table."""
        return self.object.removeprefix("unique "), self.name, self.property

    def __str__(self) -> str:
        """The difference in a sentence, without its table."""
        if self.line:
            return self.line
        reason = f": {self.reason}" if self.reason else ""
        what = self.thing()
        if self.property:
            of = self.name if self.object == "column" else self.thing()
            shown = f" {self.source}" if self.result == "lost" and not self.target and self.source else ""
            what = f"{self.property}{shown} of {of}"
        if self.result == "lost" and not self.target:
            return f"{what} is not carried{reason}"
        return f"{what} is {self.source or 'none'} at the source and {self.target or 'none'} at the target{reason}"

    def kind(self) -> Kind:
        """What it has in common with differences of other objects."""
        things = _PLURALS.get(self.object.removeprefix("unique "), f"{self.object}s")
        if self.property:
            things = f"{_PROPERTIES.get(self.property, self.property)} of {things}"
        return Kind(f"{things} not carried" if self.result == "lost" and not self.target else f"{things} changed", self.reason)

    def thing(self) -> str:
        """The object in words: `column price`, `the table`."""
        return f"{self.object} {self.name}" if self.name else f"the {self.object}"


@dataclass(frozen=True)
class ObjectCount:
    """How many objects of one kind were carried, declared, adapted and lost."""

    object: str
    carried: int
    declared: int
    adapted: int
    lost: int


def counts(objects: Iterable[tuple[str, str, str]], differences: Iterable[SchemaDifference]) -> tuple[ObjectCount, ...]:
    """The objects by kind and result. An object with several differences counts once, by the worst of them.

    objects: (table, kind, name) of all of the source.
    """
    worst: dict[tuple[str, str, str], int] = {(table, _kind(kind), name): 0 for table, kind, name in objects}
    for difference in differences:
        place = (difference.table, _kind(difference.object), difference.name)
        worst[place] = max(worst.get(place, 0), RESULTS.index(difference.result))
    by_kind: dict[str, Counter[int]] = {}
    for (_, kind, _), result in worst.items():
        by_kind.setdefault(kind, Counter())[result] += 1
    return tuple(ObjectCount(kind, *(of[n] for n in range(len(RESULTS)))) for kind, of in sorted(by_kind.items()))


def _kind(object: str) -> str:
    return object.removeprefix("unique ")
