"""The shape of every database's table of types: from what it writes to what is canonical, and from there to what it writes.

An *exact* counterpart is the same kind of type and holds the same values. A *declared* one holds every value too, but is
another type there: the value's text, its bytes, a wider number. What has neither is refused before a row moves.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from penstock.errors import UnsupportedType
from penstock.model.schema import Type

UNSUPPORTED = Type("unsupported")


@dataclass(frozen=True)
class Native:
    """How a database writes a canonical type, given by its name or in full: a template of the type's own fields.

    length, precision, scale: the greatest it takes. A template with a length takes no type without one.
    """

    canonical: str
    template: str
    exact: bool = True
    length: int | None = None
    precision: int | None = None
    scale: int | None = None

    def takes(self, type: Type) -> bool:
        if self.canonical not in (type.name, str(type)) or ("{length}" in self.template and not type.length):
            return False
        limits = ((self.length, type.length), (self.precision, type.precision), (self.scale, type.scale))
        return all(most is None or (has is not None and has <= most) for most, has in limits)


def exact(canonical: str, template: str, **most: int) -> Native:
    return Native(canonical, template, True, **most)


def declared(canonical: str, template: str, **most: int) -> Native:
    return Native(canonical, template, False, **most)


@dataclass(frozen=True, eq=False)
class Types:
    """A database's table of types. Rows are asked in their order, the first that fits is taken.

    canonical: a regular expression of what the database writes, and the canonical type's written form, `array` (of what
    the first group is the type of) or `native`, its own; or what makes it of the match.
    listed: the canonical types that its arrays may be made of.
    choices: what a type can be cast to where there is no counterpart.
    doubled: the characters that are written twice in a label.
    """

    database: str
    label: str
    canonical: tuple[tuple[str, str | Callable[[re.Match[str]], Type]], ...]
    native: tuple[Native, ...]
    listed: frozenset[str]
    choices: str
    doubled: str = "'"

    def read(self, written: str) -> Type:
        """The canonical type of what the database writes so; `unsupported` when there is none."""
        for pattern, canonical in self.canonical:
            if match := re.fullmatch(pattern, written, re.DOTALL):
                if callable(canonical):
                    return canonical(match)
                if canonical == "native":
                    return Type("native", labels=(self.database, written))
                if canonical == "array":
                    return self._array(written, match[1])
                try:
                    return Type.parse(match.expand(canonical))
                except ValueError:  # a decimal of more digits than Arrow has room for
                    return UNSUPPORTED
        return UNSUPPORTED

    def _array(self, written: str, element: str) -> Type:
        inner = self.read(element)
        if inner.name == "native":
            return Type("native", labels=(self.database, written))
        return Type("array", element=inner) if inner.name in self.listed else UNSUPPORTED

    @cache
    def counterpart(self, type: Type) -> tuple[str, bool]:
        """How the database writes the type, and whether that is exact. Raises UnsupportedType."""
        if type.name == "native" and type.labels[0] == self.database:
            return type.labels[1], True
        for row in self.native:
            if row.takes(type) and not (row.template.startswith("{element}") and type.element and type.element.name not in self.listed):
                element, alike = self.counterpart(type.element) if type.element and "{element}" in row.template else ("", True)
                labels = ",".join(f"'{self._label(label)}'" for label in type.labels)
                fields = {"length": type.length, "precision": type.precision, "scale": type.scale, "labels": labels, "element": element}
                return row.template.format(**fields), row.exact and alike
        own = f"{type.labels[1]} of {type.labels[0]}" if type.name == "native" else str(type)
        raise UnsupportedType(f"{self.label} has no counterpart for {own}", fix=f"cast it to {self.choices}, or drop the column")

    def exact(self, type: Type) -> bool:
        """Whether the database's counterpart of the type is exact. Raises UnsupportedType."""
        return self.counterpart(type)[1]

    def _label(self, label: str) -> str:
        for character in self.doubled:
            label = label.replace(character, character * 2)
        return label
