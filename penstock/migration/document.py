"""A migration file as a tree of YAML nodes, each of which knows its file, line and column."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from penstock.errors import MigrationError


class Mistake(NamedTuple):
    """What is wrong, and where. line, column: from 1."""

    file: str
    line: int
    column: int
    what: str


def at(node: yaml.Node, what: str) -> Mistake:
    """A mistake at a node."""
    mark = node.start_mark
    return Mistake(mark.name, mark.line + 1, mark.column + 1, what)


def parsed(path: Path, content: bytes) -> yaml.MappingNode:
    """A file's YAML. Raises MigrationError when it is not YAML, or not a mapping of fields."""
    try:
        loader = yaml.SafeLoader(content)
        loader.name = str(path)
        tree = loader.get_single_node()
    except (yaml.YAMLError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else str(path)
        why = str(getattr(error, "problem", None) or getattr(error, "reason", None) or error)
        fix = "put the value in quotes, and indent by spaces" if "cannot start any token" in why else "correct the file"
        raise MigrationError(f"{path.name} is not YAML", where=where, why=why, fix=fix) from None
    if not isinstance(tree, yaml.MappingNode):
        found = "is empty" if tree is None else "is not a mapping of fields"
        raise MigrationError(f"{path.name} {found}", where=f"{path}:1:1", fix="declare at least name, source and target")
    return tree


def values(path: Path, tree: yaml.Node) -> Any:
    """The document as plain Python values. Raises MigrationError."""
    try:
        return yaml.SafeLoader("").construct_document(tree)
    except (yaml.YAMLError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{mark.name}:{mark.line + 1}:{mark.column + 1}" if mark else str(path)
        why = str(getattr(error, "problem", None) or error)
        raise MigrationError(f"{path.name} is not YAML", where=where, why=why, fix="correct the file") from None


Scalar = Callable[[yaml.ScalarNode, tuple[str, ...]], yaml.ScalarNode]


def rebuilt(tree: yaml.Node, scalar: Scalar) -> yaml.Node:
    """The same document with other values: `scalar` is given each of them, with its place in the document.

    An anchor's node stays one node, however often it is referred to.
    """
    done: dict[int, yaml.Node] = {}

    def made(node: yaml.Node, location: tuple[str, ...]) -> yaml.Node:
        if id(node) in done:
            return done[id(node)]
        if isinstance(node, yaml.ScalarNode):
            done[id(node)] = scalar(node, location)
        elif isinstance(node, yaml.SequenceNode):
            items = yaml.SequenceNode(node.tag, [], node.start_mark, node.end_mark, node.flow_style)
            done[id(node)] = items
            items.value = [made(item, (*location, str(number))) for number, item in enumerate(node.value)]
        elif isinstance(node, yaml.MappingNode):
            entries = yaml.MappingNode(node.tag, [], node.start_mark, node.end_mark, node.flow_style)
            done[id(node)] = entries
            entries.value = [(key, made(value, (*location, str(key.value)))) for key, value in node.value]
        return done[id(node)]

    return made(tree, ())


def place(tree: yaml.Node, location: tuple[Any, ...], what: str) -> Mistake:
    """A mistake at the deepest part of `location` that the document has."""
    node, found_at = tree, tree
    for part in location:
        found = None
        if isinstance(node, yaml.MappingNode):
            found = next(((k, v) for k, v in node.value if k.value == str(part)), None)
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int):
            found = (node.value[part], node.value[part])
        if found is None:
            break
        found_at, node = found
    return at(found_at, what)


def duplicates(node: yaml.Node) -> Iterator[Mistake]:
    """The keys that a mapping has twice: YAML would take the last one without a word."""
    yield from _duplicates(node, (), set())


def _duplicates(node: yaml.Node, location: tuple[str, ...], seen: set[int]) -> Iterator[Mistake]:
    if id(node) in seen:  # an alias, perhaps of the mapping that contains it
        return
    seen.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        for number, item in enumerate(node.value):
            yield from _duplicates(item, (*location, str(number)), seen)
    elif isinstance(node, yaml.MappingNode):
        first: dict[tuple[str, str], int] = {}
        for key, value in node.value:
            here = (*location, str(key.value))
            if (key.tag, str(key.value)) in first:
                yield at(key, f"{'.'.join(here)}: said twice, first in line {first[key.tag, str(key.value)]}")
            first.setdefault((key.tag, str(key.value)), key.start_mark.line + 1)
            yield from _duplicates(value, here, seen)
