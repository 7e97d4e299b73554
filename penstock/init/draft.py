"""A migration file in the making: decisions with their reasons, written as YAML with comments."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import yaml

from penstock.errors import Remedy
from penstock.planning.preflight import excluded
from penstock.runtime.formatting import flow, yaml_quoted

_WIDTH = 110


@dataclass(frozen=True)
class Decision:
    """A decision of the file. reason: why there is one.  choices: the first is the safest; the others are its alternatives.

    active: whether the choice is written as a field; else as a comment, for a person to decide.
    """

    reason: str
    choices: tuple[Remedy, ...]
    active: bool = True

    @property
    def chosen(self) -> Remedy:
        return self.choices[0]

    def choosing(self, number: int) -> Decision:
        """The same, with another choice as its first."""
        others = tuple(c for n, c in enumerate(self.choices) if n != number)
        return replace(self, choices=(self.choices[number], *others))


@dataclass(frozen=True)
class Draft:
    """A migration file. head: its first comments.  source, target: what the file names them."""

    name: str
    source: str
    target: str
    head: tuple[str, ...] = ()
    decisions: tuple[Decision, ...] = ()

    def document(self) -> dict[str, Any]:
        """What the file declares."""
        tables: dict[str, Any] = {"include": ["*"]}
        top: dict[str, Any] = {"name": self.name, "source": self.source, "target": self.target}
        for change in (d.chosen for d in self.decisions if d.active):
            if change.exclude:
                tables.setdefault("exclude", []).append(excluded.pattern(change.table))
            else:
                _merge(tables.setdefault(change.table, {}) if change.table else top, change.fields)
        for name in (d.chosen.table for d in self.decisions if d.active and d.chosen.exclude):
            tables.pop(name, None)
        return top | {"tables": tables}

    def text(self) -> str:
        """The file: the same document, with each decision's reason and alternatives as comments."""
        left_out = [d for d in self.decisions if d.active and d.chosen.exclude]
        out = {d.chosen.table for d in left_out}
        lines = [*_comment(self.head, ""), *(f"{part}: {_scalar(getattr(self, part))}" for part in ("name", "source", "target"))]
        lines += [line for d in self.decisions if not d.chosen.table for line in _section([d], "")]
        lines += ["tables:", '  include: ["*"]']
        if left_out:
            lines += [
                "  exclude:",
                *(line for d in left_out for line in (*_comment(_words(d), "    "), f"    - {_scalar(excluded.pattern(d.chosen.table))}")),
            ]
        tables = list(dict.fromkeys(d.chosen.table for d in self.decisions if d.chosen.table and d.chosen.table not in out))
        for table in sorted(tables):
            lines += [f"  {_scalar(table)}:", *_section([d for d in self.decisions if d.chosen.table == table], "    ")]
        return "\n".join([*lines, ""])


RESERVED = frozenset({"include", "exclude"})
"""Tables that are called so can have no section: `tables` has fields of these names."""


def _renames(step: Mapping[str, Any]) -> bool:
    """Whether the step is a `rename`, which comes last: the others call the columns as the source does."""
    return "rename" in step


def _merge(into: dict[str, Any], fields: Mapping[str, Any]) -> None:
    for name, value in fields.items():
        before = into.get(name)
        if isinstance(value, list) and isinstance(before, list):
            into[name] = sorted([*value, *before], key=_renames) if name == "transform" else [*before, *value]
        else:
            into[name] = value


def _section(decisions: Sequence[Decision], indent: str) -> Iterator[str]:
    """The fields of a table, each behind its reasons. Lists of one field, such as steps, are written together."""
    fields: dict[str, list[tuple[Decision, Any]]] = {}
    for decision in (d for d in decisions if d.active):
        for name, value in decision.chosen.fields.items():
            fields.setdefault(name, []).append((decision, value))
    for name, found in fields.items():
        if name == "transform":
            yield f"{indent}transform:"
            found.reverse()  # a later decision's steps come first, and a rename last, as in `document`
            for decision, steps in sorted(found, key=lambda f: any(map(_renames, f[1]))):
                yield from _comment(_words(decision), f"{indent}  ")
                yield from (f"{indent}  - {flow(step, braces=False)}" for step in steps)
        elif all(isinstance(value, list) for _, value in found):
            yield from (line for decision, _ in found for line in _comment(_words(decision), indent))
            yield f"{indent}{name}: {flow([item for _, value in found for item in value])}"
        else:
            decision, value = found[-1]
            yield from _comment(_words(decision), indent)
            yield f"{indent}{name}: {flow(value)}"
    for decision in (d for d in decisions if not d.active):
        yield from _comment([decision.reason], indent)
        for change in decision.choices:
            yield from (f"{indent}# {name}: {flow(value)}" for name, value in change.fields.items())


def words(change: Remedy) -> str:
    """A change of the file in words."""
    if change.exclude:
        return f"leave the table {change.table} out"
    return f"write `{', '.join(f'{name}: {flow(value)}' for name, value in change.fields.items())}`"


def _words(decision: Decision) -> list[str]:
    others = [words(c) for c in decision.choices[1:]]
    return [decision.reason, *([f"Or: {'; or '.join(others)}."] if others else [])]


def _comment(texts: Iterable[str], indent: str) -> Iterator[str]:
    """Comment lines, wrapped between words. No text can end the comment: line breaks become spaces."""
    for text in texts:
        line = ""
        for word in re.sub(r"[^\S ]|[\x00-\x1f\x7f-\x9f\u2028\u2029]", " ", text).split(" "):
            if line and len(indent) + 2 + len(line) + 1 + len(word) > _WIDTH:
                yield f"{indent}# {line}"
                line = ""
            line = f"{line} {word}" if line else word
        yield f"{indent}# {line}".rstrip()


def _scalar(value: str) -> str:
    """A text as YAML reads it back: in double quotes unless a plain word."""
    plain = re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.-]*", value)
    if plain and isinstance(yaml.safe_load(value), str):
        return value
    return yaml_quoted(value)
