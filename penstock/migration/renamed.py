"""Fields of a migration file that have new names. The old ones are accepted until the release after next, with a warning."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import yaml

from penstock.migration.document import Mistake, at

_RENAMED = {
    ("moved",): "load",
    ("incremental", "lag"): "lookback",
    ("incremental", "whole"): "full_refresh_every",
    ("partition", "rest"): "out_of_range",
}
"""By their places in a table's part of the file."""


@dataclass(frozen=True)
class Renamed:
    """warnings: the old names that the file uses, with their new ones.  mistakes: fields that have both."""

    warnings: tuple[Mistake, ...]
    mistakes: tuple[Mistake, ...]


def rename(tree: yaml.Node) -> Renamed:
    """Give the fields of every table their new names, in the document itself."""
    warnings, mistakes = [], []
    for table, fields in _tables(tree):
        for (*parents, old), new in _RENAMED.items():
            mapping: yaml.Node | None = fields
            for parent in parents:
                mapping = _value(mapping, parent)
            key = _key(mapping, old)
            if key is None:
                continue
            name = ".".join(("tables", table, *parents, old))
            if _key(mapping, new) is not None:
                mistakes.append(at(key, f"{name}: said twice, `{old}` is the old name of `{new}`"))
                continue
            warnings.append(at(key, f"{name}: `{old}` is now called `{new}`"))
            key.value = new
    return Renamed(tuple(warnings), tuple(mistakes))


def _tables(tree: yaml.Node) -> Iterator[tuple[str, yaml.MappingNode]]:
    tables = _value(tree, "tables")
    for key, value in tables.value if isinstance(tables, yaml.MappingNode) else ():
        if isinstance(value, yaml.MappingNode):
            yield str(key.value), value


def _key(mapping: yaml.Node | None, name: str) -> yaml.ScalarNode | None:
    entries = mapping.value if isinstance(mapping, yaml.MappingNode) else ()
    return next((key for key, _ in entries if key.value == name), None)


def _value(mapping: yaml.Node | None, name: str) -> yaml.Node | None:
    entries = mapping.value if isinstance(mapping, yaml.MappingNode) else ()
    return next((value for key, value in entries if key.value == name), None)
